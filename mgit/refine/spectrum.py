"""The amplitude spectrum of a tilt around its particles, by which both sides are whitened."""

import numpy as np
import torch
from torch import Tensor

from kernels.packing import Packing
from mgit.errors import InvalidInput
from mgit.refine.tilt_numbers import exclusion, tilt_number

__all__ = ["PARTICLES_MAX", "amplitude_spectrum", "at_samples", "chosen_rows", "disc_power"]

PARTICLES_MAX = 64
"""Particles per tilt that the spectrum is measured on, evenly spaced in the table."""
FLOOR = 1e-3
"""Least amplitude relative to the mean: shells without power must not be blown up."""
LEAST_PASSED = 1e-3
"""Least share of the power that filters count as having let through."""


def chosen_rows(count: int) -> np.ndarray:
    """Rows of the particles that are measured: all, or PARTICLES_MAX evenly spaced ones."""
    if count <= PARTICLES_MAX:
        return np.arange(count)
    return np.arange(PARTICLES_MAX) * count // PARTICLES_MAX


def disc_power(discs: Tensor) -> Tensor:
    """Squared absolute values of packed discs `(..., samples)`, float64."""
    return discs.real.double() ** 2 + discs.imag.double() ** 2


def amplitude_spectrum(
    power: Tensor, disc: Packing, *, item: str, tilt: int, passed: Tensor | None = None
) -> np.ndarray:
    """Amplitude in rings 0 ... radius of the mean power `(samples)` of images: float64, eq. 4.

    passed: `(samples)`, the mean share of the power that filters let through which the images went
    through before (eq. 4b); the spectrum is that of the images without them.

    Ring 0 takes the value of ring 1, because the mean of an image says nothing.
    Raises InvalidInput, naming item and tilt, where there is no power or it is not finite.
    """
    ring = _rings(disc)
    total, share = (
        np.bincount(ring, each.double().numpy(), minlength=disc.radius + 1)[: disc.radius + 1]
        for each in (power, torch.ones(disc.samples) if passed is None else passed)
    )
    # Where filters let nothing through, images say nothing about the power before.
    amplitude = np.sqrt(total / np.maximum(share, LEAST_PASSED * np.bincount(ring)))
    amplitude[0] = amplitude[1]
    if not np.isfinite(amplitude).all() or not amplitude.mean() > 0:
        raise InvalidInput(
            "the particles of a tilt have no signal to whiten",
            hint=f"run {exclusion(item, tilt)}",
            item=item,
            tilt=tilt_number(tilt),
        )
    return np.asarray(np.maximum(amplitude, FLOOR * amplitude.mean()))


def at_samples(amplitude: np.ndarray, disc: Packing) -> Tensor:
    """The spectrum at every sample of a disc, linear between rings: float64 (samples)."""
    radius = np.hypot(*disc.frequencies.astype(np.float64).T)
    return torch.from_numpy(np.interp(radius, np.arange(len(amplitude)), amplitude))


def _rings(disc: Packing) -> np.ndarray:
    radius = np.hypot(*disc.frequencies.astype(np.float64).T)
    return np.asarray(np.minimum(np.rint(radius), disc.radius), dtype=np.int64)
