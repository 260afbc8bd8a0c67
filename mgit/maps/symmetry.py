"""Point groups and helices as rotation matrices, with RELION's names and axes.

Rotations act on column vectors (x, y, z); a map has the symmetry when V(g x) = V(x) for every
operator g, and a pose R (particle to image) is equivalent to R g. Axes: docs/math/symmetry.md.
"""

import re
from dataclasses import dataclass
from math import cos, pi, sin, sqrt

import numpy as np

from mgit.errors import InvalidInput, Unsupported

__all__ = ["Helix", "distinct", "helical_operators", "is_on_grid", "point_group"]

SAME = 1e-9
"""Largest difference of matrix elements of one operator; distinct ones differ by more than 0.01."""
LARGEST_ORDER = 100
GOLDEN = (1 + sqrt(5)) / 2
AXIS_X, AXIS_Y, AXIS_Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
ICOSAHEDRAL_TILT = np.rad2deg(np.arctan(1 / GOLDEN))
"""Angle in degrees between a two-fold axis and the nearest five-fold axis, 31.717."""
ICOSAHEDRAL_SETTINGS = {"": 0.0, "1": 90.0, "2": 0.0, "3": -ICOSAHEDRAL_TILT, "4": ICOSAHEDRAL_TILT}
"""How far I2, which has two-fold axes along x, y and z, is turned about y for each name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helix:
    """A helix along z: unit k + 1 is unit k turned by the twist and moved by the rise.

    twist_degrees: positive for a right-handed helix. rise_angstrom: along +z. units: how many
    asymmetric units are averaged.
    """

    twist_degrees: float
    rise_angstrom: float
    units: int

    def __post_init__(self) -> None:
        if self.units < 1 or not np.isfinite([self.twist_degrees, self.rise_angstrom]).all():
            raise InvalidInput("a helix needs units >= 1 and a finite twist and rise")


def point_group(name: str) -> np.ndarray:
    """Operators (order, 3, 3) of a point group, identity first: C<n>, D<n>, T, O, I, I1 ... I4.

    float64, orthogonal to rounding. Names are RELION's, in any case of letters; I is I2.

    Raises Unsupported for groups with mirrors or inversion, which no protein has, InvalidInput for
    names that are none. Maths: docs/math/symmetry.md, eqs. 1 to 3.
    """
    family, suffix = _parsed(name)
    if family == "C":
        generators = [_rotation(AXIS_Z, 360 / int(suffix))]
    elif family == "D":
        generators = [_rotation(AXIS_Z, 360 / int(suffix)), _rotation(AXIS_X, 180)]
    elif family == "T":
        generators = [_rotation(AXIS_Z, 120), _rotation((0, sqrt(2 / 3), sqrt(1 / 3)), 180)]
    elif family == "O":
        generators = [_rotation(AXIS_Z, 90), _rotation((1, 1, 1), 120)]
    else:
        generators = _icosahedral_generators(ICOSAHEDRAL_SETTINGS[suffix])
    return _closure(generators)


def helical_operators(helix: Helix) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (units, 3, 3) and shifts (units, 3) in angstrom, of units centred about zero.

    Unit k turns by k twist and moves by k rise along z, for k = -(units-1)//2 ... units//2, so that
    what is averaged lies as near as possible to the middle of the box.
    """
    steps = np.arange(helix.units) - (helix.units - 1) // 2
    rotations = np.stack([_rotation(AXIS_Z, step * helix.twist_degrees) for step in steps])
    shifts = np.zeros((helix.units, 3))
    shifts[:, 2] = steps * helix.rise_angstrom
    return rotations, shifts


def is_on_grid(rotation: np.ndarray) -> bool:
    """Whether a rotation takes a cubic grid to itself, so that it needs no interpolation."""
    return bool(np.abs(rotation - np.rint(rotation)).max() < SAME)


def distinct(operators: np.ndarray) -> np.ndarray:
    """Operators (n, 3, 3) without repetitions, in the order of their first appearance."""
    kept: list[np.ndarray] = []
    for operator in operators:
        if all(np.abs(operator - other).max() > SAME for other in kept):
            kept.append(operator)
    return np.stack(kept)


def _parsed(name: str) -> tuple[str, str]:
    text = name.strip().upper()
    found = re.fullmatch(r"([CD])([1-9][0-9]{0,2})|([TO])|(I)([1-4]?)", text)
    if found is None:
        if re.fullmatch(r"[CD][0-9]*[HV]|C[IS]|T[DH]|OH|I[1-5]?H|S[0-9]+", text):
            raise Unsupported(
                "a point group with mirrors or inversion is no symmetry of a chiral molecule",
                symmetry=name,
                hint="name the group of its rotations: C<n>, D<n>, T, O or I1 ... I4",
            )
        raise InvalidInput(
            "no such point group", symmetry=name, hint="use C<n>, D<n>, T, O, I, I1, I2, I3 or I4"
        )
    if found[2] and int(found[2]) > LARGEST_ORDER:
        raise InvalidInput(f"an axis is at most {LARGEST_ORDER}-fold", symmetry=name)
    return found[1] or found[3] or found[4], found[2] or found[5] or ""


def _icosahedral_generators(turn_degrees: float) -> list[np.ndarray]:
    turn = _rotation(AXIS_Y, turn_degrees)
    twofold, fivefold = _rotation(AXIS_Z, 180), _rotation((1, 0, GOLDEN), 72)
    threefold = _rotation((0, 1, GOLDEN**2), 120)
    return [turn @ generator @ turn.T for generator in (twofold, fivefold, threefold)]


def _rotation(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    """Active right-handed rotation about an axis of any length (Rodrigues)."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    # Quarter and half turns have exact elements; cos(pi / 2) has not.
    c, s = (round(f(pi * degrees / 180), 15) for f in (cos, sin))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + s * cross + (1 - c) * (cross @ cross))


def _closure(generators: list[np.ndarray]) -> np.ndarray:
    """All products of generators, breadth first, each made orthogonal to rounding."""
    found = [np.eye(3)]
    for operator in found:
        for generator in generators:
            product = _orthogonal(generator @ operator)
            if all(np.abs(product - other).max() > SAME for other in found):
                found.append(product)
    return np.stack(found)


def _orthogonal(matrix: np.ndarray) -> np.ndarray:
    """The nearest rotation, so that errors of long products do not add up."""
    refined = matrix @ (3 * np.eye(3) - matrix.T @ matrix) / 2
    rounded = np.rint(refined)
    return np.asarray(np.where(np.abs(refined - rounded) < 1e-14, rounded, refined) + 0.0)
