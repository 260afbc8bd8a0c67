"""Frequencies of an image's half transform, in 1/angstrom.

Layout `(h, w // 2 + 1)`: DC at index 0, ky wraps; the frequency of Nyquist is negative along y.
"""

import torch
from torch import Tensor

__all__ = ["image_frequencies", "magnified", "polar_cosine", "shift_factor"]


def image_frequencies(
    size: int | tuple[int, int],
    pixel_size_angstrom: float,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | None = None,
) -> Tensor:
    """Frequencies (kx, ky) `(h, w // 2 + 1, 2)` of an image of `size` (h, w) or (n, n)."""
    h, w = (size, size) if isinstance(size, int) else size
    kx = torch.fft.rfftfreq(w, d=pixel_size_angstrom, dtype=dtype, device=device)
    ky = torch.fft.fftfreq(h, d=pixel_size_angstrom, dtype=dtype, device=device)
    shape = (len(ky), len(kx))
    return torch.stack([kx[None, :].expand(shape), ky[:, None].expand(shape)], dim=-1)


def magnified(frequencies: Tensor, magnification: Tensor) -> Tensor:
    """Frequencies in the specimen, `m (kx, ky)`, of frequencies `(..., 2)` in the image.

    magnification: `(2, 2)`, [[m11, m12], [m21, m22]]. The CTF, the aberrations and the slice are
    all functions of the frequency in the specimen.
    """
    return frequencies @ magnification.to(frequencies.dtype).T


def polar_cosine(frequencies: Tensor, angle: Tensor) -> Tensor:
    """`k^2 cos 2(phi - angle)` of frequencies `(..., 2)`; angle in degrees, broadcast over `...`.

    Written as a quadratic form, which is smooth at k = 0 where phi is not defined.
    """
    x, y = frequencies.unbind(-1)
    double = torch.deg2rad(2 * angle)
    return (x * x - y * y) * torch.cos(double) + 2 * x * y * torch.sin(double)


def shift_factor(frequencies: Tensor, shift_angstrom: Tensor) -> Tensor:
    """`exp(-2 pi i k . s)`, which moves an image's content by s: `(..., h, w)` of s `(..., 2)`.

    Differentiable in the shift.
    """
    shift = shift_angstrom[..., None, None, :].to(frequencies.dtype)
    phase = -2 * torch.pi * (frequencies * shift).sum(-1)
    return torch.complex(torch.cos(phase), torch.sin(phase))
