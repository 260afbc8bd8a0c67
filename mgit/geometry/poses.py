"""Poses of the particles of one species in one series, as the geometry needs them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.rotations import (
    composed,
    rotation_vector_matrices,
    zyz_angles,
    zyz_matrices,
)
from mgit.geometry.trajectories import interpolate_trajectory

__all__ = ["ParticlePoses", "orientations", "turned", "turned_angles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticlePoses:
    """Control points of particles over the exposure of their series.

    position: `(particles, T, 3)` x y z, angstrom from the corner.
    angles: `(particles, T, 3)` rot tilt psi in degrees, RELION ZYZ, particle -> volume.
    displacement: None or `(particles, tilts, 3)` angstrom, added to the position in each tilt of
        the table, excluded ones included.
    """

    position: np.ndarray
    angles: np.ndarray
    displacement: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Raises InvalidState for shapes that do not fit and for values that are not finite."""
        shape = self.position.shape
        if len(shape) != 3 or shape[2] != 3 or shape[1] < 1 or self.angles.shape != shape:
            raise InvalidState(
                "positions and angles are not both (particles, samples, 3)",
                position=shape,
                angles=self.angles.shape,
            )
        finite = np.isfinite(self.position).all() and np.isfinite(self.angles).all()
        if self.displacement is not None:
            if self.displacement.shape[:1] + self.displacement.shape[2:] != (shape[0], 3):
                raise InvalidState(
                    "displacements are not (particles, tilts, 3)", given=self.displacement.shape
                )
            finite = finite and bool(np.isfinite(self.displacement).all())
        if not finite:
            raise InvalidState("a pose is not finite")

    @property
    def count(self) -> int:
        """Number of particles."""
        return int(self.position.shape[0])


def orientations(angles: Tensor, at: Tensor) -> Tensor:
    """Particle -> volume rotations `(particles, m, 3, 3)` at exposures `at` `(n,)`.

    m is 1 where there is one control point, else n. Components of the angles are interpolated one
    by one, so they must not jump by 360 degrees between control points.
    """
    if angles.shape[1] > 1:
        angles = interpolate_trajectory(angles, at)
    return zyz_matrices(angles)


def turned(orientation: Tensor, rotation_vector: Tensor, at: Tensor) -> Tensor:
    """`exp(w) R` with w `(particles, T, 3)` in degrees interpolated over exposure, eq. 4.

    orientation: `(particles, m, 3, 3)` from `orientations`. Differentiable in both.
    """
    if rotation_vector.shape[1] > 1:
        rotation_vector = interpolate_trajectory(rotation_vector, at)
    return composed(rotation_vector_matrices(rotation_vector), orientation)


def turned_angles(angles: np.ndarray, rotation_vector: np.ndarray) -> np.ndarray:
    """Control angles `(particles, T, 3)` after the turns `exp(w)` that refinement found.

    Each angle is taken on the branch nearest to its old value, so that trajectories stay smooth.
    """
    old = torch.from_numpy(np.ascontiguousarray(angles, dtype=np.float64))
    turn = rotation_vector_matrices(torch.from_numpy(np.asarray(rotation_vector, np.float64)))
    found = zyz_angles(turn @ zyz_matrices(old)).numpy()
    mirrored = found * [1, -1, 1] + [180, 0, 180]
    candidates = [_nearest_turn(each, angles) for each in (found, mirrored)]
    change = [np.abs(each - angles).sum(axis=-1, keepdims=True) for each in candidates]
    turned = np.where(change[0] <= change[1], candidates[0], candidates[1])
    still = (np.asarray(rotation_vector) == 0).all(axis=-1, keepdims=True)
    return np.asarray(np.where(still, angles, turned))


def _nearest_turn(angles: np.ndarray, near: np.ndarray) -> np.ndarray:
    return np.asarray(angles - 360 * np.rint((angles - near) / 360))
