"""Current state written back into the foreign documents it came from.

Every document is patched in place: what did not change keeps its bytes, what changed is rewritten,
and a report says which is which, field by field. A document that no patcher knows is passed on as
it is; where a series of such a document has changed since, the report says that its change is lost.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mgit.curate.export_losses import lost_arrays, lost_attributes, lost_particles
from mgit.curate.rederive import imported_records, table_terms
from mgit.exchange.records import Document, GridValues, SeriesRecord
from mgit.exchange.relion_aberrations import Terms
from mgit.exchange.relion_particle_export import ParticleRows
from mgit.exchange.report import FieldReport, PatchedDocument
from mgit.exchange.warp_fields import Canonical
from mgit.exchange.warp_pixel_size import patch_pixel_size
from mgit.state.documents import StoredDocument, read_documents
from mgit.state.particle_columns import ParticleColumns, rows_in_source_order
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.source import Source
from mgit.state.species import Species

__all__ = [
    "MOTIVE_ROLES",
    "PARTICLE_ROLES",
    "ExportedDocument",
    "source_documents",
    "species_documents",
]

PARTICLE_ROLES = ("relion_particles", "m_particles")
"""Particle tables that current particles can be written back into."""
MOTIVE_ROLES = ("stopgap_motive_list", "dynamo_table")
"""Particle tables that are passed on as they came and cannot take current values."""
XML_ROLES = ("warp_tilt_series_xml", "warp_movie_xml")
PIXEL_SIZE = "pixel_size_angstrom"
RELION_TABLE = "relion_particles"
GROUP_ARRAYS = ("zernike_odd", "zernike_even", "magnification")
"""Arrays of an item that an optics group holds."""
SETTINGS_ROLES = ("warp_settings", "m_source")
TILT_TABLE = "relion_tilt_series"
TOMOGRAMS = "relion_tomograms"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedDocument:
    """One document as it stands now."""

    role: str
    path: str
    """Where it stood relative to its project."""
    content: bytes
    unchanged: bool
    """Whether every byte is as it was imported."""
    report: tuple[FieldReport, ...]


def source_documents(reader: Reader, source: Source) -> Iterator[ExportedDocument]:
    """The documents of a source and its items with the current geometry and optics in them.

    Items that were excluded leave tomogram sets and keep their own documents.
    """
    items = list(source.items())
    shared = read_documents(reader, source.path)
    own = {item.name: read_documents(reader, item.path) for item in items}
    bases = imported_records(reader, source.path, items)
    terms = table_terms(shared)
    lost = {item.name: _lost_changes(item, bases.get(item.name)) for item in items}
    if any(document.role == TOMOGRAMS for document in shared):
        lost = {}
    orphaned = [line for item in items if not own[item.name] for line in lost.get(item.name, ())]
    for at, document in enumerate(shared):
        if document.role == TOMOGRAMS:
            yield _patched_tomograms(document, items, bases, terms)
        elif document.role == TILT_TABLE:
            yield _patched_tilt_table(document, _item_of_table(document, items), terms)
        elif document.role == RELION_TABLE and terms:
            yield _patched_optics(document, items, orphaned if at == 0 else ())
        elif document.role in SETTINGS_ROLES and items:
            yield _with_pixel_size(document, items)
        else:
            yield _passed(document, orphaned if at == 0 else ())
    for item in items:
        for document in own[item.name]:
            if document.role == TILT_TABLE:
                yield _patched_tilt_table(document, item, terms)
            elif document.role in XML_ROLES:
                yield _patched_xml(document, item, bases.get(item.name))
            else:
                yield _passed(
                    document, () if _is_patched(own[item.name]) else lost.get(item.name, ())
                )


def species_documents(
    reader: Reader, species: Species, items: Mapping[str, Item]
) -> Iterator[ExportedDocument]:
    """The particle tables of a species with the current poses, half-sets and rows in them.

    items: the items of the population by id. Each table gets the rows that came from it; rows that
    were removed since are dropped from it.
    """
    columns = species.particles.load()
    for document in read_documents(reader, species.path):
        if document.role in PARTICLE_ROLES:
            yield _patched_particles(document, species, columns, items)
        elif document.role in MOTIVE_ROLES:
            yield _passed(document, lost_particles(document, species, columns))
        else:
            yield _passed(document)


def _passed(stored: StoredDocument, lost: Iterable[FieldReport] = ()) -> ExportedDocument:
    content = stored.content()
    return ExportedDocument(
        role=stored.role,
        path=stored.path,
        content=content,
        unchanged=True,
        report=(*_as_imported(stored, content), *_at(stored.path, lost)),
    )


def _as_imported(stored: StoredDocument, content: bytes) -> tuple[FieldReport, ...]:
    """A 'kept' line for every column of a STAR file and every node of XML, or one for the file."""
    if stored.path.endswith(".star"):
        from mgit.exchange.star import parse_star
        from mgit.exchange.star_report import with_every_column

        return with_every_column((), parse_star(content, name=stored.path), path=stored.path)
    if stored.path.endswith((".xml", ".settings", ".source", ".species", ".population")):
        from mgit.exchange.xml_document import parse_xml
        from mgit.exchange.xml_report import with_every_node

        return with_every_node((), parse_xml(content, stored.path))
    return (FieldReport(document=stored.path, field="(file)", verdict="kept", count=1),)


def _at(path: str, lines: Iterable[FieldReport]) -> tuple[FieldReport, ...]:
    return tuple(
        FieldReport(document=path, field=each.field, verdict=each.verdict, count=each.count)
        for each in lines
    )


def _document(stored: StoredDocument) -> Document:
    return Document(role=stored.role, path=stored.path, content=stored.content())


def _finished(
    before: Document, patched: PatchedDocument, lost: Iterable[FieldReport] = ()
) -> ExportedDocument:
    return ExportedDocument(
        role=before.role,
        path=before.path,
        content=patched.document.content,
        unchanged=patched.document.content == before.content,
        report=(*patched.report, *_at(before.path, lost)),
    )


def _patched_tomograms(
    stored: StoredDocument,
    items: list[Item],
    bases: Mapping[str, SeriesRecord],
    terms: Mapping[str, Terms | None],
) -> ExportedDocument:
    from mgit.exchange.relion_tilt_export import HELD_ATTRIBUTES, ItemState, patch_tomograms

    states = {
        item.name: ItemState(
            arrays=_arrays(item), attributes=item.attributes, optics=terms.get(item.name)
        )
        for item in items
        if not item.excluded
    }
    before = _document(stored)
    excluded = {item.name for item in items if item.excluded}
    lost = [
        line
        for item in items
        for line in lost_attributes(item, bases.get(item.name), held=HELD_ATTRIBUTES)
    ]
    return _finished(before, patch_tomograms(before, items=states, dropped=excluded), lost)


def _patched_optics(
    stored: StoredDocument, items: list[Item], lost: Iterable[FieldReport]
) -> ExportedDocument:
    """The particle table of a source: aberrations and magnification of its optics groups."""
    from mgit.exchange.relion_optics_export import patch_optics

    before = _document(stored)
    patched = patch_optics(before, items={item.name: _optics_of(item) for item in items})
    taken = {f"({name} of {item.name})" for item in items for name in GROUP_ARRAYS}
    return _finished(before, patched, (line for line in lost if line.field not in taken))


def _optics_of(item: Item) -> dict[str, np.ndarray]:
    return {name: item.array(name).read() for name in GROUP_ARRAYS if name in item.array_names()}


def _patched_tilt_table(
    stored: StoredDocument, item: Item | None, terms: Mapping[str, Terms | None]
) -> ExportedDocument:
    from mgit.exchange.relion_tilt_export import ItemState, patch_tilt_series

    if item is None:
        return _passed(stored)
    state = ItemState(arrays=_arrays(item), attributes=item.attributes, optics=terms.get(item.name))
    before = _document(stored)
    return _finished(before, patch_tilt_series(before, name=item.name, state=state))


def _item_of_table(stored: StoredDocument, items: list[Item]) -> Item | None:
    """The item that a tilt table of a particle series is about: the table's block has its name."""
    from mgit.exchange.star import parse_star

    blocks = parse_star(stored.content(), name=stored.path).tables
    return next((item for item in items if item.name in blocks), None)


def _is_patched(documents: Iterable[StoredDocument]) -> bool:
    return any(document.role in (*XML_ROLES, TILT_TABLE) for document in documents)


def _patched_xml(stored: StoredDocument, item: Item, base: SeriesRecord | None) -> ExportedDocument:
    from mgit.exchange import warp_movie, warp_tilt_series

    before = _document(stored)
    if stored.role == "warp_movie_xml":
        fields = warp_movie.FIELDS
        own = warp_movie.read_movie(before.content, before.path)
        patched = warp_movie.patch_movie(before, _canonical(item, own, base))
    else:
        own, fields = (
            warp_tilt_series.read_tilt_series(before.content, before.path),
            warp_tilt_series.FIELDS,
        )
        patched = warp_tilt_series.patch_tilt_series(before, _canonical(item, own, base))
    if base is not None and item.attributes.get(PIXEL_SIZE) != base.attributes.get(PIXEL_SIZE):
        copy = patch_pixel_size(patched.document, float(item.attributes[PIXEL_SIZE]))
        changed = tuple(line for line in copy.report if line.verdict == "patched")
        told = {line.field for line in changed}
        others = tuple(line for line in patched.report if line.field not in told)
        patched = PatchedDocument(document=copy.document, report=(*others, *changed))
    held = {name for field in fields for name in field.names} | {PIXEL_SIZE}
    return _finished(before, patched, lost_attributes(item, base, held=held))


def _with_pixel_size(stored: StoredDocument, items: list[Item]) -> ExportedDocument:
    """Settings with the pixel size that all items have; it is theirs, the settings only say so."""
    sizes = {item.attributes.get(PIXEL_SIZE) for item in items}
    size = sizes.pop()
    if sizes or size is None:
        return _passed(stored)
    before = _document(stored)
    return _finished(before, patch_pixel_size(before, float(size)))


def _lost_changes(item: Item, base: SeriesRecord | None) -> tuple[FieldReport, ...]:
    return (*lost_arrays(item, base), *lost_attributes(item, base, held=()))


def _arrays(item: Item) -> dict[str, np.ndarray]:
    return {name: handle.read() for name, handle in item.arrays().items()}


def _canonical(item: Item, own: SeriesRecord, base: SeriesRecord | None) -> dict[str, Canonical]:
    """Arrays with their attributes, and the item's own attributes, by canonical name.

    own: what the item's document alone says; base: that with what the settings of the source say
    besides. An attribute that came from the settings is not written into the item's document.
    """
    values: dict[str, Canonical] = {
        name: GridValues(values=handle.read(), attributes=dict(handle.attributes))
        for name, handle in item.arrays().items()
    }
    imported = {} if base is None else base.attributes
    for name, value in item.attributes.items():
        if name not in imported or imported[name] != value:
            values[name] = value
        elif name in own.attributes:
            values[name] = own.attributes[name]
    return values


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

        return _finished(before, patch_m(before, rows=current))
    from mgit.exchange.relion_particle_export import patch_particles

    patched = patch_particles(
        before,
        rows=current,
        volumes=_volumes(items.values()),
        coordinate_pixel_size_angstrom=species.number("coordinate_pixel_size_angstrom"),
    )
    return _finished(before, patched)


def _volumes(
    items: Iterable[Item],
) -> dict[str, tuple[tuple[float, float, float], float]]:
    from mgit.curate.particle_intake import volume_of

    found: dict[str, tuple[tuple[float, float, float], float]] = {}
    for item in items:
        volume = volume_of(item)
        if volume is not None:
            for name in (item.name, *item.aliases):
                found.setdefault(name, volume)
    return found
