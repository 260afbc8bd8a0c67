"""Another program's result becomes the next state: documents, maps, marks, inputs."""

import numpy as np
import pytest

from mgit.curate.export_documents import species_documents
from mgit.curate.particle_intake import ItemVolumes
from mgit.curate.particle_update import UpdateChoices
from mgit.curate.species_maps import SpeciesMaps
from mgit.curate.species_update import update_species
from mgit.errors import InvalidInput, NotFound, Refused
from mgit.exchange.relion_postprocess import PostprocessCurves
from mgit.state.digests import seal, species_state
from mgit.state.population import Population
from mgit.state.series import update_item_arrays
from tests.curate.species_tables import (
    cube,
    rows_of,
    species_of,
    table_bytes,
    table_of,
    write_source,
    write_species,
)

ROWS = rows_of(8)
HALVES = SpeciesMaps(half_maps=(cube(), cube(8, 1)), pixel_size_angstrom=2.0)
CURVES = PostprocessCurves(
    resolution_angstrom=7.0, frequency=np.array([0.0, 0.1]), corrected=np.array([1.0, 0.1])
)


@pytest.fixture
def grid(tree):
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, ROWS, maps=HALVES, curves=CURVES)
    return tree


def moved(rows, by=1.0):
    return [{**row, "rlnCoordinateX": row["rlnCoordinateX"] + by} for row in rows]


def update(tree, table=None, maps=None, **options):
    return update_species(
        tree,
        "capsid",
        table=table,
        volumes=ItemVolumes(tree),
        maps=maps or SpeciesMaps(),
        **options,
    )


def test_moved_particles_without_new_maps_wait_for_a_reconstruction(grid):
    before = species_state(grid, species_of(grid).path)
    report = update(grid, table_of(moved(ROWS)))
    assert (report.moved, report.matched, report.added, report.removed) == (8, 8, 0, 0)
    assert report.median_shift_angstrom == pytest.approx(2.0)
    assert report.matched_by == "rlnTomoParticleName"
    assert report.needs_reconstruction
    assert species_state(grid, species_of(grid).path) != before


def test_the_same_table_leaves_state_and_marks_alone(grid):
    before = grid.attributes(species_of(grid).path)
    report = update(grid, table_of(ROWS))
    assert report.moved == 0
    assert not report.needs_reconstruction
    assert grid.attributes(species_of(grid).path) == before


def test_an_export_gives_the_new_table_byte_for_byte(grid):
    rows = [moved(ROWS)[at] for at in (5, 2, 7, 0, 1)]
    update(grid, table_of(rows, path="Refine3D/job009/run_data.star"))
    items = Population(grid).items_by_id()
    (document,) = species_documents(grid, species_of(grid), items)
    assert document.path == "Refine3D/job009/run_data.star"
    assert document.content == table_bytes(rows)
    assert document.unchanged


def test_new_maps_clear_the_mark_and_drop_the_curves_of_the_old_ones(grid):
    update(grid, table_of(moved(ROWS)))
    new = SpeciesMaps(half_maps=(cube(8, 2), cube(8, 3)), pixel_size_angstrom=2.0)
    report = update(grid, maps=new)
    species = species_of(grid)
    assert report.maps == ("half-maps",)
    assert report.matched_by is None
    assert not report.needs_reconstruction
    assert not species.metrics()
    assert species.number("resolution_angstrom") is None
    assert "FSC" in report.notes[0]
    assert np.array_equal(species.map("half_map_1").read(), cube(8, 2))


def test_curves_alone_replace_curves(grid):
    better = PostprocessCurves(
        resolution_angstrom=6.0, frequency=np.array([0.0, 0.2]), corrected=np.array([1.0, 0.2])
    )
    report = update(grid, curves=better)
    assert report.resolution_angstrom == species_of(grid).number("resolution_angstrom") == 6.0
    assert species_of(grid).metrics()["fsc_frequency"].read().tolist() == [0.0, 0.2]


def test_a_reference_marks_the_halves_as_dependent_and_half_maps_free_them(grid):
    update(grid, maps=SpeciesMaps(reference=cube(8, 5), pixel_size_angstrom=2.0))
    assert species_of(grid).flag("external_reference")
    update(grid, maps=HALVES)
    assert not species_of(grid).flag("external_reference")
    assert "reference" not in species_of(grid).map_names()


def test_inputs_follow_the_states_of_the_series(grid):
    item = Population(grid).item("grid", "TS_01")
    update_item_arrays(grid, item.path, {"tilt_angle": (np.array([1.0]), {})})
    seal(grid, [item.path])
    current = Population(grid).item("grid", "TS_01").state
    assert current not in species_of(grid).inputs
    update(grid, table_of(moved(ROWS)))
    assert current in species_of(grid).inputs


def test_nothing_is_written_when_the_update_is_refused(grid):
    before = species_state(grid, species_of(grid).path)
    other_half = [{**row, "rlnRandomSubset": 1} for row in ROWS]
    with pytest.raises(Refused):
        update(grid, table_of(other_half))
    small = SpeciesMaps(mask=np.ones((4, 4, 4), np.float32), pixel_size_angstrom=2.0)
    with pytest.raises(InvalidInput, match="do not fit"):
        update(grid, table_of(moved(ROWS)), maps=small)
    assert species_state(grid, species_of(grid).path) == before


def test_accepted_half_set_changes_are_counted(grid):
    other_half = table_of([{**row, "rlnRandomSubset": 1} for row in ROWS])
    report = update(grid, other_half, choices=UpdateChoices(accept_half_set_changes=True))
    assert report.half_set_changes == 4
    assert report.half_sets == (8, 0)


def test_an_update_needs_a_species_and_something_new(grid):
    with pytest.raises(InvalidInput, match="nothing is given"):
        update(grid)
    with pytest.raises(NotFound):
        update_species(grid, "capsids", table=None, volumes=ItemVolumes(grid), maps=HALVES)
