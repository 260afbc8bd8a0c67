"""Three-way decisions and what they do to a tree."""

import numpy as np
import pytest

from mgit.merge.slots import slot_identity
from mgit.merge.three_way import apply, decide, plan, prune
from mgit.state.documents import write_document
from mgit.state.names import species_path
from tests.survey.populations import (
    FIRST,
    SECOND,
    SOURCE,
    SPECIES,
    add_series,
    add_source,
    add_species,
    commit,
    move_particles,
    remove,
    shift_defocus,
)


@pytest.mark.parametrize(
    ("bases", "ours", "theirs", "answer"),
    [
        (["a"], "a", "a", "same"),
        (["a"], "b", "b", "same"),
        (["a"], "a", "b", "theirs"),
        (["a"], "b", "a", "ours"),
        (["a"], None, "a", "ours"),
        (["a"], "a", None, "theirs"),
        ([None], "b", None, "ours"),
        ([None], "b", "c", "conflict"),
        (["a"], "b", "c", "conflict"),
        (["a"], None, "c", "conflict"),
        (["a", "a"], "a", "b", "theirs"),
        (["a", "b"], "a", "b", "ambiguous"),
        (["a", "b"], "c", "c", "same"),
    ],
)
def test_the_side_that_changed_counts(bases, ours, theirs, answer):
    assert decide(bases, ours, theirs) == answer


def sides(repository, ours, theirs):
    """Trees of the base and of two commits on it, one with each edit."""
    base = repository.resolve("HEAD")
    commits = [
        commit(repository, edit, branch=name, parents=(base,)).id
        for name, edit in (("ours", ours), ("theirs", theirs))
    ]
    return [repository.snapshot(each) for each in (base, *commits)]


def planned(repository, ours, theirs):
    base, mine, other = sides(repository, ours, theirs)
    return plan([base], mine, other)


def merged(repository, ours, theirs):
    """The tree that taking all of their slots gives; the test says that nothing conflicts."""
    base, mine, other = sides(repository, ours, theirs)
    found = plan([base], mine, other)
    assert found.conflicts == ()

    def edit(draft):
        apply(draft, other, found.theirs)
        prune(draft, (*found.ours, *found.theirs))

    record = commit(repository, edit, branch="ours", parents=(repository.resolve("ours"),))
    return repository.snapshot(record.id), mine, other


def same(tree, other, slot):
    identities = {slot_identity(tree.objects, each.tree, slot) for each in (tree, other)}
    return len(identities) == 1


def test_different_series_and_species_are_joined(repository):
    tree, ours, theirs = merged(repository, shift_defocus("TS_01"), move_particles(drop=2))
    assert same(tree, ours, FIRST)
    assert same(tree, theirs, SPECIES)
    assert same(tree, ours, SECOND)


def test_a_new_source_comes_over_with_its_series_and_documents(repository):
    def both(writer):
        add_source(writer, "other", ("TS_11", "TS_12"))

    tree, _, theirs = merged(repository, shift_defocus("TS_01"), both)
    path = "sources/" + next(each for each in tree.children("sources") if each.startswith("other"))
    assert same(tree, theirs, path)
    items = f"{path}/items"
    assert tree.children(items) == theirs.children(items)


def test_documents_of_a_source_follow_its_attributes(repository):
    def edit(writer):
        write_document(writer, SOURCE, role="settings", path="warp.settings", content=b"new")

    tree, _, theirs = merged(repository, lambda writer: add_series(writer, "TS_03"), edit)
    assert same(tree, theirs, SOURCE)


def test_what_one_side_removed_is_removed_without_empty_groups(repository):
    commit(repository, lambda writer: add_series(writer, "TS_03"))
    path = next(
        each
        for each in (
            f"{SOURCE}/items/{fan}"
            for fan in repository.snapshot("HEAD").children(f"{SOURCE}/items")
        )
        if any(leaf.startswith("TS_03") for leaf in repository.snapshot("HEAD").children(each))
    )
    item = f"{path}/{repository.snapshot('HEAD').children(path)[0]}"
    tree, _, _ = merged(repository, shift_defocus("TS_01"), remove(item))
    assert not tree.exists(item)
    assert not tree.exists(path)


@pytest.mark.parametrize(
    ("ours", "theirs", "slot", "reason"),
    [
        (shift_defocus(by=1.0), shift_defocus(by=2.0), FIRST, "both changed"),
        (move_particles(1.0), move_particles(2.0), SPECIES, "both changed"),
        (remove(SPECIES), move_particles(), SPECIES, "removed here"),
        (move_particles(), remove(SPECIES), SPECIES, "removed there"),
    ],
)
def test_what_both_changed_differently_is_a_conflict(repository, ours, theirs, slot, reason):
    (conflict,) = planned(repository, ours, theirs).conflicts
    assert (conflict.slot, conflict.reason) == (slot, reason)


def test_the_same_change_on_both_sides_is_none(repository):
    found = planned(repository, shift_defocus(by=1.0), shift_defocus(by=1.0))
    assert (found.ours, found.theirs, found.conflicts) == ((), (), ())


def test_a_series_in_a_source_that_the_other_side_removed_is_a_conflict(repository):
    def theirs(writer):
        writer.remove(SPECIES)
        writer.remove(SOURCE)

    found = planned(repository, lambda writer: add_series(writer, "TS_03"), theirs)
    (conflict,) = found.conflicts
    assert conflict.reason == "no source"
    assert conflict.name == "series 'TS_03' of source 'grid'"


def test_bases_that_disagree_make_a_change_ambiguous(repository):
    base, mine, other = sides(repository, shift_defocus(by=1.0), shift_defocus(by=2.0))
    (conflict,) = plan([mine, other], mine, other).conflicts
    assert conflict.reason == "bases differ"
    assert plan([base, base], base, other).conflicts == ()


def test_loose_arrays_are_slots_of_their_own(repository):
    def note(name):
        return lambda writer: writer.set_array(f"notes/{name}", np.ones(2))

    tree, _, _ = merged(repository, note("a"), note("b"))
    assert tree.children("notes") == ("a", "b")


def test_two_new_species_stand_side_by_side(repository):
    tree, _, _ = merged(
        repository,
        lambda writer: add_species(writer, "one"),
        lambda writer: add_species(writer, "two"),
    )
    assert tree.exists(species_path("one"))
    assert tree.exists(species_path("two"))


def test_a_source_that_one_side_removed_goes_with_all_its_series(repository):
    commit(repository, remove(SPECIES))
    tree, ours, _ = merged(
        repository, lambda writer: add_source(writer, "other", ("TS_21",)), remove(SOURCE)
    )
    assert not tree.exists(SOURCE)
    assert tree.children("sources") == tuple(
        each for each in ours.children("sources") if each.startswith("other")
    )


def test_removing_the_last_source_leaves_no_empty_room(repository):
    commit(repository, remove(SPECIES))
    note = lambda writer: writer.set_blob("note", b"x")  # noqa: E731 an edit is a function
    tree, _, _ = merged(repository, note, lambda writer: writer.remove("sources"))
    assert not tree.exists("sources")
