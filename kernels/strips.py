"""What the numba twins share: strips of samples, their first pass, phases, threads.

A packed image is taken in strips of STRIP samples, whatever its rows, so that the loops of a pass
are long enough to vectorise for every box. Passes write to a scratch array (SCRATCH_ROWS, STRIP)
and are inlined where they are used, with the floating-point rules of the place.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from math import cos, pi, sin
from pathlib import Path
from typing import TypeVar, cast

import numba
import numpy as np
from blake3 import blake3

__all__ = [
    "CELL_X", "CELL_Z", "FX", "FY", "FZ", "KEEP", "PW", "QI", "QR", "SCRATCH_ROWS", "STRIP", "TURN",
    "VI", "VR", "XI", "XR", "YI", "YR", "ZI", "ZR",
    "cells_of", "compiled", "compiled_strictly", "inlined", "over_spans", "phase_tables",
]  # fmt: skip

Function = TypeVar("Function", bound=Callable[..., object])

# Sums may be reordered and contracted; infinities and NaN keep their meaning.
FAST = {"reassoc", "contract", "nsz", "arcp"}
STRIP = 256  # samples: 19 float32 vectors of it stay in a first-level cache
(
    FX, FY, FZ, CELL_X, CELL_Z, KEEP, TURN,
    VR, VI, XR, XI, YR, YI, ZR, ZI, QR, QI, PW,
    SCRATCH_ROWS,
) = range(19)  # fmt: skip


def _named_by_source(function: Function) -> Function:
    """Add a digest of all source that ends up in a function to its qualified name.

    numba names its cache files by that name, and on its own notices changes of the function's own
    file only: the passes of this module are inlined into functions of others.
    """
    digest = blake3()
    for path in (function.__code__.co_filename, __file__):
        digest.update(Path(path).read_bytes())
    function.__qualname__ += f"_{digest.hexdigest(length=8)}"
    return function


def compiled(function: Function) -> Function:
    """Compile at the first call, cache on disk, release the interpreter lock, reorder sums."""
    numba_compile = numba.njit(cache=True, nogil=True, fastmath=FAST)
    return cast(Function, numba_compile(_named_by_source(function)))


def compiled_strictly(function: Function) -> Function:
    """As `compiled`, with every operation rounded on its own: the same bits on every processor."""
    # Said explicitly, for a function that says nothing takes the rules of a compiled caller.
    numba_compile = numba.njit(cache=True, nogil=True, fastmath=False)
    return cast(Function, numba_compile(_named_by_source(function)))


def inlined(function: Function) -> Function:
    """A pass, inlined into the compiled function that uses it: a call costs as much as a row."""
    return cast(Function, numba.njit(nogil=True, inline="always")(function))


@inlined
def cells_of(
    matrix: np.ndarray,
    box: int,
    stride: int,
    radius: int,
    table: np.ndarray,
    start: int,
    count: int,
    scratch: np.ndarray,
    cells: np.ndarray,
) -> None:
    """Pass 1: the cell of every sample, fractions in it, and what its value is multiplied with.

    cells: offset of the lower corner in numbers, `stride` of them per voxel; steps to y + 1, z + 1.
    KEEP is 0 outside the volume or the image's radius, else 1; TURN is KEEP with the sign of x.
    Maths: docs/math/projection.md, eqs. 1 to 3.
    """
    half = box // 2 + 1
    edge, limit = np.float32(box // 2 - 1), np.float32(radius * radius)
    zero, one = np.float32(0), np.float32(1)
    for i in range(count):
        kx, ky = table[0, start + i], table[1, start + i]
        k2 = kx * kx + ky * ky
        x = matrix[0, 0] * kx + matrix[0, 1] * ky + matrix[0, 2] * k2
        y = matrix[1, 0] * kx + matrix[1, 1] * ky + matrix[1, 2] * k2
        z = matrix[2, 0] * kx + matrix[2, 1] * ky + matrix[2, 2] * k2
        keep = one if max(abs(x), max(abs(y), abs(z))) <= edge else zero
        keep = keep if k2 <= limit else zero
        turn = -keep if x < zero else keep
        x = x * turn if keep > zero else zero
        y = y * turn if keep > zero else zero
        z = z * turn if keep > zero else zero
        xl, yl, zl = np.floor(x), np.floor(y), np.floor(z)
        scratch[FX, i], scratch[FY, i], scratch[FZ, i] = x - xl, y - yl, z - zl
        scratch[CELL_X, i], scratch[CELL_Z, i] = xl, zl
        scratch[KEEP, i], scratch[TURN, i] = keep, turn
        yi, zi = np.int32(yl), np.int32(zl)
        cells[1, i] = stride * half * (1 - box if yi == -1 else 1)
        cells[2, i] = stride * half * box * (1 - box if zi == -1 else 1)
        yi += box if yi < 0 else 0
        zi += box if zi < 0 else 0
        cells[0, i] = stride * ((zi * box + yi) * half + np.int32(xl))


@inlined
def phase_tables(shift: np.ndarray, radius: int, turns: np.ndarray) -> None:
    """Tabulate exp(-2 pi i k s) for k = 0 ... radius and, from the end, -1 ... -radius, per axis.

    turns: float32 (2 axes, cosine and sine, 2 full radius + 1). Entries beyond `radius` are read
    with samples that weigh nothing; they become zero, because nothing times garbage may be NaN.
    """
    turns[:, :, radius + 1 : turns.shape[2] - radius] = 0.0
    for axis in range(2):
        step_c, step_s = cos(2 * pi * shift[axis]), -sin(2 * pi * shift[axis])
        c, s = 1.0, 0.0
        for k in range(radius + 1):
            turns[axis, 0, k], turns[axis, 1, k] = c, s
            turns[axis, 0, -k], turns[axis, 1, -k] = c, -s
            c, s = c * step_c - s * step_s, c * step_s + s * step_c


def over_spans(work: Callable[[tuple[int, int]], None], count: int, *, threads: int) -> None:
    """Call work((first, last)) for ranges that cover `count`, one after another in each thread."""
    if threads <= 1 or count < 2:
        work((0, count))
        return
    edges = np.linspace(0, count, 4 * threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, pairwise(edges)))
