"""Rotations as differentiable matrices, docs/math/geometry.md.

Matrices act on column vectors (x, y, z) and take the particle to the image. Angles are degrees.
Euler angles are RELION's ZYZ (Heymann et al., J. Struct. Biol. 151, 2005); stage and tilt axes use
`Rz Ry Rx` with active right-handed factors.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "axis_matrices",
    "composed",
    "mean_rotation",
    "rotation_distance",
    "rotation_vector_matrices",
    "rotation_vectors",
    "zyz_angles",
    "zyz_matrices",
]

POLE_SINE_MAX = 16 * float(np.finfo(np.float64).eps)
"""Below this sine of the tilt angle, rot and psi turn about one axis and rot is set to zero."""
SMALL_ANGLE_SQUARE = 1e-4
"""Below this squared angle (rad^2) series replace quotients; their error is below 1e-17."""


def zyz_matrices(angles: Tensor) -> Tensor:
    """Matrices `(..., 3, 3)` of angles `(..., 3)`: rot, tilt, psi in degrees.

    `R = Rz(-psi) Ry(-tilt) Rz(-rot)`, docs/math/geometry.md eq. 1.
    """
    rot, tilt, psi = torch.deg2rad(angles).unbind(-1)
    cr, sr, ct, st, cp, sp = (f(a) for a in (rot, tilt, psi) for f in (torch.cos, torch.sin))
    elements = (
        *(cp * ct * cr - sp * sr, cp * ct * sr + sp * cr, -cp * st),
        *(-sp * ct * cr - cp * sr, -sp * ct * sr + cp * cr, sp * st),
        *(st * cr, st * sr, ct),
    )
    return _matrix(elements)


def zyz_angles(matrices: Tensor) -> Tensor:
    """Angles `(..., 3)` in degrees of rotations `(..., 3, 3)`; tilt in 0 to 180.

    At the poles, where only rot +- psi is defined, rot is 0. For output, not for gradients.
    """
    m = matrices
    sine = torch.hypot(m[..., 2, 0], m[..., 2, 1])
    pole = sine <= POLE_SINE_MAX
    up = m[..., 2, 2] > 0
    sign = torch.where(up, 1.0, -1.0).to(m.dtype)
    half_turn = torch.full_like(sine, torch.pi)
    tilt = torch.atan2(sine, m[..., 2, 2])
    tilt = torch.where(pole, torch.where(up, torch.zeros_like(sine), half_turn), tilt)
    rot = torch.where(pole, torch.zeros_like(sine), torch.atan2(m[..., 2, 1], m[..., 2, 0]))
    psi_at_pole = torch.atan2(-sign * m[..., 1, 0], sign * m[..., 0, 0])
    psi = torch.where(pole, psi_at_pole, torch.atan2(m[..., 1, 2], -m[..., 0, 2]))
    return torch.rad2deg(torch.stack((rot, tilt, psi), dim=-1))


def axis_matrices(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Active matrices `Rz(z) Ry(y) Rx(x)`, `(..., 3, 3)`, of angles in degrees.

    The stage correction of docs/math/geometry.md eq. 2, and the tilt itself in eq. 3.
    """
    x, y, z = (torch.deg2rad(a) for a in (x, y, z))
    cx, sx, cy, sy, cz, sz = (f(a) for a in (x, y, z) for f in (torch.cos, torch.sin))
    elements = (
        *(cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        *(sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        *(-sy, cy * sx, cy * cx),
    )
    return _matrix(elements)


def rotation_vector_matrices(vectors: Tensor) -> Tensor:
    """Rotations `(..., 3, 3)` about `vectors` `(..., 3)` by their length in degrees.

    Rodrigues' formula, smooth at zero where its derivative is the cross product: what the
    optimiser moves, because Euler angles are singular at tilt 0 (docs/math/geometry.md eq. 5).
    """
    x, y, z = torch.deg2rad(vectors).unbind(-1)
    square = x * x + y * y + z * z
    small = square < SMALL_ANGLE_SQUARE
    safe = torch.where(small, torch.ones_like(square), square)
    angle = torch.sqrt(safe)
    sine = torch.where(
        small,
        1 - square / 6 * (1 - square / 20 * (1 - square / 42)),
        torch.sin(angle) / angle,
    )
    cosine = torch.where(
        small,
        0.5 * (1 - square / 12 * (1 - square / 30 * (1 - square / 56))),
        (1 - torch.cos(angle)) / safe,
    )
    elements = (
        *(1 - cosine * (y * y + z * z), cosine * x * y - sine * z, cosine * x * z + sine * y),
        *(cosine * x * y + sine * z, 1 - cosine * (x * x + z * z), cosine * y * z - sine * x),
        *(cosine * x * z - sine * y, cosine * y * z + sine * x, 1 - cosine * (x * x + y * y)),
    )
    return _matrix(elements)


def composed(outer: Tensor, inner: Tensor) -> Tensor:
    """Products `outer inner` of matrices `(..., 3, 3)`, broadcast over the leading axes.

    Element by element over whole batches: for many small matrices that is several times faster
    than a batched matrix product.
    """
    rank = max(outer.ndim, inner.ndim)
    a, b = (m.reshape(*(1,) * (rank - m.ndim), *m.shape) for m in (outer, inner))
    a, b = a.movedim((-2, -1), (0, 1)), b.movedim((-2, -1), (0, 1))
    product = a[:, 0, None] * b[None, 0] + a[:, 1, None] * b[None, 1] + a[:, 2, None] * b[None, 2]
    return product.movedim((0, 1), (-2, -1))


def rotation_vectors(matrices: np.ndarray) -> np.ndarray:
    """Rotation vectors `(..., 3)` in degrees, at most 180 long, of rotations `(..., 3, 3)`."""
    quaternions = _quaternions(matrices)
    quaternions = np.where(quaternions[..., :1] < 0, -quaternions, quaternions)
    sine = np.linalg.norm(quaternions[..., 1:], axis=-1, keepdims=True)
    half = np.arctan2(sine, quaternions[..., :1])
    # The limit of angle / sine(angle / 2) at zero is 2.
    ratio = np.where(sine > 0, 2 * half / np.where(sine > 0, sine, 1.0), 2.0)
    return np.asarray(np.rad2deg(quaternions[..., 1:] * ratio))


def rotation_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle in degrees of the rotation that takes `b` to `a`; `(..., 3, 3)` each."""
    return np.asarray(np.linalg.norm(rotation_vectors(a @ np.swapaxes(b, -1, -2)), axis=-1))


def mean_rotation(matrices: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """The rotation `(3, 3)` closest to rotations `(n, 3, 3)` in the quaternion metric.

    The dominant eigenvector of the weighted sum of quaternion dyads, to which the sign of a
    quaternion does not matter (Markley et al., J. Guid. Control Dyn. 30, 2007).
    """
    quaternions = _quaternions(matrices)
    share = np.ones(len(quaternions)) if weights is None else weights
    dyads = np.einsum("n,ni,nj->ij", share, quaternions, quaternions)
    w, x, y, z = np.linalg.eigh(dyads)[1][:, -1]
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _matrix(elements: Sequence[Tensor]) -> Tensor:
    """Nine elements in row-major order, broadcast to one shape, as matrices `(..., 3, 3)`."""
    shape = np.broadcast_shapes(*(element.shape for element in elements))
    stacked = torch.stack([element.expand(shape) for element in elements])
    return stacked.reshape(3, 3, *shape).movedim((0, 1), (-2, -1))


def _quaternions(matrices: np.ndarray) -> np.ndarray:
    """Unit quaternions (w, x, y, z) of rotations; accurate for every angle.

    Row k of the outer product 4 q q^T follows from the matrix; the row with the largest diagonal
    element is the one that does not cancel.
    """
    m = np.asarray(matrices, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    rows = [
        [1 + xx + yy + zz, a, b, c],
        [a, 1 + xx - yy - zz, d, e],
        [b, d, 1 - xx + yy - zz, f],
        [c, e, f, 1 - xx - yy + zz],
    ]
    products = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.diagonal(products, axis1=-2, axis2=-1), axis=-1)
    chosen = np.take_along_axis(products, best[..., None, None], axis=-2)[..., 0, :]
    return np.asarray(chosen / np.linalg.norm(chosen, axis=-1, keepdims=True))
