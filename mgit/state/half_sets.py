"""Half-sets that are independent in space: duplicates, mates and neighbours share a half."""

import numpy as np

from mgit.errors import InvalidState
from mgit.state.matching import common_codes
from mgit.state.neighbours import connected_groups, neighbour_pairs
from mgit.state.particle_columns import ParticleColumns

__all__ = ["half_set_overlaps", "new_split"]


def new_split(
    positions: np.ndarray,
    item_codes: np.ndarray,
    *,
    radius_angstrom: float | None = None,
    present: np.ndarray | None = None,
) -> np.ndarray:
    """`(n,)` uint8 half-sets, 1 or 2, alternating in the order of the rows.

    positions: `(n, T, 3)` or `(n, 3)` float64, angstrom, rows in file order.
    item_codes: `(n,)` integers, equal for particles of the same item.
    radius_angstrom: particles of an item that are connected through steps of at most this length
        (duplicates, symmetry mates, neighbours) share a half; None connects nothing.
    present: `(n,)` 0, 1 or 2: halves that rows have already; they are kept, and rows with 0 that
        are connected to them get the half of the first of them in row order.

    A group goes to the half that has fewer particles so far, to the other half than the group
    before on a tie: single particles alternate 1, 2, 1, 2.
    """
    count = len(positions)
    means = positions.mean(axis=1) if positions.ndim == 3 else positions
    given = np.zeros(count, np.uint8) if present is None else present.astype(np.uint8)
    if given.shape != (count,) or not np.isin(given, (0, 1, 2)).all():
        raise InvalidState("a present half-set is none of 0, 1 and 2")
    label = np.arange(count)
    if radius_angstrom is not None:
        pairs = neighbour_pairs(means, item_codes, means, item_codes, distance=radius_angstrom)
        label = connected_groups(count, pairs.first, pairs.second)
    halves = _alternate(label, given)
    return np.where(given > 0, given, halves).astype(np.uint8)


def _alternate(label: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Half of every row from the connected group that `label` puts it in."""
    leaders, group_of, sizes = np.unique(label, return_inverse=True, return_counts=True)
    decided = np.zeros(len(leaders), np.uint8)
    kept = np.flatnonzero(given)[::-1]
    decided[group_of[kept]] = given[kept]
    totals = [0, int((given == 1).sum()), int((given == 2).sum())]
    unset = sizes - np.bincount(group_of[kept], minlength=len(leaders))
    last = 2
    chosen = decided.tolist()
    for group, size in enumerate(unset.tolist()):
        half = chosen[group]
        if not half:
            half = 3 - last if totals[1] == totals[2] else 1 + (totals[1] > totals[2])
            chosen[group] = half
            last = half
        totals[half] += size
    return np.array(chosen, np.uint8)[group_of] if len(chosen) else np.empty(0, np.uint8)


def half_set_overlaps(
    columns: ParticleColumns,
    radius_angstrom: float,
    *,
    other: ParticleColumns | None = None,
) -> np.ndarray:
    """`(k, 2)` int64: rows of opposite half-sets of one item, at most this far apart.

    other: a second table (a parent or child species); rows of `columns` against rows of `other`.
    Within one table each pair is reported once, the smaller row first.

    Such pairs share signal across the half-sets, so the FSC between them is not independent.
    """
    against = columns if other is None else other
    items_a, items_b = common_codes(columns.item, against.item)
    found = []
    # Opposite halves only: twice fewer candidates than all pairs, and none of a row with itself.
    for half in (1, 2) if other is not None else (1,):
        rows_a = np.flatnonzero(columns.half_set == half)
        rows_b = np.flatnonzero(against.half_set == 3 - half)
        pairs = neighbour_pairs(
            columns.mean_positions[rows_a],
            items_a[rows_a],
            against.mean_positions[rows_b],
            items_b[rows_b],
            distance=radius_angstrom,
        )
        found.append(np.stack([rows_a[pairs.first], rows_b[pairs.second]], axis=1))
    rows = np.concatenate(found)
    if other is None:
        rows = np.sort(rows, axis=1)
    return np.asarray(rows[np.lexsort((rows[:, 1], rows[:, 0]))])
