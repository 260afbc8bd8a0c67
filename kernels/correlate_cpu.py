"""Correlate images with central slices of a volume on the CPU: the numba twin.

A packed image is taken in strips of STRIP samples, each strip in three passes over short arrays:
coordinates and cells; the gather of eight neighbours and the trilinear value with its slopes; the
reductions. The first and the last vectorise, the gather keeps many cache misses in flight.
Equations: docs/math/projection.md. Threads own images, so results do not depend on their number.
Compiled at the first call, cached on disk.
"""

from math import pi

import numpy as np

from kernels.arguments import Correlation, Images, checked_images, checked_volume
from kernels.packing import Packing
from kernels.strips import (
    FX,
    FY,
    FZ,
    KEEP,
    PW,
    QI,
    QR,
    SCRATCH_ROWS,
    STRIP,
    TURN,
    VI,
    VR,
    XI,
    XR,
    YI,
    YR,
    ZI,
    ZR,
    cells_of,
    compiled,
    inlined,
    over_spans,
    phase_tables,
)

__all__ = ["correlate", "correlate_values"]

# From here on the volume (28 MB) is beyond the caches of a core; measured in kernels/README.md.
TOUCHED_BOX = 192

# From the real part of voxel x: its imaginary part, and the parts of voxel x + 1. Offsets in the
# gather are unsigned, for numba tests a signed index for being negative.
IM, NEXT, NEXT_IM = np.uintp(1), np.uintp(2), np.uintp(3)

Tables = tuple[np.ndarray, np.ndarray, np.ndarray]
# Volume, its box, images, weights, group, matrices, shifts, radius, tables of the disc.
Arrays = tuple[
    np.ndarray, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, Tables
]


@inlined
def _touch(volume: np.ndarray, count: int, scratch: np.ndarray, cells: np.ndarray) -> None:
    """Read one number of every pair of voxels: more misses in flight than the gather allows."""
    touched = np.float32(0)
    for i in range(count):
        a = cells[0, i]
        b = a + cells[1, i]
        touched += volume[a] + volume[b]
        touched += volume[a + cells[2, i]] + volume[b + cells[2, i]]
    scratch[VR, 0] = touched


@inlined
def _gather_values(volume: np.ndarray, count: int, scratch: np.ndarray, cells: np.ndarray) -> None:
    """Pass 2: trilinear values."""
    for i in range(count):
        fx, fy, fz = scratch[FX, i], scratch[FY, i], scratch[FZ, i]
        a = np.uintp(cells[0, i])
        b = a + np.uintp(cells[1, i])
        c = a + np.uintp(cells[2, i])
        d = b + np.uintp(cells[2, i])
        ar = volume[a] + fx * (volume[a + NEXT] - volume[a])
        ai = volume[a + IM] + fx * (volume[a + NEXT_IM] - volume[a + IM])
        br = volume[b] + fx * (volume[b + NEXT] - volume[b])
        bi = volume[b + IM] + fx * (volume[b + NEXT_IM] - volume[b + IM])
        cr = volume[c] + fx * (volume[c + NEXT] - volume[c])
        ci = volume[c + IM] + fx * (volume[c + NEXT_IM] - volume[c + IM])
        dr = volume[d] + fx * (volume[d + NEXT] - volume[d])
        di = volume[d + IM] + fx * (volume[d + NEXT_IM] - volume[d + IM])
        er, ei = ar + fy * (br - ar), ai + fy * (bi - ai)
        gr, gi = cr + fy * (dr - cr), ci + fy * (di - ci)
        scratch[VR, i] = scratch[KEEP, i] * (er + fz * (gr - er))
        scratch[VI, i] = scratch[TURN, i] * (ei + fz * (gi - ei))


@inlined
def _gather_slopes(volume: np.ndarray, count: int, scratch: np.ndarray, cells: np.ndarray) -> None:
    """Pass 2: trilinear values and their slopes along x, y, z."""
    for i in range(count):
        fx, fy, fz = scratch[FX, i], scratch[FY, i], scratch[FZ, i]
        keep, turn = scratch[KEEP, i], scratch[TURN, i]
        a = np.uintp(cells[0, i])
        b = a + np.uintp(cells[1, i])
        c = a + np.uintp(cells[2, i])
        d = b + np.uintp(cells[2, i])
        axr, axi = volume[a + NEXT] - volume[a], volume[a + NEXT_IM] - volume[a + IM]
        bxr, bxi = volume[b + NEXT] - volume[b], volume[b + NEXT_IM] - volume[b + IM]
        cxr, cxi = volume[c + NEXT] - volume[c], volume[c + NEXT_IM] - volume[c + IM]
        dxr, dxi = volume[d + NEXT] - volume[d], volume[d + NEXT_IM] - volume[d + IM]
        ar, ai = volume[a] + fx * axr, volume[a + IM] + fx * axi
        cr, ci = volume[c] + fx * cxr, volume[c + IM] + fx * cxi
        eyr, eyi = volume[b] + fx * bxr - ar, volume[b + IM] + fx * bxi - ai
        gyr, gyi = volume[d] + fx * dxr - cr, volume[d + IM] + fx * dxi - ci
        exr, exi = axr + fy * (bxr - axr), axi + fy * (bxi - axi)
        gxr, gxi = cxr + fy * (dxr - cxr), cxi + fy * (dxi - cxi)
        er, ei = ar + fy * eyr, ai + fy * eyi
        zr, zi = cr + fy * gyr - er, ci + fy * gyi - ei
        scratch[VR, i] = keep * (er + fz * zr)
        scratch[VI, i] = turn * (ei + fz * zi)
        scratch[XR, i] = turn * (exr + fz * (gxr - exr))
        scratch[XI, i] = keep * (exi + fz * (gxi - exi))
        scratch[YR, i] = turn * (eyr + fz * (gyr - eyr))
        scratch[YI, i] = keep * (eyi + fz * (gyi - eyi))
        scratch[ZR, i] = turn * zr
        scratch[ZI, i] = keep * zi


@inlined
def _match(
    image: np.ndarray,
    weight: np.ndarray,
    radius: int,
    table: np.ndarray,
    places: np.ndarray,
    turns: np.ndarray,
    start: int,
    count: int,
    scratch: np.ndarray,
) -> float:
    """Pass 3: q = conj(I) w phase and w^2, each times what the sample counts; returns E."""
    energy = 0.0
    limit = np.float32(radius * radius)
    for i in range(count):
        at = start + i
        re, im, w = image[2 * at], image[2 * at + 1], weight[at]
        kx, ky = places[0, at], places[1, at]
        c = turns[0, 0, kx] * turns[1, 0, ky] - turns[0, 1, kx] * turns[1, 1, ky]
        s = turns[0, 0, kx] * turns[1, 1, ky] + turns[0, 1, kx] * turns[1, 0, ky]
        k2 = table[0, at] * table[0, at] + table[1, at] * table[1, at]
        counts = table[2, at] if k2 <= limit else np.float32(0)
        scratch[QR, i] = counts * w * (re * c + im * s)
        scratch[QI, i] = counts * w * (re * s - im * c)
        scratch[PW, i] = counts * w * w
        energy += counts * (re * re + im * im)
    return energy


@inlined
def _sum_values(
    table: np.ndarray, start: int, count: int, scratch: np.ndarray
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Pass 3: N and D, and the sums of k Im qV, which are dN/ds but for a factor of 2 pi."""
    numerator = power = turned_x = turned_y = np.float32(0)
    for i in range(count):
        vr, vi = scratch[VR, i], scratch[VI, i]
        qr, qi = scratch[QR, i], scratch[QI, i]
        imaginary = qr * vi + qi * vr
        numerator += qr * vr - qi * vi
        turned_x += table[0, start + i] * imaginary
        turned_y += table[1, start + i] * imaginary
        power += scratch[PW, i] * (vr * vr + vi * vi)
    return numerator, power, turned_x, turned_y


@inlined
def _sum_slopes(
    axis: int,
    table: np.ndarray,
    start: int,
    count: int,
    scratch: np.ndarray,
    d_numerator: np.ndarray,
    d_power: np.ndarray,
) -> None:
    """Pass 3: add a strip to dN/dA and dD/dA, one row of A (3 entries each)."""
    real, imaginary = XR + 2 * axis, XI + 2 * axis
    t0 = t1 = t2 = u0 = u1 = u2 = np.float32(0)
    for i in range(count):
        gr, gi = scratch[real, i], scratch[imaginary, i]
        kx, ky = table[0, start + i], table[1, start + i]
        k2 = kx * kx + ky * ky
        t = scratch[QR, i] * gr - scratch[QI, i] * gi
        u = scratch[PW, i] * (scratch[VR, i] * gr + scratch[VI, i] * gi)
        t0 += kx * t
        t1 += ky * t
        t2 += k2 * t
        u0 += kx * u
        u1 += ky * u
        u2 += k2 * u
    d_numerator[axis, 0] += t0
    d_numerator[axis, 1] += t1
    d_numerator[axis, 2] += t2
    d_power[axis, 0] += 2 * u0
    d_power[axis, 1] += 2 * u1
    d_power[axis, 2] += 2 * u2


@compiled
def _values(
    volume: np.ndarray,
    box: int,
    images: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    radii: np.ndarray,
    tables: Tables,
    span: tuple[int, int],
    terms: np.ndarray,
) -> None:
    """Terms of the images of `span`; arrays as `Images` has them."""
    table, places, row_start = tables
    full = len(row_start) // 2 - 1
    scratch = np.empty((SCRATCH_ROWS, STRIP), np.float32)
    cells = np.empty((3, STRIP), np.int32)
    turns = np.empty((2, 2, 2 * full + 1), np.float32)
    for n in range(span[0], span[1]):
        radius, image, weight = radii[n], images[n], weights[group[n]]
        phase_tables(shifts[n], radius, turns)
        last = row_start[full + radius + 1]
        for start in range(row_start[full - radius], last, STRIP):
            count = min(STRIP, last - start)
            cells_of(matrices[n], box, 2, radius, table, start, count, scratch, cells)
            if box >= TOUCHED_BOX:
                _touch(volume, count, scratch, cells)
            _gather_values(volume, count, scratch, cells)
            energy = _match(image, weight, radius, table, places, turns, start, count, scratch)
            numerator, power, _, _ = _sum_values(table, start, count, scratch)
            terms[n, 0] += numerator
            terms[n, 1] += power
            terms[n, 2] += energy


@compiled
def _gradients(
    volume: np.ndarray,
    box: int,
    images: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    radii: np.ndarray,
    tables: Tables,
    span: tuple[int, int],
    terms: np.ndarray,
    d_shift: np.ndarray,
    d_numerator: np.ndarray,
    d_power: np.ndarray,
) -> None:
    """Terms of the images of `span` and all their derivatives, in one pass."""
    table, places, row_start = tables
    full = len(row_start) // 2 - 1
    scratch = np.empty((SCRATCH_ROWS, STRIP), np.float32)
    cells = np.empty((3, STRIP), np.int32)
    turns = np.empty((2, 2, 2 * full + 1), np.float32)
    for n in range(span[0], span[1]):
        radius, image, weight = radii[n], images[n], weights[group[n]]
        phase_tables(shifts[n], radius, turns)
        last = row_start[full + radius + 1]
        for start in range(row_start[full - radius], last, STRIP):
            count = min(STRIP, last - start)
            cells_of(matrices[n], box, 2, radius, table, start, count, scratch, cells)
            if box >= TOUCHED_BOX:
                _touch(volume, count, scratch, cells)
            _gather_slopes(volume, count, scratch, cells)
            energy = _match(image, weight, radius, table, places, turns, start, count, scratch)
            numerator, power, turned_x, turned_y = _sum_values(table, start, count, scratch)
            terms[n, 0] += numerator
            terms[n, 1] += power
            terms[n, 2] += energy
            d_shift[n, 0] += 2 * pi * turned_x
            d_shift[n, 1] += 2 * pi * turned_y
            for axis in range(3):
                _sum_slopes(axis, table, start, count, scratch, d_numerator[n], d_power[n])


def _arrays(volume: np.ndarray, batch: Images) -> Arrays:
    flat, box = checked_volume(volume)
    return (
        flat, box, batch.values, batch.weights, batch.group, batch.matrices, batch.shifts,
        batch.radius, batch.tables(),
    )  # fmt: skip


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

    volume and images are complex64; the rest is converted. Sums of a strip are float32, sums of
    strips float64. Equal bits for any number of threads.

    Raises TypeError for another precision, ValueError for shapes, groups or radii that do not fit.
    """
    batch = checked_images(images, weights, group, matrices, shifts, disc, radius)
    arrays, count, columns = _arrays(volume, batch), len(batch), batch.columns
    terms, d_shift = np.zeros((count, 3)), np.zeros((count, 2))
    d_numerator, d_power = np.zeros((count, 3, 3)), np.zeros((count, 3, 3))

    def work(span: tuple[int, int]) -> None:
        _gradients(*arrays, span, terms, d_shift, d_numerator, d_power)

    over_spans(work, count, threads=threads)
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
    arrays = _arrays(volume, checked_images(images, weights, group, matrices, shifts, disc, radius))
    terms = np.zeros((len(images), 3))

    def work(span: tuple[int, int]) -> None:
        _values(*arrays, span, terms)

    over_spans(work, len(images), threads=threads)
    return terms
