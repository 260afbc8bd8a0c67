"""Tables of other programs become the next particles: ids, halves and motion stay."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.curate.particle_intake import ItemVolumes
from mgit.curate.particle_update import UpdateChoices, same_particles, take_table
from mgit.errors import InvalidInput, Refused
from mgit.state.diff import particle_difference
from mgit.testing.memory import MemoryTree
from tests.curate.species_tables import (
    rows_of,
    species_of,
    table_of,
    write_source,
    write_species,
)


def made(rows, **changes):
    """A population in memory with one species of these rows."""
    tree = MemoryTree()
    tree.set_attributes("", {"format": 1, "name": "test"})
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, rows, **changes)
    return tree


def taken(tree, table, **choices):
    species = species_of(tree)
    return take_table(
        species, species.particles.load(), table, ItemVolumes(tree), UpdateChoices(**choices)
    )


@given(st.integers(1, 12), st.integers(0, 2**20))
def test_the_same_table_changes_nothing(count, seed):
    rows = rows_of(count, seed)
    found = taken(made(rows), table_of(rows))
    assert same_particles(found.old, found.new)
    assert not found.difference
    assert found.match.rows.complete


@given(st.permutations(range(8)), st.sets(st.integers(0, 7), max_size=6))
def test_ids_follow_names_through_any_order_and_any_loss(order, lost):
    rows = rows_of(8)
    tree = made(rows)
    kept = [{**rows[at], "rlnCoordinateX": rows[at]["rlnCoordinateX"] + 1} for at in order]
    kept = [row for at, row in zip(order, kept, strict=True) if at not in lost]
    found = taken(tree, table_of(kept))
    assert len(found.match.rows.missing_old) == len(lost)
    assert len(found.match.rows.missing_new) == 0
    names = [
        dict(
            zip(
                (row.tobytes() for row in columns.id),
                columns.passthrough["rlnTomoParticleName"].values(),
                strict=True,
            )
        )
        for columns in (found.old, found.new)
    ]
    assert names[1].items() <= names[0].items()
    assert found.difference.moved == len(kept)
    assert found.difference.median_shift_angstrom == pytest.approx(2.0)


def test_new_rows_get_new_ids_and_are_counted():
    rows = rows_of(10)
    tree = made(rows[:8])
    found = taken(tree, table_of(rows), match="name")
    assert len(found.match.rows.missing_new) == 2
    assert len(found.difference.added) == 2
    assert len(found.new) == 10


def test_particles_that_come_back_with_their_table_have_their_ids_again():
    rows = rows_of(8)
    tree = made(rows)
    first = species_of(tree).particles.load()
    fewer = taken(tree, table_of(rows[2:])).new
    from mgit.state.species import set_particles

    set_particles(tree, species_of(tree).path, fewer)
    again = taken(tree, table_of(rows))
    assert again.match.by == "id"
    assert same_particles(again.new, first)


def test_a_table_without_halves_leaves_them_as_they_are():
    rows = rows_of(6)
    found = taken(made(rows), table_of(rows, without=("rlnRandomSubset",)))
    assert found.match.rows.complete
    assert not particle_difference(found.old, found.new).half_set_changed


def test_changed_halves_are_refused_until_they_are_accepted():
    rows = rows_of(6)
    tree = made(rows)
    other = table_of([{**row, "rlnRandomSubset": 2} for row in rows])
    with pytest.raises(Refused, match="changed their half-set"):
        taken(tree, other)
    assert taken(tree, other, accept_half_set_changes=True).half_set_changes == 4


def test_a_table_of_other_particles_is_refused():
    tree = made(rows_of(4))
    far = [{**row, "rlnTomoParticleName": f"x{at}"} for at, row in enumerate(rows_of(4))]
    for row in far:
        row["rlnCoordinateX"] += 25
    with pytest.raises(InvalidInput, match="no row of the table is a particle") as caught:
        taken(tree, table_of(far))
    assert "--tolerance" in caught.value.hint


def test_motion_over_the_exposure_survives_a_program_without_it():
    rows = rows_of(4)
    base = table_of(rows)
    drift = np.array([[-3.0, 0, 0], [0, 0, 0], [3.0, 0, 0]])
    moving = replace(
        base, positions=base.positions + drift, angles=np.repeat(base.angles, 3, axis=1)
    )
    tree = made(rows, table=moving)
    shifted = [{**row, "rlnCoordinateY": row["rlnCoordinateY"] + 2} for row in rows]
    found = taken(tree, table_of(shifted))
    assert found.new.positions.shape == (4, 3, 3)
    steps = np.diff(found.new.positions, axis=1)
    assert np.allclose(steps, [3.0, 0, 0])
    assert found.difference.median_shift_angstrom == pytest.approx(4.0)


def test_trajectories_stay_with_matched_particles_and_are_zero_for_new_ones():
    rows = rows_of(6)
    base = table_of(rows[:4])
    motion = np.random.default_rng(0).normal(size=(4, 5, 3))
    tree = made(rows[:4], table=replace(base, trajectories=motion))
    found = taken(tree, table_of(rows), match="name")
    rows_of_match = found.match.rows
    new_ids = {each.tobytes() for each in found.difference.added}
    fresh = np.array([each.tobytes() in new_ids for each in found.new.id])
    assert len(rows_of_match.old) == 4
    assert not found.new.trajectory[fresh].any()
    assert found.new.trajectory[~fresh].any(axis=(1, 2)).all()
