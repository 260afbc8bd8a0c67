"""A commit's tree is read lazily and says the same as the tree that was written."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.protocol import ArrayHandle, Reader
from mgit.testing.memory import MemoryTree
from mgit.testing.storage import ScratchStorage, fill_sample_tree

SPECIES = "species/ribosome-00c0ffee"


@pytest.fixture
def snapshot(tmp_path):
    storage = ScratchStorage.new(tmp_path)
    draft = storage.draft()
    fill_sample_tree(draft)
    return ScratchStorage.open(tmp_path).snapshot(storage.keep(draft).tree)


def paths_below(reader, path=""):
    yield path
    if reader.is_array(path):
        return
    for name in reader.children(path):
        yield from paths_below(reader, f"{path}/{name}".strip("/"))


def test_it_says_what_was_written(snapshot):
    expected = MemoryTree()
    fill_sample_tree(expected)
    assert list(paths_below(snapshot)) == list(paths_below(expected))
    assert snapshot.blobs("") == expected.blobs("")
    assert snapshot.blob("provenance.json") == expected.blob("provenance.json")
    for path in paths_below(expected):
        assert snapshot.attributes(path) == expected.attributes(path)
        if expected.is_array(path):
            found, wanted = snapshot.array(path), expected.array(path)
            assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            assert found.content == wanted.content
            assert found.attributes == wanted.attributes
            np.testing.assert_array_equal(found.read(), wanted.read(), strict=True)


def test_it_is_a_reader_of_arrays(snapshot):
    assert isinstance(snapshot, Reader)
    assert isinstance(snapshot.array(f"{SPECIES}/mask"), ArrayHandle)


def test_rows_are_read_across_chunks(snapshot):
    handle = snapshot.array(f"{SPECIES}/particles/score")
    rows = handle.read_rows(2**19 - 2, 2**19 + 2)
    assert rows.tolist() == list(range(2**19 - 2, 2**19 + 2))


def test_metadata_is_read_without_chunks(snapshot, monkeypatch):
    def fail(chunk):
        raise AssertionError("a chunk was read")

    monkeypatch.setattr(snapshot.chunks, "get", fail)
    handle = snapshot.array(f"{SPECIES}/half_map_1")
    assert handle.shape == (70, 66, 5)
    assert handle.content == handle.manifest.content


def test_one_object_is_read_per_directory_visited(snapshot, monkeypatch):
    read = []
    original = snapshot.objects.read
    monkeypatch.setattr(
        type(snapshot.objects), "read", lambda _, name: read.append(name) or original(name)
    )
    assert snapshot.is_array(f"{SPECIES}/mask")
    assert len(read) == 4  # the root, species, the species, the array
    assert snapshot.is_array(f"{SPECIES}/half_map_1")
    assert len(read) == 5


def test_the_files_of_the_format_are_no_nodes(snapshot):
    for path in ("zarr.json", f"{SPECIES}/mask/chunks", f"{SPECIES}/mask/ZARR.JSON", "no/such"):
        assert not snapshot.exists(path)
    with pytest.raises(NotFound):
        snapshot.blob(f"{SPECIES}/mask/zarr.json")


def test_kinds_are_told_apart(snapshot):
    assert snapshot.is_group("species")
    assert not snapshot.is_array("species")
    assert snapshot.is_array(f"{SPECIES}/mask")
    assert not snapshot.is_group("provenance.json")
    for read, path in (
        (snapshot.array, "species"),
        (snapshot.blob, "species"),
        (snapshot.children, f"{SPECIES}/mask"),
        (snapshot.children, "provenance.json"),
        (snapshot.attributes, "provenance.json"),
        (snapshot.metadata, "provenance.json"),
    ):
        with pytest.raises(NotFound):
            read(path)


def test_a_path_outside_of_the_grammar_is_refused(snapshot):
    with pytest.raises(InvalidState):
        snapshot.exists("../etc")


def test_a_tree_that_is_absent_or_no_tree_is_an_error(snapshot, tmp_path):
    storage = ScratchStorage.open(tmp_path)
    with pytest.raises(NotFound):
        storage.snapshot("0" * 40).children("")
    storage.objects.write_pack([("blob", b"no tree")])
    name = next(n for n in storage.objects.all_ids() if storage.objects.read(n)[1] == b"no tree")
    with pytest.raises(Corrupt):
        storage.snapshot(name).children("")


def test_snapshots_of_one_tree_are_equal(snapshot, tmp_path):
    again = ScratchStorage.open(tmp_path).snapshot(snapshot.tree)
    assert snapshot == again
    assert len({snapshot, again}) == 1
    assert snapshot.tree in repr(snapshot)


def test_several_threads_read_one_snapshot(snapshot):
    paths = [path for path in paths_below(snapshot) if snapshot.is_array(path)]

    def read(path):
        return snapshot.array(path).read().tobytes()

    expected = [read(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, paths * 10)) == expected * 10
