"""Projection matrices of RELION 4 and WarpTools tomogram sets, and the angles they mean.

`P = T(shift) T(image centre) Rz(ZRot) Ry(YTilt) Rx(XTilt) T(-volume centre)` in unbinned pixels,
centres at `size // 2`; a table holds its rows as rlnTomoProjX, Y, Z and W.

mgit's centres are at `size / 2`. Angles and offsets about RELION's centre of an odd volume mean the
same about mgit's, if positions count from mgit's (`half_pixels`); an odd image moves by half a
pixel against its offsets, which are changed here by as much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput, Unsupported
from mgit.exchange.relion_rotations import axis_angles
from mgit.exchange.relion_tilts import rotations_of
from mgit.exchange.star import StarTable

__all__ = [
    "PROJECTION_COLUMNS",
    "SIZE_TOLERANCE_PX",
    "ProjectionFrame",
    "check_agreement",
    "check_translation",
    "decode_projection",
    "encode_projection",
    "half_pixels",
    "projection_matrices",
    "whole_sizes",
]

PROJECTION_COLUMNS = ("rlnTomoProjX", "rlnTomoProjY", "rlnTomoProjZ", "rlnTomoProjW")
ROTATION_TOLERANCE = 1e-4
"""Largest error of M M^T for matrices written with float32 digits, with room for rounding."""
AGREEMENT_TOLERANCE = 1e-4
"""Largest difference between a matrix and the angles of the same row."""


SIZE_TOLERANCE_PX = 1e-3
"""How far a size in pixels, a quotient of two lengths in angstrom, may be from a whole number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionFrame:
    """What turns matrices in pixels into angles and offsets: sizes of volume and images.

    image_size_px is None where it is not known; then offsets cannot be told.
    """

    size_px: tuple[float, float, float]
    image_size_px: tuple[int, int] | None
    pixel_size_angstrom: float


def whole_sizes(sizes_px: Sequence[float]) -> tuple[int, ...]:
    """Sizes in pixels as whole numbers; they are quotients, such as 3999.9999996.

    Raises InvalidInput for a size further than 1e-3 from a whole number.
    """
    whole = tuple(round(size) for size in sizes_px)
    for size, nearest in zip(sizes_px, whole, strict=True):
        if abs(size - nearest) > SIZE_TOLERANCE_PX:
            raise InvalidInput(
                f"a size of {size:.6g} pixels is not a whole number",
                hint="correct the pixel size or the dimensions of the volume in angstrom",
                field="volume_dimensions_angstrom",
            )
    return whole


def half_pixels(sizes_px: Sequence[float]) -> np.ndarray:
    """By how many pixels mgit's centre `n / 2` lies beyond RELION's `n // 2`: 1/2 for odd sizes.

    `(axes,)` float64; 0 for sizes that are no whole numbers, which are no sizes of RELION's.
    """
    odd = [abs(size - round(size)) <= SIZE_TOLERANCE_PX and round(size) % 2 for size in sizes_px]
    return np.array([0.5 if each else 0.0 for each in odd])


def projection_matrices(tilts: StarTable) -> np.ndarray:
    """The rlnTomoProjX..W vectors of a table as matrices `(tilts, 4, 4)`, in pixels.

    Raises InvalidInput for vectors that are not of length 4 and Unsupported unless the 3 x 3 part
    is a rotation.
    """
    rows = []
    for column in PROJECTION_COLUMNS:
        vectors = tilts.vectors(column)
        for row, vector in enumerate(vectors):
            if vector.shape != (4,):
                raise tilts.invalid(
                    f"a projection vector has {vector.size} numbers instead of 4",
                    column=column,
                    row=row,
                    hint="write the vector as [a,b,c,d]",
                )
        rows.append(np.array(vectors).reshape(-1, 4))
    matrices = np.stack(rows, axis=1)
    rotations = matrices[:, :3, :3]
    error = np.abs(rotations @ np.swapaxes(rotations, 1, 2) - np.eye(3)).reshape(-1, 9)
    wrong = (error > ROTATION_TOLERANCE).any(axis=1) | (np.linalg.det(rotations) < 0)
    if wrong.any():
        raise Unsupported(
            "a projection matrix is not a rotation",
            hint="scaled, sheared or mirrored projections cannot be applied",
            file=tilts.file,
            block=tilts.block,
            line=tilts.line(int(np.flatnonzero(wrong)[0])),
        )
    return matrices


def check_translation(
    tilts: StarTable, matrices: np.ndarray, image_size_px: tuple[int, int] | None
) -> None:
    """Raises InvalidInput when shifts cannot be told from the image centre."""
    if image_size_px is None and matrices[:, :2, 3].any():
        raise InvalidInput(
            "projection matrices with translations need the size of the tilt images",
            hint="give the width and height of the tilt images in pixels",
            file=tilts.file,
            block=tilts.block,
        )


def check_agreement(tilts: StarTable, arrays: Mapping[str, np.ndarray]) -> None:
    """Early RELION 5 tables say the geometry twice: as angles and as matrices."""
    apart = np.abs(projection_matrices(tilts)[:, :3, :3] - rotations_of(arrays)).reshape(-1, 9)
    wrong = np.flatnonzero((apart > AGREEMENT_TOLERANCE).any(axis=1))
    if wrong.size:
        raise tilts.invalid(
            "the projection matrix and the tilt angles of a row disagree",
            column=PROJECTION_COLUMNS[0],
            row=int(wrong[0]),
            hint="remove the columns rlnTomoProjX to rlnTomoProjW or the angle columns",
        )


def decode_projection(matrices: np.ndarray, frame: ProjectionFrame) -> dict[str, np.ndarray]:
    """Canonical arrays of RELION 4 projection matrices `(tilts, 4, 4)`, in pixels.

    `P = T(shift) T(image centre) Rz Ry Rx T(-volume centre)`, centres at `size // 2`. The shift
    needs the image size; without it no offsets are given. Raises InvalidInput for sizes of the
    volume that are no whole numbers.
    """
    x, y, z = axis_angles(matrices[:, :3, :3])
    zero = np.zeros(matrices.shape[0])
    arrays = {"tilt_angle": 0.0 - y, "level_angle_y": zero, "level_angle_x": x}
    arrays["axis_angle"] = z
    if frame.image_size_px is not None:
        centre = np.array([*(side // 2 for side in whole_sizes(frame.size_px)), 1.0])
        middle = np.array([side / 2 for side in frame.image_size_px])
        shift = ((matrices @ centre)[:, :2] - middle) * frame.pixel_size_angstrom
        arrays["axis_offset_x"], arrays["axis_offset_y"] = shift[:, 0].copy(), shift[:, 1].copy()
    return arrays


def encode_projection(arrays: Mapping[str, np.ndarray], frame: ProjectionFrame) -> np.ndarray:
    """RELION 4 projection matrices `(tilts, 4, 4)`, the inverse of `decode_projection`.

    Without an image size the translation stays zero, as WarpTools writes it. Raises InvalidInput
    for sizes of the volume that are no whole numbers.
    """
    rotations = rotations_of(arrays)
    matrices = np.zeros((rotations.shape[0], 4, 4))
    matrices[:, :3, :3] = rotations
    matrices[:, 3, 3] = 1.0
    if frame.image_size_px is not None:
        centre = np.array([float(side // 2) for side in whole_sizes(frame.size_px)])
        matrices[:, :3, 3] = -(rotations @ centre)
        for axis, name in enumerate(("axis_offset_x", "axis_offset_y")):
            matrices[:, axis, 3] += (
                frame.image_size_px[axis] / 2 + arrays[name] / frame.pixel_size_angstrom
            )
    return matrices
