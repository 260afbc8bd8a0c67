"""Use that a particle fills only part of its box: weighted least squares on a support.

The quotient of sums takes every Fourier voxel for an independent unknown. A density that vanishes
outside a sphere has fewer: neighbouring voxels are tied, and those with large weights help those
near a zero of the CTF. A few steps of conjugate gradients from the quotient take that up
(docs/math/reconstruction.md, eq. 5). Not a regularisation: no prior on amplitudes enters.
"""

import numpy as np
from scipy import fft

from mgit.maps.crop import unwrapped_map, wrapped_map
from mgit.maps.shells import plane_radii, shell_means

__all__ = ["fitted_on_support"]


def fitted_on_support(
    start: np.ndarray,
    numerator: np.ndarray,
    weight: np.ndarray,
    *,
    support: np.ndarray,
    radius: float,
    floor: float,
    steps: int,
) -> np.ndarray:
    """A density (n, n, n), float32, on `support`, fitted to sums (d, d, d//2+1), d >= n.

    start: where to begin, the density of the quotient before its gridding correction.
    support: bool (n, n, n). radius: in Fourier pixels of the sums, what is fitted lies below it.
    floor: added to the weights as a share of their shell's mean, as in the quotient.
    steps: of conjugate gradients; two transforms of the padded box each.
    """
    weights, data = _per_shell(numerator, weight, radius=radius, floor=floor)
    padded = numerator.shape[0]

    def normal(density: np.ndarray) -> np.ndarray:
        transform = fft.rfftn(wrapped_map(density, padded))
        return _on(support, _inverse(weights * transform, len(density)))

    density = _on(support, start.astype(np.float32, copy=False))
    residual = _on(support, _inverse(data, len(density))) - normal(density)
    direction, square = residual.copy(), _product(residual, residual)
    for _ in range(steps):
        turned = normal(direction)
        curvature = _product(direction, turned)
        if not curvature > 0:  # the residual is zero: nothing is left to fit
            break
        density += np.float32(square / curvature) * direction
        residual -= np.float32(square / curvature) * turned
        before, square = square, _product(residual, residual)
        direction = residual + np.float32(square / before) * direction
    return density


def _on(support: np.ndarray, density: np.ndarray) -> np.ndarray:
    return np.where(support, density, np.float32(0))


def _product(first: np.ndarray, second: np.ndarray) -> float:
    """Inner product, summed in float64."""
    return float(np.sum(first * second, dtype=np.float64))


def _per_shell(
    numerator: np.ndarray, weight: np.ndarray, *, radius: float, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and data over the mean weight of their shell, zero beyond the radius.

    Shells are nearly independent, so their scales are free; equal ones condition the problem.
    """
    box = numerator.shape[0]
    mean = shell_means(weight)
    weights, data = np.zeros(weight.shape, np.float32), np.zeros(numerator.shape, np.complex64)
    for plane in range(box):
        radii = plane_radii(box, plane)
        scale = np.interp(radii, np.arange(box // 2), mean)
        keep = (radii < radius) & (scale > 0)
        weights[plane][keep] = weight[plane][keep] / scale[keep] + floor
        data[plane][keep] = numerator[plane][keep] / scale[keep]
    return weights, data


def _inverse(transform: np.ndarray, box: int) -> np.ndarray:
    padded = transform.shape[0]
    return unwrapped_map(fft.irfftn(transform, s=(padded,) * 3, axes=(0, 1, 2)), box)
