"""Which points lie close to which: a cell grid over sorted keys, without trees and without scipy.

Points are binned into cells at least as wide as the search distance and sorted by cell, so that
the candidates of a point stand in nine runs of three neighbouring cells along x.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["Pairs", "connected_groups", "neighbour_pairs"]

LARGEST_KEY = 2**62
CANDIDATES_AT_ONCE = 4_000_000
_RUNS = [(dy, dz) for dz in (-1, 0, 1) for dy in (-1, 0, 1)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of close points: `first` and `second` are `(k,)` indices, `distance` is `(k,)`."""

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grid:
    """Cells of all points of both sets. stride: key difference of one cell along y and z."""

    cells_a: np.ndarray
    cells_b: np.ndarray
    stride_y: int
    stride_z: int


def neighbour_pairs(
    points_a: np.ndarray,
    groups_a: np.ndarray,
    points_b: np.ndarray,
    groups_b: np.ndarray,
    *,
    distance: float,
) -> Pairs:
    """All pairs (i, j) of the same group with |a_i - b_j| <= `distance`.

    points: `(n, 3)` and `(m, 3)` float64, finite, in one unit with `distance`.
    groups: `(n,)` and `(m,)` non-negative integers; points of different groups are never close.

    Pairs ascend by i, then j. Cost: n log m plus the number of candidates.

    Raises ValueError unless `distance` is positive and finite.
    """
    if not (np.isfinite(distance) and distance > 0):
        raise ValueError(f"a search distance is positive and finite, not {distance}")
    if not len(points_a) or not len(points_b):
        none = np.empty(0, np.int64)
        return Pairs(first=none, second=none, distance=np.empty(0))
    grid = _grid(points_a, groups_a, points_b, groups_b, distance)
    order_a = np.argsort(grid.cells_a, kind="stable")
    order_b = np.argsort(grid.cells_b, kind="stable")
    found = [
        _close(points_a, points_b, order_a[rows], order_b[columns], distance)
        for rows, columns in _candidates(grid, order_a, order_b)
    ]
    first = np.concatenate([each.first for each in found])
    second = np.concatenate([each.second for each in found])
    order = np.lexsort((second, first))
    return Pairs(
        first=first[order],
        second=second[order],
        distance=np.concatenate([each.distance for each in found])[order],
    )


def _grid(
    points_a: np.ndarray,
    groups_a: np.ndarray,
    points_b: np.ndarray,
    groups_b: np.ndarray,
    distance: float,
) -> _Grid:
    low = np.minimum(points_a.min(axis=0), points_b.min(axis=0))
    extent = np.maximum(points_a.max(axis=0), points_b.max(axis=0)) - low
    group_count = int(max(groups_a.max(), groups_b.max())) + 1
    # A hair wider than the distance, so that rounding cannot put a close pair two cells apart.
    width = distance * (1 + 1e-9)
    # One empty cell on either side of every row keeps runs along x out of the next row.
    while _cell_count(extent, width, group_count) >= LARGEST_KEY:
        width *= 2
    nx, ny, nz = (np.floor(extent / width).astype(np.int64) + 3).tolist()

    def cells(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
        ijk = np.floor((points - low) / width).astype(np.int64) + 1
        plane = groups.astype(np.int64) * nz + ijk[:, 2]
        return np.asarray((plane * ny + ijk[:, 1]) * nx + ijk[:, 0])

    return _Grid(
        cells_a=cells(points_a, groups_a),
        cells_b=cells(points_b, groups_b),
        stride_y=nx,
        stride_z=nx * ny,
    )


def _cell_count(extent: np.ndarray, width: float, group_count: int) -> float:
    return float(np.prod(np.floor(extent / width) + 3) * group_count)


def _candidates(
    grid: _Grid, order_a: np.ndarray, order_b: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions in the sorted orders of all pairs in touching cells, a bounded number at once."""
    sorted_a = grid.cells_a[order_a]
    sorted_b = grid.cells_b[order_b]
    for dy, dz in _RUNS:
        centre = sorted_a + dy * grid.stride_y + dz * grid.stride_z
        start = np.searchsorted(sorted_b, centre - 1, side="left")
        count = np.searchsorted(sorted_b, centre + 1, side="right") - start
        total = np.concatenate([[0], np.cumsum(count)])
        low = 0
        while low < len(count):
            limit = total[low] + CANDIDATES_AT_ONCE
            high = max(low + 1, int(np.searchsorted(total, limit, side="right")) - 1)
            some = count[low:high]
            rows = np.repeat(np.arange(low, high), some)
            within = np.arange(len(rows)) - np.repeat(total[low:high] - total[low], some)
            yield rows, np.repeat(start[low:high], some) + within
            low = high


def _close(
    points_a: np.ndarray, points_b: np.ndarray, a: np.ndarray, b: np.ndarray, distance: float
) -> Pairs:
    offset = points_a[a] - points_b[b]
    length = np.sqrt(np.einsum("ij,ij->i", offset, offset))
    keep = length <= distance
    return Pairs(first=a[keep], second=b[keep], distance=length[keep])


def connected_groups(count: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`(count,)` int64: the smallest index that each point is connected to through pairs.

    Smaller labels are handed across every pair and then followed to their ends, until nothing
    changes; the number of rounds grows with the logarithm of the longest chain.
    """
    label = np.arange(count)
    while True:
        before = label
        label = label.copy()
        np.minimum.at(label, before[first], before[second])
        np.minimum.at(label, before[second], before[first])
        while not np.array_equal(label[label], label):
            label = label[label]
        if np.array_equal(label, before):
            return label
