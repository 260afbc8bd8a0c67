"""Laws of merging populations: no particle and no series is lost silently; differences mirror."""

import contextlib
import tempfile

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import MergeConflict, MgitError
from mgit.merge.join import course_of, merge_into
from mgit.state.population import Population
from mgit.survey.difference import tree_difference
from mgit.survey.loose_ends import homeless_species
from tests.survey.populations import (
    ADA,
    SPECIES,
    add_series,
    add_species,
    commit,
    move_particles,
    populate,
    remove,
    shift_defocus,
)

EDITS = {
    "shift 1": shift_defocus("TS_01", 5.0),
    "shift 2": shift_defocus("TS_02", 7.0),
    "move": move_particles(1.0),
    "drop": move_particles(0.5, drop=3),
    "remove": remove(SPECIES),
    "new series": lambda writer: add_series(writer, "TS_03"),
    "new species": lambda writer: add_species(writer, "proteasome", seed=4),
}
CHOICES = st.sampled_from(sorted(EDITS))
MIRROR = {"added": "removed", "removed": "added", "changed": "changed"}


def fork(directory, ours, theirs):
    """A population with the branches 'main' and 'side', one edit each."""
    repository = populate(directory)
    base = repository.resolve("HEAD")
    commit(repository, EDITS[theirs], theirs, branch="side", parents=(base,))
    commit(repository, EDITS[ours], ours)
    return repository


def merge(repository):
    """Merge 'side' into 'main'; the commit, or None for a conflict."""
    course = course_of(repository, "side")
    parents = (course.ours, course.theirs)
    try:
        with repository.transaction(verb="merge", parents=parents) as transaction:
            merge_into(transaction, repository, course)
            return transaction.commit(message="merge", who=ADA, provenance={})
    except MergeConflict:
        return None


def tables(tree):
    """Positions by particle id, by species."""
    found = {}
    for species in Population(tree).species():
        columns = species.particles.load()
        ids = [each.tobytes() for each in columns.id]
        rows = zip(ids, columns.positions, strict=True)
        found[species.name] = {identity: row.tobytes() for identity, row in rows}
    return found


def defocus(tree):
    """Defocus by series."""
    items = Population(tree).items()
    return {item.name: item.array("defocus").read().tobytes() for item in items}


@settings(max_examples=12)
@given(ours=CHOICES, theirs=CHOICES)
def test_what_a_side_changed_is_in_the_merge_or_the_merge_is_refused(ours, theirs):
    with tempfile.TemporaryDirectory() as directory:
        repository = fork(directory, ours, theirs)
        sides = [repository.snapshot(name) for name in ("main", "side")]
        base = repository.snapshot("side~1")
        merged = merge(repository)
        if merged is None:
            assert repository.snapshot("main") == sides[0]
            return
        tree = repository.snapshot(merged.id)
        for content in (tables, defocus):
            before, result = content(base), content(tree)
            for side in map(content, sides):
                for name in before.keys() | side.keys():
                    if side.get(name) != before.get(name):
                        assert result.get(name) == side.get(name)
        assert homeless_species(tree) == {}


@settings(max_examples=8)
@given(first=CHOICES, second=CHOICES)
def test_a_difference_read_backwards_is_its_mirror(first, second):
    with tempfile.TemporaryDirectory() as directory:
        repository = populate(directory)
        commit(repository, EDITS[first])
        with contextlib.suppress(MgitError):  # e.g. a removed species cannot be moved
            commit(repository, EDITS[second])
        old, new = repository.snapshot("HEAD~1"), repository.snapshot("HEAD")
        there, back = tree_difference(old, new), tree_difference(new, old)
        assert [(each.name, MIRROR[each.kind]) for each in there.species] == [
            (each.name, each.kind) for each in back.species
        ]
        assert [(each.name, MIRROR[each.kind]) for each in there.sources] == [
            (each.name, each.kind) for each in back.sources
        ]
        for forth, reverse in zip(there.species, back.species, strict=True):
            if forth.difference is not None:
                particles, mirrored = forth.difference.particles, reverse.difference.particles
                assert particles.moved == mirrored.moved
                assert np.array_equal(particles.added, mirrored.removed)
                assert particles.median_shift_angstrom == mirrored.median_shift_angstrom
        assert not tree_difference(new, new)
