"""Differences between trees, at the granularity of arrays, groups and small files."""

import numpy as np
import pytest

from mgit.errors import Corrupt
from mgit.history.commits import object_id
from mgit.history.git_tree import Entry, format_tree
from mgit.history.tree_diff import Change, changed, touched
from mgit.testing.storage import ScratchStorage, fill_sample_tree

SPECIES = "species/ribosome-00c0ffee"
SOURCE = "sources/lab-0badcafe"
ITEM = f"{SOURCE}/items/7f/TS_01-7f0badca"


@pytest.fixture
def storage(tmp_path):
    return ScratchStorage.new(tmp_path)


@pytest.fixture
def base(storage):
    draft = storage.draft()
    fill_sample_tree(draft)
    return storage.keep(draft)


def after(storage, base, change):
    draft = storage.draft(base)
    change(draft)
    return storage.keep(draft).tree


def change(path, kind, what):
    return Change(path=path, kind=kind, what=what)


def test_equal_trees_do_not_differ_and_are_not_read(storage, base):
    assert changed(storage.objects, base.tree, base.tree) == []
    assert changed(storage.objects, "0" * 40, "0" * 40) == []


def test_an_array_is_one_change_whatever_differs_in_it(storage, base):
    edits = {
        "values": lambda draft: draft.set_array(f"{SPECIES}/mask", np.ones((3, 4), np.float32)),
        "attributes": lambda draft: draft.set_attributes(f"{SPECIES}/mask", {"unit": "none"}),
    }
    for edit in edits.values():
        found = changed(storage.objects, base.tree, after(storage, base, edit))
        assert found == [change(f"{SPECIES}/mask", "changed", "array")]


def test_attributes_of_a_group_and_a_small_file_are_changes_of_their_own(storage, base):
    def edit(draft):
        draft.set_attributes(ITEM, {"name": "x"})
        draft.set_blob("provenance.json", b"[]")

    assert changed(storage.objects, base.tree, after(storage, base, edit)) == [
        change("provenance.json", "changed", "blob"),
        change(ITEM, "changed", "group"),
    ]


def test_a_new_group_is_listed_with_everything_below_and_back(storage, base):
    tree = after(storage, base, lambda draft: draft.set_array("a/b/c", np.zeros(1)))
    added = [("a", "group"), ("a/b", "group"), ("a/b/c", "array")]
    assert changed(storage.objects, base.tree, tree) == [change(p, "added", w) for p, w in added]
    assert changed(storage.objects, tree, base.tree) == [change(p, "removed", w) for p, w in added]


def test_a_node_of_another_kind_is_removed_and_added(storage, base):
    def edit(draft):
        draft.remove(f"{SPECIES}/mask")
        draft.set_attributes(f"{SPECIES}/mask", {})

    assert changed(storage.objects, base.tree, after(storage, base, edit)) == [
        change(f"{SPECIES}/mask", "removed", "array"),
        change(f"{SPECIES}/mask", "added", "group"),
    ]


def test_everything_is_new_against_nothing(storage, base):
    found = changed(storage.objects, None, base.tree)
    assert found[0] == change("", "added", "group")
    assert {each.kind for each in found} == {"added"}
    assert change(f"{SPECIES}/half_map_1", "added", "array") in found
    assert changed(storage.objects, None, None) == []


def test_touched_names_items_species_and_sources(storage, base):
    def edit(draft):
        draft.set_array(f"{ITEM}/weight", np.array(0.5))
        draft.set_array(f"{SPECIES}/particles/score", np.zeros(3))
        draft.set_attributes("sources/other-11111111", {})
        draft.set_attributes("", {"format": 1, "name": "renamed"})

    found = touched(storage.objects, base.tree, after(storage, base, edit))
    assert found.items == (ITEM,)
    assert found.species == (SPECIES,)
    assert found.sources == (SOURCE, "sources/other-11111111")


def test_a_removed_source_touches_its_items(storage, base):
    found = touched(storage.objects, base.tree, after(storage, base, lambda d: d.remove("sources")))
    assert (found.items, found.sources) == ((ITEM,), (SOURCE,))
    assert found.species == ()


def test_only_changed_directories_are_read(storage, base, monkeypatch):
    tree = after(storage, base, lambda draft: draft.set_attributes(ITEM, {"name": "x"}))
    read = []
    original = storage.objects.read
    monkeypatch.setattr(
        type(storage.objects), "read", lambda _, name: read.append(name) or original(name)
    )
    assert len(changed(storage.objects, base.tree, tree)) == 1
    assert len(read) == 2 * 6  # six directories on the path, on both sides


def test_a_tree_without_end_is_corrupt(storage):
    made = [format_tree({})]
    for _ in range(100):
        made.append(format_tree({"a": Entry(is_tree=True, name=object_id("tree", made[-1]))}))
    storage.objects.write_pack([("tree", raw) for raw in made])
    with pytest.raises(Corrupt, match="deep"):
        changed(storage.objects, None, object_id("tree", made[-1]))
