"""What an item's import said, derived again from the documents that were kept whole.

An update needs it to tell what was refined here from what still is as it came. A series without a
document that this version reads has no base: then nothing counts as unchanged
(docs/decisions/004-unchanged-by-derivation.md).
"""

from collections.abc import Iterable, Mapping

from mgit.errors import NotFound
from mgit.exchange.records import SeriesRecord
from mgit.state.documents import StoredDocument, read_documents
from mgit.state.protocol import Reader
from mgit.state.series import Item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgit.exchange.relion_aberrations import Terms

__all__ = ["document_loader", "imported_records", "table_terms"]

WARP_TILT_SERIES = "warp_tilt_series_xml"
WARP_SETTINGS = "warp_settings"
WARP_MOVIE = "warp_movie_xml"
M_SOURCE = "m_source"
RELION_TOMOGRAMS = "relion_tomograms"
RELION_MICROGRAPHS = "relion_micrographs"
RELION_PARTICLES = "relion_particles"
MDOC = "mdoc"


def imported_records(
    reader: Reader, source_path: str, items: Iterable[Item]
) -> dict[str, SeriesRecord]:
    """The records of items by name as their documents say them; items without one are left out."""
    chosen = list(items)
    own = {item.name: read_documents(reader, item.path) for item in chosen}
    records = {}
    for item in chosen:
        record = _own_record(item.name, own[item.name])
        if record is not None:
            records[item.name] = record
    shared = read_documents(reader, source_path)
    rest = [item for item in chosen if item.name not in records]
    for document in shared:
        if document.role in (WARP_SETTINGS, M_SOURCE) and records:
            records = _under_settings(records, document)
        elif document.role in (RELION_TOMOGRAMS, RELION_MICROGRAPHS) and rest:
            load = document_loader(shared, *(own[item.name] for item in rest))
            records.update(_relion_records(document, rest, load))
    for document in shared:
        if document.role == RELION_PARTICLES:
            records = _with_optics(document, rest, records)
    return records


def table_terms(shared: Iterable[StoredDocument]) -> "dict[str, Terms | None]":
    """What the optics groups of a source's own particle table do to its series, by name."""
    from mgit.exchange.relion_item_optics import item_terms

    for document in shared:
        if document.role == RELION_PARTICLES:
            return item_terms(document.content(), path=document.path)
    return {}


def _with_optics(
    document: StoredDocument, items: Iterable[Item], records: Mapping[str, SeriesRecord]
) -> dict[str, SeriesRecord]:
    """Records with the terms of optics groups, as imports of stacks and of bare tables add them."""
    from dataclasses import replace

    from mgit.exchange.relion_aberrations import with_terms

    terms = table_terms([document])
    found = dict(records)
    for item in items:
        mine = terms.get(item.name)
        if not mine:
            continue
        bare = item.name not in found
        base = found.get(item.name) or SeriesRecord(
            name=item.name, kind="tilt_series", attributes={}, arrays={}, documents=()
        )
        found[item.name] = with_terms(base, replace(mine, phase_shift_degree=0.0) if bare else mine)
    return found


def _under_settings(
    records: Mapping[str, SeriesRecord], document: StoredDocument
) -> dict[str, SeriesRecord]:
    from mgit.exchange.m_source import as_settings, read_source_file
    from mgit.exchange.warp_settings import read_settings
    from mgit.exchange.warp_source import with_settings

    if document.role == M_SOURCE:
        settings = as_settings(read_source_file(document.content(), document.path)[0])
    else:
        settings = read_settings(document.content(), document.path)
    return {name: with_settings(record, settings)[0] for name, record in records.items()}


def _own_record(name: str, documents: tuple[StoredDocument, ...]) -> SeriesRecord | None:
    for document in documents:
        if document.role == WARP_TILT_SERIES:
            from mgit.exchange.warp_tilt_series import read_tilt_series

            return read_tilt_series(document.content(), document.path)
        if document.role == WARP_MOVIE:
            from mgit.exchange.warp_movie import read_movie

            return read_movie(document.content(), document.path)
        if document.role == MDOC:
            from mgit.exchange.mdoc import read_frame_mdocs, read_mdoc

            if len(documents) > 1:
                contents = {each.path: each.content() for each in documents}
                return read_frame_mdocs(contents, name=name).series[0]
            return read_mdoc(document.content(), path=document.path).series[0]
    return None


def document_loader(*groups: tuple[StoredDocument, ...]) -> "_StoredFiles":
    """`load(path)` over stored documents, as the readers of document sets want it."""
    return _StoredFiles({each.path: each for group in groups for each in group})


class _StoredFiles:
    """Callable that gives the bytes of a stored document by the path that the project writes."""

    __slots__ = ("_documents",)

    def __init__(self, documents: dict[str, StoredDocument]) -> None:
        self._documents = documents

    def __call__(self, path: str) -> bytes:
        if path not in self._documents:
            raise NotFound("the document is not kept in this population", file=path)
        return self._documents[path].content()


def _relion_records(
    shared: StoredDocument, items: list[Item], load: "_StoredFiles"
) -> dict[str, SeriesRecord]:
    from mgit.exchange.relion_micrographs import read_micrographs
    from mgit.exchange.relion_tomograms import read_tomograms

    content, path = shared.content(), shared.path
    if shared.role == RELION_MICROGRAPHS:
        record = read_micrographs(content, path=path, load=load, missing="skip")
    else:
        sizes = {item.name: item.attributes.get("image_size_px") for item in items}
        record = read_tomograms(
            content,
            path=path,
            load=load,
            image_sizes_px={name: (size[0], size[1]) for name, size in sizes.items() if size},
            missing="skip",
        )
    wanted = {item.name for item in items}
    return {series.name: series for series in record.series if series.name in wanted}
