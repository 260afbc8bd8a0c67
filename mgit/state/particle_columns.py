"""Particle tables: one row per particle, sorted by permanent id, one array per column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mgit.digest import IDENTITY_BYTES, Digest, particle_ids
from mgit.errors import InvalidState, NotFound
from mgit.state.strings import StringColumn

__all__ = [
    "Column",
    "ParticleColumns",
    "build_particles",
    "concatenate_particles",
    "empty_particles",
    "id_order",
    "id_words",
    "rows_in_source_order",
    "take_rows",
]

Column = np.ndarray | StringColumn
"""A column as it is stored: an array whose axis 0 runs over particles, or one string per row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParticleColumns:
    """A whole particle table in memory, valid from birth: rows ascend by id, ids are unique.

    id: `(n, 16)` uint8. item: id of the item (32 hexadecimal digits) per row.
    positions: `(n, T, 3)` float64, x y z, angstrom from the corner.
    angles: `(n, T', 3)` float64, rot tilt psi in degrees, RELION ZYZ.
    half_set: `(n,)` uint8, 1 or 2. source_table: digest of the imported table per row.
    source_row: `(n,)` int64, row of that table from 0.
    trajectory: None or `(n, F, 3)` float64, angstrom. passthrough: foreign columns by name.

    Raises InvalidState if any of this does not hold or a number is not finite.
    """

    id: np.ndarray
    item: StringColumn
    positions: np.ndarray
    angles: np.ndarray
    half_set: np.ndarray
    source_table: StringColumn
    source_row: np.ndarray
    trajectory: np.ndarray | None = None
    passthrough: Mapping[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.id)
        _check_form("id", self.id, np.uint8, (count, IDENTITY_BYTES))
        _check_form("half_set", self.half_set, np.uint8, (count,))
        _check_form("source_row", self.source_row, np.int64, (count,))
        _check_vectors("position", self.positions, count)
        _check_vectors("angles", self.angles, count)
        if self.trajectory is not None:
            _check_vectors("trajectory", self.trajectory, count)
        strings = {"item": self.item, "source_table": self.source_table}
        for name, column in {**strings, **self.passthrough}.items():
            if len(column) != count:
                raise InvalidState(
                    f"a column has {len(column)} rows instead of {count}", column=name
                )
        if not np.isin(self.half_set, (1, 2)).all():
            raise InvalidState("a half-set is neither 1 nor 2", column="half_set")
        _check_order(self.id)

    def __len__(self) -> int:
        return len(self.id)

    @property
    def mean_positions(self) -> np.ndarray:
        """`(n, 3)` float64, the mean over temporal samples, angstrom."""
        return np.asarray(self.positions.mean(axis=1))

    def columns(self) -> dict[str, Column]:
        """The canonical columns by their names in the tree; an absent trajectory is left out."""
        found: dict[str, Column] = {
            "id": self.id,
            "item": self.item,
            "position": self.positions,
            "angles": self.angles,
            "half_set": self.half_set,
            "source_table": self.source_table,
            "source_row": self.source_row,
        }
        if self.trajectory is not None:
            found["trajectory"] = self.trajectory
        return found

    def take(self, rows: np.ndarray) -> "ParticleColumns":
        """The rows with these ascending indices (or this mask), every column."""
        wanted = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            id=self.id[wanted],
            item=self.item.take(wanted),
            positions=self.positions[wanted],
            angles=self.angles[wanted],
            half_set=self.half_set[wanted],
            source_table=self.source_table.take(wanted),
            source_row=self.source_row[wanted],
            trajectory=None if self.trajectory is None else self.trajectory[wanted],
            passthrough={name: take_rows(each, wanted) for name, each in self.passthrough.items()},
        )


def take_rows(column: Column, rows: np.ndarray) -> Column:
    """Rows of a column of either form."""
    return column.take(rows) if isinstance(column, StringColumn) else column[rows]


def _check_form(name: str, values: np.ndarray, dtype: type, shape: tuple[int, ...]) -> None:
    if values.dtype != dtype or values.shape != shape:
        raise InvalidState(
            f"a column is {values.dtype} {values.shape}, not {np.dtype(dtype)} {shape}",
            column=name,
        )


def _check_vectors(name: str, values: np.ndarray, count: int) -> None:
    samples = values.shape[1] if values.ndim == 3 else 1
    _check_form(name, values, np.float64, (count, samples, 3))
    if samples == 0:
        raise InvalidState("a column has no temporal sample", column=name)
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0])
        raise InvalidState("a column holds values that are not finite", column=name, row=row)


def id_words(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids as two unsigned integers each, high and low, so that comparing them compares bytes."""
    words = np.ascontiguousarray(ids).view(">u8").astype(np.uint64)
    return words[:, 0], words[:, 1]


def id_order(ids: np.ndarray) -> np.ndarray:
    """`(n,)` indices that sort `(n, 16)` ids bytewise; stable."""
    high, low = id_words(ids)
    return np.lexsort((low, high))


def _check_order(ids: np.ndarray) -> None:
    high, low = id_words(ids)
    ascending = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    if ascending.all():
        return
    row = int(np.argmin(ascending))
    if np.array_equal(ids[row], ids[row + 1]):
        raise InvalidState("two particles have the same id", id=ids[row].tobytes().hex())
    raise InvalidState("particles are not sorted by id", row=row + 1)


def empty_particles() -> ParticleColumns:
    """A table without rows."""
    none = StringColumn.of(())
    return ParticleColumns(
        id=np.empty((0, IDENTITY_BYTES), np.uint8),
        item=none,
        positions=np.empty((0, 1, 3)),
        angles=np.empty((0, 1, 3)),
        half_set=np.empty(0, np.uint8),
        source_table=none,
        source_row=np.empty(0, np.int64),
    )


def build_particles(
    table: Digest,
    *,
    positions: np.ndarray,
    angles: np.ndarray,
    half_sets: np.ndarray,
    item_ids: Sequence[str] | StringColumn,
    trajectories: np.ndarray | None = None,
    passthrough: Mapping[str, np.ndarray | Sequence[str] | StringColumn] | None = None,
    source_rows: np.ndarray | None = None,
    ids: np.ndarray | None = None,
) -> ParticleColumns:
    """Rows of an imported table, in file order, as a canonical table sorted by id.

    table: digest of the table's document; with the row it defines each particle's id.
    item_ids: id of the item of every row. source_rows: `(n,)` rows in the file if some were left
    out, else 0..n-1. ids: `(n, 16)` uint8 where the file carries permanent ids already.

    Raises InvalidState as ParticleColumns does.
    """
    count = len(positions)
    rows = np.arange(count) if source_rows is None else np.asarray(source_rows, dtype=np.int64)
    if ids is None:
        ids = _ids_of_rows(table, rows)
    lengths = {"source_row": rows, "angles": angles, "half_set": half_sets, "item": item_ids}
    for name, values in {**lengths, "trajectory": trajectories}.items():
        if values is not None and len(values) != count:
            raise InvalidState(f"a column has {len(values)} rows instead of {count}", column=name)
    if not np.isin(half_sets, (1, 2)).all():  # before the cast, which would wrap 257 to 1
        raise InvalidState("a half-set is neither 1 nor 2", column="half_set")
    _check_form("id", ids, np.uint8, (count, IDENTITY_BYTES))
    order = id_order(ids)
    strings = {name: _as_column(each) for name, each in (passthrough or {}).items()}
    codes = np.zeros(count, np.uint32)
    return ParticleColumns(
        id=np.ascontiguousarray(ids)[order],
        item=_strings_of(item_ids).take(order),
        positions=np.asarray(positions, dtype=np.float64)[order],
        angles=np.asarray(angles, dtype=np.float64)[order],
        half_set=np.asarray(half_sets, dtype=np.uint8)[order],
        source_table=StringColumn(codes=codes, dictionary=(str(table),) if count else ()),
        source_row=rows.astype(np.int64)[order],
        trajectory=None if trajectories is None else np.asarray(trajectories, float)[order],
        passthrough={name: _in_order(each, order, name) for name, each in strings.items()},
    )


def _ids_of_rows(table: Digest, rows: np.ndarray) -> np.ndarray:
    if not len(rows):
        return np.empty((0, IDENTITY_BYTES), np.uint8)
    last = int(rows.max()) + 1
    ids = np.frombuffer(particle_ids(table, last), np.uint8).reshape(last, IDENTITY_BYTES)
    return np.asarray(ids[rows])


def _as_column(values: np.ndarray | Sequence[str] | StringColumn) -> Column:
    return values if isinstance(values, np.ndarray) else _strings_of(values)


def _strings_of(values: Sequence[str] | StringColumn) -> StringColumn:
    return values if isinstance(values, StringColumn) else StringColumn.of(values)


def _in_order(column: Column, order: np.ndarray, name: str) -> Column:
    if len(column) != len(order):
        raise InvalidState(f"a column has {len(column)} rows instead of {len(order)}", column=name)
    return take_rows(column, order)


def rows_in_source_order(columns: ParticleColumns, table: Digest | str) -> np.ndarray:
    """Indices of the rows that came from `table`, in that file's order.

    Raises NotFound if no row came from it.
    """
    wanted = str(table)
    if wanted not in columns.source_table.dictionary:
        raise NotFound("no particle came from this table", table=wanted)
    code = columns.source_table.dictionary.index(wanted)
    rows = np.flatnonzero(columns.source_table.codes == code)
    return rows[np.argsort(columns.source_row[rows], kind="stable")]


def concatenate_particles(tables: Sequence[ParticleColumns]) -> ParticleColumns:
    """Rows of several tables as one, sorted by id; pass-through columns that all of them have.

    Raises InvalidState if an id occurs twice or the temporal samples differ.
    """
    if not tables:
        return empty_particles()
    order = id_order(np.concatenate([each.id for each in tables]))
    for name in ("positions", "angles", "trajectory"):
        if len({_samples(getattr(each, name)) for each in tables}) > 1:
            raise InvalidState("the tables differ in their temporal samples", column=name)
    shared = set.intersection(*(set(each.passthrough) for each in tables))
    trajectories = [each.trajectory for each in tables if each.trajectory is not None]
    return ParticleColumns(
        id=np.concatenate([each.id for each in tables])[order],
        item=_joined([each.item for each in tables]).take(order),
        positions=np.concatenate([each.positions for each in tables])[order],
        angles=np.concatenate([each.angles for each in tables])[order],
        half_set=np.concatenate([each.half_set for each in tables])[order],
        source_table=_joined([each.source_table for each in tables]).take(order),
        source_row=np.concatenate([each.source_row for each in tables])[order],
        trajectory=np.concatenate(trajectories)[order] if trajectories else None,
        passthrough={
            name: take_rows(_joined_column([each.passthrough[name] for each in tables]), order)
            for name in sorted(shared)
        },
    )


def _samples(values: np.ndarray | None) -> int:
    return 0 if values is None else int(values.shape[1])


def _joined(columns: Sequence[StringColumn]) -> StringColumn:
    dictionary = tuple(sorted(set().union(*(each.dictionary for each in columns))))
    code_of = {text: code for code, text in enumerate(dictionary)}
    codes = [
        np.array([code_of[text] for text in each.dictionary], np.uint32)[each.codes]
        for each in columns
    ]
    return StringColumn(codes=np.concatenate(codes), dictionary=dictionary)


def _joined_column(columns: Sequence[Column]) -> Column:
    strings = [each for each in columns if isinstance(each, StringColumn)]
    arrays = [each for each in columns if not isinstance(each, StringColumn)]
    if strings and arrays:
        raise InvalidState("a pass-through column holds text in one table and numbers in another")
    return _joined(strings) if strings else np.concatenate(arrays)
