"""Particle tables of a species for other programs: patched where they came from, else written new.

A species whose particles all came from one table of the wanted format gets that table patched. One
whose particles were gathered from several tables, or copied, or come from another format, gets a
new table: poses, half-sets and items from the state, and the foreign columns that all rows have.
New tables carry the permanent ids in `mgitParticleId` (32 hexadecimal digits).
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mgit.curate.export_documents import (
    MOTIVE_ROLES,
    PARTICLE_ROLES,
    ExportedDocument,
    species_documents,
)
from mgit.curate.particle_intake import ID_COLUMN, NAME_COLUMN
from mgit.digest import RawDigest
from mgit.exchange.relion_write import WrittenSeries
from mgit.exchange.report import FieldReport
from mgit.state.documents import StoredDocument, read_documents
from mgit.state.particle_columns import Column, ParticleColumns
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.species import Species
from mgit.state.strings import StringColumn

__all__ = [
    "ID_COLUMN",
    "ITEMS",
    "file_order",
    "is_patchable",
    "item_names",
    "new_relion_table",
    "particle_documents",
    "spelt_columns",
    "written_series",
]

ITEMS = Mapping[str, Item]
"""Items of a population by id."""
WRITTEN_ANEW = (
    "rlnTomoName",
    NAME_COLUMN,
    "rlnOpticsGroup",
    "rlnOpticsGroupName",
    "rlnRandomSubset",
    ID_COLUMN,
)
"""Columns of a RELION table that a new table gets from the state."""


def particle_documents(
    reader: Reader, species: Species, items: ITEMS, *, roles: Sequence[str], comment: str
) -> Iterator[ExportedDocument]:
    """The documents of a species; a new RELION table where its own cannot hold its particles.

    roles: which tables may stay what they are.
    """
    columns = species.particles.load()
    stored = read_documents(reader, species.path)
    if is_patchable(columns, stored, roles=roles) or not len(columns):
        yield from species_documents(reader, species, items)
        return
    for document in species_documents(reader, species, items):
        if document.role not in (*PARTICLE_ROLES, *MOTIVE_ROLES):
            yield document
    yield new_relion_table(columns, items, path=f"{species.name}_particles.star", comment=comment)


def is_patchable(
    columns: ParticleColumns, stored: Sequence[StoredDocument], *, roles: Sequence[str]
) -> bool:
    """Whether every particle is a row of its own in one of the stored tables of these roles."""
    kept = {str(RawDigest.of(each.content())) for each in stored if each.role in roles}
    used = {columns.source_table.dictionary[code] for code in np.unique(columns.source_table.codes)}
    places = np.column_stack([columns.source_table.codes, columns.source_row])
    unique = len(np.unique(places, axis=0)) == len(columns)
    return bool(used) and used <= kept and unique and bool((columns.source_row >= 0).all())


def file_order(columns: ParticleColumns) -> np.ndarray:
    """`(n,)` int64: rows as they stood in their tables, one table after the other."""
    tables = np.asarray(columns.source_table.codes)
    return np.asarray(np.lexsort((columns.source_row, tables)), dtype=np.int64)


def item_names(columns: ParticleColumns, items: ITEMS) -> list[str]:
    """The name of each row's item."""
    names = [items[identity].name for identity in columns.item.dictionary]
    return [names[code] for code in columns.item.codes.tolist()]


def written_series(items: ITEMS) -> dict[str, WrittenSeries]:
    """What RELION documents need of each item, by name."""
    return {
        item.name: WrittenSeries(
            arrays={name: handle.read() for name, handle in item.arrays().items()},
            attributes=item.attributes,
            image_names=_image_names(item),
        )
        for item in items.values()
    }


def _image_names(item: Item) -> tuple[str, ...]:
    """Tilt images, or movies where there are none, if there is one per tilt."""
    count = item.array("use").shape[0] if "use" in item.array_names() else 0
    for role in ("tilt_image", "movie"):
        found = tuple(entry.path for entry in item.raw if entry.role == role)
        if found and len(found) == count:
            return found
    return ()


def new_relion_table(
    columns: ParticleColumns, items: ITEMS, *, path: str, comment: str
) -> ExportedDocument:
    """A RELION 5 particle table of all particles, in the order of the tables they came from.

    Raises InvalidState for series without volume size, pixel size or optics.
    """
    from mgit.exchange.relion_write import WrittenParticles, write_particles

    order = file_order(columns)
    rows = order.tolist()
    ids = [bytes(row).hex() for row in columns.id]
    names, particle_names = item_names(columns, items), _particle_names(columns, ids)
    foreign = {**spelt_columns(columns, prefix="rln"), ID_COLUMN: ids}
    used = {items[identity].id: items[identity] for identity in columns.item.dictionary}
    content = write_particles(
        WrittenParticles(
            positions=columns.mean_positions[order],
            angles=columns.angles[order, 0],
            half_sets=columns.half_set[order],
            item_names=[names[row] for row in rows],
            names=[particle_names[row] for row in rows],
            columns={name: [texts[row] for row in rows] for name, texts in foreign.items()},
        ),
        items=written_series(used),
        comment=comment,
    )
    return ExportedDocument(
        role="relion_particles",
        path=path,
        content=content,
        unchanged=False,
        report=tuple(_new_report(columns, content, path)),
    )


def _particle_names(columns: ParticleColumns, ids: list[str]) -> Sequence[str]:
    names = columns.passthrough.get(NAME_COLUMN)
    if isinstance(names, StringColumn) and len(set(names.values())) == len(ids):
        return names.values()
    return ids


def spelt_columns(columns: ParticleColumns, *, prefix: str) -> dict[str, list[str]]:
    """Foreign columns whose names start with `prefix` as STAR spells them, by name."""
    return {
        name: _spelt(column)
        for name, column in columns.passthrough.items()
        if name.startswith(prefix) and name not in WRITTEN_ANEW
    }


def _spelt(column: Column) -> list[str]:
    from mgit.exchange.star_format import quote_text

    if isinstance(column, StringColumn):
        return [quote_text(text) for text in column.values()]
    if column.dtype == bool:
        return [str(int(value)) for value in column.tolist()]
    return [repr(value) for value in column.tolist()]


def _new_report(columns: ParticleColumns, content: bytes, path: str) -> Iterator[FieldReport]:
    from mgit.exchange.star import parse_star
    from mgit.exchange.star_report import column_field

    table = parse_star(content, name=path).table("particles")
    for column in table.columns:
        field = column_field("particles", column)
        yield FieldReport(document=path, field=field, verdict="added", count=len(columns))
    for name in columns.passthrough:
        if name not in table and name not in WRITTEN_ANEW:
            field = f"data_particles/_{name}"
            yield FieldReport(document=path, field=field, verdict="dropped", count=len(columns))
    varies = any(
        bool((values != values[:, :1]).any()) for values in (columns.positions, columns.angles)
    )
    if varies or columns.trajectory is not None:
        yield FieldReport(
            document=path, field="(trajectory)", verdict="dropped", count=len(columns)
        )
