"""What no slot shows by itself: stale poses, homeless particles, series under two names."""

import pytest

from mgit.merge.bindings import binding_conflicts, mark_stale, stale_species
from mgit.merge.three_way import plan
from mgit.state.names import find_item
from mgit.state.series import update_item_attributes
from mgit.state.species import read_species
from tests.merge.test_three_way import sides
from tests.survey.populations import (
    FIRST,
    SPECIES,
    add_series,
    add_species,
    commit,
    move_particles,
    shift_defocus,
)


def stale(repository, ours, theirs):
    base, mine, other = sides(repository, ours, theirs)
    return stale_species(plan([base], mine, other), mine, other)


@pytest.mark.parametrize("swapped", [False, True])
def test_poses_of_one_side_over_geometry_of_the_other_are_stale(repository, swapped):
    edits = [move_particles(), shift_defocus("TS_01")]
    (found,) = stale(repository, *(reversed(edits) if swapped else edits))
    assert (found.name, found.items) == ("ribosome", 1)


@pytest.mark.parametrize(("changed", "names"), [("TS_01", []), ("TS_02", ["small"])])
def test_a_new_species_over_a_changed_series_is_stale(repository, changed, names):
    def ours(writer):
        add_species(writer, "small", series=("TS_02",))

    found = stale(repository, ours, shift_defocus(changed))
    assert [each.name for each in found] == names


def test_a_change_that_the_state_does_not_cover_makes_nothing_stale(repository):
    def theirs(writer):
        update_item_attributes(writer, FIRST, {"optics_group": "another"})

    assert stale(repository, move_particles(), theirs) == ()


def test_stale_species_are_marked(repository):
    found = stale(repository, move_particles(), shift_defocus())
    commit(repository, lambda draft: mark_stale(draft, found))
    assert read_species(repository.snapshot("HEAD"), SPECIES).flag("needs_refinement")


def test_particles_in_a_series_that_the_other_side_removed_are_a_conflict(repository):
    commit(repository, lambda writer: add_series(writer, "TS_03"))

    def ours(writer):
        add_species(writer, "small", series=("TS_03",))

    def theirs(writer):
        writer.remove(find_item(writer, "grid", "TS_03"))

    base, mine, other = sides(repository, ours, theirs)
    (conflict,) = binding_conflicts(plan([base], mine, other), mine, other)
    assert (conflict.name, conflict.reason) == ("species 'small'", "no series")
    (conflict,) = binding_conflicts(plan([base], other, mine), other, mine)
    assert conflict.name == "species 'small'"


def test_one_series_imported_under_two_names_is_a_conflict(repository):
    from mgit.state.source import write_source

    def imported(name):
        def edit(writer):
            write_source(writer, name, kind="tilt_series")
            add_series(writer, "TS_77", source=name)

        return edit

    base, mine, other = sides(repository, imported("one"), imported("two"))
    (conflict,) = binding_conflicts(plan([base], mine, other), mine, other)
    assert conflict.reason == "same series"
    assert "'one'" in conflict.name
    assert "'two'" in conflict.name
