import numpy as np
import pytest

from mgit.errors import InvalidState, MergeConflict, NotFound
from mgit.history.revert import restore, revert
from tests.history.histories import ADA, commit, value_at


def change(repository, edit):
    with repository.transaction(verb="x") as transaction:
        edit(transaction.draft)
        return transaction.commit(message="m", who=ADA, provenance={})


def reverted(repository, revision):
    with repository.transaction(verb="revert") as transaction:
        paths = revert(repository, revision, transaction.draft)
        transaction.commit(message="revert", who=ADA, provenance={})
    return paths


def test_reverting_the_last_commit_gives_the_state_before_it(repository):
    before = commit(repository, value=1)
    commit(repository, value=2)
    assert reverted(repository, "HEAD") == ("notes/a",)
    assert repository.commit("HEAD").state == before.state
    assert value_at(repository.snapshot("HEAD")) == 1


def test_reverting_an_older_commit_keeps_what_came_after(repository):
    commit(repository, "notes/a", 1)
    commit(repository, "notes/a", 2)
    commit(repository, "notes/b", 5)
    reverted(repository, "HEAD~1")
    snapshot = repository.snapshot("HEAD")
    assert (value_at(snapshot), value_at(snapshot, "notes/b")) == (1, 5)


def test_every_kind_of_change_has_an_inverse(repository):
    def first(draft):
        draft.set_attributes("a", {"value": 1})
        draft.set_array("a/gone", np.arange(3))
        draft.set_array("a/deep/gone", np.arange(3))
        draft.set_blob("text", b"one")
        draft.set_array("kind", np.arange(3))

    def second(draft):
        draft.set_attributes("a", {"value": 2})
        draft.remove("a/gone")
        draft.remove("a/deep")
        draft.set_blob("text", b"two")
        draft.remove("kind")
        draft.set_attributes("kind", {"now": "a group"})
        draft.set_array("new/array", np.arange(2))

    before = change(repository, first)
    change(repository, second)
    reverted(repository, "HEAD")
    from mgit.history.tree_diff import changed

    left = changed(repository.objects, before.tree, repository.commit("HEAD").tree)
    assert [each.path for each in left] == ["provenance.json"]


def test_what_was_changed_again_is_a_conflict_and_nothing_is_changed(repository):
    commit(repository, "notes/a", 1)
    commit(repository, "notes/a", 2)
    tip = commit(repository, "notes/a", 3).id
    with pytest.raises(MergeConflict, match="notes/a"):
        reverted(repository, "HEAD~1")
    assert repository.resolve("HEAD") == tip


def test_a_group_is_not_removed_with_what_others_put_there(repository):
    commit(repository, "notes/a", 1)
    commit(repository, "notes/b", 1)
    with pytest.raises(MergeConflict, match="notes"):
        reverted(repository, "HEAD~1")


def test_nothing_comes_back_into_a_group_that_is_gone(repository):
    commit(repository, "notes/a", 1)
    commit(repository, "notes/b", 1)
    change(repository, lambda draft: draft.remove("notes/a"))
    change(repository, lambda draft: draft.remove("notes"))
    with pytest.raises(MergeConflict):
        reverted(repository, "HEAD~1")


def test_first_commits_and_merges_have_no_inverse(repository):
    with pytest.raises(InvalidState):
        reverted(repository, "HEAD")
    first = repository.resolve("HEAD")
    side = commit(repository, branch="side", parents=(first,)).id
    commit(repository, value=4, parents=(first, side))
    with pytest.raises(InvalidState, match="2 parents"):
        reverted(repository, "HEAD")


def test_paths_are_restored_from_another_commit(repository):
    commit(repository, "notes/a", 1)
    commit(repository, "notes/a", 2)
    commit(repository, "notes/b", 3)
    source = repository.snapshot("HEAD~2")
    change(repository, lambda draft: restore(draft, source, ["notes/a", "notes/b"]))
    snapshot = repository.snapshot("HEAD")
    assert value_at(snapshot) == 1
    assert value_at(snapshot, "notes/b") is None
    with pytest.raises(NotFound):
        change(repository, lambda draft: restore(draft, source, ["nothing"]))
