"""Poses over the exposure: temporal samples made, and kept when a program without them moves on."""

from dataclasses import replace

import numpy as np

from mgit.errors import InvalidInput, Refused
from mgit.exchange.relion_rotations import euler_angles, euler_matrices
from mgit.state.diff import rotation_distance
from mgit.state.particle_columns import ParticleColumns

__all__ = ["carry_motion", "resample_poses", "resampled", "turns"]

CORRECTIONS = 4
"""Rounds that bring the mean of shifted samples to the wanted position to the last bit."""


def resample_poses(values: np.ndarray, samples: int) -> np.ndarray:
    """Positions or angles `(n, T, 3)` as `(n, samples, 3)`, constant over the exposure.

    Raises Refused when they vary over the exposure and their number would change: what moved
    cannot be told from fewer samples, and more would invent motion.
    """
    if values.shape[1] == samples:
        return values
    if (values != values[:, :1]).any():
        raise Refused(
            f"the poses vary over the exposure and have {values.shape[1]} temporal samples",
            samples=samples,
            hint=f"keep '--temporal-samples {values.shape[1]}'",
        )
    return np.repeat(values[:, :1], samples, axis=1)


def carry_motion(
    positions: np.ndarray,
    angles: np.ndarray,
    *,
    new_positions: np.ndarray,
    new_angles: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Samples `(n, T, 3)` moved as a whole to poses `(n, 3)` of a program that knows one per row.

    The mean position becomes `new_positions`, the first orientation `new_angles` (degrees): that is
    what such a program was given. The motion around them stays:

        x'(t) = x(t) + (x_new - mean x)        R'(t) = R_new R(0)^-1 R(t)

    Particles that it left alone keep every bit.
    """
    moved = positions + (new_positions - positions.mean(axis=1))[:, None, :]
    for _ in range(CORRECTIONS):
        moved = moved + (new_positions - moved.mean(axis=1))[:, None, :]
    same = (new_positions == positions.mean(axis=1)).all(axis=1)
    still = (positions == positions[:, :1]).all(axis=(1, 2))
    moved[still] = new_positions[still, None, :]
    moved[same] = positions[same]
    first = np.swapaxes(euler_matrices(angles[:, :1]), -1, -2)
    turn = euler_matrices(new_angles)[:, None] @ first
    turned = euler_angles(turn @ euler_matrices(angles))
    turned[:, 0] = new_angles
    steady = (angles == angles[:, :1]).all(axis=2)
    turned = np.where(steady[:, :, None], new_angles[:, None, :], turned)
    unturned = (new_angles == angles[:, 0]).all(axis=1)
    turned[unturned] = angles[unturned]
    return moved, turned


def resampled(columns: ParticleColumns, samples: int) -> ParticleColumns:
    """A particle table with constant poses in this number of temporal samples. Raises Refused."""
    if samples < 1:
        raise InvalidInput(
            "a pose needs at least one temporal sample",
            samples=samples,
            hint="'--temporal-samples 1' means poses that do not change over the exposure",
        )
    return replace(
        columns,
        positions=resample_poses(columns.positions, samples),
        angles=resample_poses(columns.angles, samples),
    )


def turns(before: np.ndarray, after: np.ndarray, *, symmetry: str) -> np.ndarray:
    """`(n,)` angle in degrees between orientations `(n, 3)`, the smallest over symmetry mates.

    symmetry: a point group; mates count for C<n> and D<n> (axis along z, for D<n> another along x).
    The mates of R are R S with S from the group, since S leaves the reference as it is.
    """
    least = rotation_distance(before, after)
    for mate in _mates(symmetry):
        turned = euler_angles(euler_matrices(after) @ mate)
        least = np.minimum(least, rotation_distance(before, turned))
    return np.asarray(least)


def _mates(symmetry: str) -> list[np.ndarray]:
    """Rotations of a cyclic or dihedral group without the identity; none for other groups."""
    if symmetry[:1] not in ("C", "D") or not symmetry[1:].isdigit():
        return []
    order = int(symmetry[1:])
    around = [euler_matrices(np.array([360.0 * k / order, 0.0, 0.0])) for k in range(order)]
    if symmetry[0] == "C":
        return around[1:]
    flip = np.diag([1.0, -1.0, -1.0])
    return [*around[1:], *(each @ flip for each in around)]
