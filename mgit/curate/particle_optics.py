"""Optics that a particle table brings along, against those of the series it stands in.

Images are corrected by what their series say. Aberrations, beam tilt, magnification, voltage,
spherical aberration and amplitude contrast of a table's optics groups that are not those of its
series are kept with the species (`optics_groups`, part of its state) and named there as
`own_terms`: they act on these particles, and whoever computes with them must apply or refuse them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mgit.curate.particle_intake import Binding
from mgit.exchange.records import ParticleTable
from mgit.state.series import Item

__all__ = ["own_terms", "with_own_terms"]

ARRAYS = {"zernike_odd": (12,), "zernike_even": (8,), "magnification": (2, 2)}
NUMBERS = {
    "voltage_kilovolt": None,
    "spherical_aberration_millimetre": None,
    "amplitude_contrast": None,
    "beam_tilt_x_milliradian": 0.0,
    "beam_tilt_y_milliradian": 0.0,
}
"""Attributes of a series that a group has too, and what their absence in a series means."""
GROUP_COLUMN = "rlnOpticsGroup"
PHASE = "phase_shift_degree"
TOLERANCE = 1e-6
"""Largest difference of values that are equal: tables write six digits."""


def with_own_terms(table: ParticleTable, binding: Binding) -> ParticleTable:
    """The table with `own_terms` in those of its optics groups whose series say otherwise.

    A group's terms are compared with every series that has particles in it. Values that are zero,
    or the identity, equal absent ones; a series that does not know its voltage, spherical
    aberration or amplitude contrast does not contradict. Notes name what differs.
    """
    groups = table.attributes.get("optics_groups", ())
    members = _members(table, binding, groups)
    records, notes = [], []
    for group, items in zip(groups, members, strict=True):
        differing = own_terms(group, items)
        records.append({**group, "own_terms": differing} if differing else group)
        if differing:
            told = ", ".join(name.replace("_", " ") for name in differing)
            notes.append(
                f"optics group {group.get('group', 1)} differs from its series in {told}: "
                "kept with the particles, not applied to the images"
            )
    if not notes:
        return table
    attributes = {**table.attributes, "optics_groups": records}
    return replace(table, attributes=attributes, notes=(*table.notes, *notes))


def own_terms(group: Mapping[str, Any], items: Sequence[Item]) -> list[str]:
    """Names of the terms of a group, as `optics_groups` holds it, that not all items have.

    None where the group has no items: then it acts on nothing.
    """
    if not items:
        return []
    names = [name for name in ARRAYS if name in group and _array_differs(name, group, items)]
    for name, absent in NUMBERS.items():
        stated = [item.attributes.get(name, absent) for item in items]
        known = [float(value) for value in stated if value is not None]
        if name in group and any(abs(float(group[name]) - each) > TOLERANCE for each in known):
            names.append(name)
    if float(group.get(PHASE, "0")) and not _covers_phase(group, items):
        names.append(PHASE)
    return names


def _array_differs(name: str, group: Mapping[str, Any], items: Sequence[Item]) -> bool:
    wanted = np.array([float(value) for value in group[name]]).reshape(ARRAYS[name])
    neutral = np.eye(2) if name == "magnification" else np.zeros(ARRAYS[name])
    held = [item.array(name).read() if name in item.array_names() else neutral for item in items]
    return any(float(np.abs(wanted - each).max()) > TOLERANCE for each in held)


def _covers_phase(group: Mapping[str, Any], items: Sequence[Item]) -> bool:
    """Whether series got the even terms of this group, and with them its phase shift."""
    has = all("phase_shift" in item.array_names() for item in items)
    return has and not _array_differs("zernike_even", group, items)


def _members(
    table: ParticleTable, binding: Binding, groups: Sequence[Mapping[str, Any]]
) -> list[list[Item]]:
    """The items with particles in each group; a table without the column has all in the first."""
    column = table.passthrough.get(GROUP_COLUMN)
    if column is None or len(groups) < 2:
        everything = list(binding.items.values())
        return [everything if at == 0 else [] for at in range(len(groups))]
    numbers = np.asarray(column)[binding.rows].astype(np.int64).tolist()
    pairs = dict.fromkeys(zip(numbers, binding.item_ids, strict=True))
    return [
        [binding.items[identity] for number, identity in pairs if number == group.get("group")]
        for group in groups
    ]
