"""Directions in which nothing measurable changes, taken out of what is refined.

docs/math/gauges.md has every freedom, its constraint and its derivation.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mgit.geometry.poses import ParticlePoses, turned_angles
from mgit.geometry.rotations import (
    axis_matrices,
    mean_rotation,
    rotation_vectors,
    zyz_matrices,
)
from mgit.geometry.series_geometry import SeriesGeometry
from mgit.geometry.tilt_series import TiltSeriesModel

__all__ = [
    "common_frame_change",
    "tilt_rotations",
    "without_common_frame",
    "without_common_shift",
    "without_common_turn",
]


def tilt_rotations(geometry: SeriesGeometry) -> Tensor:
    """Volume -> image rotations of the used tilts, without stage corrections: `(tilts, 3, 3)`."""
    used = geometry.used_tilts
    arrays = {name: torch.from_numpy(geometry.arrays[name][used]) for name in _ANGLES}
    return axis_matrices(
        arrays["level_angle_x"],
        -(arrays["tilt_angle"] + arrays["level_angle_y"]),
        arrays["axis_angle"],
    )


_ANGLES = ("tilt_angle", "axis_angle", "level_angle_x", "level_angle_y")


def without_common_shift(
    warp: Tensor, rotations: Tensor, *, models: Sequence[TiltSeriesModel]
) -> Tensor:
    """Changes of the image warp `(2, tilts of the table, h, w)` without a shift of all particles.

    What is taken out of tilt t is Omega_t v for the v that fits best what the warp does to the
    particles on average, eq. 1 and 2; positions say it instead. Linear, and a projection.
    """
    used = models[0].tilts
    means = _mean_displacements(warp, models)
    rows = rotations[:, :2, :].reshape(-1, 3)
    common = torch.linalg.solve(rows.T @ rows, rows.T @ means.reshape(-1))
    shift = torch.zeros(warp.shape[:2], dtype=warp.dtype)
    shift = shift.index_put(
        (torch.arange(2)[:, None], torch.from_numpy(used)[None]), (rotations[:, :2] @ common).T
    )
    return warp - shift[:, :, None, None]


def _mean_displacements(warp: Tensor, models: Sequence[TiltSeriesModel]) -> Tensor:
    """Mean warp over all particles per used tilt: `(tilts, 2)`."""
    total = torch.zeros((len(models[0].tilts), 2), dtype=warp.dtype)
    count = 0
    for model in models:
        if model.image_warp is None:
            continue
        values = model.image_warp.values(warp).reshape(2, len(model.tilts), -1)
        total = total + values.sum(-1).T
        count += values.shape[-1]
    return total / max(1, count)


def without_common_turn(angles: Tensor, rotations: Tensor, *, used: np.ndarray) -> Tensor:
    """Changes of stage angles `(3, tilts of the table, 1, 1)` without a turn of all particles.

    Small turns add as vectors: w = mean Omega_t^T omega_t is taken out as Omega_t w, eq. 3.
    """
    at = torch.from_numpy(used)
    turns = angles[:, at, 0, 0].T
    common = torch.einsum("tji,tj->i", rotations, turns) / len(used)
    back = torch.zeros(angles.shape[:2], dtype=angles.dtype)
    back = back.index_put((torch.arange(3)[:, None], at[None]), (rotations @ common).T)
    return angles - back[:, :, None, None]


def common_frame_change(
    before: ParticlePoses, after: ParticlePoses
) -> tuple[np.ndarray, np.ndarray]:
    """Rotation Q `(3, 3)` and shift c `(3,)` of the map's frame that all poses moved by, eq. 4.

    R_after ~ R_before Q and x_after ~ x_before + R_before c, over all particles and samples.
    """
    old, new = _matrices(before), _matrices(after)
    turn = mean_rotation(np.swapaxes(old, -1, -2) @ new)
    moved = (after.position - before.position).reshape(-1, 3)
    shift = np.einsum("nji,nj->ni", old, moved).mean(axis=0)
    return turn, shift


def without_common_frame(before: ParticlePoses, after: ParticlePoses) -> ParticlePoses:
    """`after` in the frame of `before`: maps of both then lie on each other.

    Exact: R Q^T and x - R Q^T c describe the same particles in a map that did not move.
    """
    turn, shift = common_frame_change(before, after)
    matrices = _matrices(after) @ turn.T
    position = after.position - (matrices @ shift).reshape(after.position.shape)
    change = matrices @ np.swapaxes(_matrices(after), -1, -2)
    vectors = rotation_vectors(change).reshape(after.angles.shape)
    return ParticlePoses(
        position=position,
        angles=turned_angles(after.angles, vectors),
        displacement=after.displacement,
    )


def _matrices(poses: ParticlePoses) -> np.ndarray:
    angles = torch.from_numpy(np.ascontiguousarray(poses.angles.reshape(-1, 3), np.float64))
    return np.asarray(zyz_matrices(angles).numpy())
