"""Where a repository stands."""

from mgit.history import branches
from mgit.state.series import set_excluded
from mgit.state.species import update_species_attributes
from mgit.survey.status import status
from tests.survey.populations import (
    ADA,
    SECOND,
    SPECIES,
    commit,
    move_particles,
    shift_defocus,
    stage,
)


def test_a_clean_repository(repository):
    found = status(repository)
    assert (found.name, found.branch, found.staged) == ("toy", "main", None)
    assert found.head.subject == "Add species ribosome"
    assert (found.counts.items, found.counts.particles) == (2, 10)
    assert found.unbound == {"grid": 2}
    assert found.flags == {}


def test_what_is_staged_is_told(repository):
    stage(repository, shift_defocus(), "move the defocus")
    found = status(repository).staged
    assert found.messages == ("move the defocus",)
    assert found.difference.sources[0].items[0].name == "TS_01"
    assert not found.outdated


def test_flags_and_exclusions_ask_for_attention(repository):
    flag = {"needs_refinement": True}
    commit(repository, lambda writer: update_species_attributes(writer, SPECIES, flag))
    commit(repository, lambda writer: set_excluded(writer, SECOND, excluded=True, reason="ice"))
    found = status(repository)
    assert found.flags == {"ribosome": ("needs_refinement",)}
    assert found.excluded == {"grid": 1}


def test_the_facts_are_those_of_the_stage(repository):
    stage(repository, move_particles(drop=3))
    assert status(repository).counts.particles == 7


def test_a_detached_head_has_no_branch(repository):
    branches.switch(repository, "HEAD~1", who=ADA, detach=True)
    found = status(repository)
    assert found.branch is None
    assert found.counts.species == 0


def test_a_stage_behind_the_branch_is_outdated(repository):
    stage(repository, shift_defocus())
    staged = repository.stage.read()
    repository.stage.clear()
    commit(repository, move_particles())
    repository.stage.write(staged)
    found = status(repository).staged
    assert found.outdated
    assert found.difference.species == ()
