"""The tree in memory keeps the laws of stored trees; its own digest checks the store's."""

import numpy as np
import pytest

from mgit.errors import InvalidState, NotFound
from mgit.state.protocol import ArrayHandle, Reader, Writer
from mgit.store.arrays import content_digest
from mgit.testing.memory import MemoryTree
from mgit.testing.storage import fill_sample_tree


@pytest.fixture
def tree():
    made = MemoryTree()
    fill_sample_tree(made)
    return made


def test_it_is_a_reader_and_a_writer(tree):
    assert isinstance(tree, Reader)
    assert isinstance(tree, Writer)
    assert isinstance(tree.array("species/ribosome-00c0ffee/mask"), ArrayHandle)


@pytest.mark.parametrize("dtype", ["?", "u1", ">i2", "<f4", ">f8", "c8"])
def test_its_content_digest_is_the_one_of_the_store(dtype):
    values = np.arange(12).reshape(3, 4).astype(dtype)
    assert MemoryTree().set_array("a", values) == content_digest(values)


def test_children_are_groups_and_arrays_and_blobs_are_files(tree):
    assert tree.children("") == ("sources", "species")
    assert tree.blobs("") == ("provenance.json",)
    assert tree.children("species/ribosome-00c0ffee") == ("half_map_1", "mask", "particles")
    assert list(tree.arrays("species/ribosome-00c0ffee")) == ["half_map_1", "mask"]


def test_values_are_copies_both_ways():
    tree = MemoryTree()
    values = np.zeros(3)
    tree.set_array("a", values)
    values[0] = 1
    tree.array("a").read()[1] = 1
    assert tree.array("a").read().tolist() == [0, 0, 0]


def test_rows_are_read_within_the_array_only(tree):
    handle = tree.array("species/ribosome-00c0ffee/particles/score")
    assert handle.read_rows(2, 5).tolist() == [2, 3, 4]
    with pytest.raises(InvalidState, match="out of range"):
        handle.read_rows(0, 2**20)


def test_attributes_hold_no_floats_and_not_the_word_content():
    tree = MemoryTree()
    with pytest.raises(InvalidState, match="canonical"):
        tree.set_attributes("a", {"pixel": 1.5})
    with pytest.raises(InvalidState, match="content"):
        tree.set_array("a", np.zeros(1), attributes={"content": "x"})
    assert not tree.exists("a")


def test_a_refused_path_leaves_no_parents(tree):
    with pytest.raises(InvalidState, match="case"):
        tree.set_blob("Sources/x", b"")
    with pytest.raises(InvalidState):
        tree.set_array("new/group/zarr.json", np.zeros(1))
    with pytest.raises(InvalidState, match="parent"):
        tree.set_blob("provenance.json/x", b"")
    assert not tree.exists("new")


def test_kinds_do_not_replace_each_other_silently(tree):
    with pytest.raises(InvalidState):
        tree.set_array("sources", np.zeros(1))
    with pytest.raises(InvalidState):
        tree.set_blob("sources", b"")
    with pytest.raises(InvalidState):
        tree.set_attributes("provenance.json", {})


def test_what_is_absent_is_not_found(tree):
    for read in (tree.array, tree.blob, tree.children, tree.attributes, tree.remove):
        with pytest.raises(NotFound):
            read("no/such/path")


def test_a_taken_subtree_is_independent_of_its_source(tree):
    other = MemoryTree()
    other.take("copy/of", tree, "species/ribosome-00c0ffee")
    tree.remove("species")
    assert other.attributes("copy/of")["name"] == "ribosome"
    other.set_attributes("copy/of", {"name": "changed"})
    assert not tree.exists("species")
    assert other.array("copy/of/half_map_1").shape == (70, 66, 5)


def test_a_subtree_of_a_stored_tree_can_be_taken(tree, tmp_path):
    from mgit.testing.storage import ScratchStorage

    storage = ScratchStorage.new(tmp_path)
    draft = storage.draft()
    fill_sample_tree(draft)
    copy = MemoryTree()
    copy.take("all", storage.keep(draft), "")
    assert copy.blob("all/provenance.json") == tree.blob("provenance.json")
    path = "species/ribosome-00c0ffee/half_map_1"
    assert copy.array(f"all/{path}").content == tree.array(path).content


def test_new_attributes_of_an_array_keep_its_values(tree):
    path = "species/ribosome-00c0ffee/mask"
    before = tree.array(path).content
    tree.set_attributes(path, {"unit": "none"})
    assert tree.array(path).content == before
    assert tree.attributes(path) == {"unit": "none"}


def test_the_root_can_be_taken(tree):
    copy = MemoryTree()
    copy.take("", tree, "")
    assert copy.blobs("") == ("provenance.json",)
    assert copy.attributes("")["name"] == "sample"
    with pytest.raises(InvalidState, match="root"):
        copy.take("", tree, "provenance.json")
