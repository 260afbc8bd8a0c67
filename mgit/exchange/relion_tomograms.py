"""RELION tomogram sets and tilt-series tables as source records.

Signatures for callers:

    read_tomograms(content, *, path, load, image_sizes_px=None, missing="refuse") -> SourceRecord
    read_tilt_series(tilts, *, name, row, table) -> (SeriesRecord, notes)      (one series)
    volumes_of(source) -> {series name: ((x, y, z) size in px, pixel size in angstrom)}

`path` is the document's path as the project writes it. `load(path)` returns the bytes of a file
that the document names, relative to the project directory, and raises NotFound
(`mgit.exchange.relion_documents.project_loader` makes one).

Both forms are read: one table per series named by rlnTomoTiltSeriesStarFile (RELION 5), and
`data_<tomogram>` blocks in the same file with rlnTomoProjX..W matrices (RELION 4, WarpTools).
Every stage from import to polishing is accepted; arrays that a stage does not have are absent and
noted. Lengths are angstrom; see `mgit.exchange.relion_tilts` for the geometry.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from mgit.errors import NotFound, Unsupported
from mgit.exchange.records import Document, GridValues, RawFile, SeriesRecord, SourceRecord
from mgit.exchange.relion_projections import (
    PROJECTION_COLUMNS,
    ProjectionFrame,
    check_agreement,
    check_translation,
    decode_projection,
    projection_matrices,
)
from mgit.exchange.relion_tilts import TILT_FIELDS, image_deformation, item_magnification
from mgit.exchange.star import StarDocument, StarTable, parse_star

__all__ = [
    "Loader",
    "Volume",
    "global_table",
    "read_tilt_series",
    "read_tomograms",
    "series_attributes",
    "series_table",
    "volumes_of",
]

Loader = Callable[[str], bytes]
Volume = tuple[tuple[float, float, float], float]
"""Size x y z in unbinned pixels, and the pixel size in angstrom."""

GLOBAL_NUMBERS = {
    "voltage_kilovolt": "rlnVoltage",
    "spherical_aberration_millimetre": "rlnSphericalAberration",
    "amplitude_contrast": "rlnAmplitudeContrast",
    "exposure_per_tilt": "rlnTomoImportFractionalDose",
}
SIZE_COLUMNS = ("rlnTomoSizeX", "rlnTomoSizeY", "rlnTomoSizeZ")
REFUSED_TERMS = {
    "rlnTomoDefocusSlope": 1.0,
    "rlnCtfBfactorPerElectronDose": 0.0,
    "rlnBeamTiltX": 0.0,
    "rlnBeamTiltY": 0.0,
}
"""Terms that act on the images and have no canonical place, with the value that means nothing."""
PLACEHOLDER_STACK = "dummy_tiltseries.mrc"
"""WarpTools names this file where a particle set has no tilt images."""


def read_tomograms(
    content: bytes,
    *,
    path: str,
    load: Loader,
    image_sizes_px: Mapping[str, tuple[int, int]] | None = None,
    missing: Literal["refuse", "skip"] = "refuse",
) -> SourceRecord:
    """Read a tomogram set (`tomograms.star`, `tilt_series.star`, ...) into a source record.

    image_sizes_px: width and height of the tilt images per series, needed only for projection
        matrices with translations. missing: what to do when `load` has no table of a series.

    Raises InvalidInput for malformed tables and Unsupported for terms that cannot be applied.
    """
    document = parse_star(content, name=path)
    table = global_table(document)
    names = table.strings("rlnTomoName")
    _refuse_duplicates(table, names)
    sizes = image_sizes_px or {}
    series, notes = [], []
    for row, name in enumerate(names):
        owned: tuple[Document, ...] = ()
        if "rlnTomoTiltSeriesStarFile" in table:
            tilt_path = table.text("rlnTomoTiltSeriesStarFile", row)
            try:
                tilt_content = load(tilt_path)
            except NotFound:
                if missing == "refuse":
                    raise
                notes.append(f"series '{name}' was left out: its table '{tilt_path}' is missing")
                continue
            tilts = series_table(parse_star(tilt_content, name=tilt_path), name)
            owned = (Document(role="relion_tilt_series", path=tilt_path, content=tilt_content),)
        else:
            tilts = document.table(name)
        record, remarks = read_tilt_series(
            tilts, name=name, row=row, table=table, image_size_px=sizes.get(name), documents=owned
        )
        series.append(record)
        notes.extend(remarks)
    return SourceRecord(
        kind="tilt_series",
        attributes=_source_attributes(series),
        series=tuple(series),
        documents=(Document(role="relion_tomograms", path=path, content=content),),
        notes=tuple(dict.fromkeys(notes)),
    )


def read_tilt_series(
    tilts: StarTable,
    *,
    name: str,
    row: int,
    table: StarTable,
    image_size_px: tuple[int, int] | None = None,
    documents: tuple[Document, ...] = (),
) -> tuple[SeriesRecord, list[str]]:
    """Read one tilt-series table together with its row of `data_global`; also returns notes."""
    attributes, notes = series_attributes(table, row)
    for column, neutral in REFUSED_TERMS.items():
        for place in (table, tilts):
            _refuse_term(place, column, neutral, name)
    arrays: dict[str, GridValues] = {}
    for field in TILT_FIELDS:
        for array, values in (field.read(tilts) or {}).items():
            arrays[array] = GridValues(values=values)
    if "tilt_angle" in arrays and PROJECTION_COLUMNS[0] in tilts:
        check_agreement(tilts, {array: grid.values for array, grid in arrays.items()})
    elif all(column in tilts for column in PROJECTION_COLUMNS):
        size, pixel = _size_px(table, row), float(attributes["pixel_size_angstrom"])
        matrices = projection_matrices(tilts)
        if not matrices[:, :3, 3].any():
            image_size_px = None  # WarpTools writes no translations: offsets are unknown
        check_translation(tilts, matrices, image_size_px)
        decoded = decode_projection(
            matrices,
            ProjectionFrame(
                size_px=size or (0.0, 0.0, 0.0),
                image_size_px=image_size_px if size else None,
                pixel_size_angstrom=pixel,
            ),
        )
        arrays.update({array: GridValues(values=values) for array, values in decoded.items()})
        if image_size_px is not None:
            attributes["image_size_px"] = list(image_size_px)
    arrays["use"] = GridValues(values=np.ones(tilts.row_count, dtype=np.bool_))
    deformation = image_deformation(tilts, table, row)
    if deformation is not None:
        arrays["image_deformation"] = deformation
    magnification = item_magnification(tilts, table, row)
    if magnification is not None:
        arrays["magnification"] = GridValues(values=magnification)
    notes.extend(_absences(arrays))
    raw, remarks = _raw_files(tilts, table, row)
    record = SeriesRecord(
        name=name,
        kind="tilt_series",
        attributes=attributes,
        arrays=arrays,
        documents=documents,
        raw=raw,
        aliases=_aliases(name),
    )
    return record, notes + remarks


def volumes_of(source: SourceRecord) -> dict[str, Volume]:
    """Volume size in pixels and pixel size of every series that has one, aliases included."""
    volumes: dict[str, Volume] = {}
    for series in source.series:
        lengths = series.attributes.get("volume_dimensions_angstrom")
        if lengths is None:
            continue
        pixel = float(series.attributes["pixel_size_angstrom"])
        x, y, z = (round(float(length) / pixel, 6) for length in lengths)
        for name in (series.name, *series.aliases):
            volumes.setdefault(name, ((x, y, z), pixel))
    return volumes


def global_table(document: StarDocument) -> StarTable:
    """The table with one row per tomogram. Raises InvalidInput when there is none."""
    if "global" in document:
        return document.table("global")
    for table in document.tables_with("rlnTomoName", "rlnTomoTiltSeriesStarFile"):
        return table
    return document.table("global")


def series_table(document: StarDocument, name: str) -> StarTable:
    """The tilt table of a series: the block of its name, or the file's only block."""
    if name in document or len(document.tables) != 1:
        return document.table(name)
    return next(iter(document.tables.values()))


def _refuse_duplicates(table: StarTable, names: tuple[str, ...]) -> None:
    if len(set(names)) == len(names):
        return
    row = next(row for row, name in enumerate(names) if name in names[:row])
    raise table.invalid(
        f"tomogram '{names[row]}' is listed twice",
        column="rlnTomoName",
        row=row,
        hint="keep one row per tomogram",
    )


def _refuse_term(table: StarTable, column: str, neutral: float, name: str) -> None:
    if column not in table:
        return
    values = table.floats(column)
    if table.block != name and "rlnTomoName" in table:
        values = values[
            [at for at, tomo in enumerate(table.strings("rlnTomoName")) if tomo == name]
        ]
    if (values != neutral).any():
        raise Unsupported(
            f"column '_{column}' acts on the images and cannot be applied",
            hint=f"set it to {neutral:g}, or refine without it before the import",
            file=table.file,
            block=table.block,
        )


def series_attributes(table: StarTable, row: int) -> tuple[dict[str, Any], list[str]]:
    """Canonical attributes of one row of the tomogram table, and notes for the user."""
    attributes: dict[str, Any] = {}
    notes = []
    for name, column in GLOBAL_NUMBERS.items():
        if column in table:
            attributes[name] = repr(table.number(column, row))
    if "rlnTomoTiltSeriesPixelSize" in table:
        pixel = table.number("rlnTomoTiltSeriesPixelSize", row)
    else:
        pixel = table.number("rlnMicrographOriginalPixelSize", row)
        notes.append("rlnTomoTiltSeriesPixelSize is absent: the pixel size is that of the movies")
    if not (np.isfinite(pixel) and pixel > 0):
        raise table.invalid(
            f"the pixel size {pixel:g} is not positive",
            column="rlnTomoTiltSeriesPixelSize",
            row=row,
            hint="give the unbinned pixel size in angstrom",
        )
    attributes["pixel_size_angstrom"] = repr(pixel)
    size = _size_px(table, row)
    if size is not None:
        attributes["volume_dimensions_angstrom"] = [repr(side * pixel) for side in size]
        if any(side % 2 for side in size):
            notes.append(
                "a tomogram size is odd: RELION's centre is half a pixel lower, and so are its "
                "coordinates in pixels; positions here have it added"
            )
    if "rlnTomoHand" in table:
        attributes["hand"] = _hand(table, row)
    group = _text(table, "rlnOpticsGroupName", row)
    if group is not None:
        attributes["optics_group"] = group
    return attributes, notes


def _hand(table: StarTable, row: int) -> int:
    value = table.number("rlnTomoHand", row)
    if value not in (-1.0, 1.0):
        raise table.invalid(
            f"the hand {value:g} is neither 1 nor -1",
            column="rlnTomoHand",
            row=row,
            hint="write -1 or 1",
        )
    return int(value)


def _size_px(table: StarTable, row: int) -> tuple[float, float, float] | None:
    if not all(column in table for column in SIZE_COLUMNS):
        return None
    x, y, z = (table.number(column, row) for column in SIZE_COLUMNS)
    return (x, y, z)


def _absences(arrays: Mapping[str, GridValues]) -> list[str]:
    notes = []
    if "tilt_angle" not in arrays:
        notes.append("the tilt series are not aligned yet: no angles, no axis, no offsets")
    if "axis_offset_x" not in arrays and "tilt_angle" in arrays:
        notes.append("the table has no shifts: positions in the original images are unknown")
    if "defocus" not in arrays:
        notes.append("the table has no defocus")
    return notes


def _raw_files(
    tilts: StarTable, table: StarTable, row: int
) -> tuple[tuple[RawFile, ...], list[str]]:
    raw: list[RawFile] = []
    stack = _text(table, "rlnTomoTiltSeriesName", row)
    if stack is not None and stack.rpartition("/")[2] == PLACEHOLDER_STACK:
        return (), ["the tilt images are not named: the set describes extracted particles only"]
    if stack is not None:
        raw.append(RawFile(role="stack", path=stack))
    for role, column in (("tilt_image", "rlnMicrographName"), ("movie", "rlnMicrographMovieName")):
        if column not in tilts:
            continue
        members = [_member(path) for path in tilts.strings(column)]
        if len({file for file, _ in members}) == 1 and all(section for _, section in members):
            stacked = _stack(members)
            raw = [stacked if each.path == stacked.path else each for each in raw]
            raw.append(stacked)
            continue
        for file, section in members:
            raw.append(RawFile(role="stack" if section else role, path=file))
    return tuple(dict.fromkeys(raw)), []


def _member(path: str) -> tuple[str, int]:
    """File and section, from 1, of a name such as '3@stack.mrc'; section 0 for a plain name."""
    member, at, file = path.partition("@")
    return (file, int(member)) if at and member.isdigit() else (path, 0)


def _stack(members: list[tuple[str, int]]) -> RawFile:
    """The stack whose sections are the rows of the table, with their numbers unless 1, 2, 3, ..."""
    sections = tuple(section for _, section in members)
    plain = sections == tuple(range(1, len(sections) + 1))
    return RawFile(role="stack", path=members[0][0], sections=() if plain else sections)


def _text(table: StarTable, column: str, row: int) -> str | None:
    return table.text(column, row) if column in table else None


def _aliases(name: str) -> tuple[str, ...]:
    stem = name.removesuffix(".tomostar")
    return (stem,) if stem != name else (f"{name}.tomostar",)


def _source_attributes(series: list[SeriesRecord]) -> dict[str, Any]:
    """Facts that all series share."""
    shared = ("pixel_size_angstrom", "volume_dimensions_angstrom", "voltage_kilovolt")
    attributes = {}
    for name in shared:
        values = [record.attributes.get(name) for record in series]
        if values and values[0] is not None and all(value == values[0] for value in values):
            attributes[name] = values[0]
    return attributes
