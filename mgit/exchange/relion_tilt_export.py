"""Current tilt-series values written back into the RELION documents they came from.

Signatures for callers:

    patch_tilt_series(document, *, name, state) -> PatchedDocument
    patch_tomograms(document, *, items) -> PatchedDocument   items: {series name: ItemState}

`document` is the stored document; `state` holds the canonical arrays and attributes of the item.
A value is rewritten only where the document's own value, read again, differs from the current one
in any bit; documents of an unchanged item come back byte for byte. Tilts whose `use` is false are
dropped: their rows leave the tilt table. Arrays that RELION has no place for are reported as
`dropped` when they are not zero.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mgit.errors import InvalidState
from mgit.exchange.records import Document
from mgit.exchange.relion_aberrations import Terms, without_terms
from mgit.exchange.relion_projections import (
    PROJECTION_COLUMNS,
    ProjectionFrame,
    decode_projection,
    encode_projection,
    projection_matrices,
    whole_sizes,
)
from mgit.exchange.relion_tilts import (
    DEFORMATION_COLUMN,
    MAGNIFICATION_COLUMNS,
    TILT_FIELDS,
    TiltField,
    image_deformation,
)
from mgit.exchange.relion_tomograms import global_table, series_attributes, series_table
from mgit.exchange.report import FieldReport, PatchedDocument, Verdict
from mgit.exchange.star import StarDocument, StarTable, parse_star
from mgit.exchange.star_format import format_vector, spell
from mgit.exchange.star_patch import StarPatch
from mgit.exchange.star_report import column_field, with_every_column

__all__ = ["HELD_ATTRIBUTES", "ItemState", "different", "patch_tilt_series", "patch_tomograms"]

GEOMETRY_ARRAYS = ("tilt_angle", "level_angle_y", "level_angle_x", "axis_angle")
OFFSET_ARRAYS = ("axis_offset_x", "axis_offset_y")
HANDLED = {
    *(name for tilt_field in TILT_FIELDS for name in tilt_field.arrays),
    "use",
    "image_deformation",
    "magnification",
}
GLOBAL_COLUMNS = {
    "voltage_kilovolt": "rlnVoltage",
    "spherical_aberration_millimetre": "rlnSphericalAberration",
    "amplitude_contrast": "rlnAmplitudeContrast",
    "exposure_per_tilt": "rlnTomoImportFractionalDose",
    "pixel_size_angstrom": "rlnTomoTiltSeriesPixelSize",
    "hand": "rlnTomoHand",
}
HELD_ATTRIBUTES = frozenset({*GLOBAL_COLUMNS, "volume_dimensions_angstrom"})
"""Attributes of a series that a tomogram set has a place for."""
NEUTRAL = {"rlnMagMat00": 1.0, "rlnMagMat11": 1.0}
NEUTRAL_ARRAYS = {"exposure_weight": 1.0, "location_weight": 1.0}
"""Values at which an array does nothing, where that is not zero."""
PHASE_COLUMN = "rlnPhaseShift"
SIZE_COLUMNS = ("rlnTomoSizeX", "rlnTomoSizeY", "rlnTomoSizeZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemState:
    """Current canonical values of one series (docs/state.md names arrays and attributes).

    optics: what came from an optics group of a particle table, not from the tables of the tilts,
    into which it is not written.
    """

    arrays: Mapping[str, np.ndarray]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    optics: Terms | None = None

    def told_by(self, table: StarTable) -> Mapping[str, np.ndarray]:
        """The arrays as the series' own tables say them."""
        if not self.optics:
            return self.arrays
        phase = table.floats(PHASE_COLUMN) if PHASE_COLUMN in table else None
        return without_terms(self.arrays, self.optics, document_phase=phase)


def patch_tilt_series(document: Document, *, name: str, state: ItemState) -> PatchedDocument:
    """Write the current values of one series into its tilt-series table.

    Raises InvalidState when an array's length is not the table's number of tilts.
    """
    parsed = parse_star(document.content, name=document.path)
    patch = StarPatch(parsed)
    table = series_table(parsed, name)
    report = _Report(document.path)
    _patch_table(patch, table, state, report)
    return _finish(document, patch, report, parsed)


def patch_tomograms(
    document: Document,
    *,
    items: Mapping[str, ItemState],
    dropped: Collection[str] | None = None,
) -> PatchedDocument:
    """Write the current attributes of all series into a tomogram set, and tables it embeds.

    dropped: series that lose their row; by default all that are not in `items`. Raises
    InvalidState for mismatched lengths.
    """
    parsed = parse_star(document.content, name=document.path)
    patch, report = StarPatch(parsed), _Report(document.path)
    table = global_table(parsed)
    names = table.strings("rlnTomoName")
    wanted = [
        _wanted(table, row, items[name]) if name in items else {} for row, name in enumerate(names)
    ]
    _patch_global(patch, table, wanted, report)
    if "rlnTomoTiltSeriesStarFile" not in table:
        for name in names:
            if name in items:
                _patch_table(patch, parsed.table(name), items[name], report)
    stays = [name in items if dropped is None else name not in dropped for name in names]
    kept = np.flatnonzero(stays)
    if kept.size < len(names):
        patch.arrange_rows(table.block, kept)
        report.add(table, "(row)", "dropped", len(names) - kept.size)
    return _finish(document, patch, report, parsed)


class _Report:
    """Collects what happened to fields, in order."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.entries: list[FieldReport] = []

    def add(self, table: StarTable, column: str, verdict: Verdict, count: int) -> None:
        if count:
            name = column_field(table.block, column)
            entry = FieldReport(document=self._path, field=name, verdict=verdict, count=count)
            self.entries.append(entry)


def _finish(
    document: Document, patch: StarPatch, report: _Report, parsed: StarDocument
) -> PatchedDocument:
    new = Document(role=document.role, path=document.path, content=patch.finish())
    lines = with_every_column(report.entries, parsed, path=document.path)
    return PatchedDocument(document=new, report=lines)


def _patch_table(patch: StarPatch, table: StarTable, state: ItemState, report: _Report) -> None:
    arrays = state.told_by(table)
    for name, values in arrays.items():
        if name in HANDLED and name != "magnification" and values.shape[0] != table.row_count:
            raise InvalidState(
                f"'{name}' has {values.shape[0]} tilts and the table {table.row_count}",
                hint="the stored document belongs to another set of tilts",
                file=table.file,
                block=table.block,
            )
        acting = int(np.count_nonzero(values != NEUTRAL_ARRAYS.get(name, 0.0)))
        if name not in HANDLED and acting:
            report.add(table, f"({name})", "dropped", acting)
    projected = PROJECTION_COLUMNS[0] in table
    for tilt_field in TILT_FIELDS:
        in_matrix = {*GEOMETRY_ARRAYS, *OFFSET_ARRAYS}.issuperset(tilt_field.arrays)
        absent = not all(column in table for column in tilt_field.columns)
        if not (projected and in_matrix and absent):
            _patch_field(patch, table, tilt_field, arrays, report)
    if projected:
        _patch_projection(patch, table, state, report)
    _patch_deformation(patch, table, arrays, report)
    use = arrays.get("use")
    if use is not None and not use.all():
        patch.arrange_rows(table.block, np.flatnonzero(use))
        report.add(table, "(tilt)", "dropped", int(np.count_nonzero(~use.astype(bool))))


def _patch_field(
    patch: StarPatch,
    table: StarTable,
    tilt_field: TiltField,
    arrays: Mapping[str, np.ndarray],
    report: _Report,
) -> None:
    known = all(name in arrays for name in tilt_field.arrays)
    current = tilt_field.read(table)
    if current is None:
        if known:
            _add_field(patch, table, tilt_field, arrays, report)
        return
    rows = np.zeros(0, dtype=np.int64)
    if known:
        differs = [different(arrays[name], current[name]) for name in tilt_field.arrays]
        rows = np.flatnonzero(np.any(differs, axis=0))
    encoded = tilt_field.write(arrays) if rows.size else {}
    for column in tilt_field.columns:
        changed = rows
        if rows.size:
            changed = rows[table.floats(column)[rows] != encoded[column][rows]]
            patch.set_numbers(table.block, column, changed, values=encoded[column][changed])
        report.add(table, column, "patched", changed.size)
        report.add(table, column, "kept", table.row_count - changed.size)


def _add_field(
    patch: StarPatch,
    table: StarTable,
    tilt_field: TiltField,
    arrays: Mapping[str, np.ndarray],
    report: _Report,
) -> None:
    if tilt_field.default is not None:
        pairs = zip(tilt_field.arrays, tilt_field.default, strict=True)
        if all((arrays[name] == value).all() for name, value in pairs):
            return
    for column, values in tilt_field.write(arrays).items():
        patch.add_column(table.block, column, texts=[repr(float(value)) for value in values])
        report.add(table, column, "added", table.row_count)


def _patch_projection(
    patch: StarPatch, table: StarTable, state: ItemState, report: _Report
) -> None:
    """Rewrite the matrices of tilts whose angles or offsets changed."""
    arrays, matrices = state.arrays, projection_matrices(table)
    if not all(name in arrays for name in GEOMETRY_ARRAYS):
        return
    pixel, size = _pixel_and_size(state)
    image = state.attributes.get("image_size_px")
    known = image is not None and matrices[:, :3, 3].any()
    image_size = (int(image[0]), int(image[1])) if image is not None and known else None
    if image_size is None and "rlnTomoXShiftAngst" in table:
        image_size = _image_size(table, matrices, size, pixel)
    frame = ProjectionFrame(size_px=size, image_size_px=image_size, pixel_size_angstrom=pixel)
    current = decode_projection(matrices, frame)
    if "rlnTomoYTilt" in table:
        for tilt_field in TILT_FIELDS:
            if set(tilt_field.arrays) <= {*GEOMETRY_ARRAYS, *OFFSET_ARRAYS}:
                current.update(tilt_field.read(table) or {})
    names = [name for name in current if name in arrays]
    rows = np.flatnonzero(np.any([different(arrays[n], current[n]) for n in names], axis=0))
    if image_size is None:
        lost = [arrays[name] for name in OFFSET_ARRAYS if name in arrays]
        report.add(table, "(axis_offset)", "dropped", int(np.count_nonzero(lost)))
    encoded = encode_projection({**current, **arrays}, frame) if rows.size else matrices
    for axis, column in enumerate(PROJECTION_COLUMNS):
        texts = [format_vector(encoded[row, axis]) for row in rows.tolist()]
        patch.set_texts(table.block, column, rows, texts=texts)
        report.add(table, column, "patched", rows.size)
        report.add(table, column, "kept", table.row_count - rows.size)


def _image_size(
    table: StarTable, matrices: np.ndarray, size: tuple[float, float, float], pixel: float
) -> tuple[int, int] | None:
    """The image size of a table that holds both matrices and shifts: centre = P c - shift."""
    if table.row_count == 0:
        return None
    centre = np.array([*(side // 2 for side in whole_sizes(size)), 1.0])
    shift = [table.floats(column)[0] for column in ("rlnTomoXShiftAngst", "rlnTomoYShiftAngst")]
    middle = (matrices[0] @ centre)[:2] - np.array(shift) / pixel
    return (2 * round(float(middle[0])), 2 * round(float(middle[1])))


def _patch_deformation(
    patch: StarPatch, table: StarTable, arrays: Mapping[str, np.ndarray], report: _Report
) -> None:
    values = arrays.get("image_deformation")
    if values is None:
        return
    if DEFORMATION_COLUMN not in table:
        if values.any():
            texts = [format_vector(row) for row in values]
            patch.add_column(table.block, DEFORMATION_COLUMN, texts=texts)
            report.add(table, DEFORMATION_COLUMN, "added", table.row_count)
        return
    current = image_deformation(table, table, 0)
    old = np.zeros((table.row_count, 0)) if current is None else current.values
    same_shape = old.shape == values.shape
    rows = (
        np.flatnonzero(different(values, old).any(axis=1))
        if same_shape
        else np.arange(table.row_count)
    )
    texts = [format_vector(values[row]) for row in rows.tolist()]
    patch.set_texts(table.block, DEFORMATION_COLUMN, rows, texts=texts)
    report.add(table, DEFORMATION_COLUMN, "patched", rows.size)
    report.add(table, DEFORMATION_COLUMN, "kept", table.row_count - rows.size)


def _patch_global(
    patch: StarPatch, table: StarTable, wanted: Sequence[Mapping[str, float]], report: _Report
) -> None:
    """Write wanted numbers, one mapping per row; a missing column is added for all rows."""
    for column in dict.fromkeys(column for row in wanted for column in row):
        if column not in table:
            texts = [spell(row.get(column, NEUTRAL.get(column, 0.0))) for row in wanted]
            patch.add_column(table.block, column, texts=texts)
            report.add(table, column, "added", table.row_count)
            continue
        stored = table.floats(column)
        values = np.array([row.get(column, stored[at]) for at, row in enumerate(wanted)])
        rows = np.flatnonzero(values != stored)
        patch.set_numbers(table.block, column, rows, values=values[rows])
        report.add(table, column, "patched", rows.size)
        report.add(table, column, "kept", table.row_count - rows.size)


def _wanted(table: StarTable, row: int, state: ItemState) -> dict[str, float]:
    """Numbers of a row of the tomogram table that differ from the current state."""
    current, _ = series_attributes(table, row)
    wanted: dict[str, float] = {}
    for name, column in GLOBAL_COLUMNS.items():
        if name in state.attributes and str(state.attributes[name]) != str(current.get(name)):
            wanted[column] = float(state.attributes[name])
    lengths = state.attributes.get("volume_dimensions_angstrom")
    pixel = float(state.attributes.get("pixel_size_angstrom", current["pixel_size_angstrom"]))
    resized = list(lengths or []) != current.get("volume_dimensions_angstrom", [])
    if lengths is not None and (resized or "rlnTomoTiltSeriesPixelSize" in wanted):
        for column, length in zip(SIZE_COLUMNS, lengths, strict=True):
            wanted[column] = float(round(float(length) / pixel))
    in_group = state.optics is not None and "magnification" in state.optics.arrays
    magnification = None if in_group else state.arrays.get("magnification")
    if magnification is not None and (
        MAGNIFICATION_COLUMNS[0] in table or (magnification != np.eye(2)).any()
    ):
        wanted.update(zip(MAGNIFICATION_COLUMNS, magnification.ravel().tolist(), strict=True))
    return wanted


def _pixel_and_size(state: ItemState) -> tuple[float, tuple[float, float, float]]:
    pixel = float(state.attributes.get("pixel_size_angstrom", 1.0))
    lengths = state.attributes.get("volume_dimensions_angstrom", ["0", "0", "0"])
    x, y, z = (round(float(length) / pixel, 6) for length in lengths)
    return pixel, (x, y, z)


def different(current: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Where two float64 arrays differ in any bit; zeros of either sign are equal."""
    a, b = np.asarray(current, np.float64), np.asarray(stored, np.float64)
    return np.asarray((a != b) & ~(np.isnan(a) & np.isnan(b)))
