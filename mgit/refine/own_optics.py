"""Optics of particles that differ from those of their series, applied to these particles alone.

A particle table's optics groups may say other aberrations, beam tilt, magnification, voltage or
spherical aberration than the series that the particles stand in (`own_terms` of `optics_groups`,
docs/state.md). Every group then has a view of the series of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mgit.errors import InvalidState, Unsupported
from mgit.refine.inputs import PLAIN, TiltSeriesData
from mgit.state.particle_columns import ParticleColumns
from mgit.state.species import Species

__all__ = ["OwnTerms", "groups_with_own_terms", "with_own_terms"]

OwnTerms = Mapping[str, Any]
"""Values of the terms that a group does not share with its series, by name, decimal strings."""

GROUP_COLUMN = "rlnOpticsGroup"
MICROSCOPE = ("voltage_kilovolt", "spherical_aberration_millimetre", "amplitude_contrast")
BEAM_TILT = ("beam_tilt_x_milliradian", "beam_tilt_y_milliradian")
PHASE = "phase_shift_degree"


def groups_with_own_terms(
    species: Species, particles: ParticleColumns, rows: np.ndarray
) -> list[tuple[np.ndarray, OwnTerms]]:
    """Rows of an item's particles by optics group, each with its own terms.

    One part without terms where no group has any. Raises InvalidState, naming the species, where
    several groups have terms and no column says which particle is in which.
    """
    groups = species.attributes.get("optics_groups", ())
    if not any(group.get("own_terms") for group in groups):
        return [(rows, {})]
    if len(groups) == 1:
        return [(rows, _own(groups[0]))]
    column = particles.passthrough.get(GROUP_COLUMN)
    if not isinstance(column, np.ndarray):
        raise InvalidState(
            "a species has several optics groups and no column says whose particles are whose",
            hint=f"import the table with its column _{GROUP_COLUMN}",
            species=species.name,
        )
    found: list[tuple[np.ndarray, OwnTerms]] = []
    for number in np.unique(column[rows]):
        group = next((each for each in groups if each.get("group") == int(number)), None)
        if group is None:
            raise InvalidState(
                "the optics group of a particle is not known", species=species.name, group=number
            )
        found.append((rows[column[rows] == number], _own(group)))
    return _merged(found)


def with_own_terms(series: TiltSeriesData, own: OwnTerms) -> TiltSeriesData:
    """The series as particles with these terms see it.

    Raises Unsupported, naming item and term, for a phase shift on top of one of the tilts, of which
    it may be part already, and for terms that are not known here.
    """
    if not own:
        return series
    optics = dict(series.optics)
    microscope, tilt = series.microscope, list(series.beam_tilt_milliradian)
    for name, value in own.items():
        if name in PLAIN:
            numbers = [float(text) for text in value]
            optics[name] = np.array(numbers, dtype=np.float64).reshape(PLAIN[name])
        elif name in MICROSCOPE:
            microscope = replace(microscope, **{name: float(value)})
        elif name in BEAM_TILT:
            tilt[BEAM_TILT.index(name)] = float(value)
        elif name == PHASE and not np.any(series.optic("phase_shift")):
            optics["phase_shift"] = np.full(series.geometry.tilt_count, float(value))
        else:
            raise Unsupported(
                "a term of some particles' own optics cannot be applied",
                hint="import the same optics with the series and the particles",
                item=series.name,
                term=name,
            )
    return replace(
        series, optics=optics, microscope=microscope, beam_tilt_milliradian=(tilt[0], tilt[1])
    )


def _own(group: Mapping[str, Any]) -> OwnTerms:
    return {name: group[name] for name in group.get("own_terms", ())}


def _merged(
    parts: Sequence[tuple[np.ndarray, OwnTerms]],
) -> list[tuple[np.ndarray, OwnTerms]]:
    """Groups of equal terms as one, in the order of the first of each."""
    merged: list[tuple[np.ndarray, OwnTerms]] = []
    for rows, own in parts:
        same = next((at for at, (_, known) in enumerate(merged) if known == own), None)
        if same is None:
            merged.append((rows, own))
        else:
            merged[same] = (np.sort(np.concatenate([merged[same][0], rows])), own)
    return merged
