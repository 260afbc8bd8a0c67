"""Filtered maps: FSC-weighted, sharpened, low-passed, whitened.

docs/math/fsc.md, eqs. 6 to 9. All filters depend on the radius only; they are profiles over shells
0 ... n/2 - 1 that multiply, so a caller combines them before one transform.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from mgit.errors import InvalidInput
from mgit.maps.shells import checked_cube, scaled_by_radius, shell_sums

__all__ = [
    "GuinierFit",
    "amplitude_spectrum",
    "filtered",
    "fsc_weights",
    "guinier_fit",
    "low_pass_profile",
    "sharpening_profile",
    "whitening_profile",
]

FSC_LEAST = 1e-4
"""FSC weights are zero from the first shell below this on."""
GUINIER_FROM_ANGSTROM = 10.0
"""Where spectra of proteins begin to fall along a straight line in the Guinier plot."""
EXPONENT_MAX = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuinierFit:
    """Straight line through ln(amplitude) against s^2.

    b_factor_angstrom2: 4 times the slope, negative when amplitudes fall. intercept: at s = 0.
    shells: first and last shell of the fit.
    """

    b_factor_angstrom2: float
    intercept: float
    shells: tuple[int, int]


def fsc_weights(curve: np.ndarray) -> np.ndarray:
    """sqrt(2 F / (1 + F)), zero from the first shell with F < 1e-4 on (eq. 6).

    The estimated correlation of the mean of two half-maps with the truth.
    """
    low = np.flatnonzero(curve < FSC_LEAST)
    weights = np.zeros(len(curve))
    stop = int(low[0]) if len(low) else len(curve)
    kept = np.minimum(curve[:stop], 1.0)
    weights[:stop] = np.sqrt(2 * kept / (1 + kept))
    return weights


def low_pass_profile(shells: int, cut_off_shell: float) -> np.ndarray:
    """1 up to one shell below the cut-off, linear to 0 one shell beyond it (eq. 7)."""
    return np.asarray(np.clip((cut_off_shell + 1 - np.arange(shells)) / 2, 0, 1))


def sharpening_profile(
    shells: int, *, b_factor_angstrom2: float, box_angstrom: float
) -> np.ndarray:
    """exp(-B s^2 / 4); a negative B sharpens (eq. 8). The exponent is capped at 50."""
    square = (np.arange(shells) / box_angstrom) ** 2
    return np.asarray(np.exp(np.minimum(-b_factor_angstrom2 * square / 4, EXPONENT_MAX)))


def whitening_profile(spectrum: np.ndarray, *, box_angstrom: float) -> np.ndarray:
    """1 below 10 A, beyond it the amplitude at 10 A over that of the shell (eq. 9).

    Raises InvalidInput when 10 A is beyond the last shell or a shell beyond it is empty.
    """
    start = round(box_angstrom / GUINIER_FROM_ANGSTROM)
    if not start < len(spectrum):
        raise InvalidInput("a map without shells beyond 10 A cannot be whitened", shell=start)
    if not (spectrum[start:] > 0).all():
        raise InvalidInput("a map with empty shells cannot be whitened")
    profile = np.ones(len(spectrum))
    profile[start:] = spectrum[start] / spectrum[start:]
    return profile


def amplitude_spectrum(density: np.ndarray, *, mask: np.ndarray | None = None) -> np.ndarray:
    """Mean amplitude of a map (n, n, n) over shells 0 ... n/2 - 1: float64."""
    box = checked_cube(density)
    transform = fft.rfftn(density if mask is None else density * mask)
    sums = shell_sums(lambda z: (np.abs(transform[z]),), box=box)
    return np.asarray(sums[0] / np.maximum(sums[1], 1))


def guinier_fit(
    spectrum: np.ndarray,
    weights: np.ndarray,
    *,
    box_angstrom: float,
    resolution_angstrom: float,
    from_angstrom: float = GUINIER_FROM_ANGSTROM,
) -> GuinierFit:
    """B-factor of a spectrum times FSC weights, between two resolutions (eq. 8).

    spectrum: amplitudes per shell. weights: as of `fsc_weights`. Shells of zero weight are left
    out. Rosenthal & Henderson, J. Mol. Biol. 333, 2003.

    Raises InvalidInput when fewer than three shells are left.
    """
    shells = np.arange(len(spectrum))
    amplitude = spectrum * weights
    inside = (shells >= box_angstrom / from_angstrom) & (shells > 0) & (amplitude > 0)
    inside &= shells <= box_angstrom / resolution_angstrom
    chosen = np.flatnonzero(inside)
    if len(chosen) < 3:
        raise InvalidInput(
            "too few shells for a B-factor",
            shells=len(chosen),
            hint=f"the map must reach well beyond {from_angstrom:g} A; give a B-factor instead",
        )
    square = (chosen / box_angstrom) ** 2
    slope, intercept = np.polyfit(square, np.log(amplitude[chosen]), 1)
    return GuinierFit(
        b_factor_angstrom2=float(4 * slope),
        intercept=float(intercept),
        shells=(int(chosen[0]), int(chosen[-1])),
    )


def filtered(density: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """The map times a profile over shells, zero beyond its last shell; dtype of the map."""
    checked_cube(density)
    transform = scaled_by_radius(fft.rfftn(density), profile)
    result = fft.irfftn(transform, s=density.shape, axes=(0, 1, 2))
    return np.asarray(result.astype(density.dtype, copy=False))
