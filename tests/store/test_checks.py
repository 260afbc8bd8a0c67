"""Checks: clean stores are clean, and no flipped bit stays unseen."""

import os

import pytest

from mgit.digest import ChunkId, SegmentId
from mgit.errors import Corrupt
from mgit.store.checks import (
    check_index,
    check_segment_structure,
    check_store,
    check_stored,
    orphans,
    store_sizes,
)
from mgit.store.chunks import ChunkStore
from mgit.store.files import Files
from mgit.store.index import index_bytes
from mgit.store.segment_file import SegmentFile


@pytest.fixture
def store(tmp_path):
    store = ChunkStore(str(tmp_path / "store"), Files())
    with store.writer() as writer:
        writer.put(b"abc", 1)
        writer.put(b"\0\1\2\3" * 60, 4)
        writer.put(b"", 1)
    return store


def segment_path(store):
    (name,) = store.segments()
    return store.catalogue.segment_path(name)


def overwrite(path, content):
    with open(path, "r+b") as stream:
        stream.write(content)


def kinds(findings):
    return {finding.kind for finding in findings}


def test_a_fresh_store_is_clean(store):
    assert list(check_store(store)) == []
    assert orphans(store) == []


def test_every_flipped_bit_of_a_segment_is_found(store):
    path = segment_path(store)
    (name,) = store.segments()
    sound = Files().read(path)
    for bit in range(len(sound) * 8):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        overwrite(path, damaged)
        found = [*check_segment_structure(store, name), *check_stored(store, name)]
        assert found, f"bit {bit} is covered by nothing"
    overwrite(path, sound)
    assert list(check_store(store)) == []


def test_no_flipped_bit_makes_get_return_other_bytes(store):
    path = segment_path(store)
    (name,) = store.segments()
    sound = Files().read(path)
    places = SegmentFile(path).footer(name)
    expected = {place.chunk: store.get(ChunkId(place.chunk)) for place in places}
    for offset in range(len(sound)):
        damaged = bytearray(sound)
        damaged[offset] ^= 0x10
        overwrite(path, damaged)
        for chunk, data in expected.items():
            try:
                assert store.get(ChunkId(chunk)) == data
            except Corrupt:
                continue


@pytest.mark.parametrize("length", [0, 5, 8, 20, 100])
def test_a_truncated_segment_is_found(store, length):
    os.truncate(segment_path(store), length)
    assert kinds(check_store(store)) >= {"segment-footer"}


def test_bytes_after_the_end_are_found(store):
    with open(segment_path(store), "ab") as stream:
        stream.write(b"more")
    assert kinds(check_store(store)) == {"segment-footer"}


def test_a_segment_under_another_name_is_found(store):
    path = segment_path(store)
    other = SegmentId(b"\7" * 32)
    os.rename(path, store.catalogue.segment_path(other))
    findings = list(check_segment_structure(store, other))
    assert [finding.segment for finding in findings] == [other]


def test_an_absent_segment_is_a_finding_not_an_error(store):
    assert kinds(check_segment_structure(store, SegmentId(b"\1" * 32))) == {"segment-unreadable"}
    assert kinds(check_stored(store, SegmentId(b"\1" * 32))) == {"segment-unreadable"}


def test_damage_to_one_record_names_its_chunk(store):
    path = segment_path(store)
    content = bytearray(Files().read(path))
    content[8 + 48] ^= 1
    overwrite(path, content)
    (finding,) = check_store(store)
    assert finding.kind == "stored-digest"
    assert finding.chunk is not None
    assert "offset 8" in finding.message


def test_a_damaged_index_does_not_hinder_the_next_writer(store):
    (name,) = store.catalogue.index_names()
    os.truncate(store.catalogue.index_path(name), 40)
    with ChunkStore(store.root, Files()).writer() as writer:
        writer.put(b"next", 1)
    assert kinds(check_store(store)) == {"index-unreadable"}


def test_a_damaged_index_is_found_and_mended(store):
    (name,) = store.catalogue.index_names()
    os.truncate(store.catalogue.index_path(name), 40)
    assert kinds(check_index(store, name)) == {"index-unreadable"}
    store.rebuild_index()
    assert list(check_store(store)) == []


def test_an_index_that_differs_from_the_footers_is_found(store):
    (segment,) = store.segments()
    places = SegmentFile(segment_path(store)).footer(segment)
    wrong = places[0]._replace(offset=places[0].offset + 1)
    store.catalogue.write_index(index_bytes({segment: [wrong, *places[1:]]}), [])
    assert kinds(check_store(store)) == {"index-record"}


def test_an_index_over_segments_that_are_gone_is_fine(store):
    os.remove(segment_path(store))
    assert list(check_store(store)) == []


def test_temporary_files_are_listed_and_counted(store):
    left = os.path.join(store.catalogue.segment_directory, ".tmp-left")
    with open(left, "wb") as stream:
        stream.write(b"12345")
    assert orphans(store) == [left]
    assert list(check_store(store)) == []
    assert store_sizes(store).orphan_bytes == 5


def test_sizes_add_up(store):
    sizes = store_sizes(store)
    assert sizes.segment_bytes == os.path.getsize(segment_path(store))
    assert (sizes.segment_count, sizes.chunk_count, sizes.raw_bytes) == (1, 3, 243)
    assert sizes.index_bytes > 0
