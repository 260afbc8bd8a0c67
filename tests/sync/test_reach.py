"""The walk finds everything that is new, and notices everything that is missing or wrong."""

import pytest

from mgit.errors import Corrupt, NotFound
from mgit.history import branches, tags
from mgit.history.commits import CommitRecord, commit_id, format_commit
from mgit.history.git_tree import Entry, format_tree
from mgit.history.objects import ObjectReader
from mgit.sync.reach import known_commits, reach
from tests.history.histories import ADA, begin, commit, fabricate

MAIN = "refs/heads/main"


class Changed(ObjectReader):
    """Stored objects of which some are replaced or gone."""

    def __init__(self, stored, replaced=(), gone=()):
        self.stored, self.replaced, self.gone = stored, dict(replaced), set(gone)

    def read(self, name):
        if name in self.gone:
            raise NotFound("a Git object is missing", object=name)
        return self.replaced.get(name) or self.stored.read(name)


@pytest.fixture
def repository(tmp_path):
    made = begin(tmp_path / "population")
    for number in range(3):
        commit(made, f"notes/n{number}", number + 1)
    return made


def walked(repository, *, known=(), objects=None, ref=MAIN):
    tip = repository.refs.get(ref)
    return reach(objects or repository.objects, {ref: tip}, known=set(known))


def test_everything_is_reached_from_nothing(repository):
    found = walked(repository)
    assert found.commits == [record.id for record in repository.walk()][::-1]
    assert set(found.objects) == set(repository.objects.all_ids())
    assert len(found.chunks) == 3
    assert set(found.chunks.values()) == {f"notes/n{number}" for number in range(3)}


def test_what_is_known_is_left_out(repository):
    before = repository.resolve("HEAD~1")
    known = known_commits([before], repository.objects, repository.commit)
    assert len(known) == 3
    found = walked(repository, known=known)
    assert found.commits == [repository.resolve("HEAD")]
    assert list(found.chunks.values()) == ["notes/n2"]
    whole = set(walked(repository).objects)
    older = set(reach(repository.objects, {MAIN: before}, known=set()).objects)
    assert set(found.objects) == whole - older


def test_refs_that_are_not_here_are_not_known(repository):
    assert known_commits(["1" * 40], repository.objects, repository.commit) == set()


def test_side_branches_and_tags_are_reached(repository):
    branches.create(repository, "side", start="HEAD~2", who=ADA)
    made = commit(repository, "notes/side", 9, branch="side")
    tags.create(repository, "v1", target=made.id, message="v", who=ADA)
    tip = repository.refs.get("refs/tags/v1")
    found = reach(repository.objects, {"refs/tags/v1": tip}, known=set())
    assert tip in found.objects
    assert made.id in found.commits
    with pytest.raises(Corrupt, match="says of itself"):
        reach(repository.objects, {"refs/tags/v2": tip}, known=set())


def test_whatever_object_is_missing_is_noticed(repository):
    for name in repository.objects.all_ids():
        with pytest.raises((NotFound, Corrupt)):
            walked(repository, objects=Changed(repository.objects, gone=[name]))


def test_a_root_that_is_not_the_trees_is_refused(repository):
    record = repository.commit("HEAD")
    other = repository.commit("HEAD~1")
    raw = format_commit(
        tree=other.tree,
        parents=record.parents,
        author=ADA,
        committer=ADA,
        message="forged",
        trailers=dict(record.trailers),
    )
    repository.objects.write_pack([("commit", raw)])
    with pytest.raises(Corrupt, match="Mgit-Root"):
        reach(repository.objects, {MAIN: commit_id(raw)}, known=set())


def test_a_commit_that_claims_nothing_is_walked(repository):
    parent = repository.resolve("HEAD")
    name = fabricate(repository, (parent,), time_s=1_800_000_000)
    after = fabricate(repository, (name,), time_s=1_800_000_001)
    assert after in reach(repository.objects, {MAIN: after}, known={parent}).commits
    assert reach(repository.objects, {MAIN: after}, known={parent, name}).commits == [after]


def test_a_ref_to_a_tree_is_refused(repository):
    tree = repository.commit("HEAD").tree
    with pytest.raises(Corrupt):
        reach(repository.objects, {MAIN: tree}, known=set())


@pytest.mark.parametrize("name", ["..", "a/b", ".git", "con", "a\tb", "x" * 65, "Zarr.json"])
def test_a_hostile_name_in_a_tree_is_refused(repository, name):
    record = repository.commit("HEAD")
    entries = dict(repository.objects.read_tree(record.tree))
    raw = format_tree({**entries, name: Entry(False, entries["zarr.json"].name)})
    objects = Changed(repository.objects, {record.tree: ("tree", raw)})
    with pytest.raises(Corrupt):
        walked(repository, objects=objects)


def test_a_long_history_is_walked_without_recursion(repository):
    tip = repository.resolve("HEAD")
    start = tip
    raws = []
    for number in range(1500):
        raw = format_commit(
            tree=repository.commit(start).tree,
            parents=(tip,),
            author=ADA,
            committer=ADA,
            message=f"{number}",
            trailers={},
        )
        raws.append(("commit", raw))
        tip = CommitRecord.parse(raw).id
    repository.objects.write_pack(raws)
    assert len(reach(repository.objects, {MAIN: tip}, known=set()).commits) == 1504
