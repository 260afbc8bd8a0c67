"""Correlate images with central slices of a volume on the CPU: the numba twin.

Each row of a packed image takes three passes over short arrays: coordinates and cells; the gather
of eight neighbours and the trilinear value with its slopes; the reductions. The first and the last
vectorise, the gather keeps many cache misses in flight. Equations: docs/math/projection.md. Threads
own images, so results do not depend on their number. Compiled at the first call, cached on disk.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import cos, floor, pi, sin
from typing import Any

import numba
import numpy as np

from kernels.packing import Packing

__all__ = ["Correlation", "correlate", "correlate_values"]

# Sums may be reordered and contracted; infinities and NaN keep their meaning.
FAST = {"reassoc", "contract", "nsz", "arcp"}
SCRATCH_ROWS = 18
(
    _FX, _FY, _FZ, _KEEP, _TURN,
    _VR, _VI, _XR, _XI, _YR, _YI, _ZR, _ZI, _QR, _QI, _PW, _COS, _SIN,
) = range(SCRATCH_ROWS)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """What `correlate` returns, all float64; c is 2 or 3, the columns of the slice matrices.

    terms: (n, 3), N, D and E. d_shift: (n, 2), dN/ds. d_numerator: (n, 3, c), dN/dA.
    d_power: (n, 3, c), dD/dA. D does not depend on the shift, E on neither.
    """

    terms: np.ndarray
    d_shift: np.ndarray
    d_numerator: np.ndarray
    d_power: np.ndarray


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _cells(matrix, box, ky, first, count, kx, scratch, cells):  # type: ignore[no-untyped-def]
    """Pass 1: the cell of every sample, its fractions, and what to multiply its value with."""
    half = box // 2 + 1
    edge = np.float32(box // 2 - 1)
    zero, one = np.float32(0), np.float32(1)
    y_f = np.float32(ky)
    y_2 = y_f * y_f
    x0 = matrix[0, 1] * y_f + matrix[0, 2] * y_2
    y0 = matrix[1, 1] * y_f + matrix[1, 2] * y_2
    z0 = matrix[2, 1] * y_f + matrix[2, 2] * y_2
    for i in range(count):
        k = kx[first + i]
        x = x0 + k * (matrix[0, 0] + k * matrix[0, 2])
        y = y0 + k * (matrix[1, 0] + k * matrix[1, 2])
        z = z0 + k * (matrix[2, 0] + k * matrix[2, 2])
        keep = one if max(abs(x), max(abs(y), abs(z))) <= edge else zero
        turn = -keep if x < zero else keep
        x *= turn
        y *= turn
        z *= turn
        xl, yl, zl = np.floor(x), np.floor(y), np.floor(z)
        scratch[_FX, i] = x - xl
        scratch[_FY, i] = y - yl
        scratch[_FZ, i] = z - zl
        scratch[_KEEP, i] = keep
        scratch[_TURN, i] = turn
        yi, zi = np.int32(yl), np.int32(zl)
        step_y = 2 * half - (2 * half * box if yi == -1 else 0)
        step_z = 2 * half * box - (2 * half * box * box if zi == -1 else 0)
        yi += box if yi < 0 else 0
        zi += box if zi < 0 else 0
        cells[0, i] = 2 * ((zi * box + yi) * half + np.int32(xl))
        cells[1, i] = step_y
        cells[2, i] = step_z


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _gather_values(volume, count, scratch, cells):  # type: ignore[no-untyped-def]
    """Pass 2: trilinear values."""
    for i in range(count):
        fx, fy, fz = scratch[_FX, i], scratch[_FY, i], scratch[_FZ, i]
        a = cells[0, i]
        b = a + cells[1, i]
        c = a + cells[2, i]
        d = b + cells[2, i]
        ar = volume[a] + fx * (volume[a + 2] - volume[a])
        ai = volume[a + 1] + fx * (volume[a + 3] - volume[a + 1])
        br = volume[b] + fx * (volume[b + 2] - volume[b])
        bi = volume[b + 1] + fx * (volume[b + 3] - volume[b + 1])
        cr = volume[c] + fx * (volume[c + 2] - volume[c])
        ci = volume[c + 1] + fx * (volume[c + 3] - volume[c + 1])
        dr = volume[d] + fx * (volume[d + 2] - volume[d])
        di = volume[d + 1] + fx * (volume[d + 3] - volume[d + 1])
        er, ei = ar + fy * (br - ar), ai + fy * (bi - ai)
        gr, gi = cr + fy * (dr - cr), ci + fy * (di - ci)
        scratch[_VR, i] = scratch[_KEEP, i] * (er + fz * (gr - er))
        scratch[_VI, i] = scratch[_TURN, i] * (ei + fz * (gi - ei))


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _gather_slopes(volume, count, scratch, cells):  # type: ignore[no-untyped-def]
    """Pass 2: trilinear values and their slopes along x, y, z."""
    for i in range(count):
        fx, fy, fz = scratch[_FX, i], scratch[_FY, i], scratch[_FZ, i]
        keep, turn = scratch[_KEEP, i], scratch[_TURN, i]
        a = cells[0, i]
        b = a + cells[1, i]
        c = a + cells[2, i]
        d = b + cells[2, i]
        axr, axi = volume[a + 2] - volume[a], volume[a + 3] - volume[a + 1]
        bxr, bxi = volume[b + 2] - volume[b], volume[b + 3] - volume[b + 1]
        cxr, cxi = volume[c + 2] - volume[c], volume[c + 3] - volume[c + 1]
        dxr, dxi = volume[d + 2] - volume[d], volume[d + 3] - volume[d + 1]
        ar, ai = volume[a] + fx * axr, volume[a + 1] + fx * axi
        cr, ci = volume[c] + fx * cxr, volume[c + 1] + fx * cxi
        eyr, eyi = volume[b] + fx * bxr - ar, volume[b + 1] + fx * bxi - ai
        gyr, gyi = volume[d] + fx * dxr - cr, volume[d + 1] + fx * dxi - ci
        exr, exi = axr + fy * (bxr - axr), axi + fy * (bxi - axi)
        gxr, gxi = cxr + fy * (dxr - cxr), cxi + fy * (dxi - cxi)
        er, ei = ar + fy * eyr, ai + fy * eyi
        zr, zi = cr + fy * gyr - er, ci + fy * gyi - ei
        scratch[_VR, i] = keep * (er + fz * zr)
        scratch[_VI, i] = turn * (ei + fz * zi)
        scratch[_XR, i] = turn * (exr + fz * (gxr - exr))
        scratch[_XI, i] = keep * (exi + fz * (gxi - exi))
        scratch[_YR, i] = turn * (eyr + fz * (gyr - eyr))
        scratch[_YI, i] = keep * (eyi + fz * (gyi - eyi))
        scratch[_ZR, i] = turn * zr
        scratch[_ZI, i] = keep * zi


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _match(image, weight, start, count, first, turn, scratch):  # type: ignore[no-untyped-def]
    """Pass 3: q = conj(I) w phase and w^2 of a row whose ky turns the phase; returns its E."""
    turn_c, turn_s = turn
    energy = np.float32(0)
    for i in range(count):
        re, im = image[2 * (start + i)], image[2 * (start + i) + 1]
        w = weight[start + i]
        c = scratch[_COS, first + i] * turn_c - scratch[_SIN, first + i] * turn_s
        s = scratch[_COS, first + i] * turn_s + scratch[_SIN, first + i] * turn_c
        scratch[_QR, i] = w * (re * c + im * s)
        scratch[_QI, i] = w * (re * s - im * c)
        scratch[_PW, i] = w * w
        energy += re * re + im * im
    return energy


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _sum_values(count, first, kx, scratch):  # type: ignore[no-untyped-def]
    """Pass 3: N and D of a row, and sums of Im qV and kx Im qV, which are dN/ds."""
    numerator = turned = turned_x = power = np.float32(0)
    for i in range(count):
        vr, vi = scratch[_VR, i], scratch[_VI, i]
        qr, qi = scratch[_QR, i], scratch[_QI, i]
        imaginary = qr * vi + qi * vr
        numerator += qr * vr - qi * vi
        turned += imaginary
        turned_x += kx[first + i] * imaginary
        power += scratch[_PW, i] * (vr * vr + vi * vi)
    return numerator, power, turned, turned_x


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _sum_slopes(axis, count, first, ky, kx, scratch, d_numerator, d_power):  # type: ignore[no-untyped-def]
    """Pass 3: add a row to dN/dA and dD/dA, one row of A (3 entries each)."""
    real, imaginary = _XR + 2 * axis, _XI + 2 * axis
    t0 = t1 = t2 = u0 = u1 = u2 = np.float32(0)
    for i in range(count):
        gr, gi = scratch[real, i], scratch[imaginary, i]
        k = kx[first + i]
        t = scratch[_QR, i] * gr - scratch[_QI, i] * gi
        u = scratch[_PW, i] * (scratch[_VR, i] * gr + scratch[_VI, i] * gi)
        t0 += t
        u0 += u
        t1 += k * t
        u1 += k * u
        t2 += k * k * t
        u2 += k * k * u
    d_numerator[axis, 0] += t1
    d_numerator[axis, 1] += ky * t0
    d_numerator[axis, 2] += t2 + ky * ky * t0
    d_power[axis, 0] += 2 * u1
    d_power[axis, 1] += 2 * ky * u0
    d_power[axis, 2] += 2 * (u2 + ky * ky * u0)


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _turns(shift, last, scratch):  # type: ignore[no-untyped-def]
    """Tabulate exp(-2 pi i kx sx) for kx = 0 ... last."""
    step_c, step_s = cos(2 * pi * shift), -sin(2 * pi * shift)
    c, s = 1.0, 0.0
    for k in range(last + 1):
        scratch[_COS, k], scratch[_SIN, k] = c, s
        c, s = c * step_c - s * step_s, c * step_s + s * step_c


@numba.njit(cache=True, nogil=True, fastmath=FAST, inline="always")
def _halve_zero(image, start, scratch):  # type: ignore[no-untyped-def]
    """Count the sample at frequency zero half; returns what is to be taken off E."""
    scratch[_QR, 0] *= np.float32(0.5)
    scratch[_QI, 0] *= np.float32(0.5)
    scratch[_PW, 0] *= np.float32(0.5)
    re, im = image[2 * start], image[2 * start + 1]
    return np.float32(0.5) * (re * re + im * im)


@numba.njit(cache=True, nogil=True, fastmath=FAST)
def _values(volume, box, images, weights, group, matrices, shifts, radii, rows, span, terms):  # type: ignore[no-untyped-def]
    """Terms of the images of `span`; arrays as `correlate` prepares them."""
    row_start, row_first = rows
    full = (len(row_start) - 2) // 2
    kx = np.arange(full + 1).astype(np.float32)
    scratch = np.empty((SCRATCH_ROWS, full + 1), np.float32)
    cells = np.empty((3, full + 1), np.int32)
    for n in range(span[0], span[1]):
        radius = radii[n]
        _turns(shifts[n, 0], radius, scratch)
        for ky in range(-radius, radius + 1):
            first, start = row_first[ky + full], row_start[ky + full]
            count = floor(np.sqrt(float(radius * radius - ky * ky))) + 1 - first
            angle = -2 * pi * ky * shifts[n, 1]
            turn = (np.float32(cos(angle)), np.float32(sin(angle)))
            _cells(matrices[n], box, ky, first, count, kx, scratch, cells)
            _gather_values(volume, count, scratch, cells)
            energy = _match(images[n], weights[group[n]], start, count, first, turn, scratch)
            if ky == 0:
                energy -= _halve_zero(images[n], start, scratch)
            numerator, power, _, _ = _sum_values(count, first, kx, scratch)
            terms[n, 0] += numerator
            terms[n, 1] += power
            terms[n, 2] += energy


@numba.njit(cache=True, nogil=True, fastmath=FAST)
def _gradients(
    volume, box, images, weights, group, matrices, shifts, radii, rows, span,
    terms, d_shift, d_numerator, d_power,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Terms of the images of `span` and all their derivatives, in one pass."""
    row_start, row_first = rows
    full = (len(row_start) - 2) // 2
    kx = np.arange(full + 1).astype(np.float32)
    scratch = np.empty((SCRATCH_ROWS, full + 1), np.float32)
    cells = np.empty((3, full + 1), np.int32)
    for n in range(span[0], span[1]):
        radius = radii[n]
        _turns(shifts[n, 0], radius, scratch)
        for ky in range(-radius, radius + 1):
            first, start = row_first[ky + full], row_start[ky + full]
            count = floor(np.sqrt(float(radius * radius - ky * ky))) + 1 - first
            angle = -2 * pi * ky * shifts[n, 1]
            turn = (np.float32(cos(angle)), np.float32(sin(angle)))
            _cells(matrices[n], box, ky, first, count, kx, scratch, cells)
            _gather_slopes(volume, count, scratch, cells)
            energy = _match(images[n], weights[group[n]], start, count, first, turn, scratch)
            if ky == 0:
                energy -= _halve_zero(images[n], start, scratch)
            numerator, power, turned, turned_x = _sum_values(count, first, kx, scratch)
            terms[n, 0] += numerator
            terms[n, 1] += power
            terms[n, 2] += energy
            d_shift[n, 0] += 2 * pi * turned_x
            d_shift[n, 1] += 2 * pi * ky * turned
            for axis in range(3):
                _sum_slopes(
                    axis, count, first, ky, kx, scratch, d_numerator[n], d_power[n]
                )


def _checked(
    volume: np.ndarray,
    images: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    disc: Packing,
    radius: np.ndarray | None,
) -> tuple[Any, ...]:
    """Flat contiguous views in the kernel's dtypes; refuses what would read out of bounds."""
    box, count = volume.shape[0], len(images)
    if volume.dtype != np.complex64 or images.dtype != np.complex64:
        raise TypeError(f"volume and images are complex64, not {volume.dtype} and {images.dtype}")
    if box % 2 or volume.shape != (box, box, box // 2 + 1):
        raise ValueError(f"volume {volume.shape} is no half-complex cube of an even box")
    if 2 * volume.size > np.iinfo(np.int32).max:
        raise ValueError(f"a volume of box {box} is beyond 32-bit offsets")
    radii = np.full(count, disc.radius) if radius is None else np.asarray(radius)
    shapes = {
        "images": (images.shape, (count, disc.samples)),
        "weights": (weights.shape[1:], (disc.samples,)),
        "group": (group.shape, (count,)),
        "matrices": (matrices.shape, (count, 3, matrices.shape[-1])),
        "shifts": (shifts.shape, (count, 2)),
        "radius": (radii.shape, (count,)),
    }
    wrong = [f"{name} {shape}, expected {want}" for name, (shape, want) in shapes.items() if shape != want]
    if wrong or matrices.shape[-1] not in {2, 3}:
        raise ValueError("; ".join(wrong) or f"matrices have {matrices.shape[-1]} columns, not 2 or 3")
    if count and not (0 <= group.min() and group.max() < len(weights)):
        raise ValueError(f"a group is outside 0 ... {len(weights) - 1}")
    if count and not (0 <= radii.min() and radii.max() <= disc.radius):
        raise ValueError(f"a radius is outside 0 ... {disc.radius}")
    square = np.zeros((count, 3, 3), np.float32)
    square[:, :, : matrices.shape[-1]] = matrices
    return (
        np.ascontiguousarray(volume).reshape(-1).view(np.float32),
        box,
        np.ascontiguousarray(images).view(np.float32),
        np.ascontiguousarray(weights, np.float32),
        np.ascontiguousarray(group, np.int32),
        square,
        np.ascontiguousarray(shifts, np.float64),
        np.ascontiguousarray(radii, np.int32),
        (disc.row_start, disc.row_first),
    )


def _over_spans(work: Any, count: int, threads: int) -> None:
    """Call work(first, last) for ranges that cover `count`, one range after another per thread."""
    if threads == 1 or count < 2:
        work((0, count))
        return
    edges = np.linspace(0, count, 4 * threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, zip(edges[:-1], edges[1:], strict=True)))


def correlate(
    volume: np.ndarray,
    images: np.ndarray,
    *,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    disc: Packing,
    radius: np.ndarray | None = None,
    threads: int = 1,
) -> Correlation:
    """Terms of every image with all derivatives; arguments as `correlate_reference.correlate`.

    volume and images are complex64; the rest is converted. Sums of a row are float32, sums of rows
    float64. Equal bits for any number of threads.

    Raises TypeError for another precision, ValueError for shapes, groups or radii that do not fit.
    """
    checked = _checked(volume, images, weights, group, matrices, shifts, disc, radius)
    count, columns = len(images), matrices.shape[-1]
    terms, d_shift = np.zeros((count, 3)), np.zeros((count, 2))
    d_numerator, d_power = np.zeros((count, 3, 3)), np.zeros((count, 3, 3))
    _over_spans(
        lambda span: _gradients(*checked, span, terms, d_shift, d_numerator, d_power),
        count,
        threads,
    )
    return Correlation(
        terms=terms,
        d_shift=d_shift,
        d_numerator=d_numerator[:, :, :columns],
        d_power=d_power[:, :, :columns],
    )


def correlate_values(
    volume: np.ndarray,
    images: np.ndarray,
    *,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    disc: Packing,
    radius: np.ndarray | None = None,
    threads: int = 1,
) -> np.ndarray:
    """Terms (n, 3) without derivatives; everything else as `correlate`."""
    checked = _checked(volume, images, weights, group, matrices, shifts, disc, radius)
    terms = np.zeros((len(images), 3))
    _over_spans(lambda span: _values(*checked, span, terms), len(images), threads)
    return terms
