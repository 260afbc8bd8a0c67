"""Which rows of two particle tables are the same particle, and how ids survive a re-import."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mgit.errors import InvalidState, NotFound
from mgit.state.neighbours import Pairs, neighbour_pairs
from mgit.state.particle_columns import (
    ParticleColumns,
    id_order,
    id_words,
    take_rows,
)
from mgit.state.strings import StringColumn

__all__ = ["RowMatch", "common_codes", "match_rows", "update_particles"]

NAME_COLUMN = "rlnTomoParticleName"
By = Literal["id", "name", "position"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMatch:
    """Rows of an old and a new table that are the same particle.

    old, new: `(k,)` int64, row old[i] is row new[i]; ascending in old.
    missing_old: rows of the old table that nothing matches (they would disappear).
    missing_new: rows of the new table that nothing matches (they would be new particles).
    distance: `(k,)` angstrom when matched by position, else None.
    """

    old: np.ndarray
    new: np.ndarray
    missing_old: np.ndarray
    missing_new: np.ndarray
    distance: np.ndarray | None = None

    @property
    def complete(self) -> bool:
        """Whether every row of both tables is matched."""
        return not len(self.missing_old) and not len(self.missing_new)


def match_rows(
    old: ParticleColumns,
    new: ParticleColumns,
    *,
    by: By,
    tolerance_angstrom: float | None = None,
    column: str = NAME_COLUMN,
) -> RowMatch:
    """Match rows by permanent id, by a pass-through name, or by item and position.

    by='position' pairs rows of the same item that are each other's nearest neighbour and at most
    `tolerance_angstrom` apart in their mean positions. by='name' compares the text column
    `column`; a name that occurs twice in a table matches nothing.

    Raises NotFound if the name column is missing, ValueError if the tolerance is.
    """
    if by == "id":
        return _match_ids(old, new)
    if by == "name":
        return _match_names(_names(old, column), _names(new, column))
    if tolerance_angstrom is None:
        raise ValueError("matching by position needs a tolerance")
    return _match_positions(old, new, tolerance_angstrom)


def _match(
    old: np.ndarray, new: np.ndarray, counts: tuple[int, int], distance: np.ndarray | None = None
) -> RowMatch:
    order = np.argsort(old, kind="stable")
    missing = []
    for rows, count in zip((old, new), counts, strict=True):
        absent = np.ones(count, dtype=bool)
        absent[rows] = False
        missing.append(np.flatnonzero(absent))
    return RowMatch(
        old=old[order],
        new=new[order],
        missing_old=missing[0],
        missing_new=missing[1],
        distance=None if distance is None else distance[order],
    )


def _match_ids(old: ParticleColumns, new: ParticleColumns) -> RowMatch:
    """Both tables ascend by id, so equal ids stand side by side in the merged order."""
    words = [id_words(each.id) for each in (old, new)]
    high = np.concatenate([each[0] for each in words])
    low = np.concatenate([each[1] for each in words])
    order = np.lexsort((low, high))
    same = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
    left = order[:-1][same]
    right = order[1:][same]
    return _match(left, right - len(old), (len(old), len(new)))


def _names(table: ParticleColumns, column: str) -> StringColumn:
    values = table.passthrough.get(column)
    if not isinstance(values, StringColumn):
        raise NotFound(
            "a particle table has no column of names",
            column=column,
            hint="match by id, or by position with a tolerance",
        )
    return values


def common_codes(a: StringColumn, b: StringColumn) -> tuple[np.ndarray, np.ndarray]:
    """Codes of two string columns in one dictionary, so that equal strings have equal codes."""
    words = sorted(set(a.dictionary) | set(b.dictionary))
    code_of = {word: code for code, word in enumerate(words)}
    first, second = (
        np.array([code_of[word] for word in each.dictionary], dtype=np.int64)[each.codes]
        for each in (a, b)
    )
    return first, second


def _match_names(old: StringColumn, new: StringColumn) -> RowMatch:
    old_codes, new_codes = common_codes(old, new)
    size = int(max(old_codes.max(initial=-1), new_codes.max(initial=-1))) + 1
    row_of = []
    for codes in (old_codes, new_codes):
        rows = np.full(size, -1, dtype=np.int64)
        rows[codes] = np.arange(len(codes))
        rows[np.bincount(codes, minlength=size) > 1] = -1
        row_of.append(rows)
    both = (row_of[0] >= 0) & (row_of[1] >= 0)
    return _match(row_of[0][both], row_of[1][both], (len(old), len(new)))


def _match_positions(old: ParticleColumns, new: ParticleColumns, tolerance: float) -> RowMatch:
    old_items, new_items = common_codes(old.item, new.item)
    pairs = neighbour_pairs(
        old.mean_positions, old_items, new.mean_positions, new_items, distance=tolerance
    )
    nearest_new = _nearest(pairs, pairs.first, len(old))
    nearest_old = _nearest(pairs, pairs.second, len(new))
    index = np.arange(len(pairs))
    mutual = (nearest_new[pairs.first] == index) & (nearest_old[pairs.second] == index)
    return _match(
        pairs.first[mutual],
        pairs.second[mutual],
        (len(old), len(new)),
        distance=pairs.distance[mutual],
    )


def _nearest(pairs: Pairs, rows: np.ndarray, count: int) -> np.ndarray:
    """For each row the index of its closest pair, ties by the order of the pairs; -1 for none."""
    order = np.lexsort((np.arange(len(rows)), pairs.distance, rows))
    leading = np.ones(len(order), dtype=bool)
    leading[1:] = rows[order][1:] != rows[order][:-1]
    best = np.full(count, -1, dtype=np.int64)
    best[rows[order[leading]]] = order[leading]
    return best


def update_particles(
    old: ParticleColumns, new: ParticleColumns, match: RowMatch
) -> ParticleColumns:
    """The new table with the permanent ids of the old one where rows are matched.

    Unmatched rows of `new` keep ids of their own; unmatched rows of `old` are left out: whether
    that is wanted is the caller's decision, who has them in `match.missing_old`.

    Raises InvalidState if an unmatched new row carries the id of another particle.
    """
    if len(match.new) != len(np.unique(match.new)) or len(match.old) != len(np.unique(match.old)):
        raise InvalidState("a row is matched twice")
    ids = new.id.copy()
    ids[match.new] = old.id[match.old]
    order = id_order(ids)
    return replace(
        new,
        id=ids[order],
        item=new.item.take(order),
        positions=new.positions[order],
        angles=new.angles[order],
        half_set=new.half_set[order],
        source_table=new.source_table.take(order),
        source_row=new.source_row[order],
        trajectory=None if new.trajectory is None else new.trajectory[order],
        passthrough={name: take_rows(each, order) for name, each in new.passthrough.items()},
    )
