"""Correlate images with central slices of a volume: the normative reference, in plain torch.

For every image i with slice matrix A and shift s (docs/math/projection.md, eqs. 1 to 6):

    P(k) = w(k) V(A k) exp(-2 pi i k.s),   N = sum Re(conj(I) P),   D = sum |P|^2,   E = sum |I|^2

Any floating dtype, any device, differentiable in every argument. `correlate_one_pass` computes the
derivatives in closed form, also in plain torch: the baseline that kernels are timed against.
"""

from math import pi

import torch
from torch import Tensor

from kernels.packing import Packing

__all__ = ["correlate", "correlate_one_pass", "frequencies", "inside_radius", "project"]


def frequencies(disc: Packing, *, like: Tensor, columns: int) -> Tensor:
    """What A multiplies: (samples, columns) of (kx, ky) or (kx, ky, kx^2 + ky^2), real dtype."""
    k = torch.as_tensor(disc.frequencies.astype("float64")).to(like.device, like.dtype)
    if columns == 2:
        return k
    return torch.cat([k, (k * k).sum(-1, keepdim=True)], dim=-1)


def inside_radius(disc: Packing, radius: Tensor | None, *, like: Tensor) -> Tensor:
    """What a sample counts: 1, 1/2 at frequency zero, 0 outside an image's own radius.

    Shape (1, samples), or (n, samples) when images have radii of their own.
    """
    k = frequencies(disc, like=like, columns=2)
    count = torch.ones(disc.samples, dtype=like.dtype, device=like.device)
    count[disc.zero] = 0.5
    if radius is None:
        return count[None]
    return count * ((k * k).sum(-1) <= radius[:, None].to(like) ** 2)


def _cell(volume: Tensor, points: Tensor) -> tuple[Tensor, ...]:
    """Flip points to x >= 0, and find the cell of each.

    Returns corners (8, ...) complex, fractions (..., 3), sign (...) and inside (...).
    """
    box, half = volume.shape[0], volume.shape[-1]
    inside = (points.abs() <= box // 2 - 1).all(-1)
    points = torch.where(inside[..., None], points, torch.zeros_like(points))
    sign = torch.where(points[..., 0] < 0, -1.0, 1.0).to(points.dtype)
    points = points * sign[..., None]
    low = points.detach().floor()
    x, y, z = low.long().unbind(-1)
    corners = [
        volume.reshape(-1)[((z + dz) % box * box + (y + dy) % box) * half + x + dx]
        for dz in (0, 1)
        for dy in (0, 1)
        for dx in (0, 1)
    ]
    return torch.stack(corners), points - low, sign, inside


def _conjugate_where_flipped(values: Tensor, sign: Tensor) -> Tensor:
    return torch.complex(values.real, values.imag * sign)


def project(volume: Tensor, matrices: Tensor, *, disc: Packing) -> Tensor:
    """Central slices V(A k) by trilinear interpolation: (n, samples) complex.

    volume: complex (d, d, d//2+1), rfft layout, DC at index 0, axes (kz, ky, kx).
    matrices: (n, 3, 2), or (n, 3, 3) whose last column multiplies kx^2 + ky^2 (Ewald sphere).

    Points of which any coordinate exceeds d/2 - 1 in magnitude are zero.
    Maths: docs/math/projection.md, eqs. 1 to 3.
    """
    k = frequencies(disc, like=matrices, columns=matrices.shape[-1])
    points = torch.einsum("njc,sc->nsj", matrices, k)
    corners, fraction, sign, inside = _cell(volume, points)
    fx, fy, fz = fraction.unbind(-1)
    c = corners[0::2] + fx * (corners[1::2] - corners[0::2])
    c = c[0::2] + fy * (c[1::2] - c[0::2])
    value = c[0] + fz * (c[1] - c[0])
    return _conjugate_where_flipped(value, sign) * inside


def _phase(shifts: Tensor, disc: Packing) -> Tensor:
    """exp(-2 pi i k.s), (n, samples); eq. 4."""
    angle = -2 * pi * shifts @ frequencies(disc, like=shifts, columns=2).T
    return torch.complex(angle.cos(), angle.sin())


def correlate(
    volume: Tensor,
    images: Tensor,
    *,
    weights: Tensor,
    group: Tensor,
    matrices: Tensor,
    shifts: Tensor,
    disc: Packing,
    radius: Tensor | None = None,
) -> Tensor:
    """The three terms (N, D, E) of every image: real (n, 3).

    volume: complex (d, d, d//2+1), rfft layout, DC at index 0, axes (kz, ky, kx).
    images: complex (n, samples), packed. weights: real (groups, samples), applied to the slice.
    group: integer (n), the row of `weights` of each image.
    matrices: real (n, 3, 2) or (n, 3, 3). shifts: real (n, 2), (x, y) as fractions of the box.
    radius: integer (n), a smaller disc per image, in Fourier pixels; None uses the whole disc.

    Sums run over one sample of each Friedel pair, half of frequency zero: half of the whole plane.
    Maths: docs/math/projection.md, eqs. 4 to 6.
    """
    slices = project(volume, matrices, disc=disc)
    count = inside_radius(disc, radius, like=matrices)
    predicted = weights[group] * slices * _phase(shifts, disc)
    numerator = (images.conj() * predicted).real * count
    power = (predicted.real**2 + predicted.imag**2) * count
    energy = (images.real**2 + images.imag**2) * count
    return torch.stack([numerator.sum(-1), power.sum(-1), energy.sum(-1)], dim=-1)


def correlate_one_pass(
    volume: Tensor,
    images: Tensor,
    *,
    weights: Tensor,
    group: Tensor,
    matrices: Tensor,
    shifts: Tensor,
    disc: Packing,
    radius: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Terms and their derivatives in closed form, without autograd; arguments as `correlate`.

    Returns terms (n, 3), dN/ds (n, 2), dN/dA (n, 3, c) and dD/dA (n, 3, c), c = 2 or 3.
    Maths: docs/math/projection.md, eqs. 7 to 10.
    """
    k = frequencies(disc, like=matrices, columns=matrices.shape[-1])
    points = torch.einsum("njc,sc->nsj", matrices, k)
    corners, fraction, sign, inside = _cell(volume, points)
    fx, fy, fz = fraction.unbind(-1)
    along_x = corners[1::2] - corners[0::2]
    c = corners[0::2] + fx * along_x
    along_y = c[1::2] - c[0::2]
    c = c[0::2] + fy * along_y
    along_x = along_x[0::2] + fy * (along_x[1::2] - along_x[0::2])
    slopes = torch.stack(
        [
            along_x[0] + fz * (along_x[1] - along_x[0]),
            along_y[0] + fz * (along_y[1] - along_y[0]),
            c[1] - c[0],
        ]
    )
    value = _conjugate_where_flipped(c[0] + fz * (c[1] - c[0]), sign) * inside
    slopes = _conjugate_where_flipped(slopes, sign) * sign * inside

    count = inside_radius(disc, radius, like=matrices)
    weight = weights[group]
    q = images.conj() * _phase(shifts, disc) * (weight * count)
    qv = q * value
    power = weight * weight * count
    terms = [
        qv.real.sum(-1),
        (power * (value.real**2 + value.imag**2)).sum(-1),
        (count * (images.real**2 + images.imag**2)).sum(-1),
    ]
    t = (q * slopes).real
    u = 2 * power * (value.conj() * slopes).real
    return (
        torch.stack(terms, dim=-1),
        2 * pi * qv.imag @ k[:, :2],
        torch.einsum("jns,sc->njc", t, k),
        torch.einsum("jns,sc->njc", u, k),
    )
