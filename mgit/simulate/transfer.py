"""What a microscope does to a projection: contrast transfer, radiation damage, path length.

The image of a particle with projection P is, before it is inverted to dark on bright,
`cos(tilt) * F^-1[ CTF(k) exp(-exposure k^2) F[P] ]` with, for underfocus df > 0,
`CTF = -sin(gamma)`,
`gamma = -pi lambda df k^2 + (pi / 2) Cs lambda^3 k^4 - phase - atan(A / sqrt(1 - A^2))`,
`df(phi) = defocus + delta / 2 * cos 2 (phi - angle)`, lengths in angstrom.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Lens", "contrast_transfer", "exposure_decay", "frequencies", "reach_px", "wavelength"]

ANGSTROM_PER_MILLIMETRE = 1e7
PLANCK_OVER_ROOT = 12.264_324_7
"""h / sqrt(2 m e), angstrom times square root of volt, as cryo-EM programs have it."""
RELATIVISTIC = 0.978_466e-6
"""e / (2 m c^2), 1 / volt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Constants of the microscope."""

    voltage_kilovolt: float
    spherical_aberration_millimetre: float
    amplitude_contrast: float


def wavelength(voltage_kilovolt: float) -> float:
    """Relativistic wavelength of the electron, angstrom."""
    volt = voltage_kilovolt * 1e3
    return PLANCK_OVER_ROOT / math.sqrt(volt * (1 + RELATIVISTIC * volt))


def frequencies(shape: tuple[int, int], pixel_size_angstrom: float) -> tuple[np.ndarray, ...]:
    """(kx, ky) of a real transform of `(height, width)`, each `(height, width // 2 + 1)`, 1/A."""
    height, width = shape
    ky = np.fft.fftfreq(height, pixel_size_angstrom)[:, None]
    kx = np.fft.rfftfreq(width, pixel_size_angstrom)[None, :]
    return np.broadcast_arrays(kx, ky)


def contrast_transfer(
    lens: Lens,
    k: tuple[np.ndarray, ...],
    *,
    defocus: float,
    delta: float = 0.0,
    angle_degree: float = 0.0,
    phase_degree: float = 0.0,
) -> np.ndarray:
    """CTF at frequencies (kx, ky) in 1/A, positive at k = 0. defocus, delta: angstrom."""
    kx, ky = k
    squared = kx**2 + ky**2
    length = wavelength(lens.voltage_kilovolt)
    azimuth = np.arctan2(ky, kx)
    local = defocus + 0.5 * delta * np.cos(2 * (azimuth - math.radians(angle_degree)))
    spherical = lens.spherical_aberration_millimetre * ANGSTROM_PER_MILLIMETRE
    amplitude = math.asin(lens.amplitude_contrast)  # = atan(A / sqrt(1 - A^2))
    gamma = (
        -math.pi * length * local * squared
        + math.pi / 2 * spherical * length**3 * squared**2
        - math.radians(phase_degree)
        - amplitude
    )
    return np.asarray(-np.sin(gamma))


def exposure_decay(k: tuple[np.ndarray, ...], exposure: float) -> np.ndarray:
    """Amplitude left after an exposure in e/A^2: `exp(-exposure k^2)`."""
    kx, ky = k
    return np.asarray(np.exp(-exposure * (kx**2 + ky**2)))


def reach_px(lens: Lens, *, defocus: float, pixel_size_angstrom: float) -> int:
    """Pixels that the CTF spreads a point: `max |d gamma / dk| / (2 pi)` up to the corner."""
    k = np.linspace(0, math.sqrt(0.5) / pixel_size_angstrom, 257)
    length = wavelength(lens.voltage_kilovolt)
    spherical = lens.spherical_aberration_millimetre * ANGSTROM_PER_MILLIMETRE
    shift = -length * defocus * k + spherical * length**3 * k**3
    return math.ceil(float(np.abs(shift).max()) / pixel_size_angstrom)
