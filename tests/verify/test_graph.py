import json

import pytest

from mgit.digest import canonical_bytes
from mgit.history.commits import commit_id, format_commit, object_id
from mgit.history.git_tree import Entry, format_tree, parse_tree
from mgit.history.tree_view import group_metadata
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage
from mgit.verify.graph import GraphAudit
from tests.verify.populations import ADA


@pytest.fixture
def graph(repository):
    return GraphAudit(repository, DamageLedger(), Coverage())


def found(graph):
    return [(each.kind, each.subject) for each in graph._ledger.findings()]


def start(name):
    return [(name, "here", ())]


def stored_commit(repository, files):
    """A commit whose root holds these small files besides what a root needs."""
    content = {"zarr.json": group_metadata({"format": 1, "name": "x"}), **files}
    entries = {
        name: Entry(is_tree=False, name=object_id("blob", data)) for name, data in content.items()
    }
    tree = format_tree(entries)
    raw = format_commit(
        tree=object_id("tree", tree),
        parents=(),
        author=ADA,
        committer=ADA,
        message="made up",
        trailers={},
    )
    blobs = [("blob", data) for data in content.values()]
    repository.objects.write_pack([*blobs, ("tree", tree), ("commit", raw)])
    return commit_id(raw)


def test_a_walk_collects_commits_arrays_owners_and_tags(repository, graph):
    graph.walk([(value, name, ()) for name, value in repository.refs.all().items()])
    assert found(graph) == []
    assert set(graph.commits) == {record.id for record in repository.walk()}
    (tag,) = graph.tags.values()
    assert tag.name == "v1"
    kinds = {place.path.split("/")[0] for place in graph.owners.values()}
    assert kinds == {"sources", "species"}
    assert len(graph.owners) == 2 + 1 + 2  # two items, one of them twice; a species, twice
    assert graph._coverage.objects == len(graph._hashed)


def test_what_is_shared_is_read_once(repository, graph, monkeypatch):
    read = []
    inner = type(repository.objects).read

    def counted(self, name):
        read.append(name)
        return inner(self, name)

    monkeypatch.setattr(type(repository.objects), "read", counted)
    graph.walk(start(repository.resolve("HEAD")))
    trees = [name for name in read if inner(repository.objects, name)[0] == "tree"]
    assert len(trees) == len(set(trees))


def test_items_and_children_come_from_the_stored_trees(repository, graph):
    tree = repository.commit("HEAD").tree
    assert len(list(graph.items(tree))) == 2
    assert set(graph.children(tree)) == {"sources", "species"}
    assert graph.children("ab" * 20) == {}


def test_a_group_with_other_metadata_than_json_is_named(repository, graph):
    graph.walk(start(stored_commit(repository, {"zarr.json": b"{]"})))
    ((kind, subject),) = found(graph)
    assert kind == "metadata"
    assert subject.startswith("zarr.json in ")


def test_a_directory_without_metadata_is_named(repository, graph):
    tree = format_tree({})
    raw = format_commit(
        tree=object_id("tree", tree),
        parents=(),
        author=ADA,
        committer=ADA,
        message="empty",
        trailers={},
    )
    repository.objects.write_pack([("tree", tree), ("commit", raw)])
    graph.walk(start(commit_id(raw)))
    assert [kind for kind, _ in found(graph)] == ["tree-grammar"]


def test_an_array_with_a_malformed_list_of_chunks_is_named(repository, graph):
    snapshot = repository.snapshot("HEAD")
    from mgit.state.population import Population

    metadata = Population(snapshot).one_species("ribosome").map("mask").manifest.zarr_json
    graph.walk(start(stored_commit(repository, {"zarr.json": metadata, "chunks": b"c/9/9/9 x\n"})))
    assert [kind for kind, _ in found(graph)] == ["array-manifest"]


def test_a_commit_that_is_none_is_named(repository, graph):
    raw = b"tree " + b"0" * 40 + b"\n\nno author\n"
    repository.objects.write_pack([("commit", raw)])
    graph.walk(start(commit_id(raw)))
    assert found(graph) == [("commit-malformed", f"commit {commit_id(raw)}")]


def test_a_blob_in_the_place_of_a_commit_is_named(repository, graph):
    blob = canonical_bytes({"a": 1})
    repository.objects.write_pack([("blob", blob)])
    graph.walk(start(object_id("blob", blob)))
    assert [kind for kind, _ in found(graph)] == ["object-kind"]


def test_a_missing_parent_is_named_and_the_commit_is_still_checked(repository, graph):
    head = repository.commit("HEAD")
    raw = format_commit(
        tree=head.tree,
        parents=("cd" * 20,),
        author=ADA,
        committer=ADA,
        message="orphan",
        trailers={},
    )
    repository.objects.write_pack([("commit", raw)])
    graph.walk(start(commit_id(raw)))
    assert found(graph) == [("object-missing", f"object {'cd' * 20}")]
    assert commit_id(raw) in graph.commits
    assert graph.arrays


def test_trees_written_by_strangers_are_refused_by_name(repository, graph):
    inner = parse_tree(repository.objects.read_as("tree", repository.commit("HEAD").tree), "t")
    blob = inner["zarr.json"].name
    tree = b"100755 zarr.json\0" + bytes.fromhex(blob)
    raw = format_commit(
        tree=object_id("tree", tree),
        parents=(),
        author=ADA,
        committer=ADA,
        message="mode",
        trailers={},
    )
    repository.objects.write_pack([("tree", tree), ("commit", raw)])
    graph.walk(start(commit_id(raw)))
    assert [kind for kind, _ in found(graph)] == ["tree-grammar"]
    assert json.dumps([each.record() for each in graph._ledger.findings()])
