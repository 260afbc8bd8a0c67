"""The box in which the CTF does not alias, docs/math/alias_free_size.md.

Defocus spreads a particle's signal over |grad gamma| / 2 pi in real space. A box holds it, and
samples every ring of the CTF twice, when it is at least that much wider on both sides.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from mgit.errors import InvalidState
from mgit.optics.ctf import MILLIMETRE, Microscope, Optics, gamma

__all__ = ["alias_free_size", "fft_friendly_size", "phase_gradient_max"]

DIAGONAL = math.sqrt(2.0)
"""Shells reach the corner of the box at sqrt(2) times their distance along an axis."""
FAST_FACTORS = (2, 3, 5, 7)
RADII, DIRECTIONS = 512, 48


def phase_gradient_max(
    microscope: Microscope,
    *,
    defocus: np.ndarray,
    defocus_delta: np.ndarray,
    frequency_max: float,
    zernike_even: np.ndarray | None = None,
) -> float:
    """The largest |grad gamma| in radians angstrom below `frequency_max` (1/angstrom), eq. 2.

    defocus, defocus_delta: angstrom, of all particles and images, broadcast to one shape.
    zernike_even: `(8,)` radians. Exact without even aberrations; with them a close upper bound,
    which takes the astigmatism where it is worst.

    Raises InvalidState for values that are not finite.
    """
    half = np.abs(defocus_delta) / 2
    high, low = float(np.max(defocus + half)), float(np.min(defocus - half))
    if not (math.isfinite(high) and math.isfinite(low) and math.isfinite(frequency_max)):
        raise InvalidState("a defocus is not finite")
    if zernike_even is not None and np.any(zernike_even):
        # The gradient is affine in defocus and its norm convex: extremes are enough.
        return max(
            _sampled_gradient_max(
                microscope,
                defocus=float(mean),
                defocus_delta=2 * float(np.max(half)),
                frequency_max=frequency_max,
                zernike_even=zernike_even,
            )
            for mean in (np.max(defocus), np.min(defocus))
        )
    return max(_radial_gradient_max(microscope, z, frequency_max) for z in (high, low))


def _radial_gradient_max(microscope: Microscope, defocus: float, frequency_max: float) -> float:
    """The largest |d gamma / dk| along a line where the defocus is `defocus`, eq. 1."""
    wavelength = microscope.wavelength_angstrom
    aberration = microscope.spherical_aberration_millimetre * MILLIMETRE
    places = [frequency_max]
    if aberration * defocus > 0:
        # Where the derivative of the gradient by k vanishes.
        turn = math.sqrt(defocus / (3 * aberration * wavelength**2))
        places += [turn] if turn < frequency_max else []
    return max(
        2 * math.pi * abs(aberration * (wavelength * k) ** 3 - wavelength * defocus * k)
        for k in places
    )


def alias_free_size(
    gradient_max: float,
    *,
    diameter_angstrom: float,
    pixel_size_angstrom: float,
) -> int:
    """Even, FFT-friendly size of a box that neither aliases the CTF nor cuts the particle, eq. 3.

    gradient_max: from `phase_gradient_max`, radians angstrom.
    """
    delocalised = DIAGONAL * gradient_max / math.pi
    return fft_friendly_size((delocalised + diameter_angstrom) / pixel_size_angstrom)


def fft_friendly_size(pixels: float, *, multiple: int = 2) -> int:
    """The smallest multiple of `multiple`, at least `pixels`, without prime factors above 7."""
    size = max(multiple, math.ceil(pixels / multiple) * multiple)
    while not _is_smooth(size, FAST_FACTORS):
        size += multiple
    return size


def _is_smooth(number: int, factors: Sequence[int]) -> bool:
    for factor in factors:
        while number % factor == 0:
            number //= factor
    return number == 1


def _sampled_gradient_max(
    microscope: Microscope,
    *,
    defocus: float,
    defocus_delta: float,
    frequency_max: float,
    zernike_even: np.ndarray,
) -> float:
    """The largest |grad gamma| on a polar grid, plus what astigmatism can add at its radius."""
    radius = torch.linspace(0, frequency_max, RADII, dtype=torch.float64)[:, None]
    angle = torch.arange(DIRECTIONS, dtype=torch.float64) * (2 * math.pi / DIRECTIONS)
    frequencies = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    frequencies.requires_grad_()
    zero = torch.zeros((), dtype=torch.float64)
    optics = Optics(
        defocus=zero + defocus,
        defocus_delta=zero,
        defocus_angle=zero,
        phase_shift=zero,
        zernike_even=torch.from_numpy(np.array(zernike_even, np.float64)),
    )
    phase = gamma(frequencies, microscope, optics)
    (gradient,) = torch.autograd.grad(phase.sum(), frequencies)
    astigmatic = math.pi * microscope.wavelength_angstrom * abs(defocus_delta) * radius
    return float((gradient.norm(dim=-1) + astigmatic).max())
