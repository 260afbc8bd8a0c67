import json
from contextlib import suppress

import pytest

from mgit.digest import RootDigest
from mgit.errors import DirtyStage, EmptyCommit, InvalidState, RefMoved
from mgit.history.commits import commit_id
from mgit.history.merkle import root_digest, tree_digest
from mgit.history.repository import Repository
from tests.history.histories import ADA, BEN, begin, commit, fabricate, value_at


def names(repository):
    return set(repository.objects.all_ids())


def test_a_draft_becomes_a_commit_on_the_current_branch(repository):
    before = repository.commit("HEAD")
    made = commit(repository, value=3, who=BEN)
    assert made.parents == (before.id,)
    assert repository.resolve("main") == made.id
    assert (made.author, made.author_time, made.author_zone) == (BEN.person, BEN.time_s, BEN.zone_s)
    assert value_at(repository.snapshot("HEAD")) == 3
    assert value_at(repository.snapshot("HEAD~1")) is None


def test_the_provenance_is_written_with_verb_and_parents(repository):
    with repository.transaction(verb="refine") as transaction:
        transaction.draft.set_attributes("notes", {"a": 1})
        made = transaction.commit(message="m", who=ADA, provenance={"settings": {"iter": 3}})
    record = json.loads(repository.snapshot("HEAD").blob("provenance.json"))
    assert record == {
        "format": 1,
        "verb": "refine",
        "parents": list(made.parents),
        "settings": {"iter": 3},
    }


def test_the_root_covers_the_tree_and_the_parents_roots(repository):
    parent = repository.commit("HEAD")
    made = commit(repository)
    tree = tree_digest(repository.objects, made.tree)
    assert made.root == str(root_digest(tree, [RootDigest.parse(parent.root)]))


def test_a_parent_without_a_root_gets_one_computed(repository):
    foreign = fabricate(repository, [repository.resolve("HEAD")], time_s=5)
    with repository.transaction(verb="x", branch="side", parents=(foreign,)) as transaction:
        transaction.draft.set_attributes("notes", {})
        assert transaction.commit(message="m", who=ADA, provenance={}).root


def test_states_are_sealed_before_the_commit(repository):
    sealed = []
    with repository.transaction(verb="x") as transaction:
        transaction._seal = lambda draft, paths: sealed.extend(paths)
        transaction.draft.set_attributes("notes/a", {})
        transaction.commit(message="m", who=ADA, provenance={})
    assert sealed == ["notes", "notes/a"]


def test_a_dropped_draft_leaves_nothing(repository):
    before, objects = repository.refs.all(), names(repository)
    with suppress(KeyError), repository.transaction(verb="x") as transaction:
        transaction.draft.set_attributes("notes", {})
        raise KeyError
    with repository.transaction(verb="x") as transaction:
        transaction.draft.set_attributes("notes", {})
    assert (repository.refs.all(), names(repository)) == (before, objects)
    with pytest.raises(InvalidState):
        transaction.commit(message="m", who=ADA, provenance={})
    with pytest.raises(InvalidState):
        transaction.stage(message="m")


def test_an_empty_commit_is_refused(repository):
    commit(repository, value=1)
    objects = names(repository)
    with pytest.raises(EmptyCommit):
        commit(repository, value=1)
    with pytest.raises(EmptyCommit), repository.transaction(verb="x") as transaction:
        transaction.commit(message="m", who=ADA, provenance={"settings": {"other": 1}})
    assert names(repository) == objects


def test_a_branch_that_moved_meanwhile_keeps_its_commit_and_ours_is_named(repository):
    other = Repository.open(repository.root)
    with repository.transaction(verb="slow") as transaction:
        transaction.draft.set_attributes("ours", {})
        theirs = commit(other, "theirs")
        with pytest.raises(RefMoved) as caught:
            transaction.commit(message="ours", who=ADA, provenance={})
    lost = caught.value.fields["commit"]
    assert f"mgit branch NAME {lost[:12]}" in caught.value.hint
    assert repository.resolve("main") == theirs.id
    assert repository.snapshot(lost).exists("ours")
    assert repository.operations.check() == []


def test_a_commit_can_begin_another_branch_anywhere(repository):
    first = repository.resolve("HEAD")
    tip = commit(repository, value=1).id
    made = commit(repository, value=2, branch="side", parents=(first,))
    assert made.parents == (first,)
    assert repository.resolve("side") == made.id
    assert repository.resolve("main") == tip
    named = commit(repository, value=3, branch="refs/mgit/refine/7", parents=(first,))
    assert repository.refs.get("refs/mgit/refine/7") == named.id


def test_work_that_began_on_an_older_commit_does_not_overwrite_the_branch(repository):
    first = repository.resolve("HEAD")
    tip = commit(repository, value=1).id
    with pytest.raises(RefMoved):
        commit(repository, value=2, parents=(first,))
    assert repository.resolve("main") == tip


def test_a_merge_has_two_parents_and_may_keep_our_tree(repository):
    side = commit(repository, value=2, branch="side", parents=(repository.resolve("HEAD"),))
    tip = commit(repository, value=1)
    with repository.transaction(verb="merge", parents=(tip.id, side.id)) as transaction:
        made = transaction.commit(message="merge side", who=ADA, provenance={})
    assert made.parents == (tip.id, side.id)
    assert repository.merge_base("HEAD", "side") == side.id
    parents = [RootDigest.parse(each.root) for each in (tip, side)]
    assert made.root == str(root_digest(tree_digest(repository.objects, made.tree), parents))


def test_a_detached_head_moves_by_itself(repository):
    from mgit.history import branches

    tip = repository.resolve("main")
    branches.switch(repository, "HEAD", detach=True, who=ADA)
    made = commit(repository)
    assert repository.refs.head().commit == made.id
    assert repository.refs.head().branch is None
    assert repository.resolve("main") == tip
    assert repository.operations.check() == []


def stage(repository, path, value=1):
    with repository.transaction(verb="set", continue_stage=True) as transaction:
        transaction.draft.set_attributes(path, {"value": value})
        transaction.stage(message=f"set {path}", provenance={"path": path})


def commit_stage(repository):
    with repository.transaction(verb="commit", continue_stage=True) as transaction:
        return transaction.commit(message="both", who=ADA, provenance={})


def test_staged_changes_add_up_and_become_one_commit(repository):
    before = repository.refs.all()
    stage(repository, "a")
    stage(repository, "b")
    assert repository.refs.all() == before
    staged = repository.stage.read()
    assert staged.messages == ("set a", "set b")
    assert [record["path"] for record in staged.provenance] == ["a", "b"]
    made = commit_stage(repository)
    assert repository.snapshot(made.id).children("") == ("a", "b")
    assert repository.stage.read() is None
    assert len(list(repository.walk())) == 2


def test_a_stage_is_not_passed_over(repository):
    stage(repository, "a")
    with pytest.raises(DirtyStage):
        repository.transaction(verb="refine")
    with repository.transaction(verb="x", continue_stage=True) as transaction:
        assert transaction.staged.messages == ("set a",)


def test_a_stage_of_another_commit_is_refused(repository):
    stage(repository, "a")
    staged = repository.stage.read()
    repository.stage.clear()
    commit(repository)
    repository.stage.write(staged)
    with pytest.raises(RefMoved):
        repository.transaction(verb="commit", continue_stage=True)


def test_a_stage_that_was_committed_already_is_not_dirty(repository):
    stage(repository, "a")
    staged = repository.stage.read()
    commit_stage(repository)
    repository.stage.write(staged)
    commit(repository)


def test_staging_an_undone_change_and_committing_it_is_an_empty_commit(repository):
    stage(repository, "a")
    with repository.transaction(verb="remove", continue_stage=True) as transaction:
        transaction.draft.remove("a")
        transaction.stage(message="remove a")
    with pytest.raises(EmptyCommit):
        commit_stage(repository)


def test_the_same_change_by_the_same_person_is_the_same_commit(tmp_path):
    first, second = begin(tmp_path / "a"), begin(tmp_path / "b")
    assert commit(first).raw == commit(second).raw


def test_a_signature_covers_the_commit(repository):
    class Echo:
        def sign(self, payload):
            self.payload = payload
            return "-----BEGIN SSH SIGNATURE-----\nAA==\n-----END SSH SIGNATURE-----\n"

    echo = Echo()
    with repository.transaction(verb="x") as transaction:
        transaction.draft.set_attributes("a", {})
        made = transaction.commit(message="m", who=ADA, provenance={}, sign=echo)
    assert made.signature.startswith("-----BEGIN SSH")
    assert commit_id(echo.payload) != made.id
    assert made.root in echo.payload.decode()
