"""Changing a tree: copy on write, equal content gives the equal tree, refusals change nothing."""

import numpy as np
import pytest

from mgit.errors import InvalidState, NotFound
from mgit.state.protocol import Writer
from mgit.testing.memory import MemoryTree
from mgit.testing.storage import ScratchStorage, fill_sample_tree

SPECIES = "species/ribosome-00c0ffee"
ITEM = "sources/lab-0badcafe/items/7f/TS_01-7f0badca"


@pytest.fixture
def storage(tmp_path):
    return ScratchStorage.new(tmp_path)


@pytest.fixture
def base(storage):
    draft = storage.draft()
    fill_sample_tree(draft)
    return storage.keep(draft)


def test_it_is_a_writer(storage):
    assert isinstance(storage.draft(), Writer)


def test_the_same_content_makes_the_same_tree(storage, base):
    draft = storage.draft(base)
    fill_sample_tree(draft)
    assert draft.write() == (base.tree, [])
    assert draft.changed_paths() == ()


def check_small_array(draft):
    assert draft.array("a/b").read().tolist() == [0, 1, 2, 3, 4]
    assert draft.array("a/b").read_rows(1, 3).tolist() == [1, 2]
    assert draft.attributes("a/b") == {"unit": "degree"}
    assert draft.children("a") == ("b",)


def test_reads_see_the_changes_before_and_after_the_seal(storage):
    draft = storage.draft()
    values = np.arange(5.0)
    draft.set_array("a/b", values, attributes={"unit": "degree"})
    values[:] = 0
    check_small_array(draft)
    storage.keep(draft)
    check_small_array(draft)


def test_a_large_array_is_read_by_threads_before_the_seal(storage):
    draft = storage.draft()
    values = np.random.default_rng(2).normal(size=(3 * 2**19,))
    draft.set_array("a", values)
    np.testing.assert_array_equal(draft.array("a").read(), values)


def test_a_change_makes_only_the_objects_on_its_path(storage, base):
    draft = storage.draft(base)
    draft.set_attributes(ITEM, {"name": "renamed"})
    tree, new = draft.write()
    assert tree != base.tree
    kinds = [kind for kind, _ in new]
    assert kinds.count("blob") == 1
    assert kinds.count("tree") == 6  # root, sources, source, items, 7f, item
    assert draft.changed_paths() == (ITEM,)
    assert base.attributes(ITEM)["name"] == "TS_01"


def test_missing_parents_become_groups_with_empty_attributes(storage):
    draft = storage.draft()
    draft.set_blob("x/y/file", b"1")
    snapshot = storage.keep(draft)
    assert snapshot.attributes("x/y") == {}
    assert snapshot.blobs("x/y") == ("file",)
    assert snapshot.children("") == ("x",)


def test_an_empty_draft_is_a_root_group(storage):
    draft = storage.draft()
    assert draft.exists("")
    assert draft.attributes("") == {}
    assert storage.keep(draft).children("") == ()


def test_removing_and_adding_again_is_no_change(storage, base):
    draft = storage.draft(base)
    draft.remove("species")
    assert not draft.exists(SPECIES)
    assert "species" in draft.changed_paths()
    draft.take("species", base, "species")
    assert draft.write() == (base.tree, [])


def test_a_subtree_is_taken_without_reading_it(storage, base, monkeypatch):
    draft = storage.draft(base)
    monkeypatch.setattr(storage.chunks, "get", lambda chunk: pytest.fail("a chunk was read"))
    draft.take("species/copy-00000000", base, SPECIES)
    draft.take("provenance-copy", base, "provenance.json")
    draft.take(f"{SPECIES}/mask", base, f"{SPECIES}/half_map_1")
    tree, _ = draft.write()
    snapshot = storage.snapshot(tree)
    storage.objects.write_pack(draft.write()[1])
    assert snapshot.array("species/copy-00000000/mask").shape == (3, 4)
    assert snapshot.array(f"{SPECIES}/mask").shape == (70, 66, 5)
    assert snapshot.blob("provenance-copy") == base.blob("provenance.json")


def test_a_subtree_taken_from_the_draft_itself_is_a_copy(storage, base):
    draft = storage.draft(base)
    draft.set_attributes(ITEM, {"name": "first"})
    draft.take("copy", draft, ITEM)
    draft.set_attributes(ITEM, {"name": "second"})
    assert draft.attributes("copy") == {"name": "first"}


def test_the_root_can_be_taken(storage, base):
    draft = storage.draft()
    draft.take("", base, "")
    assert draft.write() == (base.tree, [])
    with pytest.raises(InvalidState):
        draft.take("", base, f"{SPECIES}/mask")


def test_foreign_trees_are_not_taken(storage, base, tmp_path_factory):
    other = ScratchStorage.new(tmp_path_factory.mktemp("other"))
    foreign = other.draft()
    fill_sample_tree(foreign)
    for source in (foreign, other.keep(foreign), MemoryTree(), storage.draft(base)):
        with pytest.raises(InvalidState):
            storage.draft(base).take("a", source, "")
    with pytest.raises(NotFound):
        storage.draft(base).take("a", base, "no/such")


def test_new_attributes_of_an_array_keep_its_values(storage, base):
    draft = storage.draft(base)
    draft.set_attributes(f"{SPECIES}/half_map_1", {"unit": "none"})
    snapshot = storage.keep(draft)
    handle = snapshot.array(f"{SPECIES}/half_map_1")
    assert handle.attributes == {"unit": "none"}
    assert handle.content == base.array(f"{SPECIES}/half_map_1").content
    np.testing.assert_array_equal(handle.read(), base.array(f"{SPECIES}/half_map_1").read())


@pytest.mark.parametrize(
    "change",
    [
        lambda draft: draft.set_attributes("new/a", {"x": 1.5}),
        lambda draft: draft.set_attributes("new/a", {"content": "x"}),
        lambda draft: draft.set_attributes("provenance.json", {}),
        lambda draft: draft.set_array("new/a", np.zeros(2), attributes={"content": "x"}),
        lambda draft: draft.set_array("new/a", np.zeros(2), attributes={"x": 1.5}),
        lambda draft: draft.set_array("new/a", np.array(["text"])),
        lambda draft: draft.set_array("new/zarr.json", np.zeros(2)),
        lambda draft: draft.set_array("species", np.zeros(2)),
        lambda draft: draft.set_array("provenance.json", np.zeros(2)),
        lambda draft: draft.set_array(f"{SPECIES}/mask/below", np.zeros(2)),
        lambda draft: draft.set_blob("new/Chunks", b""),
        lambda draft: draft.set_blob("species", b""),
        lambda draft: draft.set_blob(f"{SPECIES}/mask", b""),
        lambda draft: draft.set_blob("Species/x", b""),
        lambda draft: draft.set_blob("provenance.json/x", b""),
        lambda draft: draft.set_blob("new/../x", b""),
        lambda draft: draft.set_blob("", b""),
        lambda draft: draft.remove(""),
    ],
)
def test_a_refused_change_changes_nothing(storage, base, change):
    draft = storage.draft(base)
    with pytest.raises(InvalidState):
        change(draft)
    assert draft.write() == (base.tree, [])


def test_what_is_absent_cannot_be_removed(storage, base):
    with pytest.raises(NotFound):
        storage.draft(base).remove("no/such")


def test_a_draft_may_be_written_and_changed_further(storage):
    draft = storage.draft()
    draft.set_attributes("a", {"n": 1})
    first, _ = draft.write()
    draft.set_attributes("a", {"n": 2})
    second, _ = draft.write()
    draft.set_attributes("a", {"n": 1})
    assert first != second
    assert draft.write()[0] == first


def test_a_refused_array_stores_no_chunk(storage, base):
    draft = storage.draft(base)
    segments = storage.chunks.segments()
    with pytest.raises(InvalidState):
        draft.set_array(f"{SPECIES}/mask/below", np.full(1000, 7.5))
    storage.keep(draft)
    assert storage.chunks.segments() == segments


def test_touched_paths_name_what_was_written_and_nothing_beside_it(storage, base):
    draft = storage.draft(base)
    draft.set_array(f"{ITEM}/tilt_angle", np.arange(3.0))
    draft.set_attributes("species/new", {})
    draft.remove("provenance.json")
    groups = {"sources", "sources/lab-0badcafe", "sources/lab-0badcafe/items", "species"}
    fan = "sources/lab-0badcafe/items/7f"
    leaves = {fan, ITEM, f"{ITEM}/tilt_angle", "species/new", "provenance.json"}
    assert set(draft.touched_paths()) == groups | leaves


def test_touched_paths_of_an_unchanged_draft_are_none(storage, base):
    draft = storage.draft(base)
    assert draft.touched_paths() == ()
    draft.set_array(f"{ITEM}/tilt_angle", np.arange(3.0))
    draft.take(ITEM, base, ITEM)
    assert draft.touched_paths() == ()
