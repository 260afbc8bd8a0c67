"""Laws of trees: stored and in memory they agree, differences are complete, roots name content."""

import subprocess
import tempfile

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import InvalidState, NotFound
from mgit.history.commits import object_id
from mgit.history.git_tree import parse_tree
from mgit.history.merkle import MerkleCache, tree_digest
from mgit.history.objects import PendingObjects
from mgit.history.tree_diff import changed
from mgit.testing.memory import MemoryTree
from mgit.testing.storage import ScratchStorage

NAMES = ["a", "b", "B", "c-1"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
ATTRIBUTES = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2), max_size=2)
VALUES = st.sampled_from(
    [
        np.zeros(3),
        np.arange(4, dtype=np.int32),
        np.ones((2, 3), np.float32),
        np.array(True),
        np.zeros((0, 2)),
    ]
)
CHANGES = st.one_of(
    st.tuples(st.just("set_attributes"), PATHS, ATTRIBUTES),
    st.tuples(st.just("set_array"), PATHS, VALUES),
    st.tuples(st.just("set_blob"), PATHS, st.binary(max_size=3)),
    st.tuples(st.just("remove"), PATHS),
    st.tuples(st.just("take"), PATHS, PATHS),
)
HISTORIES = st.lists(CHANGES, max_size=12)


def apply(tree, change):
    """Make one change; the outcome is None or the type of the refusal."""
    verb, path, *rest = change
    try:
        if verb == "take":
            tree.take(path, tree, rest[0])
        else:
            getattr(tree, verb)(path, *rest)
    except (InvalidState, NotFound) as refusal:
        return type(refusal)
    return None


def contents(tree, path=""):
    """Everything a tree says, by path; written against the Reader protocol only."""
    found = {path: ("group", dict(tree.attributes(path)))}
    for name in tree.blobs(path):
        found[f"{path}/{name}".strip("/")] = ("blob", tree.blob(f"{path}/{name}".strip("/")))
    arrays = tree.arrays(path)
    children = [f"{path}/{name}".strip("/") for name in tree.children(path)]
    assert [f"{path}/{name}".strip("/") for name in arrays] == list(filter(tree.is_array, children))
    for name in tree.children(path):
        below = f"{path}/{name}".strip("/")
        if tree.is_array(below):
            handle = arrays[name]
            assert handle.content == tree.array(below).content
            found[below] = (
                "array",
                dict(handle.attributes),
                handle.content,
                handle.read().tobytes(),
            )
        else:
            found.update(contents(tree, below))
    return found


@settings(max_examples=60)
@given(HISTORIES, HISTORIES)
def test_a_stored_tree_says_what_the_tree_in_memory_says(first, second):
    """The same changes have the same outcome and content, in a draft, stored, and changed again."""
    with tempfile.TemporaryDirectory() as folder:
        storage = ScratchStorage.new(folder)
        memory = MemoryTree()
        base = None
        for history in (first, second):
            draft = storage.draft(base)
            for change in history:
                assert apply(draft, change) == apply(memory, change)
            assert contents(draft) == contents(memory)
            base = storage.keep(draft)
            assert contents(ScratchStorage.open(folder).snapshot(base.tree)) == contents(memory)


@settings(max_examples=40)
@given(HISTORIES, HISTORIES)
def test_the_difference_is_what_comparing_everything_finds(first, second):
    with tempfile.TemporaryDirectory() as folder:
        storage = ScratchStorage.new(folder)
        draft = storage.draft()
        for change in first:
            apply(draft, change)
        old = storage.keep(draft)
        draft = storage.draft(old)
        for change in second:
            apply(draft, change)
        listed, touched = draft.changed_paths(), draft.touched_paths()
        new = storage.keep(draft)
        before, after = contents(old), contents(new)
        expected = set()
        for path in before.keys() | after.keys():
            was, becomes = before.get(path), after.get(path)
            if was is None or becomes is None or was[0] != becomes[0]:
                expected |= {(path, "removed", was[0])} if was else set()
                expected |= {(path, "added", becomes[0])} if becomes else set()
            elif was != becomes:
                expected.add((path, "changed", was[0]))
        found = changed(storage.objects, old.tree, new.tree)
        assert {(each.path, each.kind, each.what) for each in found} == expected
        assert len(found) == len(expected)
        assert set(listed) == {path for path, _, _ in expected}
        assert (touched == ()) == (listed == ())
        for path in listed:
            assert any(path == each or path.startswith(f"{each}/") for each in touched)


@settings(max_examples=40)
@given(HISTORIES, HISTORIES)
def test_a_draft_that_is_looked_at_between_changes_becomes_the_same_tree(first, second):
    with tempfile.TemporaryDirectory() as folder:
        storage = ScratchStorage.new(folder)
        draft = storage.draft()
        for change in first:
            apply(draft, change)
        base = storage.keep(draft)
        watched, unwatched = storage.draft(base), storage.draft(base)
        for change in second:
            apply(watched, change)
            apply(unwatched, change)
            tree, new = watched.write()
            pending = watched.objects_with(watched.pending()[1])
            assert [object_id(*each) for each in new] == list(watched.pending()[1])
            if new:
                read = parse_tree(pending.read_as("tree", tree), tree)
                assert pending.read_tree(tree) == read
        assert watched.write() == unwatched.write()


@settings(max_examples=30)
@given(st.lists(HISTORIES, min_size=1, max_size=4))
def test_roots_with_and_without_cache_agree_and_name_the_content(histories):
    """Equal contents have equal trees and roots; different contents differ in both."""
    with tempfile.TemporaryDirectory() as folder:
        storage = ScratchStorage.new(folder)
        base = None
        by_root = {}
        for history in histories:
            draft = storage.draft(base)
            for change in history:
                apply(draft, change)
            tree, new = draft.write()
            cache = MerkleCache(storage.objects.cache_dir)
            cached = tree_digest(PendingObjects(storage.objects, new), tree, cache=cache)
            cache.flush()
            base = storage.keep(draft)
            assert cached == tree_digest(storage.objects, tree)
            assert by_root.setdefault(str(cached), contents(base)) == contents(base)
            by_root[str(cached)] = contents(base)
        assert len({repr(sorted(each.items())) for each in by_root.values()}) == len(by_root)


@settings(max_examples=8)
@given(HISTORIES)
def test_git_finds_no_fault_and_returns_our_bytes(history):
    with tempfile.TemporaryDirectory() as folder:
        storage = ScratchStorage.new(folder)
        draft = storage.draft()
        for change in history:
            apply(draft, change)
        _, new = draft.write()
        storage.keep(draft)
        git = ["git", "-C", storage.git_dir]
        fsck = subprocess.run(
            [*git, "fsck", "--strict", "--full"], capture_output=True, text=True, check=False
        )
        assert (fsck.returncode, "error" in fsck.stderr, "warning" in fsck.stderr) == (0, 0, 0)
        for kind, content in new:
            shown = subprocess.run(
                [*git, "cat-file", kind, object_id(kind, content)], capture_output=True, check=True
            )
            assert shown.stdout == content
