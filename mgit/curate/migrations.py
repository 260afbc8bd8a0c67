"""What depends on a source's pixel size and handedness, and how it follows when they change.

Pure functions on arrays; `curate.source_settings` applies them to a population.

Pixel size. Lengths that were measured in pixels scale with s = new / old: positions, offsets,
warps, image and volume dimensions. A defocus was fitted to phase = pi lambda df k^2 with k in
cycles per pixel, so the defocus that explains the same Thon rings is df s^2. The
spherical-aberration term grows with s^4 and cannot follow; it belongs to the lens and stays.

Handedness. With S = diag(1, 1, -1) the mirrored geometry has stage matrices S O S, positions
mirrored about the volume's centre plane and orientations S R S; every projected (x, y) is unchanged
and every depth z changes sign. For rotations about single axes S Rz(a) S = Rz(a),
S Ry(a) S = Ry(-a) and S Rx(a) S = Rx(-a); an orientation R = Rz(-psi) Ry(-tilt) Rz(-rot) therefore
mirrors by tilt -> -tilt.
"""

from collections.abc import Mapping

import numpy as np

from mgit.errors import InvalidState

__all__ = [
    "LENGTH_ARRAYS",
    "mirror_angles",
    "mirror_item_arrays",
    "mirror_map",
    "mirror_positions",
    "scale_item_arrays",
    "scale_positions",
]

LENGTH_ARRAYS = frozenset(
    {
        "axis_offset_x",
        "axis_offset_y",
        "image_warp_x",
        "image_warp_y",
        "volume_warp_x",
        "volume_warp_y",
        "volume_warp_z",
        "global_motion_x",
        "global_motion_y",
        "local_motion_x",
        "local_motion_y",
        "global_shift",
    }
)
"""Arrays in angstrom whose values were measured in pixels."""

DEFOCUS_ARRAYS = frozenset({"defocus", "defocus_delta", "defocus_field", "doming"})
"""Arrays in angstrom of defocus, fitted against spatial frequencies in pixels."""

MIRRORED_SIGNS = frozenset(
    {"tilt_angle", "level_angle_x", "level_angle_y", "stage_angle_x", "stage_angle_y"}
)
"""Rotations about x and y: they change sign under a mirror along z."""

PIXEL_SPACE_ARRAYS = frozenset({"image_deformation", "motion_polynomial"})
"""Coefficients whose unit the foreign model defines; they are refused rather than guessed."""


def scale_item_arrays(arrays: Mapping[str, np.ndarray], *, scale: float) -> dict[str, np.ndarray]:
    """The arrays of an item that change when its pixel size becomes `scale` times what it was.

    Raises InvalidState for a non-zero array whose unit is defined by a foreign model.
    """
    changed: dict[str, np.ndarray] = {}
    for name, values in arrays.items():
        if name in PIXEL_SPACE_ARRAYS and np.any(values):
            raise InvalidState(
                "the pixel size cannot change under a foreign deformation model",
                array=name,
                hint="correct the pixel size in the program that made the model and import again",
            )
        if name in LENGTH_ARRAYS or name.startswith("motion_pyramid_"):
            changed[name] = values * scale
        elif name in DEFOCUS_ARRAYS:
            changed[name] = values * scale**2
    return changed


def scale_positions(positions: np.ndarray, *, scale: float) -> np.ndarray:
    """Positions `(n, T, 3)` in angstrom from the corner, at the new pixel size."""
    return positions * scale


def mirror_item_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a tilt series that change when its geometry is mirrored along z."""
    changed: dict[str, np.ndarray] = {}
    for name, values in arrays.items():
        if name in MIRRORED_SIGNS:
            changed[name] = -values
        elif name in {"volume_warp_x", "volume_warp_y"}:
            changed[name] = values[:, ::-1].copy()
        elif name == "volume_warp_z":
            changed[name] = -values[:, ::-1]
    return {name: values + 0.0 for name, values in changed.items()}  # -0.0 becomes 0.0


def mirror_positions(positions: np.ndarray, *, depth_angstrom: float) -> np.ndarray:
    """Positions `(n, T, 3)` mirrored about the centre plane of a volume `depth_angstrom` deep."""
    mirrored = positions.copy()
    mirrored[..., 2] = depth_angstrom - positions[..., 2]
    return mirrored


def mirror_angles(angles: np.ndarray) -> np.ndarray:
    """Orientations `(n, T, 3)` (rot, tilt, psi, degrees) of the mirrored map in its volume."""
    mirrored = angles.copy()
    mirrored[..., 1] = -angles[..., 1] + 0.0
    return mirrored


def mirror_map(volume: np.ndarray) -> np.ndarray:
    """A map `(z, y, x)` mirrored along z about voxel n // 2, so that the particle's centre stays.

    For even n voxel 0 has no partner inside the box and keeps its value's periodic image.
    """
    flipped = volume[::-1]
    return np.ascontiguousarray(
        np.roll(flipped, 1, axis=0) if volume.shape[0] % 2 == 0 else flipped
    )
