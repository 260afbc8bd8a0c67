import pytest

from mgit.errors import DirtyStage, InvalidInput, NotFound, Refused
from mgit.history import branches
from tests.history.histories import ADA, commit


def heads(repository):
    return sorted(name.split("/", 2)[2] for name in repository.refs.all("refs/heads/"))


def test_a_branch_begins_at_a_revision(repository):
    first = repository.resolve("HEAD")
    commit(repository)
    branches.create(repository, "old", start="HEAD~1", who=ADA)
    assert repository.resolve("old") == first
    assert repository.refs.head().branch == "main"


def test_an_existing_branch_is_not_made_again(repository):
    with pytest.raises(Refused):
        branches.create(repository, "main", who=ADA)
    with pytest.raises(NotFound):
        branches.create(repository, "b", start="nowhere", who=ADA)
    with pytest.raises(InvalidInput):
        branches.create(repository, "a..b", who=ADA)
    assert heads(repository) == ["main"]


def test_a_branch_is_deleted_unless_it_is_the_current_one(repository):
    branches.create(repository, "b", who=ADA)
    branches.delete(repository, "b", who=ADA)
    assert heads(repository) == ["main"]
    with pytest.raises(Refused):
        branches.delete(repository, "main", who=ADA)
    with pytest.raises(NotFound, match="'b'"):
        branches.delete(repository, "b", who=ADA)


def test_renaming_the_current_branch_takes_head_along(repository):
    tip = repository.resolve("HEAD")
    branches.rename(repository, "main", "trunk", who=ADA)
    assert heads(repository) == ["trunk"]
    assert (repository.refs.head().branch, repository.refs.head().commit) == ("trunk", tip)
    branches.create(repository, "b", who=ADA)
    branches.rename(repository, "b", "c", who=ADA)
    assert heads(repository) == ["c", "trunk"]
    with pytest.raises(Refused):
        branches.rename(repository, "c", "trunk", who=ADA)
    assert repository.operations.check() == []


def test_switching_moves_head_and_nothing_else(repository):
    branches.create(repository, "b", who=ADA)
    before = repository.refs.all()
    branches.switch(repository, "b", who=ADA)
    assert repository.refs.head().branch == "b"
    assert branches.switch(repository, "b", who=ADA) is None
    assert repository.refs.all() == before
    branches.switch(repository, "main~0", detach=True, who=ADA)
    assert repository.refs.head().branch is None
    with pytest.raises(NotFound) as caught:
        branches.switch(repository, "none", who=ADA)
    assert "b, main" in caught.value.hint


def test_switching_refuses_a_dirty_stage(repository):
    with repository.transaction(verb="x") as transaction:
        transaction.draft.set_attributes("a", {})
        transaction.stage(message="a")
    with pytest.raises(DirtyStage):
        branches.switch(repository, "main", who=ADA)


def test_a_branch_is_unmerged_while_nobody_else_holds_its_tip(repository):
    branches.create(repository, "b", who=ADA)
    assert not branches.unmerged(repository, "b")
    tip = commit(repository, branch="b").id
    assert branches.unmerged(repository, "b")
    branches.switch(repository, tip, detach=True, who=ADA)
    assert not branches.unmerged(repository, "b")
