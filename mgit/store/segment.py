"""The segment file: records, a footer table that names the file, a trailer.

The layout is docs/format/segments.md, section 2. Every byte is covered: the footer by the file's
name, the stored bytes by digests in the footer, the headers and the trailer by comparison with
what the footer makes them be.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mgit.digest import RawDigest, SegmentId
from mgit.errors import Corrupt
from mgit.store.codec import RAW_LENGTH_MAX

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "FOOTER_RECORD",
    "HEADER_LENGTH",
    "RECORD_HEADER",
    "SEGMENT_MAGIC",
    "SEGMENT_TARGET_BYTES",
    "TRAILER",
    "Location",
    "footer_bytes",
    "footer_length",
    "locations_by_scan",
    "parse_footer",
    "parse_trailer",
    "record_header",
    "trailer_bytes",
    "within_bounds",
]

SEGMENT_MAGIC = b"MGITSEG1"
END_MAGIC = b"MGITEND1"
RECORD_MAGIC = b"MGCK"
FOOTER_MAGIC = b"MGFT"
HEADER_LENGTH = len(SEGMENT_MAGIC)
SEGMENT_TARGET_BYTES = 64 << 20
"""A writer begins another segment when the records of this one reach so many bytes."""

RECORD_HEADER = struct.Struct("<4s32sBBHII")  # magic, id, form, itemsize, reserved, raw, stored
FOOTER_START = struct.Struct("<4sI")
FOOTER_RECORD = struct.Struct("<32sQBBHII32s")
TRAILER = struct.Struct("<Q8s")
STORED_LENGTH_MAX = RAW_LENGTH_MAX + (1 << 20)


class Location(NamedTuple):
    """Where one stored chunk lies and what is needed to check and decode it."""

    chunk: bytes
    """The 32 bytes of the logical id."""
    offset: int
    """Of the record's header from the start of the segment, in bytes."""
    form: int
    itemsize: int
    raw_length: int
    stored_length: int
    stored_digest: bytes
    """Plain BLAKE3 of the stored bytes."""

    @property
    def end(self) -> int:
        """Offset of the first byte after the record."""
        return self.offset + RECORD_HEADER.size + self.stored_length


def record_header(location: Location) -> bytes:
    """The header that must stand before the stored bytes of a record."""
    return RECORD_HEADER.pack(
        RECORD_MAGIC,
        location.chunk,
        location.form,
        location.itemsize,
        0,
        location.raw_length,
        location.stored_length,
    )


def footer_length(count: int) -> int:
    """Bytes in the footer of a segment of `count` records."""
    return FOOTER_START.size + count * FOOTER_RECORD.size


def footer_bytes(locations: Sequence[Location]) -> bytes:
    """The footer table, in the order of the records. SegmentId.of(footer) names the segment."""
    parts = [FOOTER_START.pack(FOOTER_MAGIC, len(locations))]
    for place in locations:
        parts.append(
            FOOTER_RECORD.pack(
                place.chunk,
                place.offset,
                place.form,
                place.itemsize,
                0,
                place.raw_length,
                place.stored_length,
                place.stored_digest,
            )
        )
    return b"".join(parts)


def trailer_bytes(footer: bytes) -> bytes:
    """The last 16 bytes of a segment, from which a reader finds the footer."""
    return TRAILER.pack(len(footer), END_MAGIC)


def parse_trailer(trailer: bytes, segment_length: int) -> int:
    """Length of the footer. Raises Corrupt if there is none that fits the file."""
    if len(trailer) != TRAILER.size:
        raise Corrupt("the segment is shorter than its trailer", length=segment_length)
    length, magic = TRAILER.unpack(trailer)
    if magic != END_MAGIC:
        raise Corrupt("the segment has no end mark")
    fits = length <= segment_length - HEADER_LENGTH - TRAILER.size
    if not fits or length < FOOTER_START.size:
        raise Corrupt("the segment's trailer gives an impossible footer length", length=length)
    return int(length)


def parse_footer(footer: bytes, name: SegmentId, segment_length: int) -> list[Location]:
    """The records of a segment in order.

    Raises Corrupt unless the footer has the digest `name`, its records touch each other without
    gap from the file's header to the footer, fields are within bounds, and no id comes twice.
    """
    if SegmentId.of(footer) != name:
        raise Corrupt("the segment's footer does not have the digest that names the file")
    magic, count = FOOTER_START.unpack_from(footer)
    if magic != FOOTER_MAGIC or len(footer) != footer_length(count):
        raise Corrupt("the segment's footer is malformed")
    locations = []
    end = HEADER_LENGTH
    for fields in FOOTER_RECORD.iter_unpack(memoryview(footer)[FOOTER_START.size :]):
        chunk, offset, form, itemsize, reserved, raw_length, stored_length, digest = fields
        place = Location(chunk, offset, form, itemsize, raw_length, stored_length, digest)
        if offset != end or reserved or not within_bounds(place):
            raise Corrupt("a record of the segment's footer is impossible", offset=offset)
        end = place.end
        locations.append(place)
    if end + len(footer) + TRAILER.size != segment_length:
        raise Corrupt("the segment's length is not the one its footer describes")
    if len({place.chunk for place in locations}) != count:
        raise Corrupt("the segment holds one chunk twice")
    return locations


def within_bounds(place: Location) -> bool:
    """Whether the lengths of a record are such as a writer makes; check before allocating."""
    return (
        place.itemsize >= 1
        and place.raw_length <= RAW_LENGTH_MAX
        and place.stored_length <= STORED_LENGTH_MAX
    )


def locations_by_scan(content: "Buffer") -> Iterator[Location]:
    """Records found by walking the headers of a segment whose footer is torn or missing.

    content: the whole file. Ends at the first place that is no record. The stored digests are
    computed from what is there, so they prove nothing: only the logical id, checked when a chunk
    is read, says whether the bytes are the right ones.
    """
    view = memoryview(content).cast("B")
    offset = HEADER_LENGTH
    if bytes(view[:offset]) != SEGMENT_MAGIC:
        return
    while offset + RECORD_HEADER.size <= len(view):
        fields = RECORD_HEADER.unpack_from(view, offset)
        magic, chunk, form, itemsize, reserved, raw_length, stored_length = fields
        place = Location(chunk, offset, form, itemsize, raw_length, stored_length, b"")
        plausible = magic == RECORD_MAGIC and not reserved and within_bounds(place)
        if not plausible or place.end > len(view):
            return
        stored = view[offset + RECORD_HEADER.size : place.end]
        yield place._replace(stored_digest=RawDigest.of(stored).raw)
        offset = place.end
