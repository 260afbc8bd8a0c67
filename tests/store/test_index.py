"""Index files: sorted, checked as a whole, mergeable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.digest import BlobDigest, SegmentId
from mgit.errors import Corrupt, NotFound
from mgit.store.index import IndexFile, index_bytes, merged_index_bytes
from mgit.store.segment import Location

names = st.binary(min_size=32, max_size=32)
ends_in_zeros = st.integers(0, 255).map(lambda first: bytes([first]) + b"\0" * 31)
begins_alike = st.integers(0, 255).map(lambda last: b"\x80" * 31 + bytes([last]))


def location(chunk, offset):
    return Location(chunk, offset, 1, 4, 100, 50, bytes(reversed(chunk)))


tables = st.dictionaries(
    names.map(SegmentId),
    st.lists(names | ends_in_zeros | begins_alike, max_size=5, unique=True).map(
        lambda chunks: [location(chunk, 8 + at) for at, chunk in enumerate(chunks)]
    ),
    max_size=4,
)


def opened(content):
    return IndexFile(BlobDigest.of(content), content)


def everything(index):
    return sorted(index.record(row) for row in range(len(index)))


def flat(tables):
    return sorted((name, place) for name, places in tables.items() for place in places)


@given(tables)
def test_an_index_holds_exactly_its_tables_in_the_order_of_ids(tables):
    index = opened(index_bytes(tables))
    assert everything(index) == flat(tables)
    ids = [index.record(row)[1].chunk for row in range(len(index))]
    assert ids == sorted(ids)
    assert index.segments == tuple(sorted(tables))


@given(tables, names | begins_alike)
def test_find_returns_every_place_of_a_chunk_and_nothing_else(tables, stranger):
    index = opened(index_bytes(tables))
    for chunk in {place.chunk for _, place in flat(tables)} | {stranger}:
        expected = [entry for entry in flat(tables) if entry[1].chunk == chunk]
        assert index.find(chunk) == expected


@given(tables, tables)
def test_merging_covers_both_and_equals_building_at_once(ours, theirs):
    merged = merged_index_bytes([opened(index_bytes(ours))], theirs)
    assert merged == index_bytes({**ours, **theirs})


@given(tables)
def test_merging_leaves_out_segments_that_are_gone(tables):
    kept = frozenset(sorted(tables)[1:])
    merged = merged_index_bytes([opened(index_bytes(tables))], {}, present=kept)
    assert merged == index_bytes({name: tables[name] for name in kept})


def test_an_index_is_found_damaged_whatever_bit_flips():
    content = index_bytes({SegmentId(b"\1" * 32): [location(b"\2" * 32, 8)]})
    name = BlobDigest.of(content)
    for bit in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt):
            IndexFile(name, damaged)


@pytest.mark.parametrize("content", [b"", b"MGITINDEX", b"MGINDEX1" + b"\1" * 16, b"x" * 24])
def test_a_malformed_index_is_corrupt_even_under_its_own_name(content):
    with pytest.raises(Corrupt):
        opened(content)


def test_a_record_of_an_unlisted_segment_is_corrupt():
    content = bytearray(index_bytes({SegmentId(b"\1" * 32): [location(b"\2" * 32, 8)]}))
    content[24 + 32 + 32] = 1
    with pytest.raises(Corrupt):
        opened(content).find(b"\2" * 32)


def test_opening_checks_name_and_presence(tmp_path):
    with pytest.raises(NotFound):
        IndexFile.open(str(tmp_path / ("0" * 64 + ".idx")))
    for name, content in (("strange.idx", b""), ("0" * 64 + ".idx", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Corrupt):
            IndexFile.open(str(tmp_path / name))
