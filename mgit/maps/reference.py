"""References for alignment: half-maps made ready to be sliced in Fourier space.

docs/math/reconstruction.md, eqs. 9 to 11: weigh, resample, share what lies below 40 A, mask, divide
the damping of trilinear interpolation out, pad, transform.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from mgit.errors import InvalidInput
from mgit.maps.crop import pad_map, resample_map
from mgit.maps.gridding import gridding_profile
from mgit.maps.masks import binary_mask, soft_edged, soft_sphere
from mgit.maps.shells import checked_cube, plane_radii, scaled_by_radius

__all__ = [
    "HalfReferences",
    "ReferenceSettings",
    "prepare_references",
    "reference_box",
    "shared_low_frequencies",
    "sliceable",
]

LEAST_BOX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """How half-maps become references.

    resolution_angstrom: they are resampled so that Nyquist is there.
    shared_angstrom: both halves carry their mean at periods above this (eq. 9).
    oversampling: of the transform; 2 keeps the trilinear error below 1 % of the amplitude.
    mask_grow_voxel, mask_edge_voxel: around the binary mask at the resampled pixel.
    diameter_angstrom: of the sphere that is kept; None for half the box, as boxes of species are.
    """

    resolution_angstrom: float
    shared_angstrom: float = 40.0
    oversampling: int = 2
    mask_grow_voxel: float = 0.0
    mask_edge_voxel: float = 1.5
    diameter_angstrom: float | None = None

    def __post_init__(self) -> None:
        if not (self.resolution_angstrom > 0 and self.shared_angstrom > 0):
            raise InvalidInput("resolutions of a reference are positive")
        if self.oversampling < 1:
            raise InvalidInput("an oversampling is at least 1", oversampling=self.oversampling)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfReferences:
    """Two half-complex volumes ready for slices.

    first, second: complex64 (d, d, d//2+1) with d = oversampling x box; a sample is the
    unnormalised transform of the projection at its frequency, centre at index 0.
    box: n of an image that slices give. pixel_size_angstrom: of that image.
    """

    first: np.ndarray
    second: np.ndarray
    box: int
    pixel_size_angstrom: float
    oversampling: int


def reference_box(
    box: int, *, pixel_size_angstrom: float, resolution_angstrom: float
) -> tuple[int, float]:
    """Even box and pixel size that span the same field with Nyquist at a resolution (eq. 10).

    Never finer than the map, never below 8 voxels.
    """
    wished = 2 * round(box * pixel_size_angstrom / resolution_angstrom)
    resampled = min(box, max(LEAST_BOX, wished))
    return resampled, box * pixel_size_angstrom / resampled


def prepare_references(
    first: np.ndarray,
    second: np.ndarray,
    *,
    mask: np.ndarray,
    pixel_size_angstrom: float,
    settings: ReferenceSettings,
    profile: np.ndarray | None = None,
) -> HalfReferences:
    """References of two half-maps (n, n, n) of one particle.

    mask: of the same box, any edge; inside is where it is 0.25 or more. profile: multiplies both
    halves over shells 0 ... n/2 - 1, for example max(0, FSC); None leaves them as they are.

    What lies outside the mask and the sphere is removed, so that padding cuts no density off.

    Raises InvalidInput for maps that are no even cubes of one size or not finite.
    """
    box = checked_cube(first)
    if checked_cube(second) != box or checked_cube(mask) != box:
        raise InvalidInput("half-maps and mask differ in box", box=box)
    resampled, pixel = reference_box(
        box,
        pixel_size_angstrom=pixel_size_angstrom,
        resolution_angstrom=settings.resolution_angstrom,
    )
    halves = [_weighted(half, profile) for half in (first, second)]
    halves = [resample_map(half, resampled) for half in halves]
    shell = box * pixel_size_angstrom / settings.shared_angstrom
    shared = shared_low_frequencies(halves[0], halves[1], below_shell=shell)
    window = _window(resample_map(mask.astype(np.float32), resampled), pixel, settings)
    volumes = [sliceable(half * window, oversampling=settings.oversampling) for half in shared]
    return HalfReferences(
        first=volumes[0],
        second=volumes[1],
        box=resampled,
        pixel_size_angstrom=pixel,
        oversampling=settings.oversampling,
    )


def shared_low_frequencies(
    first: np.ndarray, second: np.ndarray, *, below_shell: float
) -> tuple[np.ndarray, np.ndarray]:
    """Both maps with their mean at radii below a shell (eq. 9); dtypes are kept."""
    transforms = [fft.rfftn(half) for half in (first, second)]
    for plane in range(first.shape[0]):
        low = plane_radii(first.shape[0], plane) < below_shell
        mean = (transforms[0][plane][low] + transforms[1][plane][low]) / 2
        for transform in transforms:
            transform[plane][low] = mean
    axes = (0, 1, 2)
    shared = [fft.irfftn(transform, s=first.shape, axes=axes) for transform in transforms]
    return shared[0].astype(first.dtype), shared[1].astype(second.dtype)


def sliceable(density: np.ndarray, *, oversampling: int) -> np.ndarray:
    """Half-complex volume of a map (n, n, n) whose trilinear slices are projections: complex64.

    The map is divided by what trilinear interpolation damps, padded to d = oversampling n, its
    centre moved to index 0, and transformed (eq. 11). Raises InvalidInput unless an even cube.
    """
    box = checked_cube(density)
    damping = gridding_profile(box, oversampling * box)
    corrected = density / damping[:, None, None] / damping[:, None] / damping
    padded = pad_map(corrected.astype(np.float32), oversampling * box)
    return np.asarray(fft.rfftn(np.fft.ifftshift(padded)).astype(np.complex64))


def _weighted(half: np.ndarray, profile: np.ndarray | None) -> np.ndarray:
    if profile is None:
        return half
    transform = scaled_by_radius(fft.rfftn(half), profile)
    weighted = fft.irfftn(transform, s=half.shape, axes=(0, 1, 2))
    return np.asarray(weighted.astype(half.dtype))


def _window(mask: np.ndarray, pixel: float, settings: ReferenceSettings) -> np.ndarray:
    """The soft mask within a soft sphere, at the resampled pixel."""
    box = mask.shape[0]
    diameter = box / 2 if settings.diameter_angstrom is None else settings.diameter_angstrom / pixel
    edge = max(2, min(16, box // 8))
    soft = soft_edged(
        binary_mask(mask),
        grow_voxel=settings.mask_grow_voxel,
        edge_voxel=settings.mask_edge_voxel,
    )
    return np.asarray(soft * soft_sphere(box, diameter_voxel=diameter, edge_voxel=edge))
