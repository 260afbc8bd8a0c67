"""What a stored tree refuses: metadata that is not exactly what the format says."""

import json

import pytest

from mgit.digest import canonical_bytes
from mgit.errors import Corrupt, InvalidState
from mgit.history.commits import object_id
from mgit.history.git_tree import Entry, format_tree
from mgit.history.tree_view import TreeCache, format_metadata, group_metadata, parse_metadata
from mgit.testing.storage import ScratchStorage, fill_sample_tree

GROUP = {"attributes": {}, "node_type": "group", "zarr_format": 3}


@pytest.fixture
def storage(tmp_path):
    return ScratchStorage.new(tmp_path)


def snapshot_of(storage, files):
    """A snapshot whose root holds the given files as they are."""
    entries = {
        name: Entry(is_tree=False, name=object_id("blob", content))
        for name, content in files.items()
    }
    tree = format_tree(entries)
    storage.objects.write_pack([*(("blob", each) for each in files.values()), ("tree", tree)])
    return storage.snapshot(object_id("tree", tree))


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"a":1,"a":1}',
        b"[" * 100_000,
        canonical_bytes(GROUP) + b"\n",
        json.dumps(GROUP).encode(),
        canonical_bytes({**GROUP, "node_type": "array"}),
        canonical_bytes({**GROUP, "zarr_format": 2}),
        canonical_bytes({**GROUP, "attributes": []}),
        canonical_bytes({**GROUP, "more": 1}),
        canonical_bytes(GROUP).replace(b"{}", b'{"a":1.5}'),
        canonical_bytes(GROUP).replace(b"{}", b'{"a":NaN}'),
    ],
)
def test_a_group_has_canonical_metadata_and_nothing_else(storage, metadata):
    with pytest.raises(Corrupt):
        snapshot_of(storage, {"zarr.json": metadata}).attributes("")


def test_a_directory_without_metadata_is_corrupt(storage):
    snapshot = snapshot_of(storage, {"provenance.json": b"{}"})
    assert snapshot.blob("provenance.json") == b"{}"
    with pytest.raises(Corrupt, match=r"zarr\.json"):
        snapshot.attributes("")


def test_an_array_without_metadata_or_with_odd_chunks_is_corrupt(storage):
    with pytest.raises(Corrupt):
        snapshot_of(storage, {"chunks": b""}).array("").read()
    draft = storage.draft()
    fill_sample_tree(draft)
    metadata = storage.keep(draft).metadata("species/ribosome-00c0ffee/mask")
    for chunks in (b"c/0/0 b3:00\n", b"c/9/9 b3:" + b"0" * 64 + b"\n", b"junk"):
        with pytest.raises(Corrupt):
            _ = snapshot_of(storage, {"zarr.json": metadata, "chunks": chunks}).array("").shape


def test_an_array_is_its_two_files_and_nothing_else(storage):
    draft = storage.draft()
    fill_sample_tree(draft)
    metadata = storage.keep(draft).metadata("species/ribosome-00c0ffee/mask")
    files = {"zarr.json": metadata, "chunks": b""}
    assert snapshot_of(storage, files).array("").shape == (3, 4)
    with pytest.raises(Corrupt, match="two files"):
        _ = snapshot_of(storage, {**files, "hidden": b""}).array("").shape


def test_an_array_needs_a_content_digest(storage):
    draft = storage.draft()
    fill_sample_tree(draft)
    record = json.loads(storage.keep(draft).metadata("species/ribosome-00c0ffee/mask"))
    for attributes in ({}, {"content": 7}, {"content": "b3:00"}):
        metadata = canonical_bytes({**record, "attributes": attributes})
        with pytest.raises(Corrupt):
            _ = snapshot_of(storage, {"zarr.json": metadata, "chunks": b""}).array("").content


def test_metadata_is_written_canonically_or_refused():
    assert group_metadata({"b": 1, "a": "x"}) == (
        b'{"attributes":{"a":"x","b":1},"node_type":"group","zarr_format":3}'
    )
    for wrong in ({"a": 1.5}, {"a": {1: 2}}, {"a": "\ud800"}, {"a": object()}):
        with pytest.raises(InvalidState):
            format_metadata(wrong)


def test_metadata_of_one_kind_is_not_that_of_another():
    assert parse_metadata(canonical_bytes(GROUP), "group", "p") == GROUP
    with pytest.raises(Corrupt, match="array"):
        parse_metadata(canonical_bytes(GROUP), "array", "p")


def test_a_tree_is_parsed_once(storage):
    tree = snapshot_of(storage, {"zarr.json": b"{}"}).tree
    cache = TreeCache(storage.objects)
    assert cache.read(tree) is cache.read(tree)
