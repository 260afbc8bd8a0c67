"""The segment layout: what is written parses, what is altered does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.digest import ChunkId, RawDigest, SegmentId
from mgit.errors import Corrupt
from mgit.store.segment import (
    FOOTER_RECORD,
    HEADER_LENGTH,
    RECORD_HEADER,
    SEGMENT_MAGIC,
    TRAILER,
    Location,
    footer_bytes,
    footer_length,
    locations_by_scan,
    parse_footer,
    parse_trailer,
    record_header,
    trailer_bytes,
)


def place_of(data, offset):
    return Location(
        chunk=ChunkId.of(data).raw,
        offset=offset,
        form=0,
        itemsize=1,
        raw_length=len(data),
        stored_length=len(data),
        stored_digest=RawDigest.of(data).raw,
    )


def segment_of(payloads):
    """The bytes of a segment and its places."""
    content, places = bytearray(SEGMENT_MAGIC), []
    for data in payloads:
        places.append(place_of(data, len(content)))
        content += record_header(places[-1]) + data
    footer = footer_bytes(places)
    return bytes(content) + footer + trailer_bytes(footer), places, footer


distinct_payloads = st.lists(st.binary(max_size=40), max_size=6, unique=True)


def test_the_sizes_are_those_of_the_format_page():
    assert (RECORD_HEADER.size, FOOTER_RECORD.size, TRAILER.size) == (48, 84, 16)
    assert HEADER_LENGTH == 8


@given(distinct_payloads)
def test_a_footer_parses_to_what_was_written(payloads):
    content, places, footer = segment_of(payloads)
    length = parse_trailer(content[-16:], len(content))
    assert length == len(footer) == footer_length(len(payloads))
    assert parse_footer(footer, SegmentId.of(footer), len(content)) == places


@given(distinct_payloads)
def test_a_scan_finds_what_the_footer_says(payloads):
    content, places, footer = segment_of(payloads)
    assert list(locations_by_scan(content)) == places
    assert list(locations_by_scan(content[: -len(footer) - 16])) == places


def test_a_scan_ends_where_a_record_is_torn():
    content, places, _ = segment_of([b"first", b"second"])
    assert list(locations_by_scan(content[: places[1].end - 1])) == places[:1]
    assert list(locations_by_scan(b"")) == []
    assert list(locations_by_scan(b"MGITSEG2" + content[8:])) == []


def refused(places, *, length=None, match):
    footer = footer_bytes(places)
    end = max([place.end for place in places], default=8)
    with pytest.raises(Corrupt, match=match):
        parse_footer(footer, SegmentId.of(footer), length or end + len(footer) + 16)


def test_a_footer_under_another_name_is_corrupt():
    content, _, footer = segment_of([b"x"])
    with pytest.raises(Corrupt, match="digest that names"):
        parse_footer(footer, SegmentId(b"\1" * 32), len(content))


def test_gaps_and_overlaps_are_corrupt():
    refused([place_of(b"x", 9)], match="impossible")
    refused([place_of(b"x", 8), place_of(b"y", 8)], match="impossible")
    refused([place_of(b"x", 8)], length=1000, match="length")


def test_one_chunk_twice_in_a_segment_is_corrupt():
    first = place_of(b"x", 8)
    refused([first, place_of(b"x", first.end)], match="twice")


@pytest.mark.parametrize(
    "change", [{"raw_length": (64 << 20) + 1}, {"itemsize": 0}, {"stored_length": 1 << 31}]
)
def test_impossible_fields_are_corrupt(change):
    refused([place_of(b"x", 8)._replace(**change)], match="impossible")


@pytest.mark.parametrize(
    "trailer",
    [b"", b"\0" * 16, TRAILER.pack(1 << 60, b"MGITEND1"), TRAILER.pack(3, b"MGITEND1")],
)
def test_an_impossible_trailer_is_corrupt(trailer):
    with pytest.raises(Corrupt):
        parse_trailer(trailer, 1000)


def test_a_footer_with_a_wrong_count_is_corrupt():
    footer = bytearray(footer_bytes([place_of(b"x", 8)]))
    footer[4] = 2
    with pytest.raises(Corrupt, match="malformed"):
        parse_footer(bytes(footer), SegmentId.of(footer), 1000)
