"""Segments on the disk: built once, read by many, never half."""

import os

import pytest

from mgit.digest import ChunkId, RawDigest
from mgit.errors import Corrupt, NotFound
from mgit.store.files import Files
from mgit.store.segment import Location
from mgit.store.segment_file import SegmentBuilder, SegmentFile


def place_of(data):
    return Location(
        chunk=ChunkId.of(data).raw,
        offset=0,
        form=0,
        itemsize=1,
        raw_length=len(data),
        stored_length=len(data),
        stored_digest=RawDigest.of(data).raw,
    )


@pytest.fixture
def payloads():
    return [b"small", b"", bytes(300_000), b"x" * 1_200_000]


@pytest.fixture
def built(tmp_path, payloads):
    builder = SegmentBuilder(Files(), str(tmp_path))
    for data in payloads:
        builder.append(place_of(data), data)
    name = builder.finish()
    builder.settle()
    path = str(tmp_path / "a.seg")
    builder.place(path)
    builder.discard()  # the temporary name is used up: this must not touch the placed segment
    return path, name


def test_a_built_segment_reads_back_record_by_record(built, payloads):
    path, name = built
    segment = SegmentFile(path)
    places = segment.footer(name)
    assert [segment.chunk(place) for place in places] == payloads
    assert segment.length == os.path.getsize(path)


def test_a_record_is_readable_before_the_segment_is_finished(tmp_path):
    builder = SegmentBuilder(Files(), str(tmp_path))
    builder.append(place_of(b"early"), b"early")
    assert builder.chunk(builder.locations[0]) == b"early"
    builder.discard()
    assert os.listdir(tmp_path) == []


def test_discarding_a_placed_segment_leaves_it_alone(built):
    path, _ = built
    assert os.listdir(os.path.dirname(path)) == ["a.seg"]


def test_a_header_that_differs_from_the_footer_is_corrupt(built):
    path, name = built
    segment = SegmentFile(path)
    place = segment.footer(name)[0]
    with pytest.raises(Corrupt, match="header"):
        segment.chunk(place._replace(itemsize=2))


def test_a_right_header_over_wrong_logical_bytes_is_corrupt(tmp_path):
    builder = SegmentBuilder(Files(), str(tmp_path))
    lie = place_of(b"truth")._replace(stored_digest=RawDigest.of(b"false").raw)
    builder.append(lie, b"false")
    with pytest.raises(Corrupt, match="digest that names"):
        builder.chunk(builder.locations[0])
    builder.discard()


def test_reading_beyond_the_end_is_corrupt(built):
    segment = SegmentFile(built[0])
    with pytest.raises(Corrupt):
        segment.read(segment.length - 1, 2)
    with pytest.raises(Corrupt):
        segment.read_into(memoryview(bytearray(2)), segment.length - 1)


def test_an_absent_segment_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        SegmentFile(str(tmp_path / "absent.seg"))


def test_an_open_segment_stays_readable_after_its_removal(built, payloads):
    path, name = built
    segment = SegmentFile(path)
    os.remove(path)
    assert segment.chunk(segment.footer(name)[0]) == payloads[0]
