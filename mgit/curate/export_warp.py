"""A source as Warp's documents: its own ones with current values, or new XML per series."""

from collections.abc import Iterator

from mgit.curate.export_documents import ExportedDocument, source_documents
from mgit.curate.export_files import ExportedFile, document_file
from mgit.errors import Unsupported
from mgit.exchange.records import GridValues
from mgit.exchange.warp_fields import Canonical
from mgit.state.documents import read_documents
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.source import Source

__all__ = ["new_item_xml", "warp_files"]

WARP_ROLES = ("warp_tilt_series_xml", "warp_movie_xml")


def warp_files(reader: Reader, source: Source, *, directory: str) -> Iterator[ExportedFile]:
    """The XML of every series of a source below `directory` (empty, or with a final '/').

    Raises Unsupported for frame and particle series that did not come from Warp, InvalidState for
    tilt series without angles, exposures or optics.
    """
    owner = f"source {source.name}"
    items = list(source.items())
    if all(_has_xml(reader, item) for item in items):
        for document in source_documents(reader, source):
            yield document_file(document, owner=owner)
        return
    if source.kind != "tilt_series":
        raise Unsupported(
            "Warp's documents can be written anew for tilt series only",
            source=source.name,
            kind=source.kind,
            hint="process the movies with Warp, then take over its metadata with 'source update'",
        )
    for item in items:
        if not item.excluded:
            yield document_file(new_item_xml(item, directory=directory), owner=owner)


def _has_xml(reader: Reader, item: Item) -> bool:
    return any(each.role in WARP_ROLES for each in read_documents(reader, item.path))


def new_item_xml(item: Item, *, directory: str) -> ExportedDocument:
    """A new XML of one tilt series; every field counts as added."""
    from mgit.exchange.report import FieldReport
    from mgit.exchange.warp_write import write_tilt_series

    values: dict[str, Canonical] = {
        name: GridValues(values=handle.read(), attributes=dict(handle.attributes))
        for name, handle in item.arrays().items()
    }
    path = f"{directory}{item.name.removesuffix('.tomostar')}.xml"
    patched = write_tilt_series(path, {**item.attributes, **values}, movies=_movies(item))
    report = tuple(
        line
        if line.verdict == "dropped"
        else FieldReport(document=path, field=line.field, verdict="added", count=line.count)
        for line in patched.report
    )
    return ExportedDocument(
        role="warp_tilt_series_xml",
        path=path,
        content=patched.document.content,
        unchanged=False,
        report=report,
    )


def _movies(item: Item) -> list[str]:
    """One movie per tilt; tilt images stand in for them, and numbered names for both."""
    count = int(item.array("tilt_angle").shape[0]) if "tilt_angle" in item.array_names() else 0
    for role in ("movie", "tilt_image"):
        found = [entry.path for entry in item.raw if entry.role == role]
        if found and len(found) == count:
            return found
    return [f"{item.name}_{tilt + 1:03d}.mrc" for tilt in range(count)]
