"""Rotations as RELION writes them: ZYZ Euler angles in degrees.

`R(rot, tilt, psi) = Rz(-psi) Ry(-tilt) Rz(-rot)` with active right-handed matrices maps reference
coordinates to the target frame (RELION conventions; Heymann et al., J. Struct. Biol. 151, 2005).
Tilt geometry instead uses `Rz(axis) Ry(y) Rx(x)`.
"""

import numpy as np

__all__ = [
    "axis_angles",
    "axis_matrices",
    "compose_angles",
    "divide_angles",
    "euler_angles",
    "euler_matrices",
]

POLE_SINE_MAX = float(np.sqrt(np.finfo(np.float64).eps))
"""Below this sine of the tilt angle, rot and psi turn about one axis and rot is set to zero.

Rounding turns each of them by eps / sine, leaving the sine out turns by sine: least together here.
"""


def euler_matrices(angles: np.ndarray) -> np.ndarray:
    """Matrices `(..., 3, 3)` of ZYZ angles `(..., 3)`: rot, tilt, psi in degrees."""
    rot, tilt, psi = np.moveaxis(np.deg2rad(angles), -1, 0)
    with np.errstate(invalid="ignore"):  # infinite angles become NaN, which the reader refuses
        cr, sr, ct, st, cp, sp = (f(a) for a in (rot, tilt, psi) for f in (np.cos, np.sin))
    rows = [
        [cp * ct * cr - sp * sr, cp * ct * sr + sp * cr, -cp * st],
        [-sp * ct * cr - cp * sr, -sp * ct * sr + cp * cr, sp * st],
        [st * cr, st * sr, ct],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def euler_angles(matrices: np.ndarray) -> np.ndarray:
    """ZYZ angles `(..., 3)` in degrees of rotation matrices `(..., 3, 3)`; tilt in 0 to 180.

    At the poles, where only rot +- psi is defined, rot is 0.
    """
    sine = np.hypot(matrices[..., 2, 0], matrices[..., 2, 1])
    pole = sine <= POLE_SINE_MAX
    tilt = np.arctan2(sine, matrices[..., 2, 2])
    rot = np.arctan2(matrices[..., 2, 1], matrices[..., 2, 0])
    psi = np.arctan2(matrices[..., 1, 2], -matrices[..., 0, 2])
    up = matrices[..., 2, 2] > 0
    psi_at_pole = np.where(
        up,
        np.arctan2(-matrices[..., 1, 0], matrices[..., 0, 0]),
        np.arctan2(matrices[..., 1, 0], -matrices[..., 0, 0]),
    )
    tilt = np.where(pole, np.where(up, 0.0, np.pi), tilt)
    angles = np.stack([np.where(pole, 0.0, rot), tilt, np.where(pole, psi_at_pole, psi)], axis=-1)
    return np.asarray(np.rad2deg(angles))


def compose_angles(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """ZYZ angles of `R(outer) R(inner)`; rows whose outer rotation is zero keep `inner` exactly."""
    composed = euler_angles(euler_matrices(outer) @ euler_matrices(inner))
    identity = (outer == 0).all(axis=-1, keepdims=True)
    return np.where(identity, inner, composed)


def divide_angles(outer: np.ndarray, composed: np.ndarray) -> np.ndarray:
    """ZYZ angles of `R(outer)^-1 R(composed)`, the inverse of `compose_angles`."""
    inner = euler_angles(np.swapaxes(euler_matrices(outer), -1, -2) @ euler_matrices(composed))
    identity = (outer == 0).all(axis=-1, keepdims=True)
    return np.where(identity, composed, inner)


def axis_matrices(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Active matrices `Rz(z) Ry(y) Rx(x)`, `(..., 3, 3)`, of angles in degrees."""
    x, y, z = (np.deg2rad(a) for a in np.broadcast_arrays(x, y, z))
    cx, sx, cy, sy, cz, sz = (f(a) for a in (x, y, z) for f in (np.cos, np.sin))
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def axis_angles(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles x, y, z in degrees with `Rz(z) Ry(y) Rx(x)` equal to the matrices; y in -90 to 90.

    At y = +-90 degrees, where only z -+ x is defined, x is 0.
    """
    cosine = np.hypot(matrices[..., 0, 0], matrices[..., 1, 0])
    pole = cosine <= POLE_SINE_MAX
    y = np.arctan2(-matrices[..., 2, 0], cosine)
    x = np.where(pole, 0.0, np.arctan2(matrices[..., 2, 1], matrices[..., 2, 2]))
    z = np.where(
        pole,
        np.arctan2(-matrices[..., 0, 1], matrices[..., 1, 1]),
        np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0]),
    )
    return np.rad2deg(x), np.rad2deg(y), np.rad2deg(z)
