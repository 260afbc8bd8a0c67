"""From sums of images and weights to a map: a weighted least-squares average.

docs/math/reconstruction.md, eqs. 3 to 8 and 12 to 14. No regularisation enters a half-map, so its
noise stays independent of the other half's; the Wiener option is for maps that are only looked at.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from mgit.errors import InvalidInput
from mgit.maps.crop import unwrapped_map
from mgit.maps.gridding import divide_damping, gridding_profile, low_shells_corrected
from mgit.maps.masks import soft_sphere
from mgit.maps.shells import checked_half_complex, plane_radii, shell_means
from mgit.maps.support import fitted_on_support
from mgit.maps.symmetrise import interpolated_share, symmetrised
from mgit.maps.symmetry import distinct

__all__ = ["ReconstructionSettings", "quotient", "reconstruct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionSettings:
    """How sums become a map.

    weight_floor: weights below this share of their shell's mean are raised to it (eq. 3).
    low_pass_margin_shells: shells of the map below Nyquist that are left empty (eq. 7).
    support_steps: of conjugate gradients on the support (eq. 5); 0 leaves the plain quotient.
    support_diameter_voxel: of the sphere outside of which the density vanishes, None if not known.
    gridding_steps: that take the bias out of low shells (eq. 13); 0 leaves it.
    sphere_edge_voxel: width of the soft sphere's edge, at most an eighth of the box (eq. 8); 0 for
    no sphere. threads: for the symmetry; the result does not depend on it.
    """

    weight_floor: float = 1e-3
    low_pass_margin_shells: float = 2.0
    support_steps: int = 2
    support_diameter_voxel: float | None = None
    gridding_steps: int = 2
    sphere_edge_voxel: float = 16.0
    threads: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.weight_floor < 1:
            raise InvalidInput("a weight floor lies between 0 and 1", floor=self.weight_floor)
        if not (self.low_pass_margin_shells >= 0 and self.sphere_edge_voxel >= 0):
            raise InvalidInput("margins and edges of a map are not negative")
        if min(self.support_steps, self.gridding_steps) < 0:
            raise InvalidInput("steps of a fit are not negative", steps=self.support_steps)


def reconstruct(
    numerator: np.ndarray,
    weight: np.ndarray,
    *,
    box: int,
    operators: np.ndarray | None = None,
    helical: tuple[np.ndarray, np.ndarray] | None = None,
    wiener_ssnr: np.ndarray | None = None,
    settings: ReconstructionSettings | None = None,
) -> np.ndarray:
    """A map (n, n, n), float32, from sums over central slices.

    numerator: complex (d, d, d//2+1), sum of CTF w times images. weight: sum of CTF^2 w. Images are
    unnormalised transforms of projections (sums over voxels) with the centre at index 0.
    box: even n <= d of the map; d at least twice the particle.
    operators: point group (m, 3, 3). helical: rotations and shifts, in voxels of the map; applied
    before the point group. wiener_ssnr: (n/2) signal-to-noise of the quotient per shell of the map,
    for display only.

    Raises InvalidInput for boxes or shapes that do not fit and for sums that are empty.
    Maths: docs/math/reconstruction.md, eqs. 3 to 8 and 12 to 14.
    """
    chosen = settings or ReconstructionSettings()
    padded = checked_half_complex(numerator)
    if weight.shape != numerator.shape or box % 2 or not 2 <= box <= padded:
        raise InvalidInput("sums and box do not fit", box=box, sums=numerator.shape)
    shares = []
    if helical is not None:
        rotations, shifts = helical
        numerator, weight = symmetrised(
            numerator, weight, operators=rotations, shifts_voxel=shifts, threads=chosen.threads
        )
        shares.append(interpolated_share(rotations))
    if operators is not None and len(operators) > 1:
        group = distinct(operators)
        numerator, weight = symmetrised(numerator, weight, operators=group, threads=chosen.threads)
        shares.append(interpolated_share(group))
    numerator, weight = numerator.astype(np.complex64), weight.astype(np.float32)
    radius = (box / 2 - chosen.low_pass_margin_shells) * padded / box
    transform = quotient(
        numerator,
        weight,
        floor=chosen.weight_floor,
        radius=radius,
        ssnr=None if wiener_ssnr is None else _stretched(wiener_ssnr, padded, box),
    )
    density = fft.irfftn(transform, s=(padded,) * 3, axes=(0, 1, 2))
    density = unwrapped_map(density, box)
    support = _support(box, chosen)
    if wiener_ssnr is None and chosen.support_steps:
        density = fitted_on_support(
            density,
            numerator,
            weight,
            support=support,
            radius=radius,
            floor=chosen.weight_floor,
            steps=chosen.support_steps,
        )
    divide_damping(density, gridding_profile(box, padded), shares=shares)
    if wiener_ssnr is None:
        density = low_shells_corrected(
            density, numerator, weight, steps=chosen.gridding_steps, shares=shares
        )
        if chosen.support_diameter_voxel is not None:
            density = np.where(support, density, np.float32(0))
    return _in_sphere(density, chosen.sphere_edge_voxel)


def quotient(
    numerator: np.ndarray,
    weight: np.ndarray,
    *,
    floor: float,
    radius: float,
    ssnr: np.ndarray | None = None,
) -> np.ndarray:
    """Numerator over floored weight inside a radius in Fourier pixels: complex.

    ssnr: (d/2) per shell; adds the mean weight over it to the weight (eq. 4).
    Raises InvalidInput when no weight is positive. Maths: docs/math/reconstruction.md, eqs. 3, 4.
    """
    box = checked_half_complex(numerator)
    mean = shell_means(weight)
    if not mean.max() > 0:
        raise InvalidInput("no image has contributed to a reconstruction")
    at = np.arange(box // 2)
    added = None if ssnr is None else mean / np.maximum(ssnr, np.finfo(np.float64).eps)
    transform = np.zeros(numerator.shape, np.result_type(numerator.dtype, np.complex64))
    for plane in range(box):
        radii = plane_radii(box, plane)
        lowest = floor * np.interp(radii, at, mean)
        denominator = np.maximum(weight[plane], lowest)
        if added is not None:
            denominator = denominator + np.interp(radii, at, added)
        keep = (radii < radius) & (denominator > 0)
        np.divide(numerator[plane], denominator, out=transform[plane], where=keep)
    return transform


def _in_sphere(density: np.ndarray, edge: float) -> np.ndarray:
    """Damp the corners (eq. 8)."""
    box = len(density)
    edge = min(edge, box / 8)
    if edge > 0:
        density = density * soft_sphere(box, diameter_voxel=box - 2 * edge, edge_voxel=edge)
    return density.astype(np.float32, copy=False)


def _support(box: int, settings: ReconstructionSettings) -> np.ndarray:
    """Where the density may differ from zero: bool (n, n, n)."""
    diameter = settings.support_diameter_voxel
    return soft_sphere(box, diameter_voxel=diameter or box - 2, edge_voxel=0) > 0


def _stretched(ssnr: np.ndarray, padded: int, box: int) -> np.ndarray:
    """Values per shell of the map as values per shell of the padded sums."""
    return np.asarray(np.interp(np.arange(padded // 2) * box / padded, np.arange(len(ssnr)), ssnr))
