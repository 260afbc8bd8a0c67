"""A population as RELION 5 documents."""

from collections.abc import Iterator, Sequence

from mgit.curate.export_documents import (
    PARTICLE_ROLES,
    ExportedDocument,
    source_documents,
)
from mgit.curate.export_files import ExportedFile, document_file
from mgit.curate.export_losses import lost_attributes
from mgit.curate.export_maps import map_files
from mgit.curate.export_particles import (
    ITEMS,
    is_patchable,
    new_relion_table,
    particle_documents,
    written_series,
)
from mgit.exchange.relion_tilt_export import HELD_ATTRIBUTES
from mgit.exchange.relion_write import write_optimisation_set, write_tomograms
from mgit.exchange.report import FieldReport
from mgit.state.documents import read_documents
from mgit.state.names import component
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.source import Source
from mgit.state.species import Species

__all__ = ["relion_files"]

RELION_ROLES = ("relion_tomograms", "relion_micrographs", "relion_particles")


def relion_files(
    reader: Reader,
    sources: Sequence[Source],
    species: Sequence[Species],
    items: ITEMS,
    *,
    comment: str,
) -> Iterator[ExportedFile]:
    """Tomogram sets, particle tables, maps and, for what is written new, optimisation sets.

    Sources that came from RELION get their own documents with current values; of others a tomogram
    set is written. Names of new files start with the name of their source or species.

    Raises InvalidState for series without optics, hand or volume size.
    """
    sets: dict[str, str] = {}
    for source in sources:
        stored = {document.role for document in read_documents(reader, source.path)}
        if stored.intersection(RELION_ROLES):
            for document in source_documents(reader, source):
                if document.role == "relion_tomograms":
                    sets[source.path] = document.path
                yield document_file(document, owner=f"source {source.name}")
        else:
            directory = component(source.name)
            sets[source.path] = f"{directory}/tomograms.star"
            yield from _new_tomograms(source, directory, comment=comment)
    for each in species:
        yield from _species_files(reader, each, items, comment=comment)
        yield from map_files(each, directory="", label=comment)
        if len(sets) == 1 and sources[0].kind == "tilt_series":
            yield _optimisation_set(each, next(iter(sets.values())), reader, items, comment)


def _new_tomograms(source: Source, directory: str, *, comment: str) -> Iterator[ExportedFile]:
    items = {item.id: item for item in source.items() if not item.excluded}
    written = write_tomograms(written_series(items), directory=directory, comment=comment)
    for path, content in written.files.items():
        is_set = path.endswith("/tomograms.star")
        lines = [line for line in written.report if line.document == path]
        if is_set:
            lines += [line for item in items.values() for line in _lost(item)]
        yield document_file(
            ExportedDocument(
                role="relion_tomograms" if is_set else "relion_tilt_series",
                path=path,
                content=content,
                unchanged=False,
                report=(*_added(content, path), *lines),
            ),
            owner=f"source {source.name}",
        )


def _lost(item: Item) -> Iterator[FieldReport]:
    return lost_attributes(item, None, held=HELD_ATTRIBUTES)


def _added(content: bytes, path: str) -> Iterator[FieldReport]:
    """An 'added' line for every column of a new file."""
    from mgit.exchange.star import parse_star
    from mgit.exchange.star_report import column_field

    for table in parse_star(content, name=path).tables.values():
        for column in table.columns:
            field = column_field(table.block, column)
            yield FieldReport(document=path, field=field, verdict="added", count=table.row_count)


def _species_files(
    reader: Reader, species: Species, items: ITEMS, *, comment: str
) -> Iterator[ExportedFile]:
    owner = f"species {species.name}"
    columns = species.particles.load()
    stored = read_documents(reader, species.path)
    if is_patchable(columns, stored, roles=("relion_particles",)):
        for document in particle_documents(
            reader, species, items, roles=PARTICLE_ROLES, comment=comment
        ):
            yield document_file(document, owner=owner)
        return
    table = new_relion_table(columns, items, path=_table_path(species), comment=comment)
    yield document_file(table, owner=owner)


def _table_path(species: Species) -> str:
    return f"{species.name}_particles.star"


def _optimisation_set(
    species: Species, tomograms: str, reader: Reader, items: ITEMS, comment: str
) -> ExportedFile:
    """A set that ties the species' table and its motion to the one tomogram set of the export."""
    particles, trajectories = _table_path(species), None
    stored = read_documents(reader, species.path)
    columns = species.particles.load()
    if is_patchable(columns, stored, roles=("relion_particles",)):
        paths = {each.role: each.path for each in stored}
        particles = paths["relion_particles"]
        if columns.trajectory is not None:
            # RELION moves particles only by the trajectories that the set names.
            trajectories = paths.get("relion_trajectories")
    path = f"{species.name}_optimisation_set.star"
    content = write_optimisation_set(
        particles=particles, tomograms=tomograms, trajectories=trajectories, comment=comment
    )
    return document_file(
        ExportedDocument(
            role="relion_optimisation_set",
            path=path,
            content=content,
            unchanged=False,
            report=tuple(_added(content, path)),
        ),
        owner=f"species {species.name}",
    )
