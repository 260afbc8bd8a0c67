"""The curvature of the Ewald sphere, docs/math/ctf.md section 5.

An image holds two side bands, P and Q, of slices that curve away from the central plane towards
either side. In the real CTF they are added; kept apart, each can be put where it belongs.
"""

import torch
from torch import Tensor

from mgit.optics.ctf import Microscope, Optics, complex_ctf

__all__ = [
    "band_correlation",
    "band_limited",
    "curvature_matters",
    "depth_of_field_angstrom",
    "ewald_height",
    "side_bands",
]

DEPTH_FACTOR = 0.7
"""A particle thicker than 0.7 resolution^2 / wavelength sees the curvature: the phase error at its
surface is then 0.35 pi (DeRosier, Ultramicroscopy 81, 2000)."""
SMALL_PHASE = 1e-2
"""Below this phase a series stands in for a quotient that loses its digits."""


def ewald_height(frequencies: Tensor, wavelength_angstrom: float) -> Tensor:
    """Height `k^2 lambda / 2` of the sphere over the plane at frequencies `(..., 2)`, eq. 10.

    1/angstrom; the parabola, which differs from the sphere by (lambda k)^2 / 4 of itself.
    """
    return 0.5 * wavelength_angstrom * frequencies.square().sum(-1)


def side_bands(
    frequencies: Tensor, microscope: Microscope, optics: Optics, *, reverse: bool = True
) -> tuple[Tensor, Tensor]:
    """Factors (P, Q) by which an image's transform is multiplied, eq. 11.

    P belongs to the slice at height `+ewald_height`, Q to the one at `-ewald_height`; their mean is
    the real CTF. reverse: the hand of the data; it swaps the two.
    """
    forward = complex_ctf(frequencies, microscope, optics)
    return (forward.conj(), forward) if reverse else (forward, forward.conj())


def depth_of_field_angstrom(resolution_angstrom: float, wavelength_angstrom: float) -> float:
    """The thickness up to which the curvature does not matter at a resolution, eq. 12."""
    return DEPTH_FACTOR * resolution_angstrom**2 / wavelength_angstrom


def curvature_matters(
    resolution_angstrom: float, *, diameter_angstrom: float, wavelength_angstrom: float
) -> bool:
    """Whether a particle is thicker than the depth of field at the target resolution."""
    return diameter_angstrom > depth_of_field_angstrom(resolution_angstrom, wavelength_angstrom)


def band_correlation(
    frequencies: Tensor, wavelength_angstrom: float, *, diameter_angstrom: float
) -> Tensor:
    """How much the slices of both side bands have in common: `(h, w)`, eq. 14.

    The transform of a ball of the particle's diameter over the distance `lambda k^2` between them:
    1 at the origin and wherever the curvature does not matter, 0 beyond.
    """
    distance = 2 * ewald_height(frequencies, wavelength_angstrom)
    x = torch.pi * diameter_angstrom * distance
    safe = torch.where(x > SMALL_PHASE, x, torch.ones_like(x))
    ball = 3 * (torch.sin(safe) - safe * torch.cos(safe)) / safe**3
    return torch.where(x > SMALL_PHASE, ball, 1 - x * x / 10)


def band_limited(factor: Tensor, size: int) -> Tensor:
    """A factor `(..., n, n // 2 + 1)` as a box of `size` pixels sees it, in that box's layout.

    To real space, cut to the box about the origin, back; the real part is kept, eq. 15. What would
    alias in the smaller box is gone instead.
    """
    n = factor.shape[-2]
    kernel = torch.fft.irfft2(factor, s=(n, n))
    half = size // 2
    keep = torch.cat([torch.arange(half), torch.arange(n - (size - half), n)])
    kernel = kernel[..., keep[:, None], keep]
    transform: Tensor = torch.fft.rfft2(kernel)
    return transform.real
