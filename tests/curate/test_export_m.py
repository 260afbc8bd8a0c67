import numpy as np
import pytest

from mgit.curate.export import exported_files
from mgit.curate.export_files import place_files
from mgit.curate.species_maps import SpeciesMaps
from mgit.exchange.m_particles import read_particles
from mgit.exchange.m_population import read_population
from mgit.exchange.m_source import load_source
from mgit.exchange.m_species import read_species
from mgit.state.population import Population
from tests.curate.foreign_projects import add_relion
from tests.curate.species_tables import cube, rows_of, species_of, write_species


@pytest.fixture
def exported(tree, tmp_path):
    add_relion(tree)
    maps = SpeciesMaps(half_maps=(cube(seed=1), cube(seed=2)), pixel_size_angstrom=2.0)
    write_species(tree, rows_of(6), maps=maps)
    place_files(exported_files(tree, form="m"), tmp_path / "m")
    return tmp_path / "m"


def test_the_population_names_source_and_species_and_their_files_exist(exported):
    file = exported / "test.population"
    population, _ = read_population(file.read_bytes(), file.name)
    for _, path in (*population.sources, *population.species):
        assert (exported / path).is_file()


def test_m_source_reads_back_with_the_same_values(exported, tree):
    record = load_source(exported / "grid" / "grid.source")
    assert record.kind == "tilt_series"
    assert record.attributes["pixel_size_angstrom"] == "2.0"
    for series in record.series:
        item = Population(tree).item("grid", series.name)
        for name, handle in item.arrays().items():
            assert np.allclose(series.arrays[name].values, handle.read(), rtol=0, atol=1e-9)


def test_particles_have_their_poses_and_find_their_series(exported, tree):
    file = exported / "species" / "capsid" / "capsid_particles.star"
    table = read_particles(file.read_bytes(), file.name)
    columns = species_of(tree).particles.load()
    order = np.argsort(columns.source_row)
    assert table.positions.tobytes() == columns.positions[order].tobytes()
    assert table.angles.tobytes() == columns.angles[order].tobytes()
    assert table.half_sets.tolist() == columns.half_set[order].tolist()
    ids = [bytes(row).hex() for row in columns.id[order]]
    assert list(table.passthrough["mgitParticleId"]) == ids
    record = load_source(exported / "grid" / "grid.source")
    hashes = {alias for series in record.series for alias in series.aliases}
    assert set(table.passthrough["wrpSourceHash"]) <= hashes


def test_the_species_has_its_parameters_and_maps(exported):
    folder = exported / "species" / "capsid"
    species, _ = read_species((folder / "capsid.species").read_bytes(), "capsid.species")
    assert (species.diameter_angstrom, species.symmetry) == (100.0, "C1")
    assert (folder / "capsid_half1.mrc").is_file()


def test_exporting_twice_gives_the_same_files(exported, tree, tmp_path):
    place_files(exported_files(tree, form="m"), tmp_path / "again")
    for file in exported.rglob("*"):
        if file.is_file():
            twin = tmp_path / "again" / file.relative_to(exported)
            assert twin.read_bytes() == file.read_bytes()
