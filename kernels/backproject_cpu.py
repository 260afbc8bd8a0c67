"""Scatter images along central slices on the CPU: the numba twin, with order-free sums.

Sums are 64-bit integers, multiples of a quantum, so that they are equal for any order of images,
any number of threads and any split over processes. Threads work in teams: a team has a volume and
a range of the images, and each of its members owns the planes of one range of |kz|, which holds
both ends of every Friedel pair. So nothing is written by two threads, and no sum needs an atomic.
Equations: docs/math/backprojection.md. Compiled at the first call, cached on disk.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kernels.arguments import Images, checked_box, checked_images
from kernels.packing import Packing
from kernels.strips import (
    CELL_X,
    CELL_Z,
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
    cells_of,
    compiled_strictly,
    inlined,
    phase_tables,
)

__all__ = [
    "Accumulator", "accumulator", "backproject", "bounds", "merge", "reserve", "team_count",
    "totals",
]  # fmt: skip

QUANTUM = 2.0**-32
CHANNELS = 3  # real part, imaginary part, weight
LARGEST_SUM = 2.0**62
SAMPLED_IMAGES = 64  # whose |kz| balance the members of a team
TEAM_VOLUMES_BYTES = 1 << 30  # what volumes of further teams may take together


@dataclass(slots=True, kw_only=True)
class Accumulator:
    """Sums over a half-complex volume, in multiples of `quantum`.

    sums: int64 (d, d, d//2+1, 3), real part, imaginary part and weight; rfft layout.
    quantum: a power of two; what one sample adds to a voxel is rounded to a multiple of it.
    reach: an upper bound of the magnitude of any sum, in units of the images.
    """

    sums: np.ndarray
    quantum: float
    reach: float = 0.0


def accumulator(box: int, *, quantum: float = QUANTUM) -> Accumulator:
    """Empty sums for an even box; 24 bytes per voxel of the half volume.

    Raises ValueError for a box that is odd or too large, or a quantum that is no power of two.
    """
    if not quantum > 0 or np.frexp(quantum)[0] != 0.5:
        raise ValueError(f"quantum {quantum} is no power of two")
    shape = (checked_box(box), box, box // 2 + 1, CHANNELS)
    return Accumulator(sums=np.zeros(shape, np.int64), quantum=quantum)


def totals(sums: Accumulator) -> tuple[np.ndarray, np.ndarray]:
    """Data, complex128 (d, d, d//2+1), and weights, float64, of the same shape."""
    real, imaginary, weight = np.moveaxis(sums.sums * sums.quantum, -1, 0)
    return real + 1j * imaginary, np.ascontiguousarray(weight)


def merge(into: Accumulator, other: Accumulator) -> None:
    """Add other sums, exactly; any order of merging gives equal bits.

    Raises ValueError for other boxes or quanta, OverflowError when the sums could overflow.
    """
    if into.sums.shape != other.sums.shape or into.quantum != other.quantum:
        raise ValueError("accumulators of other boxes or quanta do not add up")
    into.reach = _reaching(into, other.reach)
    into.sums += other.sums


def reserve(sums: Accumulator, batch: Images) -> None:
    """Raise `reach` by what a batch may add, before it is added here or on a device.

    Raises ValueError for images that are not finite, OverflowError when a sum could overflow.
    """
    sums.reach = _reaching(sums, float(bounds(batch).sum()))


def _reaching(sums: Accumulator, more: float) -> float:
    reach = sums.reach + more
    if not reach <= LARGEST_SUM * sums.quantum:
        raise OverflowError(
            f"sums could reach {reach:.3g}, beyond 62 bits of quantum {sums.quantum:.3g}:"
            " scale the images down or take a larger quantum"
        )
    return reach


def bounds(batch: Images) -> np.ndarray:
    """What one image may add to a voxel at most: float64 (n); docs/math/backprojection.md, eq. 6.

    Raises ValueError naming the first image that is not finite.
    """
    if not len(batch):
        return np.zeros(0)
    largest = np.maximum(batch.values.max(axis=1), -batch.values.min(axis=1)).astype(np.float64)
    largest = np.maximum(largest, np.abs(batch.weights).max(axis=1)[batch.group])
    spacing = _smaller_singular_value(batch.matrices[:, :, :2].astype(np.float64))
    crowd = 2 * np.pi * (np.sqrt(3) / np.maximum(spacing, 1e-6) + 0.71) ** 2
    found = largest * np.minimum(crowd, 2 * batch.disc.samples)
    if not np.isfinite(found).all():
        raise ValueError(f"image {int(np.flatnonzero(~np.isfinite(found))[0])} is not finite")
    return np.asarray(found)


def _smaller_singular_value(matrices: np.ndarray) -> np.ndarray:
    """Of (n, 3, 2), in closed form: a decomposition each would take a percent of the scatter."""
    gram = np.einsum("njc,njd->ncd", matrices, matrices)
    mean, difference = (gram[:, 0, 0] + gram[:, 1, 1]) / 2, (gram[:, 0, 0] - gram[:, 1, 1]) / 2
    smaller = mean - np.hypot(difference, gram[:, 0, 1])
    return np.asarray(np.sqrt(np.maximum(smaller, 0)))


@inlined
def _reaches(
    matrix: np.ndarray,
    owned: tuple[np.float32, np.float32],
    table: np.ndarray,
    start: int,
    count: int,
) -> bool:
    """Whether any sample of a strip touches the planes owned[0] <= |kz| < owned[1]."""
    low, high = owned[0] - np.float32(1), owned[1]
    found = 0
    for i in range(count):
        kx, ky = table[0, start + i], table[1, start + i]
        k2 = kx * kx + ky * ky
        z = abs(matrix[2, 0] * kx + matrix[2, 1] * ky + matrix[2, 2] * k2)
        found += 1 if (z >= low) & (z < high) else 0
    return found > 0


@inlined
def _values(
    image: np.ndarray,
    weight: np.ndarray,
    scale: np.float32,
    table: np.ndarray,
    places: np.ndarray,
    turns: np.ndarray,
    start: int,
    count: int,
    scratch: np.ndarray,
) -> None:
    """Pass 2: I conj(phase), turned to x >= 0, and the weight, in quanta."""
    for i in range(count):
        at = start + i
        re, im, w = image[2 * at], image[2 * at + 1], weight[at]
        kx, ky = places[0, at], places[1, at]
        c = turns[0, 0, kx] * turns[1, 0, ky] - turns[0, 1, kx] * turns[1, 1, ky]
        s = turns[0, 0, kx] * turns[1, 1, ky] + turns[0, 1, kx] * turns[1, 0, ky]
        keep = table[2, at] * scale * scratch[KEEP, i]
        turn = table[2, at] * scale * scratch[TURN, i]
        scratch[QR, i] = keep * (re * c + im * s)
        scratch[QI, i] = turn * (im * c - re * s)
        scratch[PW, i] = keep * w


@inlined
def _owned_samples(
    owned: tuple[np.float32, np.float32], count: int, scratch: np.ndarray, chosen: np.ndarray
) -> int:
    """Collect the samples of a strip that reach an owned plane; returns how many."""
    zero, one = np.float32(0), np.float32(1)
    found = 0
    for i in range(count):
        lower, upper = abs(scratch[CELL_Z, i]), abs(scratch[CELL_Z, i] + one)
        mine = (owned[0] <= lower) & (lower < owned[1])
        mine |= (owned[0] <= upper) & (upper < owned[1])
        chosen[found] = i
        found += 1 if mine & (scratch[KEEP, i] > zero) else 0
    return found


@inlined
def _touch(sums: np.ndarray, found: int, chosen: np.ndarray, cells: np.ndarray) -> int:
    """Read both ends of every pair of voxels: more misses in flight than the sums allow."""
    touched = 0
    for j in range(found):
        i = chosen[j]
        a = cells[0, i]
        b = a + cells[1, i]
        c = a + cells[2, i]
        d = b + cells[2, i]
        touched ^= sums[a] ^ sums[b] ^ sums[c] ^ sums[d]
        touched ^= sums[a + 5] ^ sums[b + 5] ^ sums[c + 5] ^ sums[d + 5]
    return touched


@inlined
def _add_pair(
    sums: np.ndarray,
    at: int,
    low: np.float32,
    high: np.float32,
    value: tuple[np.float32, np.float32, np.float32],
) -> None:
    """Add to the voxels x and x + 1; rounding to nearest, so that no bias builds up."""
    re, im, w = value
    sums[at] += np.int64(np.rint(low * re))
    sums[at + 1] += np.int64(np.rint(low * im))
    sums[at + 2] += np.int64(np.rint(low * w))
    sums[at + 3] += np.int64(np.rint(high * re))
    sums[at + 4] += np.int64(np.rint(high * im))
    sums[at + 5] += np.int64(np.rint(high * w))


@inlined
def _add_partner(
    sums: np.ndarray,
    at: int,
    box: int,
    low: np.float32,
    value: tuple[np.float32, np.float32, np.float32],
) -> None:
    """Add the conjugate to voxel (0, -y, -z) of the voxel (0, y, z) at offset `at` (eq. 4)."""
    re, im, w = value
    row = at // (CHANNELS * (box // 2 + 1))
    y, z = row % box, row // box
    mirrored = ((box - z) % box * box + (box - y) % box) * (box // 2 + 1) * CHANNELS
    sums[mirrored] += np.int64(np.rint(low * re))
    sums[mirrored + 1] -= np.int64(np.rint(low * im))
    sums[mirrored + 2] += np.int64(np.rint(low * w))


@inlined
def _scatter(
    sums: np.ndarray,
    box: int,
    owned: tuple[np.float32, np.float32],
    found: int,
    chosen: np.ndarray,
    scratch: np.ndarray,
    cells: np.ndarray,
) -> None:
    """Pass 3: add the chosen samples to those of their planes that are owned."""
    one = np.float32(1)
    for j in range(found):
        i = chosen[j]
        fx, fy, fz = scratch[FX, i], scratch[FY, i], scratch[FZ, i]
        value = (scratch[QR, i], scratch[QI, i], scratch[PW, i])
        on_plane = scratch[CELL_X, i] == 0
        for upper in range(2):
            plane = abs(scratch[CELL_Z, i] + np.float32(upper))
            if not owned[0] <= plane < owned[1]:
                continue
            at = cells[0, i] + upper * cells[2, i]
            across = fz if upper else one - fz
            for step in range(2):
                part = across * (fy if step else one - fy)
                place = at + step * cells[1, i]
                _add_pair(sums, place, part * (one - fx), part * fx, value)
                if on_plane:
                    _add_partner(sums, place, box, part * (one - fx), value)


@compiled_strictly
def _spread(
    sums: np.ndarray,
    box: int,
    images: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    radii: np.ndarray,
    tables: tuple[np.ndarray, np.ndarray, np.ndarray],
    scale: np.float32,
    span: tuple[int, int],
    owned: tuple[np.float32, np.float32],
) -> int:
    """Add the images of `span` to the owned planes of flat `sums`."""
    table, places, row_start = tables
    full = len(row_start) // 2 - 1
    scratch = np.empty((SCRATCH_ROWS, STRIP), np.float32)
    cells, chosen = np.empty((3, STRIP), np.int32), np.empty(STRIP, np.int32)
    turns = np.empty((2, 2, 2 * full + 1), np.float32)
    touched = 0
    for n in range(span[0], span[1]):
        radius, image, weight = radii[n], images[n], weights[group[n]]
        phase_tables(shifts[n], radius, turns)
        last = row_start[full + radius + 1]
        for start in range(row_start[full - radius], last, STRIP):
            count = min(STRIP, last - start)
            if not _reaches(matrices[n], owned, table, start, count):
                continue
            cells_of(matrices[n], box, CHANNELS, radius, table, start, count, scratch, cells)
            _values(image, weight, scale, table, places, turns, start, count, scratch)
            found = _owned_samples(owned, count, scratch, chosen)
            touched ^= _touch(sums, found, chosen, cells)
            _scatter(sums, box, owned, found, chosen, scratch, cells)
    return touched


def _ranges(batch: Images, box: int, members: int) -> list[tuple[np.float32, np.float32]]:
    """Ranges of |kz|, as many as members, with about equally many samples each."""
    if members == 1:
        return [(np.float32(0), np.float32(box))]
    chosen = np.linspace(0, len(batch) - 1, min(len(batch), SAMPLED_IMAGES)).astype(int)
    k = batch.disc.frequencies[:: max(1, batch.disc.samples // 1024)].astype(np.float32)
    height = np.abs(batch.matrices[chosen, 2, :2] @ k.T)
    shares = np.quantile(height, np.arange(1, members) / members)
    edges = np.unique(np.concatenate([[0], np.rint(shares), [box]])).astype(np.float32)
    return list(pairwise(edges))


def team_count(threads: int, *, sums_bytes: int, samples: int) -> int:
    """How many teams share the work, each with a volume of its own.

    A further volume must fit TEAM_VOLUMES_BYTES with the others, and is worth being cleared and
    added up when its team spreads more samples than it has voxels.
    """
    voxels = sums_bytes // (CHANNELS * np.dtype(np.int64).itemsize)
    return max(1, min(threads, 1 + TEAM_VOLUMES_BYTES // sums_bytes, samples // voxels))


def backproject(
    sums: Accumulator,
    images: np.ndarray,
    *,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    disc: Packing,
    radius: np.ndarray | None = None,
    threads: int = 1,
) -> None:
    """Add images to `sums`; arguments as `backproject_reference.backproject`.

    images are complex64; the rest is converted. Equal bits for any number of threads and any order
    of images or calls.

    Raises, before anything is added, TypeError for another precision, ValueError for shapes, groups
    or radii that do not fit and for images that are not finite, OverflowError when a sum could
    overflow.
    """
    batch = checked_images(images, weights, group, matrices, shifts, disc, radius)
    if not len(batch):
        return
    box = sums.sums.shape[0]
    reserve(sums, batch)
    tables, scale = batch.tables(), np.float32(1 / sums.quantum)
    samples = len(batch) * disc.samples
    teams = team_count(threads, sums_bytes=sums.sums.nbytes, samples=samples)
    volumes = [sums.sums, *(np.zeros_like(sums.sums) for _ in range(1, teams))]
    spans = pairwise(np.linspace(0, len(batch), teams + 1).astype(int).tolist())
    ranges = _ranges(batch, box, max(1, threads // teams))
    shares = [
        (volume, span, owned)
        for volume, span in zip(volumes, spans, strict=True)
        for owned in ranges
    ]

    def work(share: tuple[np.ndarray, tuple[int, int], tuple[np.float32, np.float32]]) -> None:
        volume, span, owned = share
        _spread(
            volume.reshape(-1), box, batch.values, batch.weights, batch.group, batch.matrices,
            batch.shifts, batch.radius, tables, scale, span, owned,
        )  # fmt: skip

    if len(shares) == 1:
        work(shares[0])
        return
    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(work, shares))
    for volume in volumes[1:]:
        sums.sums += volume
