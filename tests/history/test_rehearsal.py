import os

import numpy as np
import pytest

from mgit.errors import DirtyStage, NotFound
from mgit.history.rehearsal import Rehearsal
from tests.verify.populations import begin, commit, refine


@pytest.fixture
def repository(tmp_path):
    return begin(str(tmp_path))


def files_below(repository):
    return sorted(
        os.path.join(place, name)
        for place, _, names in os.walk(repository.layout.control)
        for name in names
    )


def test_the_state_is_the_one_that_a_commit_of_the_same_change_has(repository):
    with Rehearsal(repository, "HEAD") as rehearsal:
        refine(rehearsal.draft, 77)
        state = rehearsal.state()
    made = commit(repository, lambda draft: refine(draft, 77))
    assert str(state) == made.state
    assert made.state != repository.commit("HEAD~1").state


def test_without_a_change_the_state_is_that_of_the_base(repository):
    with Rehearsal(repository, "HEAD~1") as rehearsal:
        assert str(rehearsal.state()) == repository.commit("HEAD~1").state


def test_nothing_is_left_behind(repository):
    before = files_below(repository)
    with Rehearsal(repository, "HEAD") as rehearsal:
        refine(rehearsal.draft, 78)
        rehearsal.state()
        values = np.random.default_rng(0).integers(0, 255, 4 << 20, dtype=np.uint8)
        rehearsal.draft.set_array("notes/large", values)
        assert (rehearsal.draft.array("notes/large").read() == values).all()
    assert files_below(repository) == before


def test_an_error_inside_drops_it_too(repository):
    before = files_below(repository)

    def failing():
        with Rehearsal(repository, "HEAD") as rehearsal:
            refine(rehearsal.draft, 79)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert files_below(repository) == before


def test_a_dirty_stage_is_no_hindrance_and_stays(repository):
    with repository.transaction(verb="test") as transaction:
        refine(transaction.draft, 80)
        transaction.stage(message="staged")
    with pytest.raises(DirtyStage):
        repository.transaction(verb="test")
    staged = repository.stage.read()
    with Rehearsal(repository, "HEAD") as rehearsal:
        assert str(rehearsal.state()) == repository.commit("HEAD").state
    assert repository.stage.read() == staged


def test_a_base_that_does_not_exist_is_named(repository):
    with pytest.raises(NotFound, match="nobody"):
        Rehearsal(repository, "nobody")
