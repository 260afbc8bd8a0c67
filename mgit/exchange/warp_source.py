"""A data source of Warp: a processing directory with one XML per item, and its settings."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.decimal_text import attribute_text
from mgit.exchange.records import Document, RawFile, SeriesRecord, SourceRecord
from mgit.exchange.tomostar import read_tomostar
from mgit.exchange.warp_movie import read_movie
from mgit.exchange.warp_settings import WarpSettings, read_settings
from mgit.exchange.warp_tilt_series import read_tilt_series
from mgit.exchange.xml_document import parse_xml

__all__ = ["read_item", "read_source", "with_settings"]

PIXEL_SIZE_AGREEMENT = 1e-4
"""Relative difference up to which an item's and the settings' pixel size are the same number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a source's files are. `settings_file` is None when there are no settings."""

    root: Path
    items: Path
    settings_file: Path | None
    settings: WarpSettings | None


def read_source(path: str | Path) -> SourceRecord:
    """Read a processing directory or a settings file with everything that belongs to it.

    path: a directory with item XML, or a `.settings` file that names one. For a directory the
        settings are its `previous.settings`, or the one `*.settings` beside or above it that
        names it.

    Items come in the order of their names. Document paths are relative to the directory of the
    settings file (of the items when there is none). Raises NotFound, InvalidInput and Unsupported.
    """
    place = _place(Path(path))
    notes: list[str] = []
    if place.settings is None:
        notes.append("no settings file was found: pixel size and dimensions are the items' own")
    series: list[SeriesRecord] = []
    for file in sorted(place.items.glob("*.xml")):
        record = read_item(file, shown=_relative(file, place.root), settings=place.settings)
        if place.settings is not None:
            record, more = with_settings(record, place.settings)
            notes += more
        series.append(_with_tomostar(record, place))
    kinds = sorted({record.kind for record in series})
    if not kinds:
        raise NotFound(
            "the directory holds no item XML",
            directory=str(place.items),
            hint="give Warp's processing directory, such as warp_tiltseries, or a .settings file",
        )
    if len(kinds) > 1:
        raise InvalidInput(
            "the directory mixes tilt series and movies",
            hint="give the directory that Warp processed for one of them",
            directory=str(place.items),
        )
    notes += _notes(series)
    return SourceRecord(
        kind=kinds[0],
        attributes=_attributes(place.settings),
        series=tuple(series),
        documents=tuple(_settings_document(place)),
        notes=tuple(dict.fromkeys(notes)),
    )


def read_item(file: Path, *, shown: str, settings: WarpSettings | None = None) -> SeriesRecord:
    """Read one item XML, of either kind. `shown` is its path in the project."""
    content = file.read_bytes()
    if parse_xml(content, shown).root.tag == "Movie":
        extension = settings.extension.lstrip("*") if settings is not None else ""
        folder = settings.data_folder if settings is not None else ""
        raw = f"{file.stem}{extension}" if extension else None
        if raw is not None and folder:
            raw = f"{folder.rstrip('/')}/{raw}"
        return read_movie(content, shown, raw_name=raw)
    return read_tilt_series(content, shown)


def with_settings(record: SeriesRecord, settings: WarpSettings) -> tuple[SeriesRecord, list[str]]:
    """The record with what only the settings know, and notes about what they disagree on.

    The settings' pixel size wins, as in Warp; the item's own is a copy from its last processing.
    """
    attributes = dict(record.attributes)
    notes = []
    own = attributes.get("pixel_size_angstrom")
    size = settings.pixel_size_angstrom
    if own is not None and abs(float(own) - size) > PIXEL_SIZE_AGREEMENT * size:
        notes.append(f"items were processed at {own} A per pixel; the settings' {size} A is used")
    attributes["pixel_size_angstrom"] = attribute_text(size)
    if settings.dimensions_px is not None and record.kind == "tilt_series":
        dimensions = [attribute_text(count * size) for count in settings.dimensions_px]
        attributes.setdefault("volume_dimensions_angstrom", dimensions)
    if record.kind == "frame_series":
        if settings.exposure_per_frame is not None:
            attributes["exposure_per_frame"] = attribute_text(settings.exposure_per_frame)
        if settings.eer_group_frames is not None:
            attributes["eer_grouping"] = settings.eer_group_frames
        if settings.exposure_total is not None:
            notes.append(
                f"the settings give {settings.exposure_total} e/A^2 per movie: the exposure per"
                " frame follows from the number of frames once the movies are linked"
            )
    raw = [file for file in record.raw if file.role not in ("gain", "defects")]
    if settings.gain_path:
        raw.append(RawFile(role="gain", path=settings.gain_path))
        attributes["gain_flip_x"] = settings.gain_flip_x
        attributes["gain_flip_y"] = settings.gain_flip_y
        attributes["gain_transpose"] = settings.gain_transpose
    if settings.defects_path:
        raw.append(RawFile(role="defects", path=settings.defects_path))
    return replace(record, attributes=attributes, raw=tuple(raw)), notes


def _place(path: Path) -> _Place:
    if path.is_dir():
        settings_file = _settings_of(path)
        settings = None if settings_file is None else _settings(settings_file)
        root = path if settings_file is None else settings_file.parent
        return _Place(root=root, items=path, settings_file=settings_file, settings=settings)
    if not path.is_file():
        raise NotFound("neither a directory nor a settings file", path=str(path))
    settings = _settings(path)
    items = _items_directory(path, settings)
    if not items.is_dir():
        raise NotFound(
            "the processing directory of the settings does not exist",
            hint="give the directory with the item XML instead of the settings file",
            directory=str(items),
            file=str(path),
        )
    return _Place(root=path.parent, items=items, settings_file=path, settings=settings)


def _items_directory(settings_file: Path, settings: WarpSettings) -> Path:
    """The processing folder, or the data folder when there is none (Warp 1), or the file's own."""
    for folder in (settings.processing_folder, settings.data_folder):
        if folder:
            local = settings_file.parent / folder.replace("\\", "/")
            return local if local.is_dir() or settings.processing_folder else settings_file.parent
    return settings_file.parent


def _settings_of(directory: Path) -> Path | None:
    """The settings file that names `directory`. Raises InvalidInput when several do."""
    own = directory / "previous.settings"
    if own.is_file():
        return own
    found = [
        file
        for folder in (directory, directory.parent)
        for file in sorted(folder.glob("*.settings"))
        if os.path.realpath(_items_directory(file, _settings(file))) == os.path.realpath(directory)
    ]
    if len(found) > 1:
        raise InvalidInput(
            "several settings files name this directory",
            hint="give the one to use instead of the directory",
            files=", ".join(file.name for file in found),
        )
    return found[0] if found else None


def _settings(file: Path) -> WarpSettings:
    return read_settings(file.read_bytes(), file.name)


def _with_tomostar(record: SeriesRecord, place: _Place) -> SeriesRecord:
    """Add the series' .tomostar as a document when it is where the settings say."""
    if record.kind != "tilt_series" or place.settings is None:
        return record
    file = place.root / place.settings.data_folder.replace("\\", "/") / f"{record.name}.tomostar"
    if not file.is_file():
        return record
    content = file.read_bytes()
    shown = _relative(file, place.root)
    read_tomostar(content, shown)
    document = Document(role="warp_tomostar", path=shown, content=content)
    return replace(record, documents=(*record.documents, document))


def _attributes(settings: WarpSettings | None) -> dict[str, object]:
    attributes: dict[str, object] = {"format": "warp"}
    if settings is None:
        return attributes
    size = settings.pixel_size_angstrom
    attributes["pixel_size_angstrom"] = attribute_text(size)
    if settings.dimensions_px is not None:
        dimensions = [attribute_text(count * size) for count in settings.dimensions_px]
        attributes["volume_dimensions_angstrom"] = dimensions
    if settings.exposure_per_frame is not None:
        attributes["exposure_per_frame"] = attribute_text(settings.exposure_per_frame)
    return attributes


def _settings_document(place: _Place) -> Iterator[Document]:
    if place.settings_file is not None:
        content = place.settings_file.read_bytes()
        shown = _relative(place.settings_file, place.root)
        yield Document(role="warp_settings", path=shown, content=content)


def _notes(series: Iterable[SeriesRecord]) -> Iterator[str]:
    records = list(series)
    bare = [record.name for record in records if "pixel_size_angstrom" not in record.attributes]
    if bare:
        yield f"{len(bare)} items have no pixel size, the first is '{bare[0]}'"
    unfitted = [
        record.name
        for record in records
        if record.kind == "tilt_series" and not record.arrays["defocus"].values.any()
    ]
    if unfitted:
        yield f"{len(unfitted)} items have no fitted defocus, the first is '{unfitted[0]}'"


def _relative(file: Path, root: Path) -> str:
    """Path below `root` with forward slashes; the name alone when it lies elsewhere."""
    shown = Path(os.path.relpath(file, root)).as_posix()
    return file.name if shown.startswith("..") else shown
