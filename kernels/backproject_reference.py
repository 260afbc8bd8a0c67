"""Scatter images along central slices into a volume: the normative reference, in plain torch.

The adjoint of `correlate`: data += I conj(phase), weight += w, both spread with the trilinear
weights that a slice is gathered with, each sample together with its Friedel partner
(docs/math/backprojection.md, eqs. 1 to 4). Sums run in the dtype of the arguments.
"""

import torch
from torch import Tensor

from kernels.correlate_reference import frequencies, inside_radius
from kernels.packing import Packing

__all__ = ["backproject", "inner_product"]


def _spread(points: Tensor, values: Tensor, *, box: int) -> tuple[Tensor, Tensor]:
    """Indices (8, n) into the flat half volume and what each adds (8, n, 3), for points x >= 0."""
    half = box // 2 + 1
    low = points.floor()
    x, y, z = low.long().unbind(-1)
    fraction = points - low
    indices, amounts = [], []
    for corner in range(8):
        dx, dy, dz = corner & 1, corner >> 1 & 1, corner >> 2
        chosen = [
            fraction[..., axis] if step else 1 - fraction[..., axis]
            for axis, step in enumerate((dx, dy, dz))
        ]
        indices.append(((z + dz) % box * box + (y + dy) % box) * half + x + dx)
        amounts.append((chosen[0] * chosen[1] * chosen[2])[..., None] * values)
    return torch.stack(indices), torch.stack(amounts)


def _friedel_partners(indices: Tensor, amounts: Tensor, *, box: int) -> tuple[Tensor, Tensor]:
    """What the partners of samples next to the plane kx = 0 add to that plane."""
    half = box // 2 + 1
    on_plane = indices % half == 0
    row = indices[on_plane] // half
    mirrored = (-(row // box) % box * box + -row % box) * half
    return mirrored, amounts[on_plane] * amounts.new_tensor([1.0, -1.0, 1.0])


def backproject(
    images: Tensor,
    weights: Tensor,
    *,
    group: Tensor,
    matrices: Tensor,
    shifts: Tensor,
    disc: Packing,
    box: int,
    radius: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Sums of images and of weights on the grid of a half-complex volume.

    images: complex (n, samples), packed, already multiplied by what the data are weighted with.
    weights: real (groups, samples), what is summed next to them. group: integer (n).
    matrices, shifts, radius: as in `correlate_reference.correlate`. box: even d of the result.

    Returns data, complex (d, d, d//2+1), and weight, real, of the same shape; rfft layout.
    Points of which any coordinate exceeds d/2 - 1 in magnitude are dropped.
    Maths: docs/math/backprojection.md, eqs. 1 to 4.
    """
    half = box // 2 + 1
    k = frequencies(disc, like=matrices, columns=matrices.shape[-1])
    points = torch.einsum("njc,sc->nsj", matrices, k)
    angle = 2 * torch.pi * shifts @ k[:, :2].T
    count = inside_radius(disc, radius, like=matrices)
    data = images * torch.complex(angle.cos(), angle.sin()) * count
    values = torch.stack([data.real, data.imag, (weights[group] * count).expand(data.shape)], -1)

    inside = (points.abs() <= box // 2 - 1).all(-1)
    points, values = points[inside], values[inside]
    sign = torch.where(points[:, 0] < 0, -1.0, 1.0).to(points.dtype)
    values = values * torch.stack([torch.ones_like(sign), sign, torch.ones_like(sign)], -1)
    indices, amounts = _spread(points * sign[:, None], values, box=box)
    mirrored, partners = _friedel_partners(indices, amounts, box=box)
    sums = values.new_zeros(box * box * half, 3)
    sums = sums.index_add(0, indices.reshape(-1), amounts.reshape(-1, 3))
    sums = sums.index_add(0, mirrored, partners).reshape(box, box, half, 3)
    return torch.complex(sums[..., 0], sums[..., 1]), sums[..., 2]


def inner_product(first: Tensor, second: Tensor) -> Tensor:
    """Re <first, second> of two half-complex volumes as half of the sum over the whole transform.

    With it, N of `correlate` equals Re <backproject(w I), V>: docs/math/backprojection.md, eq. 5.
    """
    products = (first.conj() * second).real
    return products.sum() - products[..., 0].sum() / 2
