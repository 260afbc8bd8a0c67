"""A small population on disk: one source of two tilt series, one species with maps and an FSC."""

import numpy as np

from mgit.history.commits import Signature
from mgit.history.repository import Repository
from mgit.state.documents import write_document
from mgit.state.names import find_item, find_species, item_path, source_path, species_path
from mgit.state.raw import RawEntry
from mgit.state.series import read_item, update_item_arrays, write_item
from mgit.state.source import write_source
from mgit.state.species import read_species, set_metrics, set_particles, write_species
from tests.state.conftest import Foreign, item_arrays, table

ADA = Signature("Ada Test", "ada@example.org", 1_750_000_000, 0)
CUBE = np.arange(64, dtype=np.float32).reshape(4, 4, 4)


def commit(repository, edit, message="a change", **options):
    """Apply `edit` to a draft and commit it; returns the commit's record."""
    with repository.transaction(verb="test", **options) as transaction:
        edit(transaction.draft)
        return transaction.commit(
            message=message, who=ADA, provenance={"settings": {"why": "a test"}}
        )


def stage(repository, edit, message="a staged change"):
    """Apply `edit` to a draft and stage it."""
    with repository.transaction(verb="test", continue_stage=True) as transaction:
        edit(transaction.draft)
        transaction.stage(message=message)


def add_series(writer, name, *, source="grid", raw=None, **changes):
    """Write one tilt series; `raw` digests bind it."""
    entries = [RawEntry(role="movie", path=f"{name}_{tilt}.eer") for tilt in range(4)]
    return write_item(
        writer,
        source,
        name=name,
        kind="tilt_series",
        attributes={"pixel_size_angstrom": "1.35", "hand": -1},
        arrays={**item_arrays(), "defocus": (np.full(4, 20000.0), {}), **changes},
        raw=entries if raw is None else raw,
        documents=[Foreign("warp_tilt_series_xml", f"{name}.xml", name.encode())],
    )


def add_source(writer, name="grid", series=("TS_01", "TS_02")):
    """Write a source with its series and a document."""
    write_source(writer, name, kind="tilt_series", attributes={"pixel_size_angstrom": "1.35"})
    write_document(
        writer, source_path(name), role="settings", path="warp.settings", content=b"<Settings/>"
    )
    for each in series:
        add_series(writer, each, source=name)


def add_species(writer, name="ribosome", series=("TS_01", "TS_02"), seed=0):
    """Write a species with ten particles that take turns between the series."""
    ids = tuple(read_item(writer, find_item(writer, "grid", each)).id for each in series)
    path = write_species(
        writer,
        name,
        attributes={"diameter_angstrom": "300", "symmetry": "C1", "pixel_size_angstrom": "5.0"},
        particles=table(items=ids, seed=seed),
        half_maps=(CUBE, CUBE + 1),
        mask=np.ones_like(CUBE),
        documents=[Foreign("relion_particles", "particles.star", b"data_particles\n")],
    )
    set_metrics(writer, path, {"fsc": (np.array([1.0, 0.9, 0.1]), {})})
    return path


def populate(directory):
    """A repository with three commits on 'main'."""
    repository = Repository.init(str(directory), name="toy", who=ADA)
    commit(repository, add_source, "Add source grid")
    commit(repository, add_species, "Add species ribosome")
    return repository


def shift_defocus(name="TS_01", by=100.0):
    """An edit that moves the defocus of a series."""

    def edit(writer):
        path = item_path("grid", name)
        values = read_item(writer, path).array("defocus").read()
        update_item_arrays(writer, path, {"defocus": (values + by, {})})

    return edit


def move_particles(by=1.5, *, drop=0, name="ribosome"):
    """An edit that moves particles along x and drops the first few rows."""

    def edit(writer):
        from dataclasses import replace

        path = find_species(writer, name)
        columns = read_species(writer, path).particles.load()
        keep = np.arange(len(columns)) >= drop
        columns = columns.take(keep)
        moved = columns.positions + np.array([by, 0.0, 0.0])
        set_particles(writer, path, replace(columns, positions=moved))

    return edit


def remove(path):
    """An edit that removes a path."""
    return lambda writer: writer.remove(path)


SPECIES = species_path("ribosome")
SOURCE = source_path("grid")
FIRST, SECOND = item_path("grid", "TS_01"), item_path("grid", "TS_02")
