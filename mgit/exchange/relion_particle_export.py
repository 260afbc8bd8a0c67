"""Current particles written back into the RELION table they came from.

Signatures for callers:

    patch_particles(document, *, rows, volumes=None, coordinate_pixel_size_angstrom=None,
                    kept_tilts=None) -> PatchedDocument
    write_trajectories(values, *, particle_names, tilt_counts, comment) -> bytes

`rows` says for each current particle which row of the table it was (-1: none), in the order in
which the rows shall stand; rows that no particle names are dropped. Volumes and the coordinate
pixel size are those the table was read with, or current ones if they changed.

Only values that differ in some bit from what the document says are rewritten. A moved particle gets
new coordinates and origin 0; a turned one gets `A_sub^-1 A` in rlnAngleRot/Tilt/Psi, so that
rlnTomoSubtomogramRot/Tilt/Psi stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mgit.errors import InvalidState
from mgit.exchange.records import Document
from mgit.exchange.relion_optics import read_optics
from mgit.exchange.relion_particles import (
    ANGLE_COLUMNS,
    ORIGIN_ANGSTROM_COLUMNS,
    SUBTOMOGRAM_COLUMNS,
    ParticleFrame,
    Volumes,
    item_names,
    particle_block,
    particle_frame,
    place,
)
from mgit.exchange.relion_rotations import divide_angles
from mgit.exchange.relion_tilt_export import different
from mgit.exchange.report import FieldReport, PatchedDocument, Verdict
from mgit.exchange.star import StarTable, parse_star
from mgit.exchange.star_format import quote_text, write_star
from mgit.exchange.star_patch import StarPatch
from mgit.exchange.star_report import column_field, with_every_column

__all__ = ["ParticleRows", "patch_particles", "write_trajectories"]

NEW_PARTICLE = -1
NEIGHBOURS_TRIED = 4
"""How many floats to either side of a rounded quotient are tried for the exact one."""
HALF_SET_COLUMN = "rlnRandomSubset"
ITEM_COLUMNS = ("rlnTomoName", "rlnMicrographName")
NAME_COLUMN = "rlnTomoParticleName"
VISIBLE_COLUMN = "rlnTomoVisibleFrames"
SHARED_BY_SERIES = ("rlnOpticsGroup", VISIBLE_COLUMN, "rlnMicrographName")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticleRows:
    """Current particles in the order in which they shall be written.

    source_row: `(m,)` int64, row of the document or -1. positions: `(m, T, 3)` angstrom from the
    corner. angles: `(m, T, 3)` degrees. half_sets: `(m,)` 1 or 2, or None. item_names: series.
    columns: spelt values for new particles by foreign column, one per row, used where
    source_row is -1.
    """

    source_row: np.ndarray
    positions: np.ndarray
    angles: np.ndarray
    half_sets: np.ndarray | None
    item_names: Sequence[str]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


class _Change:
    """One patched table with its report."""

    def __init__(self, document: Document, rows: ParticleRows) -> None:
        self.path = document.path
        self.parsed = parse_star(document.content, name=document.path)
        self.table = particle_block(self.parsed)
        self.patch = StarPatch(self.parsed)
        self.rows = rows
        self.old = rows.source_row >= 0
        self.source = rows.source_row[self.old]
        self.report: list[FieldReport] = []

    def add(self, column: str, verdict: Verdict, count: int) -> None:
        if count:
            name = column_field(self.table.block, column)
            entry = FieldReport(document=self.path, field=name, verdict=verdict, count=count)
            self.report.append(entry)

    def numbers(self, columns: Sequence[str], changed: np.ndarray, values: np.ndarray) -> None:
        """Rewrite `values[changed]` `(old rows, len(columns))` where the stored number differs."""
        for at, column in enumerate(columns):
            stored = self.table.floats(column)[self.source]
            hit = changed & different(values[:, at], stored)
            targets = self.source[hit]
            self.patch.set_numbers(self.table.block, column, targets, values=values[hit, at])
            self.add(column, "patched", int(hit.sum()))
            self.add(column, "kept", int(hit.size - hit.sum()))


def patch_particles(
    document: Document,
    *,
    rows: ParticleRows,
    volumes: Volumes | None = None,
    coordinate_pixel_size_angstrom: float | None = None,
    kept_tilts: Mapping[str, np.ndarray] | None = None,
) -> PatchedDocument:
    """Write current positions, angles, half sets and row selection into a particle table.

    kept_tilts: for series whose tilt table loses rows, which tilts stay, `(tilts,)` bool; the
        particles' rlnTomoVisibleFrames lose the same entries. Stacks must then be extracted again.

    Raises InvalidState for rows that do not exist or are named twice.
    """
    change = _Change(document, rows)
    table = change.table
    _check_rows(table, rows, change.source)
    optics = read_optics(change.parsed, table)
    frame = particle_frame(
        table, optics, item_names(table), volumes or {}, pixel_size=coordinate_pixel_size_angstrom
    )
    # RELION tables hold one pose per particle: a trajectory is written as its mean position.
    positions, angles = rows.positions.mean(axis=1), rows.angles[:, 0]
    # The mean of equal numbers may differ from them in the last bit.
    steady = (rows.positions == rows.positions[:, :1]).all(axis=(1, 2))
    positions[steady] = rows.positions[steady, 0]
    if _varies(rows.positions) or _varies(rows.angles):
        change.add("(trajectory)", "dropped", rows.positions.shape[0])
    stored_positions, stored_angles = place(table, frame)
    _patch_positions(change, frame, positions[change.old], stored_positions)
    _patch_angles(change, frame, angles[change.old], stored_angles)
    _patch_visible_frames(change, kept_tilts or {})
    added = _patch_half_sets(change)
    _arrange(change, frame, positions, angles, added)
    content = change.patch.finish()
    new = Document(role=document.role, path=document.path, content=content)
    lines = with_every_column(change.report, change.parsed, path=document.path)
    return PatchedDocument(document=new, report=lines)


def write_trajectories(
    values: np.ndarray,
    *,
    particle_names: Sequence[str],
    tilt_counts: Sequence[int],
    comment: str,
) -> bytes:
    """A motion.star of displacements `(particles, tilts, 3)` in angstrom, a block per particle."""
    blocks: list[tuple[str, Mapping[str, Sequence[str]], bool]] = [
        ("general", {"rlnParticleNumber": [str(len(particle_names))]}, False)
    ]
    for name, path, count in zip(particle_names, values, tilt_counts, strict=True):
        columns = {
            column: [repr(float(value)) for value in path[:count, axis]]
            for axis, column in enumerate(ORIGIN_ANGSTROM_COLUMNS)
        }
        blocks.append((name, columns, True))
    return write_star(blocks, comment=comment)


def _check_rows(table: StarTable, rows: ParticleRows, source: np.ndarray) -> None:
    if source.size and int(source.max()) >= table.row_count:
        raise InvalidState(
            f"a particle names row {int(source.max())} of a table of {table.row_count} rows",
            hint="the stored document belongs to other particles",
            file=table.file,
        )
    if np.unique(source).size != source.size:
        raise InvalidState(
            "two particles name the same row of the table",
            hint="give copies of a particle source row -1",
            file=table.file,
        )


def _varies(values: np.ndarray) -> bool:
    return bool((values != values[:, :1]).any())


def _any_column(flags: np.ndarray) -> np.ndarray:
    return np.asarray(flags.any(axis=1), dtype=np.bool_)


def _patch_positions(
    change: _Change, frame: ParticleFrame, current: np.ndarray, stored: np.ndarray
) -> None:
    width = len(frame.coordinates)
    if width < 3:
        change.add("(z)", "dropped", int(np.count_nonzero(current[:, 2])))
    moved = _any_column(different(current[:, :width], stored[change.source, :width]))
    scale, centre = frame.scale[change.source], frame.centre[change.source]
    change.numbers(frame.coordinates, moved, _inverted(current, centre, scale))
    if frame.origins:
        change.numbers(frame.origins, moved, np.zeros_like(current))


def _inverted(current: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """`x` with `x * scale + centre == current`, to the last bit wherever a float64 `x` has it."""
    values: np.ndarray = (current - centre) / scale
    for towards in (np.inf, -np.inf):
        neighbour = values
        for _ in range(NEIGHBOURS_TRIED):
            neighbour = np.nextafter(neighbour, towards)
            better = (values * scale + centre != current) & (neighbour * scale + centre == current)
            values = np.where(better, neighbour, values)
    return values


def _patch_angles(
    change: _Change, frame: ParticleFrame, current: np.ndarray, stored: np.ndarray
) -> None:
    turned = _any_column(different(current, stored[change.source]))
    if not all(column in change.table for column in ANGLE_COLUMNS):
        if turned.any():
            change.add("(angles)", "dropped", int(turned.sum()))
        return
    inner = divide_angles(frame.subtomogram[change.source], current)
    change.numbers(ANGLE_COLUMNS, turned, inner)


def _patch_visible_frames(change: _Change, kept_tilts: Mapping[str, np.ndarray]) -> None:
    table = change.table
    cut = {name: keep for name, keep in kept_tilts.items() if not keep.all()}
    if not cut or VISIBLE_COLUMN not in table:
        return
    names, flags = item_names(table), table.strings(VISIBLE_COLUMN)
    rows = [row for row in change.source.tolist() if names[row] in cut]
    texts = []
    for row in rows:
        entries = flags[row].strip("[]").split(",")
        keep = cut[names[row]]
        if len(entries) != keep.size:
            raise table.invalid(
                f"{len(entries)} visible frames for a series of {keep.size} tilts",
                column=VISIBLE_COLUMN,
                row=row,
                hint="the particles belong to another set of tilts",
            )
        kept = (entry for entry, stays in zip(entries, keep, strict=True) if stays)
        texts.append("[" + ",".join(kept) + "]")
    change.patch.set_texts(table.block, VISIBLE_COLUMN, np.array(rows, np.int64), texts=texts)
    change.add(VISIBLE_COLUMN, "patched", len(rows))


def _patch_half_sets(change: _Change) -> dict[str, list[str]]:
    """Write half sets; returns the columns that had to be added, spelt per current row."""
    half_sets = change.rows.half_sets
    if half_sets is None:
        return {}
    if HALF_SET_COLUMN in change.table:
        current = half_sets[change.old].astype(np.float64)[:, None]
        change.numbers((HALF_SET_COLUMN,), np.ones(current.shape[0], dtype=bool), current)
        return {}
    texts = ["1"] * change.table.row_count
    for row, half in zip(change.source.tolist(), half_sets[change.old].tolist(), strict=True):
        texts[row] = str(half)
    change.patch.add_column(change.table.block, HALF_SET_COLUMN, texts=texts)
    change.add(HALF_SET_COLUMN, "added", int(change.source.size))
    return {HALF_SET_COLUMN: [str(half) for half in half_sets.tolist()]}


def _arrange(
    change: _Change,
    frame: ParticleFrame,
    positions: np.ndarray,
    angles: np.ndarray,
    added: Mapping[str, Sequence[str]],
) -> None:
    rows, table = change.rows, change.table
    new = np.flatnonzero(~change.old).tolist()
    change.add("(row)", "dropped", table.row_count - change.source.size)
    change.add("(row)", "added", len(new))
    additions = _new_rows(change, frame, new, positions, angles) if new else []
    for at, values in zip(new, additions, strict=True):
        values.update({column: texts[at] for column, texts in added.items()})
    change.patch.arrange_rows(table.block, rows.source_row, additions=additions)


def _new_rows(
    change: _Change,
    frame: ParticleFrame,
    new: Sequence[int],
    positions: np.ndarray,
    angles: np.ndarray,
) -> list[dict[str, str]]:
    """Spelt values of particles that the table never held, by column."""
    table, rows = change.table, change.rows
    like = _similar_rows(table, rows, new)
    constant = {column for column in table.columns if _is_constant(table, column)}
    additions = []
    for at, row in zip(new, like, strict=True):
        if row is None:
            raise InvalidState(
                f"series '{rows.item_names[at]}' has new particles and none in the table",
                hint="write a new table instead of patching the old one",
                file=table.file,
            )
        values = {column: _inherited(table, column, row, constant) for column in table.columns}
        centre, scale = frame.centre[row], frame.scale[row]
        if VISIBLE_COLUMN in table:
            values[VISIBLE_COLUMN] = values[VISIBLE_COLUMN].replace("0", "1")
        coordinates = (positions[at] - centre) / scale
        for column in (*frame.origins, *SUBTOMOGRAM_COLUMNS):
            if column in values:
                values[column] = "0"
        for axis, column in enumerate(frame.coordinates):
            values[column] = repr(float(coordinates[axis]))
        for axis, column in enumerate(ANGLE_COLUMNS):
            values[column] = repr(float(angles[at, axis]))
        for column in ITEM_COLUMNS[:1]:
            if column in table:
                values[column] = quote_text(rows.item_names[at])
        if NAME_COLUMN in table:
            values[NAME_COLUMN] = quote_text(f"{rows.item_names[at]}/new{at + 1}")
        if rows.half_sets is not None and HALF_SET_COLUMN in table:
            values[HALF_SET_COLUMN] = str(int(rows.half_sets[at]))
        values.update({column: texts[at] for column, texts in rows.columns.items()})
        additions.append({column: values[column] for column in table.columns})
    return additions


def _is_constant(table: StarTable, column: str) -> bool:
    at = table.position(column)
    widths = table.ends[:, at] - table.starts[:, at]
    if not (widths == widths[0]).all():
        return False
    first = table.token(column)
    return all(table.token(column, row) == first for row in range(table.row_count))


def _inherited(table: StarTable, column: str, row: int, constant: set[str]) -> str:
    """What a new particle takes from a row of its series; zero or empty where rows differ."""
    text = table.token(column, row).decode("utf-8")
    if column in constant or column in SHARED_BY_SERIES:
        return text
    try:
        float(text)
    except ValueError:
        return '""'
    return "0"


def _similar_rows(table: StarTable, rows: ParticleRows, new: Sequence[int]) -> list[int | None]:
    """A row of the same series for each new particle, whose optics group and centre it shares."""
    first: dict[str, int] = {}
    for row, name in enumerate(item_names(table)):
        first.setdefault(name, row)
    return [first.get(rows.item_names[at]) for at in new]
