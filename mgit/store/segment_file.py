"""Segments on the disk: one being read, one being built."""

import os
from typing import TYPE_CHECKING

from mgit.digest import ChunkId, RawDigest, SegmentId
from mgit.errors import Corrupt
from mgit.store.codec import decode
from mgit.store.files import Files, storage_error
from mgit.store.segment import (
    HEADER_LENGTH,
    RECORD_HEADER,
    SEGMENT_MAGIC,
    TRAILER,
    Location,
    footer_bytes,
    parse_footer,
    parse_trailer,
    record_header,
    trailer_bytes,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SEGMENT_SUFFIX", "SegmentBuilder", "SegmentFile"]

SEGMENT_SUFFIX = ".seg"
BUFFERED_BYTES = 1 << 20
DIRECT_BYTES = 256 << 10  # longer pieces go to the file without being copied together first


class SegmentFile:
    """One open segment. Reads are positioned, so threads may share it."""

    __slots__ = ("_descriptor", "length", "path")

    def __init__(self, path: str) -> None:
        """Open the segment. Raises NotFound or StorageFailed."""
        self.path = path
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self.length = os.fstat(self._descriptor).st_size
        except OSError as failure:
            raise storage_error(failure, path) from failure

    def __del__(self) -> None:
        # Threads may still read while the cache lets go of a segment: the last reference closes.
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises Corrupt beyond the end of the file."""
        try:
            data = os.pread(self._descriptor, length, offset)
        except OSError as failure:
            raise storage_error(failure, self.path) from failure
        if len(data) != length:
            raise Corrupt("the segment ends too early", segment=self.path, offset=offset)
        return data

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer` from `offset`. Raises Corrupt beyond the end of the file."""
        try:
            count = os.preadv(self._descriptor, [buffer], offset)
        except OSError as failure:
            raise storage_error(failure, self.path) from failure
        if count != len(buffer):
            raise Corrupt("the segment ends too early", segment=self.path, offset=offset)

    def footer(self, name: SegmentId) -> list[Location]:
        """The checked footer table of the segment called `name`. Raises Corrupt."""
        if self.read(0, min(self.length, HEADER_LENGTH)) != SEGMENT_MAGIC:
            raise Corrupt("the segment has no start mark", segment=self.path)
        start = max(self.length - TRAILER.size, 0)
        length = parse_trailer(self.read(start, self.length - start), self.length)
        return parse_footer(self.read(start - length, length), name, self.length)

    def chunk(self, place: Location) -> bytes:
        """The logical bytes of one record, checked before and after decoding. Raises Corrupt."""
        record = memoryview(self.read(place.offset, RECORD_HEADER.size + place.stored_length))
        if record[: RECORD_HEADER.size] != record_header(place):
            raise Corrupt(
                "a record's header differs from the footer",
                segment=self.path,
                chunk=ChunkId(place.chunk),
            )
        stored = record[RECORD_HEADER.size :]
        if RawDigest.of(stored).raw != place.stored_digest:
            raise Corrupt(
                "stored bytes do not have their recorded digest",
                segment=self.path,
                chunk=ChunkId(place.chunk),
            )
        data = decode(place.form, place.itemsize, stored, place.raw_length)
        if ChunkId.of(data).raw != place.chunk:
            raise Corrupt(
                "decoded bytes do not have the digest that names them",
                segment=self.path,
                chunk=ChunkId(place.chunk),
            )
        return bytes(data)


class SegmentBuilder:
    """A segment under a temporary name. Life: append..., finish, settle, place; or discard."""

    __slots__ = ("_buffer", "_temporary", "end", "locations")

    def __init__(self, files: Files, directory: str) -> None:
        self._temporary = files.temporary(directory)
        self._buffer = bytearray(SEGMENT_MAGIC)
        self.end = HEADER_LENGTH
        self.locations: list[Location] = []

    def append(self, place: Location, stored: "Buffer") -> None:
        """Add a record; the offset in `place` is filled in here."""
        place = place._replace(offset=self.end)
        self._add(record_header(place))
        self._add(stored)
        self.end = place.end
        self.locations.append(place)

    def finish(self) -> SegmentId:
        """Write footer and trailer; the name that the segment shall have."""
        footer = footer_bytes(self.locations)
        self._add(footer)
        self._add(trailer_bytes(footer))
        self.flush()
        return SegmentId.of(footer)

    def flush(self) -> None:
        """Hand everything appended so far to the file."""
        if self._buffer:
            self._temporary.write(self._buffer)
            self._buffer = bytearray()

    def settle(self) -> None:
        """Make the finished segment durable under its temporary name and close it."""
        self._temporary.settle()

    def place(self, path: str) -> None:
        """Give the settled segment its name; the caller makes the directory durable."""
        self._temporary.place(path)

    def discard(self) -> None:
        """Remove the temporary file if it is still there."""
        self._temporary.discard()

    def chunk(self, place: Location) -> bytes:
        """Logical bytes of a record appended before."""
        self.flush()
        return SegmentFile(self._temporary.path).chunk(place)

    def _add(self, data: "Buffer") -> None:
        if len(memoryview(data)) >= DIRECT_BYTES:
            self.flush()
            self._temporary.write(data)
            return
        self._buffer += data  # a copy: the caller may change its buffer after the call
        if len(self._buffer) >= BUFFERED_BYTES:
            self.flush()
