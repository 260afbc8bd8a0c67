import pytest

from mgit.errors import DirtyStage, NotFound, RefMoved, Refused
from mgit.history import branches
from mgit.history.repository import Repository
from mgit.history.undo import redo, undo
from tests.history.histories import ADA, commit, value_at


@pytest.fixture
def three(repository):
    """Three commits with the values 1, 2 and 3."""
    return [commit(repository, value=value) for value in (1, 2, 3)]


def value(repository):
    return value_at(repository.snapshot("HEAD"))


def test_undo_takes_back_one_change_after_the_other(repository, three):
    assert undo(repository, who=ADA).undoes == 4
    assert value(repository) == 2
    undo(repository, who=ADA)
    undo(repository, who=ADA)
    assert value(repository) is None
    with pytest.raises(Refused):
        undo(repository, who=ADA)
    assert repository.operations.check() == []


def test_redo_repeats_what_was_undone(repository, three):
    for _ in range(3):
        undo(repository, who=ADA)
    for expected in (1, 2, 3):
        redo(repository, who=ADA)
        assert value(repository) == expected
    assert repository.resolve("HEAD") == three[-1].id
    with pytest.raises(NotFound):
        redo(repository, who=ADA)


def test_undo_redo_undo_goes_on_where_it_was(repository, three):
    undo(repository, who=ADA)
    redo(repository, who=ADA)
    undo(repository, who=ADA)
    undo(repository, who=ADA)
    assert value(repository) == 1


def test_a_change_after_an_undo_ends_the_redo(repository, three):
    undo(repository, who=ADA)
    commit(repository, value=9)
    with pytest.raises(NotFound):
        redo(repository, who=ADA)
    undo(repository, who=ADA)
    assert value(repository) == 2
    undo(repository, who=ADA)
    assert value(repository) == 1


def test_nothing_that_was_undone_is_deleted(repository, three):
    undo(repository, who=ADA)
    assert value_at(Repository.open(repository.root).snapshot(three[-1].id)) == 3
    assert repository.resolve("main@{1}") == three[-1].id


def test_undo_touches_its_own_branch_only(repository, three):
    branches.create(repository, "side", who=ADA)
    branches.switch(repository, "side", who=ADA)
    commit(repository, value=7)
    branches.switch(repository, "main", who=ADA)
    undo(repository, who=ADA)
    assert value(repository) == 2
    assert value_at(repository.snapshot("side")) == 7
    undo(repository, who=ADA, branch="side")
    assert value_at(repository.snapshot("side")) == 3


def test_the_creation_and_the_deletion_of_a_branch_are_undone(repository, three):
    branches.create(repository, "side", who=ADA)
    branches.delete(repository, "side", who=ADA)
    undo(repository, who=ADA, branch="side")
    assert repository.resolve("side") == three[-1].id
    undo(repository, who=ADA, branch="side")
    assert repository.refs.get("refs/heads/side") is None
    redo(repository, who=ADA, branch="side")
    assert repository.resolve("side") == three[-1].id
    with pytest.raises(NotFound):
        undo(repository, who=ADA, branch="never")


def test_a_renamed_branch_gets_its_name_back(repository, three):
    branches.rename(repository, "main", "trunk", who=ADA)
    undo(repository, who=ADA)
    assert repository.refs.head().branch == "main"
    assert repository.refs.get("refs/heads/trunk") is None
    assert repository.resolve("main") == three[-1].id


def test_the_beginning_of_the_current_branch_is_kept(repository, three):
    branches.create(repository, "side", who=ADA)
    branches.switch(repository, "side", who=ADA)
    with pytest.raises(Refused, match="HEAD without a commit"):
        undo(repository, who=ADA)


def test_a_branch_that_was_moved_without_mgit_is_left_alone(repository, three):
    repository.refs.compare_and_swap("refs/heads/main", expected=three[2].id, new=three[0].id)
    with pytest.raises(RefMoved, match="without mgit"):
        undo(repository, who=ADA)
    assert repository.resolve("main") == three[0].id


def test_undo_needs_a_branch_and_a_clean_stage(repository, three):
    with repository.transaction(verb="set") as transaction:
        transaction.draft.set_attributes("a", {})
        transaction.stage(message="a")
    for action in (undo, redo):
        with pytest.raises(DirtyStage):
            action(repository, who=ADA)
    repository.stage.clear()
    branches.switch(repository, "HEAD", detach=True, who=ADA)
    with pytest.raises(Refused, match="no branch"):
        undo(repository, who=ADA)
