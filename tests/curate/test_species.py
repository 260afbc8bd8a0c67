"""A species is written with its maps, particles, curves and the states that it stands on."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.curate.particle_intake import ItemVolumes
from mgit.curate.species_maps import SpeciesMaps
from mgit.errors import InvalidInput, Refused
from mgit.exchange.relion_postprocess import PostprocessCurves
from mgit.state.documents import read_documents
from mgit.state.population import Population
from tests.curate.species_tables import (
    cube,
    rows_of,
    species_of,
    table_of,
    write_source,
    write_species,
)

CURVES = PostprocessCurves(
    resolution_angstrom=8.5,
    frequency=np.array([0.0, 0.1, 0.2]),
    corrected=np.array([1.0, 0.8, 0.05]),
)


@pytest.fixture
def grid(tree):
    write_source(tree, "TS_01", "TS_02")
    return tree


def test_a_species_without_maps_waits_for_a_reconstruction(grid):
    report = write_species(grid, rows_of(6))
    assert (report.particles, report.items, report.half_sets) == (6, 2, (4, 2))
    assert not report.has_density
    species = species_of(grid)
    assert species.flag("needs_reconstruction")
    assert species.attributes["half_set_origin"] == "imported"
    assert species.attributes["coordinate_pixel_size_angstrom"] == "2.0"


def test_a_new_split_of_a_table_that_had_one_is_warned_about(grid):
    report = write_species(grid, rows_of(6), new_split=True)
    assert "the table's own half-sets are replaced" in report.warnings[0]
    assert species_of(grid).attributes["half_set_origin"] == "restarted"


def test_a_new_split_of_a_table_without_one_is_no_cause_for_a_warning(grid):
    table = table_of(rows_of(6), without=("rlnRandomSubset",))
    assert write_species(grid, [], table=table, new_split=True).warnings == ()


def test_rows_that_repeat_a_particle_are_warned_about(grid):
    rows = rows_of(6)
    rows[4]["rlnTomoParticleName"] = rows[0]["rlnTomoParticleName"]
    (warning,) = write_species(grid, rows).warnings
    assert warning.startswith("1 row repeats the rlnTomoParticleName")


def test_its_inputs_are_the_states_of_the_series_it_stands_in(grid):
    write_species(grid, rows_of(4, names=("TS_02",)))
    only = Population(grid).item("grid", "TS_02")
    assert species_of(grid).inputs == (only.state,)


def test_a_name_is_one_line(grid):
    with pytest.raises(InvalidInput, match="control character"):
        write_species(grid, rows_of(4), name="two\nlines")


def test_the_table_is_kept_whole(grid):
    table = table_of(rows_of(6))
    write_species(grid, [], table=table)
    (document,) = read_documents(grid, species_of(grid).path)
    assert document.path == "Refine3D/job001/run_data.star"
    assert document.content() == table.document.content


def test_maps_and_curves_come_along(grid):
    maps = SpeciesMaps(half_maps=(cube(), cube(8, 1)), pixel_size_angstrom=2.0)
    report = write_species(grid, rows_of(6), maps=maps, curves=CURVES)
    species = species_of(grid)
    assert report.resolution_angstrom == species.number("resolution_angstrom") == 8.5
    assert not species.flag("needs_reconstruction")
    assert species.metrics()["fsc"].read().tolist() == [1.0, 0.8, 0.05]
    assert species.number("pixel_size_angstrom") == 2.0


def test_one_reference_for_both_halves_is_marked(grid):
    write_species(grid, rows_of(6), maps=SpeciesMaps(reference=cube(), pixel_size_angstrom=2.0))
    assert species_of(grid).flag("external_reference")


def test_a_new_split_is_recorded(grid):
    table = table_of(rows_of(6), without=("rlnRandomSubset",))
    write_species(grid, [], table=table, new_split=True)
    assert species_of(grid).attributes["half_set_origin"] == "restarted"


def test_constant_poses_take_temporal_samples(grid):
    write_species(grid, rows_of(6), temporal_samples=3)
    positions = species_of(grid).particles.load().positions
    assert positions.shape == (6, 3, 3)
    assert (positions == positions[:, :1]).all()


def test_all_particles_in_one_half_are_warned_of(grid):
    rows = [{**row, "rlnRandomSubset": 2} for row in rows_of(4)]
    assert "half-set 2" in write_species(grid, rows).warnings[0]


def test_one_particle_in_both_halves_is_warned_of(grid):
    rows = rows_of(4)
    twin = {**rows[0], "rlnRandomSubset": 3 - rows[0]["rlnRandomSubset"]}
    twin["rlnTomoParticleName"] = "TS_01/twin"
    twin["rlnCoordinateX"] += 2
    assert not write_species(grid, rows, name="single").warnings
    (warning,) = write_species(grid, [*rows, twin]).warnings
    assert warning.startswith("1 pair of particles closer than 10 A")


def test_a_species_is_never_overwritten(grid):
    write_species(grid, rows_of(6))
    with pytest.raises(Refused, match="exists") as caught:
        write_species(grid, rows_of(4))
    assert "species update" in caught.value.hint
    assert len(species_of(grid).particles) == 6


def test_coordinates_in_another_pixel_stop_the_import(grid):
    table = table_of(rows_of(6))
    with pytest.raises(InvalidInput, match="outside the volume"):
        write_species(grid, [], table=replace(table, positions=table.positions * 20))
    assert not Population(grid).species()


def test_a_table_of_m_brings_poses_over_the_exposure(grid, tmp_path):
    from mgit.curate.export_documents import species_documents
    from mgit.curate.particle_files import find_particle_files, read_particle_files
    from mgit.exchange.m_particles import write_particles

    random = np.random.default_rng(0)
    content = write_particles(
        positions=random.uniform(100, 500, (6, 2, 3)),
        angles=random.uniform(-90, 90, (6, 2, 3)),
        half_sets=np.array([1, 2] * 3),
        names=["TS_01.tomostar", "TS_02.tomostar"] * 3,
        hashes=["a", "b"] * 3,
        comment="test",
    )
    (tmp_path / "apo_particles.star").write_bytes(content)
    table = read_particle_files(
        find_particle_files(tmp_path / "apo_particles.star"),
        volumes={},
        coordinate_pixel_size_angstrom=None,
    )
    report = write_species(grid, [], table=table)
    assert (report.particles, report.items) == (6, 2)
    species = species_of(grid)
    assert species.particles.load().positions.shape == (6, 2, 3)
    (document,) = species_documents(grid, species, Population(grid).items_by_id())
    assert document.content == content


def test_the_ribosome_set_is_placed_by_its_export_pixels(shared_data, tree):
    from mgit.curate.intake import read_foreign_source
    from mgit.curate.particle_files import find_particle_files, read_particle_files
    from mgit.curate.sources import add_source

    folder = shared_data / "ribosome_warptools_particles"
    record = read_foreign_source(folder / "optimisation_set.star", form="relion")
    add_source(tree, "ribo", record, digest_of=lambda raw: None)
    volumes = ItemVolumes(tree)
    files = find_particle_files(folder / "particles.star")
    for pixel, doubted in ((None, True), (12.0, False)):
        table = read_particle_files(
            files, volumes=volumes.volumes(), coordinate_pixel_size_angstrom=pixel
        )
        assert any("--coordinate-pixel-size 12" in note for note in table.notes) == doubted
    report = write_species(tree, [], table=table, volumes=volumes, new_split=True)
    assert (report.particles, report.items, report.half_sets) == (20, 2, (10, 10))
    assert report.outside_share == 0


def test_apoferritin_is_bound_to_the_series_it_comes_from(shared_data, tree):
    from mgit.curate.intake import read_foreign_source
    from mgit.curate.particle_files import find_particle_files, read_particle_files
    from mgit.curate.sources import add_source

    folder = shared_data / "apoferritin_warp_relion5_stars"
    record = read_foreign_source(folder / "warp2_matching_tomograms.star", form="relion")
    add_source(tree, "apo", record, digest_of=lambda raw: None)
    volumes = ItemVolumes(tree)
    files = find_particle_files(folder / "warp2_particles_matching.star")
    table = read_particle_files(
        files, volumes=volumes.volumes(), coordinate_pixel_size_angstrom=None
    )
    report = write_species(tree, [], table=table, volumes=volumes, new_split=True)
    assert (report.particles, report.items) == (1218, 5)
    assert not report.unmatched
