"""Current state written back into the foreign documents it came from.

Every document is patched in place: what did not change keeps its bytes, what changed is rewritten,
and a report says which is which, field by field. A document that no patcher knows is passed on as
it is, with a line in the report.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mgit.exchange.records import Document, GridValues
from mgit.exchange.relion_particle_export import ParticleRows
from mgit.exchange.report import FieldReport
from mgit.exchange.warp_fields import Canonical
from mgit.state.documents import StoredDocument, read_documents
from mgit.state.particle_columns import ParticleColumns, rows_in_source_order
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.source import Source
from mgit.state.species import Species

__all__ = ["ExportedDocument", "source_documents", "species_documents"]

TEXT_ROLES_PASSED = "passed on as it was imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedDocument:
    """One document as it stands now."""

    path: str
    """Where it stood relative to its project."""
    content: bytes
    unchanged: bool
    """Whether every byte is as it was imported."""
    report: tuple[FieldReport, ...]


def source_documents(reader: Reader, source: Source) -> Iterable[ExportedDocument]:
    """The documents of a source and its items with the current geometry and optics in them.

    Items that were excluded leave tomogram sets and keep their own documents.
    """
    items = list(source.items())
    own = {item.name: read_documents(reader, item.path) for item in items}
    for document in read_documents(reader, source.path):
        if document.role == "relion_tomograms":
            yield _patched_tomograms(document, items)
        else:
            yield _passed(document)
    for item in items:
        for document in own[item.name]:
            yield _item_document(document, item)


def species_documents(
    reader: Reader, species: Species, items: Mapping[str, Item]
) -> Iterable[ExportedDocument]:
    """The particle tables of a species with the current poses, half-sets and rows in them.

    items: the items of the population by id. Each table gets the rows that came from it; rows that
    were removed since are dropped from it.
    """
    columns = species.particles.load()
    for document in read_documents(reader, species.path):
        if document.role in PARTICLE_PATCHERS:
            yield _patched_particles(document, species, columns, items)
        else:
            yield _passed(document)


def _passed(stored: StoredDocument) -> ExportedDocument:
    line = FieldReport(document=stored.path, field="(whole file)", verdict="kept", count=1)
    return ExportedDocument(
        path=stored.path, content=stored.content(), unchanged=True, report=(line,)
    )


def _document(stored: StoredDocument) -> Document:
    return Document(role=stored.role, path=stored.path, content=stored.content())


def _finished(
    before: Document, after: Document, report: tuple[FieldReport, ...]
) -> ExportedDocument:
    return ExportedDocument(
        path=after.path,
        content=after.content,
        unchanged=after.content == before.content,
        report=report,
    )


def _patched_tomograms(stored: StoredDocument, items: list[Item]) -> ExportedDocument:
    from mgit.exchange.relion_tilt_export import ItemState, patch_tomograms

    states = {
        item.name: ItemState(arrays=_arrays(item), attributes=item.attributes)
        for item in items
        if not item.excluded
    }
    before = _document(stored)
    patched = patch_tomograms(before, items=states)
    return _finished(before, patched.document, patched.report)


def _item_document(stored: StoredDocument, item: Item) -> ExportedDocument:
    before = _document(stored)
    if stored.role == "relion_tilt_series":
        from mgit.exchange.relion_tilt_export import ItemState, patch_tilt_series

        state = ItemState(arrays=_arrays(item), attributes=item.attributes)
        patched = patch_tilt_series(before, name=item.name, state=state)
        return _finished(before, patched.document, patched.report)
    if stored.role == "warp_tilt_series_xml":
        from mgit.exchange.warp_tilt_series import patch_tilt_series as patch_xml

        patched = patch_xml(before, _canonical(item))
        return _finished(before, patched.document, patched.report)
    if stored.role == "warp_movie_xml":
        from mgit.exchange.warp_movie import patch_movie

        patched = patch_movie(before, _canonical(item))
        return _finished(before, patched.document, patched.report)
    return _passed(stored)


def _arrays(item: Item) -> dict[str, np.ndarray]:
    return {name: handle.read() for name, handle in item.arrays().items()}


def _canonical(item: Item) -> dict[str, Canonical]:
    """Arrays with their attributes, and the item's own attributes, by canonical name."""
    grids: dict[str, Canonical] = {
        name: GridValues(values=handle.read(), attributes=dict(handle.attributes))
        for name, handle in item.arrays().items()
    }
    return {**item.attributes, **grids}


PARTICLE_PATCHERS = ("relion_particles", "m_particles")


def _patched_particles(
    stored: StoredDocument, species: Species, columns: ParticleColumns, items: Mapping[str, Item]
) -> ExportedDocument:
    from mgit.digest import RawDigest

    before = _document(stored)
    table = str(RawDigest.of(before.content))
    if table not in columns.source_table.dictionary:
        # Every particle of this table has come from a later one since.
        return _passed(stored)
    rows = rows_in_source_order(columns, table)
    names = [items[identity].name for identity in columns.item.dictionary]
    current = ParticleRows(
        source_row=columns.source_row[rows],
        positions=columns.positions[rows],
        angles=columns.angles[rows],
        half_sets=columns.half_set[rows],
        item_names=[names[code] for code in columns.item.codes[rows].tolist()],
    )
    if stored.role == "m_particles":
        from mgit.exchange.m_particles import patch_particles as patch_m

        patched_m = patch_m(before, rows=current)
        return _finished(before, patched_m.document, patched_m.report)
    from mgit.exchange.relion_particle_export import patch_particles

    patched = patch_particles(
        before,
        rows=current,
        volumes=_volumes(items.values()),
        coordinate_pixel_size_angstrom=species.number("coordinate_pixel_size_angstrom"),
    )
    return _finished(before, patched.document, patched.report)


def _volumes(
    items: Iterable[Item],
) -> dict[str, tuple[tuple[float, float, float], float]]:
    from mgit.curate.particle_intake import volume_of

    found = {}
    for item in items:
        volume = volume_of(item)
        if volume is not None:
            for name in (item.name, *item.aliases):
                found.setdefault(name, volume)
    return found
