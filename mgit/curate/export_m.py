"""A population as M's files: `.population`, a directory per source, a directory per species."""

from collections.abc import Iterator, Sequence

import numpy as np

from mgit.curate.export_documents import ExportedDocument, source_documents
from mgit.curate.export_files import ExportedFile, document_file
from mgit.curate.export_maps import map_files
from mgit.curate.export_particles import ID_COLUMN, ITEMS, file_order, item_names, spelt_columns
from mgit.curate.export_warp import new_item_xml
from mgit.digest import RawDigest
from mgit.errors import Unsupported
from mgit.exchange.m_hashes import m_hash
from mgit.exchange.m_particles import write_particles
from mgit.exchange.m_population import MPopulation, write_population
from mgit.exchange.m_source import MSource, MSourceFile, write_source
from mgit.exchange.m_species import MSpecies, write_species
from mgit.exchange.report import FieldReport
from mgit.state.particle_columns import ParticleColumns
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.source import Source
from mgit.state.species import Species

__all__ = ["m_files"]

M_HASH_LENGTH = 27
XML_ROLES = ("warp_tilt_series_xml", "warp_movie_xml")


def m_files(
    reader: Reader,
    sources: Sequence[Source],
    species: Sequence[Species],
    items: ITEMS,
    *,
    population: str,
    comment: str,
) -> Iterator[ExportedFile]:
    """M's files of a population.

    Series that came from Warp or M keep their XML with current values. GUIDs derive from names, so
    exporting twice gives the same files. M's data hashes are those of the import; where there are
    none, names stand in, which tie particles to series as M needs it.

    Raises Unsupported for particle series, InvalidState for series or species that lack what M
    needs.
    """
    source_paths, species_paths = [], []
    for source in sources:
        path = f"{source.name}/{source.name}.source"
        source_paths.append((_guid("source", source.name), path))
        yield from _source_files(reader, source, path)
    for each in species:
        path = f"species/{each.name}/{each.name}.species"
        species_paths.append((_guid("species", each.name), path))
        yield from _species_files(each, items, path, comment=comment)
    content = write_population(
        MPopulation(name=population, species=tuple(species_paths), sources=tuple(source_paths))
    )
    yield _new(f"{population}.population", "m_population", content, owner="population")


def _guid(room: str, name: str) -> str:
    """A GUID that follows from what a thing is called."""
    digits = RawDigest.of(f"mgit {room} {name}".encode()).hex[:32]
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts)


def _new(path: str, role: str, content: bytes, *, owner: str) -> ExportedFile:
    line = FieldReport(document=path, field="(file)", verdict="added", count=1)
    document = ExportedDocument(
        role=role, path=path, content=content, unchanged=False, report=(line,)
    )
    return document_file(document, owner=owner)


def _source_files(reader: Reader, source: Source, path: str) -> Iterator[ExportedFile]:
    if source.kind == "particle_series":
        raise Unsupported(
            "M works on tilt and frame series, not on extracted particle images",
            source=source.name,
            hint="export the particle table with '--to star'",
        )
    owner = f"source {source.name}"
    directory = path.rpartition("/")[0]
    items = [item for item in source.items() if not item.excluded]
    kept = {
        document.path.rpartition("/")[2].removesuffix(".xml"): document
        for document in source_documents(reader, source)
        if document.role in XML_ROLES
    }
    for item in items:
        stem = item.name.removesuffix(".tomostar")
        document = kept.get(stem)
        if document is None:
            document = new_item_xml(item, directory=f"{directory}/")
        yield document_file(document, owner=owner, path=f"{directory}/{stem}.xml")
    suffix = ".tomostar" if source.kind == "tilt_series" else ".mrc"
    files = tuple(
        MSourceFile(data_hash=_data_hash(item), name=_file_name(item, suffix)) for item in items
    )
    pixel = float(items[0].attributes["pixel_size_angstrom"]) if items else 1.0
    lengths = items[0].attributes.get("volume_dimensions_angstrom") if items else None
    size = [round(float(length) / pixel) for length in lengths or ("0", "0", "0")]
    content = write_source(
        MSource(
            guid=_guid("source", source.name),
            name=source.name,
            pixel_size_angstrom=pixel,
            files=files,
            dimensions_px=(size[0], size[1], size[2]),
        )
    )
    yield _new(path, "m_source", content, owner=owner)


def _file_name(item: Item, suffix: str) -> str:
    return f"{item.name.removesuffix('.tomostar')}{suffix}"


def _data_hash(item: Item) -> str:
    known = [alias for alias in item.aliases if len(alias) == M_HASH_LENGTH and "." not in alias]
    return known[0] if known else m_hash(item.id.encode())


def _species_files(
    species: Species, items: ITEMS, path: str, *, comment: str
) -> Iterator[ExportedFile]:
    owner = f"species {species.name}"
    directory = path.rpartition("/")[0]
    columns = species.particles.load()
    content = write_species(_parameters(species, columns))
    yield _new(path, "m_species", content, owner=owner)
    table = f"{directory}/{species.name}_particles.star"
    yield _new(table, "m_particles", _particles(columns, items, comment), owner=owner)
    yield from map_files(species, directory=f"{directory}/", label=comment)


def _parameters(species: Species, columns: ParticleColumns) -> MSpecies:
    def known(name: str, otherwise: float) -> float:
        value = species.number(name)
        return otherwise if value is None else value

    return MSpecies(
        guid=_guid("species", species.name),
        name=species.name,
        pixel_size_angstrom=known("pixel_size_angstrom", 1.0),
        diameter_angstrom=known("diameter_angstrom", 1.0),
        molecular_weight_kda=known("molecular_weight_kilodalton", 100.0),
        helical_twist_degree=known("helical_twist_degree", 0.0),
        helical_rise_angstrom=known("helical_rise_angstrom", 0.0),
        helical_height_angstrom=known("helical_height_angstrom", 0.0),
        global_resolution_angstrom=known("resolution_angstrom", -1.0),
        global_b_factor_angstrom2=known("b_factor_angstrom2", 0.0),
        symmetry=str(species.attributes.get("symmetry", "C1")),
        helical_units=int(species.attributes.get("helical_units", 1)),
        ewald=species.flag("ewald"),
        ewald_reverse=bool(species.attributes.get("ewald_reverse", True)),
        temporal_samples=max(columns.positions.shape[1], columns.angles.shape[1]),
    )


def _particles(columns: ParticleColumns, items: ITEMS, comment: str) -> bytes:
    samples = max(columns.positions.shape[1], columns.angles.shape[1])
    order = file_order(columns)
    rows = order.tolist()
    codes = columns.item.codes.tolist()
    hashes = [_data_hash(items[identity]) for identity in columns.item.dictionary]
    names = [f"{name.removesuffix('.tomostar')}.tomostar" for name in item_names(columns, items)]
    foreign = {
        **spelt_columns(columns, prefix="rln"),
        ID_COLUMN: [bytes(row).hex() for row in columns.id],
    }
    shape = (len(columns), samples, 3)
    return write_particles(
        positions=np.broadcast_to(columns.positions, shape)[order],
        angles=np.broadcast_to(columns.angles, shape)[order],
        half_sets=columns.half_set[order],
        names=[names[row] for row in rows],
        hashes=[hashes[codes[row]] for row in rows],
        columns={name: [texts[row].strip('"') for row in rows] for name, texts in foreign.items()},
        comment=comment,
    )
