"""Impose a symmetry on the sums of a reconstruction, in Fourier space.

Both numerator and weight are replaced by their sums over the operators of the group, gathered with
trilinear weights (docs/math/symmetry.md, eq. 4). Output voxels are independent of each other, so
the result does not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import numba
import numpy as np

from mgit.errors import InvalidInput
from mgit.maps.shells import checked_half_complex
from mgit.maps.symmetry import is_on_grid

__all__ = ["interpolated_share", "symmetrised"]

Function = TypeVar("Function", bound=Callable[..., object])


def _compiled(function: Function) -> Function:
    """Compile at the first call, cache on disk, release the interpreter lock."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


def symmetrised(
    numerator: np.ndarray,
    weight: np.ndarray,
    *,
    operators: np.ndarray,
    shifts_voxel: np.ndarray | None = None,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Sums over all operators g of the turned numerator and weight.

    numerator: complex (d, d, d//2+1). weight: real, of the same shape. operators: (n, 3, 3) on
    column vectors (x, y, z). shifts_voxel: (n, 3), (x, y, z) after the rotation, for helices; in
    voxels of the padded box d. Samples with radius above d/2 - 1 become zero.

    Returns complex128 and float64. Raises InvalidInput for shapes that do not fit.
    Maths: docs/math/symmetry.md, eq. 4.
    """
    box = checked_half_complex(numerator)
    if weight.shape != numerator.shape or operators.shape[1:] != (3, 3):
        raise InvalidInput("sums or operators have other shapes", shape=weight.shape)
    shifts = np.zeros((len(operators), 3)) if shifts_voxel is None else shifts_voxel
    if shifts.shape != (len(operators), 3):
        raise InvalidInput("one shift per operator is needed", shape=shifts.shape)
    source = np.stack([numerator.real, numerator.imag, weight], axis=-1).astype(np.float64)
    gathered = np.zeros_like(source)
    inverse = np.ascontiguousarray(operators.transpose(0, 2, 1), np.float64)
    turns = np.ascontiguousarray(shifts, np.float64) * (2 * np.pi / box)

    def work(planes: np.ndarray) -> None:
        _gather(source, inverse, turns, int(planes[0]), int(planes[-1]) + 1, gathered)

    pieces = [piece for piece in np.array_split(np.arange(box), threads) if len(piece)]
    with ThreadPoolExecutor(len(pieces)) as pool:
        list(pool.map(work, pieces))
    return gathered[..., 0] + 1j * gathered[..., 1], np.ascontiguousarray(gathered[..., 2])


def interpolated_share(operators: np.ndarray) -> float:
    """Share of operators that need interpolation, which damps the map (eq. 5)."""
    return sum(not is_on_grid(operator) for operator in operators) / len(operators)


@_compiled
def _gather(
    source: np.ndarray,
    inverse: np.ndarray,
    turns: np.ndarray,
    first: int,
    last: int,
    gathered: np.ndarray,
) -> None:
    """Planes first ... last - 1 of the sum over operators; all arrays float64."""
    box, half = source.shape[0], source.shape[2]
    limit = (box // 2 - 1) ** 2
    value = np.empty(3)
    for plane in range(first, last):
        kz = plane if plane <= box // 2 else plane - box
        for row in range(box):
            ky = row if row <= box // 2 else row - box
            for kx in range(half):
                if kx * kx + ky * ky + kz * kz > limit:
                    continue
                for n in range(len(inverse)):
                    _sample(source, inverse[n], kx, ky, kz, value)
                    angle = turns[n, 0] * kx + turns[n, 1] * ky + turns[n, 2] * kz
                    c, s = np.cos(angle), -np.sin(angle)
                    gathered[plane, row, kx, 0] += c * value[0] - s * value[1]
                    gathered[plane, row, kx, 1] += c * value[1] + s * value[0]
                    gathered[plane, row, kx, 2] += value[2]


@_compiled
def _sample(
    source: np.ndarray, matrix: np.ndarray, kx: int, ky: int, kz: int, value: np.ndarray
) -> None:
    """Trilinear value at matrix (kx, ky, kz), by way of its Friedel partner where x < 0."""
    box = source.shape[0]
    x = matrix[0, 0] * kx + matrix[0, 1] * ky + matrix[0, 2] * kz
    y = matrix[1, 0] * kx + matrix[1, 1] * ky + matrix[1, 2] * kz
    z = matrix[2, 0] * kx + matrix[2, 1] * ky + matrix[2, 2] * kz
    sign = -1.0 if x < 0 else 1.0
    x, y, z = x * sign, y * sign, z * sign
    x0, y0, z0 = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    fx, fy, fz = x - x0, y - y0, z - z0
    value[:] = 0.0
    for corner in range(8):
        dx, dy, dz = corner & 1, corner >> 1 & 1, corner >> 2
        part = fx if dx else 1 - fx
        part *= fy if dy else 1 - fy
        part *= fz if dz else 1 - fz
        if part > 0:
            at = source[(z0 + dz) % box, (y0 + dy) % box, x0 + dx]
            value[0] += part * at[0]
            value[1] += part * sign * at[1]
            value[2] += part * at[2]
