"""The box in which the CTF does not alias, docs/math/alias_free_size.md.

Defocus spreads a particle's signal over |grad gamma| / 2 pi in real space. A box holds it, and
samples every ring of the CTF twice, when it is at least that much wider on both sides.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from mgit.errors import InvalidState
from mgit.optics.aberrations import even_phase
from mgit.optics.ctf import MILLIMETRE, Microscope

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
    Exact without even aberrations. With them the largest gradient of their phase, found by
    sampling, is added, which bounds the true one from above.

    Raises InvalidState for values that are not finite.
    """
    half = np.abs(defocus_delta) / 2
    high, low = float(np.max(defocus + half)), float(np.min(defocus - half))
    if not (math.isfinite(high) and math.isfinite(low) and math.isfinite(frequency_max)):
        raise InvalidState("a defocus is not finite")
    wavelength = microscope.wavelength_angstrom
    aberration = microscope.spherical_aberration_millimetre * MILLIMETRE
    gradients = [0.0]
    for principal in (high, low):
        places = [frequency_max]
        if aberration * principal > 0:
            # Where the derivative of the gradient by k vanishes.
            turn = math.sqrt(principal / (3 * aberration * wavelength**2))
            places += [turn] if turn < frequency_max else []
        gradients += [
            2 * math.pi * abs(aberration * (wavelength * k) ** 3 - wavelength * principal * k)
            for k in places
        ]
    extra = 0.0
    if zernike_even is not None and np.any(zernike_even):
        extra = _even_gradient_max(zernike_even, frequency_max)
    return max(gradients) + extra


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


def _even_gradient_max(coefficients: np.ndarray, frequency_max: float) -> float:
    """The largest gradient of even aberrations `(..., 8)` over the disc; a homogeneous bound.

    Polar samples; the maximum of a polynomial of degree 4 varies little between so many.
    """
    radius = torch.linspace(0, frequency_max, RADII, dtype=torch.float64)[:, None]
    angle = torch.arange(DIRECTIONS, dtype=torch.float64) * (2 * math.pi / DIRECTIONS)
    frequencies = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    frequencies.requires_grad_()
    largest = 0.0
    for each in torch.from_numpy(np.array(coefficients, np.float64)).reshape(-1, 8):
        phase = even_phase(frequencies, each)
        (gradient,) = torch.autograd.grad(phase.sum(), frequencies)
        largest = max(largest, float(gradient.norm(dim=-1).max()))
    return largest
