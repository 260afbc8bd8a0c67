"""Take out what trilinear gridding does to a map: its damping, and the bias of low shells.

Spreading multiplies the map by a profile. The quotient of sums also takes the weight for constant
within the reach of the kernel, which shifts its weighted mean off the voxel where the weight rises
steeply, as it does up to the first maximum of the CTF. A few steps on the low shells alone, which
are few samples, bring the density near to one whose own sums would be the given ones.
docs/math/reconstruction.md, eqs. 6 and 12 to 14.
"""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from mgit.maps.crop import resize_transform, unwrapped_map, wrapped_map
from mgit.maps.shells import plane_radii, shell_means

__all__ = ["divide_damping", "gridding_profile", "low_shells_corrected"]

STEEP = 0.2
"""Relative change of the mean weight per Fourier pixel at which half of a residual is applied."""
PROFILE_REACH = 0.25
"""Share of the padded box up to which the damping of weights is undone; aliases rule beyond."""
RISE = 3.0
"""How much the mean weight must rise to its maximum: less is uneven coverage and no CTF."""
MARGIN_SHELLS = 6
"""Shells beyond the corrected ones that are looked at, because the kernel mixes neighbours."""


def gridding_profile(box: int, padded: int) -> np.ndarray:
    """What trilinear interpolation on a grid of `padded` multiplies a map's axis with: (n).

    sinc^2 of the distance from the centre n // 2 over the padded box (eq. 6).
    """
    return np.asarray(np.sinc((np.arange(box) - box // 2) / padded) ** 2)


def divide_damping(
    density: np.ndarray, profile: np.ndarray, *, shares: Sequence[float] = ()
) -> None:
    """Divide a cube, in place, by the product of the profile over its axes.

    shares: of the operators of each symmetry imposed on the sums that needed interpolation, which
    damps once more (docs/math/symmetry.md, eq. 5).
    """
    for z in range(len(density)):
        density[z] /= _damping(profile, z, shares)


def low_shells_corrected(
    density: np.ndarray,
    numerator: np.ndarray,
    weight: np.ndarray,
    *,
    steps: int,
    shares: Sequence[float] = (),
) -> np.ndarray:
    """A density (n, n, n) whose low shells explain the sums (d, d, d//2+1); float32.

    density: of the quotient, without its damping. steps: of two transforms of a small box each.
    Maths: docs/math/reconstruction.md, eqs. 12 to 14.
    """
    padded = len(numerator)
    applied = _shell_gain(shell_means(weight))
    small = min(padded, 2 * (len(applied) + MARGIN_SHELLS))
    if len(applied) < 2 or steps == 0:
        return density
    data, weights = (resize_transform(each, small) for each in (numerator, weight))
    # Every image has a sample at zero frequency, on the grid: nothing spread it, and undoing that
    # would take from its neighbours. It counts as much as they do.
    excess = max(1.0, float(weights[0, 0, 0]) / float(shell_means(weights)[1]))
    data[0, 0, 0] /= excess
    weights[0, 0, 0] /= excess
    whole = fft.rfftn(wrapped_map(density, padded))
    first = resize_transform(whole, small)
    response, gain = _response(weights, shares), _gain(weights, applied)
    gain /= np.maximum(gain * response, 1)  # steps longer than to the solution would run away
    profile = np.fft.ifftshift(gridding_profile(small, small))
    within = _within(small, len(density) / padded)
    found = first
    for _ in range(steps):
        explained = fft.irfftn(response * found, s=(small,) * 3, axes=(0, 1, 2))
        for z in range(small):
            explained[z] *= _damping(profile, z, shares)
        step = fft.irfftn(gain * (data - fft.rfftn(explained)), s=(small,) * 3, axes=(0, 1, 2))
        found = found + fft.rfftn(step * within)
    change = resize_transform((found - first).astype(np.complex64), padded)
    return np.asarray(density + _back(change, len(density)))


def _within(box: int, share: float) -> np.ndarray:
    """What of a box about index 0 lies in its middle share along all axes: float32 (d, d, d)."""
    axis = (np.abs(np.fft.fftfreq(box)) <= share / 2).astype(np.float32)
    return np.asarray(axis[:, None, None] * axis[:, None] * axis)


def _shell_gain(mean: np.ndarray) -> np.ndarray:
    """Share of a residual that is applied per shell, up to the largest mean weight (eq. 14).

    Where the weight hardly changes the quotient has no bias, and a correction would only add noise.
    """
    peak = int(np.argmax(mean[1:])) + 1
    if mean[peak] < RISE * mean[1 : peak + 1].min():
        return np.zeros(0)
    rate = np.abs(np.gradient(mean)) / np.maximum(mean, np.finfo(np.float64).tiny)
    share = rate**2 / (rate**2 + STEEP**2)
    share[0] = 0.0  # lies on the grid: nothing is interpolated
    return np.asarray(share[:peak])


def _response(weight: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The transform of what a point becomes in the sums, without the damping: float32 (eq. 12)."""
    padded = len(weight)
    spread = fft.irfftn(weight, s=(padded,) * 3, axes=(0, 1, 2))
    profile = np.maximum(gridding_profile(padded, padded), np.sinc(PROFILE_REACH) ** 2)
    divide_damping(spread, np.fft.ifftshift(profile), shares=shares)
    # Weights are real, so the point spread is even and its transform real; it rings around zero
    # beside sharp edges of the weight, and steps along negative values would run away.
    return np.asarray(np.maximum(fft.rfftn(spread).real, np.float32(0)))


def _gain(weight: np.ndarray, applied: np.ndarray) -> np.ndarray:
    """What a residual is multiplied with in every sample: float32 (eq. 13)."""
    mean = shell_means(weight)
    gain = np.zeros(weight.shape, np.float32)
    for plane in range(len(weight)):
        radii = plane_radii(len(weight), plane)
        largest = np.maximum(np.interp(radii, np.arange(len(mean)), mean), weight[plane])
        share = np.interp(radii, np.arange(len(applied)), applied, right=0.0)
        np.divide(share, largest, out=gain[plane], where=largest > 0, casting="same_kind")
    return gain


def _damping(profile: np.ndarray, z: int, shares: Sequence[float]) -> np.ndarray:
    """Plane z of the product of the profile over the axes, and of what symmetry damps."""
    trilinear = profile[z] * profile[:, None] * profile[None, :]
    damping = trilinear
    for share in shares:
        damping = damping * (1 - share + share * trilinear)
    return np.asarray(damping)


def _back(transform: np.ndarray, box: int) -> np.ndarray:
    padded = len(transform)
    return unwrapped_map(fft.irfftn(transform, s=(padded,) * 3, axes=(0, 1, 2)), box)
