"""Laws of commits, undo, the order of history and the names of commits."""

import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import EmptyCommit, NotFound
from mgit.history.graph import ancestors, merge_bases, walk
from mgit.history.repository import Repository
from mgit.history.undo import redo, undo
from mgit.store.files import Files
from tests.history.histories import ADA, begin

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.builds("/".join, st.lists(NAMES, min_size=1, max_size=3))
VALUES = st.lists(st.floats(width=32), max_size=5).map(lambda row: np.array(row, dtype="<f4"))
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("array"), PATHS.map("arrays/{}".format), VALUES),
        st.tuples(st.just("blob"), PATHS.map("blobs/{}".format), st.binary(max_size=8)),
        st.tuples(st.just("group"), PATHS, st.dictionaries(NAMES, st.integers(0, 3), max_size=2)),
        st.tuples(st.just("remove"), PATHS, st.none()),
    ),
    min_size=1,
    max_size=6,
)


def edit(draft, edits):
    """Apply what can be applied: a path below, or of, a node of another kind is passed over."""
    for kind, path, value in edits:
        parents = [path.rsplit("/", count)[0] for count in range(1, path.count("/") + 1)]
        stands = draft.exists(path)
        if any(draft.exists(parent) and not draft.is_group(parent) for parent in parents):
            continue
        if kind == "remove" and stands:
            draft.remove(path)
        elif kind == "array" and stands == draft.is_array(path):
            draft.set_array(path, value)
        elif kind == "blob" and not (draft.is_group(path) or draft.is_array(path)):
            draft.set_blob(path, value)
        elif kind == "group" and stands == draft.is_group(path):
            draft.set_attributes(path, value)


def contents(view, path=""):
    """Everything that a reader sees but the provenance, with values as bytes."""
    if view.is_array(path):
        handle = view.array(path)
        return handle.dtype.str, handle.shape, handle.read().tobytes(), dict(handle.attributes)
    below = {name: contents(view, f"{path}/{name}".lstrip("/")) for name in view.children(path)}
    blobs = {name: view.blob(f"{path}/{name}".lstrip("/")) for name in view.blobs(path)}
    blobs.pop("provenance.json", None)
    return dict(view.attributes(path)), below, blobs


def commit_edits(repository, edits):
    """Commit `edits`; the contents of the draft, and the commit, None if it would be empty."""
    with repository.transaction(verb="test") as transaction:
        edit(transaction.draft, edits)
        drawn = contents(transaction.draft)
        try:
            return drawn, transaction.commit(message="m", who=ADA, provenance={})
        except EmptyCommit:
            return drawn, None


@pytest.fixture(autouse=True, scope="module")
def quick_files():
    """Laws do not depend on what survives a loss of power."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Files, "_fsync", lambda self, descriptor: None)
        patched.setattr(Files, "_fsync_directory", lambda self, path: None)
        yield


@settings(max_examples=25)
@given(st.lists(EDITS, min_size=1, max_size=3))
def test_a_snapshot_of_a_commit_is_the_draft(rounds):
    with tempfile.TemporaryDirectory() as folder:
        repository = begin(folder)
        made = []
        for edits in rounds:
            before = contents(repository.snapshot("HEAD"))
            drawn, commit = commit_edits(repository, edits)
            assert (commit is None) == (drawn == before)
            if commit is not None:
                made.append((commit.id, drawn))
        again = Repository.open(folder)
        for name, drawn in made:
            assert contents(again.snapshot(name)) == drawn


@settings(max_examples=15)
@given(st.lists(EDITS, min_size=1, max_size=4))
def test_undo_after_commit_is_the_identity_on_refs_and_state(rounds):
    with tempfile.TemporaryDirectory() as folder:
        repository = begin(folder)
        refs, states = [], []
        for edits in rounds:
            before = repository.refs.all(), repository.commit("HEAD").state
            _, made = commit_edits(repository, edits)
            if made is not None:
                refs.append(before)
                states.append((repository.refs.all(), made.state))
        for expected in reversed(refs):
            undo(repository, who=ADA)
            assert (repository.refs.all(), repository.commit("HEAD").state) == expected
        for expected in states:
            redo(repository, who=ADA)
            assert (repository.refs.all(), repository.commit("HEAD").state) == expected
        assert repository.operations.check() == []


GRAPHS = st.lists(
    st.tuples(st.lists(st.integers(0, 30), max_size=3), st.integers(0, 5)), min_size=1, max_size=12
)


class Made:
    """A commit of a graph that is not stored."""

    def __init__(self, number, parents, time_s):
        self.id = f"{number:040x}"
        self.parents = parents
        self.committer_time = time_s


def graph_of(drawn):
    """Commits by id; each drawn parent is taken modulo the commits made before."""
    made = {}
    for number, (wanted, time_s) in enumerate(drawn):
        names = list(made)
        parents = dict.fromkeys(names[each % len(names)] for each in wanted if names)
        commit = Made(number, tuple(parents), time_s)
        made[commit.id] = commit
    return made


@given(GRAPHS)
def test_a_walk_visits_every_commit_once_and_children_first(drawn):
    graph = graph_of(drawn)
    order = [commit.id for commit in walk(graph, graph.__getitem__)]
    assert sorted(order) == sorted(graph)
    place = {name: number for number, name in enumerate(order)}
    for commit in graph.values():
        assert all(place[commit.id] < place[parent] for parent in commit.parents)
    assert order == [each.id for each in walk(reversed(graph), graph.__getitem__)]


@given(GRAPHS, st.integers(0, 30), st.integers(0, 30))
def test_merge_bases_are_exactly_the_maximal_common_ancestors(drawn, first, second):
    graph = graph_of(drawn)
    names = list(graph)
    a, b = names[first % len(names)], names[second % len(names)]
    read = graph.__getitem__
    above = {name: ancestors(name, read) for name in graph}
    common = above[a] & above[b]
    best = {
        name
        for name in common
        if not any(name in above[other] for other in common if other != name)
    }
    found = merge_bases(a, b, read)
    assert set(found) == best
    assert merge_bases(b, a, read) == found
    if a in above[b]:
        assert found == (a,)


@settings(max_examples=10)
@given(st.integers(1, 6))
def test_the_names_of_a_commit_agree(length):
    with tempfile.TemporaryDirectory() as folder:
        repository = begin(folder)
        for number in range(length):
            commit_edits(repository, [("blob", "text", bytes([number]))])
        walked = [commit.id for commit in repository.walk()]
        assert len(walked) == length + 1
        for number, name in enumerate(walked):
            names = [f"HEAD~{number}", "@" + "^" * number, f"main@{{{number}}}", f"@~{number}^0"]
            names += [name, name[:12], f"{walked[0][:10]}~{number}"]
            assert {repository.resolve(each) for each in names} == {name}
        with pytest.raises(NotFound):
            repository.resolve(f"HEAD~{length + 1}")
