"""M's particle STAR files: poses as trajectories, half-sets and items by name and data hash."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mgit.errors import InvalidInput, InvalidState
from mgit.exchange.records import Document, ParticleTable
from mgit.exchange.relion_particle_export import ParticleRows
from mgit.exchange.report import FieldReport, PatchedDocument, Verdict
from mgit.exchange.star import StarDocument, StarTable, parse_star
from mgit.exchange.star_format import quote_text, write_star
from mgit.exchange.star_patch import StarPatch
from mgit.exchange.star_report import column_field, with_every_column

__all__ = ["patch_particles", "read_particles", "write_particles"]

COORDINATES = ("wrpCoordinateX", "wrpCoordinateY", "wrpCoordinateZ")
ANGLES = ("wrpAngleRot", "wrpAngleTilt", "wrpAnglePsi")
NUMBERED = re.compile(rf"({'|'.join(COORDINATES + ANGLES)})([1-9]\d*)")
HALF_SET, NAME, HASH = "wrpRandomSubset", "wrpSourceName", "wrpSourceHash"
EMPTY = "null"
"""M's placeholder for an empty pass-through value."""


def read_particles(content: bytes, path: str) -> ParticleTable:
    """Read M's particle table; `path` is how errors call it.

    Positions are angstrom from the corner of the volume or image (in frame series z is an offset
    of the defocus), angles RELION's ZYZ in degrees. Control points are equally spaced over the
    exposure. A quantity with fewer control points than the other repeats its last one, as in M.
    `wrpSourceHash`, by which M finds items, is among the pass-through columns.

    Raises InvalidInput, naming file, line and column.
    """
    table = _table(parse_star(content, name=path))
    samples = max(_count(table, COORDINATES), _count(table, ANGLES))
    half_sets = None
    if HALF_SET in table:
        half_sets = table.integers(HALF_SET)
        bad = np.flatnonzero((half_sets != 1) & (half_sets != 2))
        if bad.size:
            raise table.invalid(
                "a half-set is neither 1 nor 2",
                column=HALF_SET,
                row=int(bad[0]),
                hint="renumber the half-sets",
            )
        half_sets = half_sets.astype(np.uint8)
    known = {HALF_SET, NAME}
    foreign = [c for c in table.columns if c not in known and NUMBERED.fullmatch(c) is None]
    return ParticleTable(
        positions=_trajectories(table, COORDINATES, samples),
        angles=_trajectories(table, ANGLES, samples),
        half_sets=half_sets,
        item_names=table.strings(NAME if NAME in table else HASH),
        passthrough={column: table.values(column) for column in foreign},
        document=Document(role="m_particles", path=path, content=content),
        attributes={"format": "m"},
    )


def write_particles(
    *,
    positions: np.ndarray,
    angles: np.ndarray,
    half_sets: np.ndarray,
    names: Sequence[str],
    hashes: Sequence[str],
    columns: Mapping[str, Sequence[str]] | None = None,
    comment: str,
) -> bytes:
    """A new particle table.

    positions, angles: `(n, T, 3)`. half_sets: `(n,)`, 1 or 2. names, hashes: item file names and
    M's data hashes, one per row. columns: pass-through columns of unquoted text.

    Raises InvalidState for shapes that disagree and values that are not finite.
    """
    rows, samples = positions.shape[:2]
    same = positions.shape == angles.shape == (rows, samples, 3)
    if not same or len(names) != rows or len(hashes) != rows or half_sets.shape != (rows,):
        raise InvalidState("particle columns differ in length", positions=positions.shape)
    if not (np.isfinite(positions).all() and np.isfinite(angles).all()):
        raise InvalidState("particle poses are not finite")
    values: dict[str, Sequence[str]] = {}
    for stems, array in ((COORDINATES, positions), (ANGLES, angles)):
        for sample in range(samples):
            for axis, stem in enumerate(stems):
                column = array[:, sample, axis].tolist()
                values[f"{stem}{sample + 1}"] = [repr(value) for value in column]
    values[HALF_SET] = [str(half) for half in half_sets.tolist()]
    values[NAME] = [quote_text(name) for name in names]
    values[HASH] = [quote_text(text) for text in hashes]
    for name, texts in (columns or {}).items():
        values[name] = [quote_text(text) if text else EMPTY for text in texts]
    return write_star([("", values, True)], comment=comment)


def patch_particles(document: Document, *, rows: ParticleRows) -> PatchedDocument:
    """Write current poses, half-sets and the choice of rows into M's table.

    Only values that differ from the table to the last bit are rewritten, with as many digits as
    bring them back. New rows need their item's name in `rows.item_names` and every other column,
    the hash included, in `rows.columns`.

    Raises InvalidState when the number of control points changed: write a new table then.
    """
    parsed = parse_star(document.content, name=document.path)
    table = _table(parsed)
    old = read_particles(document.content, document.path)
    _check(old, rows)
    kept = rows.source_row >= 0
    source = rows.source_row[kept]
    patch = StarPatch(parsed)
    report: list[FieldReport] = []
    for column, values in _current(table, old, rows):
        field = column_field(table.block, column)
        changed = values[kept].view(np.int64) != table.floats(column)[source].view(np.int64)
        texts = [repr(value) for value in values[kept][changed].tolist()]
        patch.set_texts(table.block, column, source[changed], texts=texts)
        verdict: Verdict
        for verdict, count in (("patched", len(texts)), ("kept", len(source) - len(texts))):
            if count:
                report.append(_line(document, field, verdict, count))
    additions = [_new_row(table, rows, row) for row in np.flatnonzero(~kept).tolist()]
    patch.arrange_rows(table.block, rows.source_row, additions=additions)
    for verdict, count in (
        ("dropped", table.row_count - len(source)),
        ("added", len(additions)),
    ):
        if count:
            report.append(_line(document, column_field(table.block, "(row)"), verdict, count))
    new = replace(document, content=patch.finish())
    return PatchedDocument(
        document=new, report=with_every_column(report, parsed, path=document.path)
    )


def _table(document: StarDocument) -> StarTable:
    """The one table with coordinates and a reference to items. Raises InvalidInput without one."""
    needed = [f"{stem}1" for stem in COORDINATES + ANGLES]
    for table in document.tables_with(*needed):
        if NAME in table or HASH in table:
            return table
    raise InvalidInput(
        "the file has no M particle table",
        hint=f"it needs the columns {', '.join(needed)} and {NAME} or {HASH}",
        file=document.file,
    )


def _count(table: StarTable, stems: tuple[str, ...]) -> int:
    """Number of control points, the same for all three components and without gaps."""
    found = {stem: set[int]() for stem in stems}
    for column in table.columns:
        match = NUMBERED.fullmatch(column)
        if match is not None and match.group(1) in found:
            found[match.group(1)].add(int(match.group(2)))
    count = max(len(samples) for samples in found.values())
    for stem, samples in found.items():
        missing = set(range(1, count + 1)) - samples
        if missing:
            raise InvalidInput(
                "a control point is missing",
                hint="each of the three components needs the same consecutive numbers from 1",
                file=table.file,
                column=f"{stem}{min(missing)}",
            )
    return count


def _trajectories(table: StarTable, stems: tuple[str, ...], samples: int) -> np.ndarray:
    """`(n, samples, 3)`; the last control point repeats when the table has fewer."""
    count = _count(table, stems)
    values = np.zeros((table.row_count, samples, 3))
    for axis, stem in enumerate(stems):
        for sample in range(count):
            values[:, sample, axis] = table.finite(f"{stem}{sample + 1}", hint="remove the row")
        values[:, count:, axis] = values[:, count - 1 : count, axis]
    return values


def _check(old: ParticleTable, rows: ParticleRows) -> None:
    source = rows.source_row[rows.source_row >= 0]
    if source.size and int(source.max()) >= len(old.item_names):
        raise InvalidState("a particle names a row that the table lacks", row=int(source.max()))
    if np.unique(source).size != source.size:
        raise InvalidState(
            "two particles name the same row", hint="give copies of a particle source row -1"
        )
    if rows.positions.shape[1:] != old.positions.shape[1:]:
        raise InvalidState(
            "the number of control points changed",
            hint="write a new table instead of patching the old one",
            table=old.positions.shape[1],
            current=rows.positions.shape[1],
        )


def _current(
    table: StarTable, old: ParticleTable, rows: ParticleRows
) -> Iterator[tuple[str, np.ndarray]]:
    """Each numeric column of the table with its current values, `(m,)` float64.

    Control points that the table lacks must repeat the last one that it has, as they were read.
    """
    for stems, values in ((COORDINATES, rows.positions), (ANGLES, rows.angles)):
        count = _count(table, stems)
        if not (values[:, count:] == values[:, count - 1 : count]).all():
            raise InvalidState(
                "the table holds fewer control points than the particles have",
                hint="write a new table instead of patching the old one",
                column=f"{stems[0]}{count + 1}",
            )
        for sample in range(count):
            for axis, stem in enumerate(stems):
                column = np.ascontiguousarray(values[:, sample, axis], dtype=np.float64)
                yield f"{stem}{sample + 1}", column
    if HALF_SET in table:
        if rows.half_sets is None:
            raise InvalidState("the table has half-sets, the particles have none")
        yield HALF_SET, rows.half_sets.astype(np.float64)
    elif rows.half_sets is not None:
        raise InvalidState(
            "the table has no column of half-sets",
            hint="write a new table instead of patching the old one",
            rows=len(old.item_names),
        )


def _new_row(table: StarTable, rows: ParticleRows, row: int) -> dict[str, str]:
    values = {NAME: quote_text(rows.item_names[row])}
    if rows.half_sets is not None:
        values[HALF_SET] = str(int(rows.half_sets[row]))
    for stems, array in ((COORDINATES, rows.positions), (ANGLES, rows.angles)):
        for sample in range(array.shape[1]):
            for axis, stem in enumerate(stems):
                values[f"{stem}{sample + 1}"] = repr(float(array[row, sample, axis]))
    for column in table.columns:
        if column in rows.columns:
            values[column] = rows.columns[column][row]
        elif column not in values:
            raise InvalidState("a new particle has no value for a column", column=column, row=row)
    return values


def _line(document: Document, column: str, verdict: Verdict, count: int) -> FieldReport:
    return FieldReport(document=document.path, field=column, verdict=verdict, count=count)
