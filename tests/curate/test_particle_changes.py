"""New picks keep their distance and their neighbours' half; removals say what they missed."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.curate.export_documents import species_documents
from mgit.curate.particle_changes import add_particles, remove_particles
from mgit.curate.particle_intake import ItemVolumes
from mgit.errors import InvalidInput, NotFound, Refused
from mgit.state.documents import read_documents
from mgit.state.population import Population
from tests.curate.species_tables import (
    rows_of,
    species_of,
    table_bytes,
    table_of,
    write_source,
    write_species,
)

ROWS = rows_of(8)
PICKS = "picks.star"


@pytest.fixture
def grid(tree):
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, ROWS)
    return tree


def shifted(rows, x, tag="new"):
    return [
        {
            **row,
            "rlnCoordinateX": row["rlnCoordinateX"] + x,
            "rlnTomoParticleName": f"{row['rlnTomoName']}/{tag}{at}",
        }
        for at, row in enumerate(rows)
    ]


def add(tree, table, **options):
    return add_particles(tree, "capsid", table=table, volumes=ItemVolumes(tree), **options)


def remove(tree, table, **options):
    return remove_particles(tree, "capsid", table=table, volumes=ItemVolumes(tree), **options)


def test_picks_that_stand_on_particles_are_dropped_and_counted(grid):
    rows = shifted(ROWS[:3], 0.5) + shifted(rows_of(2, seed=9), 250)
    report = add(grid, table_of(rows, path=PICKS))
    assert (report.added, report.too_close, report.particles) == (2, 3, 10)
    assert report.min_distance_angstrom == 50
    species = species_of(grid)
    assert species.flag("needs_reconstruction")
    assert len(species.particles) == 10


def test_of_picks_that_stand_on_each_other_the_first_stays(grid):
    one = shifted(rows_of(1, seed=3), 250)[0]
    chain = [{**one, "rlnCoordinateX": one["rlnCoordinateX"] + at * 15} for at in range(4)]
    report = add(grid, table_of(chain, path=PICKS), min_distance_angstrom=40)
    # 0 A stays, 30 A is too close to it, 60 A stays, 90 A is too close to that.
    assert (report.added, report.too_close) == (2, 2)


def test_a_pick_joins_the_half_of_the_nearest_particle(grid):
    first = {**ROWS[0], "rlnTomoParticleName": "TS_01/new"}
    first |= {"rlnCoordinateZ": first["rlnCoordinateZ"] + 15, "rlnRandomSubset": 2}
    report = add(grid, table_of([first], path=PICKS), min_distance_angstrom=20)
    assert ROWS[0]["rlnRandomSubset"] == 1
    assert report.after_neighbours == 1
    assert report.half_sets == (5, 4)


def test_picks_without_halves_are_split_evenly(grid):
    rows = shifted(rows_of(8, seed=4), 250)
    table = table_of(rows, without=("rlnRandomSubset",), path=PICKS)
    assert add(grid, table).half_sets == (8, 8)


def test_both_tables_are_exported_as_they_were(grid):
    rows = shifted(rows_of(2, seed=9), 250)
    add(grid, table_of(rows, path="Refine3D/job001/run_data.star"))
    items = Population(grid).items_by_id()
    found = {each.path: each.content for each in species_documents(grid, species_of(grid), items)}
    assert found == {
        "Refine3D/job001/run_data.star": table_bytes(ROWS),
        "Refine3D/job001/run_data_2.star": table_bytes(rows),
    }


def test_columns_that_picks_lack_say_so(grid):
    scored = table_of(ROWS)
    scores = np.arange(8)
    scored = replace(scored, passthrough={**scored.passthrough, "rlnScore": scores})
    write_species(grid, [], name="scored", table=scored)
    rows = shifted(rows_of(2, seed=9), 250)
    table = table_of(rows, without=("rlnTomoParticleName",), path=PICKS)
    add_particles(grid, "scored", table=table, volumes=ItemVolumes(grid))
    columns = species_of(grid, "scored").particles.load()
    values = columns.passthrough["rlnScore"]
    assert np.isnan(values).sum() == 2
    assert sorted(values[~np.isnan(values)]) == list(range(8))
    assert columns.passthrough["rlnTomoParticleName"].values().count("") == 2


def test_columns_that_are_applied_must_be_there(grid):
    base = table_of(ROWS)
    table = replace(
        base,
        passthrough={**base.passthrough, "rlnDefocusU": np.full(8, 1e4)},
        attributes={**base.attributes, "applied_columns": ["rlnDefocusU"]},
    )
    write_species(grid, [], name="spa", table=table)
    picks = table_of(shifted(rows_of(2, seed=9), 250), path=PICKS)
    with pytest.raises(InvalidInput, match="applied") as caught:
        add_particles(grid, "spa", table=picks, volumes=ItemVolumes(grid))
    assert caught.value.fields["column"] == "rlnDefocusU"


def test_picks_take_the_samples_and_trajectories_of_the_species(grid):
    base = table_of(ROWS)
    moving = replace(base, trajectories=np.ones((8, 5, 3)))
    write_species(grid, [], name="moving", table=moving, temporal_samples=3)
    picks = table_of(shifted(rows_of(2, seed=9), 250), path=PICKS)
    add_particles(grid, "moving", table=picks, volumes=ItemVolumes(grid))
    columns = species_of(grid, "moving").particles.load()
    assert columns.positions.shape == (10, 3, 3)
    assert columns.trajectory.any(axis=(1, 2)).sum() == 8


def test_nothing_new_is_refused(grid):
    with pytest.raises(Refused, match="has a particle already") as caught:
        add(grid, table_of(ROWS))
    assert "--min-distance" in caught.value.hint
    with pytest.raises(InvalidInput, match="not a positive number"):
        add(grid, table_of(ROWS), min_distance_angstrom=-1.0)


def test_removed_particles_leave_and_misses_are_counted(grid):
    rows = ROWS[:3] + shifted(rows_of(2, seed=9), 250)
    report = remove(grid, table_of(rows, path=PICKS))
    assert (report.removed, report.unmatched_rows, report.particles) == (3, 2, 5)
    assert report.matched_by == "rlnTomoParticleName"
    names = species_of(grid).particles.passthrough("rlnTomoParticleName").values()
    assert set(names) == {row["rlnTomoParticleName"] for row in ROWS[3:]}
    assert species_of(grid).flag("needs_reconstruction")
    assert len(read_documents(grid, species_of(grid).path)) == 1


def test_removing_what_was_added_gives_the_particles_back(grid):
    before = species_of(grid).particles.load()
    picks = table_of(shifted(rows_of(2, seed=9), 250), path=PICKS)
    add(grid, picks)
    assert remove(grid, picks).matched_by == "permanent id"
    after = species_of(grid).particles.load()
    assert (after.id == before.id).all()
    assert (after.half_set == before.half_set).all()


def test_removals_of_nothing_or_everything_are_refused(grid):
    with pytest.raises(Refused, match="no row of the table"):
        remove(grid, table_of(shifted(rows_of(2, seed=9), 250)))
    with pytest.raises(Refused, match="every particle") as caught:
        remove(grid, table_of(ROWS))
    assert "species remove" in caught.value.hint
    with pytest.raises(NotFound):
        remove_particles(grid, "x", table=table_of(ROWS), volumes=ItemVolumes(grid))
