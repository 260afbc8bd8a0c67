"""The contrast transfer function, docs/math/ctf.md.

Images are contrast-inverted, so that protein is bright and the CTF is positive at low frequencies:
`CTF = -sin gamma`. Defocus and astigmatism are in angstrom, underfocus positive.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.optics.aberrations import even_phase
from mgit.optics.frequencies import polar_cosine

__all__ = [
    "MILLIMETRE",
    "Microscope",
    "Optics",
    "complex_ctf",
    "ctf",
    "gamma",
    "wavelength_angstrom",
]

MILLIMETRE = 1e7
"""Angstrom per millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Microscope:
    """What all images of a series share: voltage, spherical aberration, amplitude contrast."""

    voltage_kilovolt: float
    spherical_aberration_millimetre: float
    amplitude_contrast: float

    def __post_init__(self) -> None:
        """Raises InvalidState for values that no microscope has."""
        if not 0 < self.voltage_kilovolt < math.inf:
            raise InvalidState(
                "the voltage is not a positive number", kilovolt=self.voltage_kilovolt
            )
        if not math.isfinite(self.spherical_aberration_millimetre):
            raise InvalidState("the spherical aberration is not finite")
        if not 0 <= self.amplitude_contrast <= 1:
            raise InvalidState(
                "the amplitude contrast is not between 0 and 1", value=self.amplitude_contrast
            )

    @property
    def wavelength_angstrom(self) -> float:
        """Wavelength of the electrons."""
        return wavelength_angstrom(self.voltage_kilovolt)

    @property
    def amplitude_phase(self) -> float:
        """The phase in radians that stands for amplitude contrast: its arcsine."""
        return math.asin(self.amplitude_contrast)


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """What differs between images; tensors of one batch shape, or broadcast to it.

    defocus, defocus_delta: angstrom, mean and difference U - V of the principal defoci.
    defocus_angle: degrees from x to the direction of U. phase_shift: degrees.
    zernike_even: `(..., 8)` radians or None.
    spherical_aberration: millimetre, added to the microscope's, or None.
    """

    defocus: Tensor
    defocus_delta: Tensor
    defocus_angle: Tensor
    phase_shift: Tensor
    zernike_even: Tensor | None = None
    spherical_aberration: Tensor | None = None


def wavelength_angstrom(voltage_kilovolt: float) -> float:
    """Relativistic wavelength of electrons, docs/math/ctf.md eq. 1."""
    volt = 1000 * voltage_kilovolt
    return 12.2643247 / math.sqrt(volt * (1 + 0.978466e-6 * volt))


def gamma(frequencies: Tensor, microscope: Microscope, optics: Optics) -> Tensor:
    """Phase gamma in radians at frequencies `(h, w, 2)`, for every image: `(..., h, w)`, eq. 2.

    Frequencies are those in the specimen (`mgit.optics.frequencies.magnified`). Differentiable in
    everything that `optics` holds.
    """
    wavelength = microscope.wavelength_angstrom
    square = frequencies.square().sum(-1)
    aberration: Tensor | float = microscope.spherical_aberration_millimetre
    if optics.spherical_aberration is not None:
        aberration = _per_image(optics.spherical_aberration) + aberration
    astigmatism = polar_cosine(frequencies, _per_image(optics.defocus_angle))
    defocused = _per_image(optics.defocus) * square
    defocused = defocused + 0.5 * _per_image(optics.defocus_delta) * astigmatism
    phase = (
        -math.pi * wavelength * defocused
        + 0.5 * math.pi * MILLIMETRE * wavelength**3 * aberration * square * square
        - torch.deg2rad(_per_image(optics.phase_shift))
        - microscope.amplitude_phase
    )
    if optics.zernike_even is not None:
        phase = phase + even_phase(frequencies, optics.zernike_even)
    return phase


def ctf(frequencies: Tensor, microscope: Microscope, optics: Optics) -> Tensor:
    """The real CTF `-sin gamma`, `(..., h, w)`, without weights, eq. 3."""
    return -torch.sin(gamma(frequencies, microscope, optics))


def complex_ctf(frequencies: Tensor, microscope: Microscope, optics: Optics) -> Tensor:
    """`exp(i (gamma + pi / 2))`, whose real part is the CTF; one side band, eq. 4.

    Its conjugate is the other side band.
    """
    phase = gamma(frequencies, microscope, optics)
    return torch.complex(-torch.sin(phase), torch.cos(phase))


def _per_image(values: Tensor) -> Tensor:
    return values[..., None, None]
