"""Zernike aberrations of the phase, docs/math/aberrations.md.

Polynomials are not normalised and take frequencies in 1/angstrom themselves:
`Z_n^m = R_n^|m|(k) cos(m phi)` for m >= 0, `R_n^|m|(k) sin(|m| phi)` for m < 0, coefficients in
radians. Even ones, without piston, add to gamma; odd ones turn the image's transform by
`exp(+i sum)`. RELION lists the same polynomials in the same order; its even coefficients mean the
same, its odd ones turn the prediction and so have the opposite sign.
"""

from functools import cache
from math import factorial

import torch
from torch import Tensor

from mgit.errors import InvalidState

__all__ = [
    "EVEN_TERMS",
    "ODD_TERMS",
    "beam_tilt_coefficients",
    "even_from_relion",
    "even_phase",
    "odd_from_relion",
    "odd_phase",
    "odd_to_relion",
    "phase_correction",
    "zernike",
]

ODD_TERMS: tuple[tuple[int, int], ...] = tuple(
    (n, m) for n in (1, 3, 5) for m in range(-n, n + 1, 2)
)
"""(n, m) of the 12 odd coefficients."""
EVEN_TERMS: tuple[tuple[int, int], ...] = tuple((n, m) for n in (2, 4) for m in range(-n, n + 1, 2))
"""(n, m) of the 8 even coefficients; the piston is not among them."""


def zernike(frequencies: Tensor, *, n: int, m: int) -> Tensor:
    """The polynomial Z_n^m at frequencies `(..., 2)` in 1/angstrom, eq. 1.

    A polynomial in kx and ky, so smooth at k = 0. Raises InvalidState unless 0 <= |m| <= n and
    n - m is even.
    """
    if abs(m) > n or (n - m) % 2:
        raise InvalidState("there is no Zernike polynomial of these numbers", n=n, m=m)
    x, y = frequencies.unbind(-1)
    square = x * x + y * y
    cosine, sine = _angular(x, y, abs(m))
    radial = torch.zeros_like(square)
    for power, coefficient in _radial(n, abs(m)):
        radial = radial + coefficient * square**power
    return radial * (cosine if m >= 0 else sine)


def odd_phase(frequencies: Tensor, coefficients: Tensor) -> Tensor:
    """Phase `(..., h, w)` in radians of odd coefficients `(..., 12)` at frequencies `(h, w, 2)`.

    Differentiable in both.
    """
    return _phase(frequencies, coefficients, ODD_TERMS)


def even_phase(frequencies: Tensor, coefficients: Tensor) -> Tensor:
    """What even coefficients `(..., 8)` add to gamma at frequencies `(h, w, 2)`: `(..., h, w)`."""
    return _phase(frequencies, coefficients, EVEN_TERMS)


def phase_correction(frequencies: Tensor, odd_coefficients: Tensor) -> Tensor:
    """The factor `exp(+i phase)` that takes odd aberrations out of an image's transform, eq. 2."""
    phase = odd_phase(frequencies, odd_coefficients)
    return torch.complex(torch.cos(phase), torch.sin(phase))


def odd_from_relion(coefficients: Tensor) -> Tensor:
    """Our odd coefficients `(..., 12)` of RELION's rlnOddZernike `(..., up to 12)`, eq. 3.

    RELION turns the prediction by exp(+i sum), which is to turn the image by exp(-i sum).
    """
    return -_padded(coefficients, len(ODD_TERMS))


def odd_to_relion(coefficients: Tensor) -> Tensor:
    """RELION's rlnOddZernike of our odd coefficients: the inverse of `odd_from_relion`."""
    return -coefficients


def even_from_relion(coefficients: Tensor) -> Tensor:
    """Our even coefficients `(..., 8)` of RELION's rlnEvenZernike `(..., up to 9)`, eq. 4.

    RELION's list starts with the piston, which acts as a phase shift: pass its negative, in
    degrees, to the CTF's phase shift.
    """
    return _padded(coefficients[..., 1:], len(EVEN_TERMS))


def beam_tilt_coefficients(
    beam_tilt_milliradian: Tensor,
    *,
    wavelength_angstrom: float,
    spherical_aberration_millimetre: float,
) -> Tensor:
    """Odd coefficients `(..., 12)` of axial coma by a beam tilt (x, y) `(..., 2)`, eq. 5.

    The image's transform is turned by `2 pi Cs lambda^2 k^2 (k . tilt)`, as RELION's rlnBeamTiltX
    and rlnBeamTiltY and Warp's BeamTilt do.
    """
    tilt = beam_tilt_milliradian * 1e-3
    cs = spherical_aberration_millimetre * 1e7
    third = 2 * torch.pi * cs * wavelength_angstrom**2 / 3 * tilt
    # 3 k^3 - 2 k and k combine to a pure k^3 cos or sin.
    x, y = third.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([2 * y, 2 * x, zero, y, x, *[zero] * 7], dim=-1)


def _phase(frequencies: Tensor, coefficients: Tensor, terms: tuple[tuple[int, int], ...]) -> Tensor:
    if coefficients.shape[-1] != len(terms):
        raise InvalidState(
            "the number of aberration coefficients is wrong",
            expected=len(terms),
            given=coefficients.shape[-1],
        )
    basis = torch.stack([zernike(frequencies, n=n, m=m) for n, m in terms])
    flat = coefficients.to(basis.dtype) @ basis.flatten(1)
    return flat.reshape(*coefficients.shape[:-1], *basis.shape[1:])


def _padded(coefficients: Tensor, count: int) -> Tensor:
    short = count - coefficients.shape[-1]
    if short < 0 and bool(coefficients[..., count:].any()):
        raise InvalidState("aberrations of a higher order cannot be applied", terms=count - short)
    return torch.nn.functional.pad(coefficients, (0, short))


def _angular(x: Tensor, y: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of (x + i y)^m."""
    cosine, sine = torch.ones_like(x), torch.zeros_like(x)
    for _ in range(m):
        cosine, sine = cosine * x - sine * y, cosine * y + sine * x
    return cosine, sine


@cache
def _radial(n: int, m: int) -> tuple[tuple[int, float], ...]:
    """Pairs (power of k^2, coefficient) of R_n^m(k) / k^m."""
    pairs = []
    for j in range((n - m) // 2 + 1):
        sign = -1 if j % 2 else 1
        lower = factorial((n + m) // 2 - j) * factorial((n - m) // 2 - j)
        pairs.append(((n - m) // 2 - j, sign * factorial(n - j) / (factorial(j) * lower)))
    return tuple(pairs)
