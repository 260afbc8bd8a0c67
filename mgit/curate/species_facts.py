"""Facts about a particle as the user states them, checked, as attributes of a species."""

import re
from dataclasses import dataclass, fields
from typing import Any

from mgit.errors import InvalidInput
from mgit.state.schema import decimal

__all__ = ["SpeciesFacts", "attributes_of_facts", "check_symmetry"]

POINT_GROUP = re.compile(r"C[1-9]\d*|D[1-9]\d*|T|O|I[1-4]?")
DECIMALS = {
    "diameter_angstrom": "--diameter",
    "molecular_weight_kilodalton": "--mass",
    "resolution_override_angstrom": "--resolution",
    "helical_rise_angstrom": "--helical-rise",
    "helical_height_angstrom": "--helical-height",
}
"""Attributes that are positive lengths or masses, with the options that state them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesFacts:
    """What is stated; None where nothing is. Lengths in angstrom, angles in degrees.

    helical_height_angstrom: length of the helix that is averaged. ewald: whether the curvature of
    the Ewald sphere is used. parent: the species that this one is part or a class of; '' for none.
    """

    diameter_angstrom: float | None = None
    symmetry: str | None = None
    molecular_weight_kilodalton: float | None = None
    resolution_override_angstrom: float | None = None
    helical_units: int | None = None
    helical_twist_degree: float | None = None
    helical_rise_angstrom: float | None = None
    helical_height_angstrom: float | None = None
    ewald: bool | None = None
    ewald_reverse: bool | None = None
    parent: str | None = None
    contacts: tuple[str, ...] | None = None


def check_symmetry(text: str) -> str:
    """A point group in RELION's notation, e.g. 'C6', 'D7', 'O', 'I1'. Raises InvalidInput."""
    group = text.strip().upper()
    if not POINT_GROUP.fullmatch(group):
        raise InvalidInput(
            "no rotational point group has this name",
            field="--symmetry",
            symmetry=text,
            hint="it is C<n>, D<n>, T, O, I, I1, I2, I3 or I4",
        )
    return group


def attributes_of_facts(facts: SpeciesFacts) -> dict[str, Any]:
    """Attributes of the facts that are stated; a False flag or '' becomes None, which removes it.

    Of the hand of the curvature it is True that becomes None, which is what its absence means.

    Raises InvalidInput for lengths and masses that are not positive, and unknown point groups.
    """
    found: dict[str, Any] = {}
    for each in fields(SpeciesFacts):
        value = getattr(facts, each.name)
        if value is not None:
            found[each.name] = _attribute(each.name, value)
    return found


def _attribute(name: str, value: Any) -> Any:
    if name in DECIMALS and not 0 < value < float("inf"):
        raise InvalidInput(
            "the value is not a positive number",
            field=DECIMALS[name],
            value=value,
            hint="give it in angstrom; a mass in kilodalton",
        )
    if name == "symmetry":
        return check_symmetry(value)
    if name == "helical_units" and value < 1:
        raise InvalidInput(
            "a helix has at least one asymmetric unit", field="--helical-units", value=value
        )
    if name == "ewald_reverse":
        return None if value else False
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, tuple):
        return sorted(set(value)) or None
    return value or None
