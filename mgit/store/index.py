"""The index: which segment holds which chunk, in immutable sorted files that anyone can rebuild.

The layout is docs/format/segments.md, section 3. An index file is a convenience: whatever is wrong
with it, the footers of the segments say the same.
"""

import array
import mmap
import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mgit.digest import DIGEST_BYTES, BlobDigest, SegmentId
from mgit.errors import Corrupt
from mgit.store.files import storage_error
from mgit.store.segment import Location

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["INDEX_FILES_MAX", "INDEX_SUFFIX", "IndexFile", "index_bytes", "merged_index_bytes"]

INDEX_SUFFIX = ".idx"
INDEX_FILES_MAX = 32
PREFIX_BYTES = 8
INDEX_MAGIC = b"MGINDEX1"
HEADER = struct.Struct("<8sIIQ")  # magic, segments, reserved, records
RECORD = struct.Struct("<32sIQBBHII32s")  # id, segment, offset, form, itemsize, 0, raw, stored, ..
RECORD_TYPE = np.dtype(
    [
        ("chunk", f"S{DIGEST_BYTES}"),
        ("segment", "<u4"),
        ("rest", f"V{RECORD.size - DIGEST_BYTES - 4}"),
    ]
)


class IndexFile:
    """One index, checked as a whole when it is opened."""

    __slots__ = ("_content", "_count", "_prefixes", "_start", "name", "segments")

    def __init__(self, name: BlobDigest, content: "Buffer") -> None:
        """Raises Corrupt unless `content` has the digest `name` and the lengths agree."""
        view = memoryview(content).cast("B")
        if len(view) < HEADER.size or BlobDigest.of(view) != name:
            raise Corrupt("an index file does not have the digest that names it", index=name)
        magic, segment_count, reserved, count = HEADER.unpack_from(view)
        self._count: int = count
        self._start = HEADER.size + segment_count * DIGEST_BYTES
        expected = self._start + self._count * RECORD.size
        if magic != INDEX_MAGIC or reserved or len(view) != expected:
            raise Corrupt("an index file is malformed", index=name)
        names = view[HEADER.size : self._start]
        self.segments = tuple(
            SegmentId(bytes(names[at : at + DIGEST_BYTES]))
            for at in range(0, len(names), DIGEST_BYTES)
        )
        self.name = name
        self._content = view
        self._prefixes: array.array[int] | None = None

    @classmethod
    def open(cls, path: str) -> "IndexFile":
        """Map an index file into memory. Raises Corrupt, NotFound or StorageFailed."""
        name = os.path.basename(path).removesuffix(INDEX_SUFFIX)
        try:
            digest = BlobDigest(bytes.fromhex(name))
        except ValueError as failure:
            raise Corrupt("an index file is not named by a digest", path=path) from failure
        try:
            with open(path, "rb", buffering=0) as stream:
                if os.fstat(stream.fileno()).st_size < HEADER.size:
                    raise Corrupt("an index file is shorter than its header", path=path)
                content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as failure:
            raise storage_error(failure, path) from failure
        return cls(digest, content)

    def __len__(self) -> int:
        return self._count

    def find(self, chunk: bytes) -> list[tuple[SegmentId, Location]]:
        """Every place that holds the chunk with these 32 bytes of id, in segment order."""
        found: list[tuple[SegmentId, Location]] = []
        # Ids are uniform, so their first 8 bytes nearly always decide: one search without Python.
        prefixes = self._first_bytes()
        wanted = int.from_bytes(chunk[:PREFIX_BYTES], "big")
        row = bisect_left(prefixes, wanted)
        if row == self._count or prefixes[row] != wanted:
            return found
        row = bisect_left(
            range(self._count), chunk, row, bisect_right(prefixes, wanted), key=self._chunk_at
        )
        while row < self._count and self._chunk_at(row) == chunk:
            found.append(self.record(row))
            row += 1
        return found

    def record(self, row: int) -> tuple[SegmentId, Location]:
        """Record number `row` in the order of ids. Raises Corrupt if it names no segment."""
        fields = RECORD.unpack_from(self._content, self._start + row * RECORD.size)
        chunk, segment, offset, form, itemsize, reserved, raw_length, stored_length, digest = fields
        if segment >= len(self.segments) or reserved:
            raise Corrupt("an index record is malformed", index=self.name)
        place = Location(chunk, offset, form, itemsize, raw_length, stored_length, digest)
        return self.segments[segment], place

    def table(self) -> np.ndarray:
        """All records as an array of RECORD_TYPE, without a copy."""
        return np.frombuffer(self._content, RECORD_TYPE, self._count, self._start)

    def _first_bytes(self) -> "array.array[int]":
        if self._prefixes is None:
            shape, strides = (self._count,), (RECORD.size,)
            stored = np.ndarray(shape, ">u8", self._content, self._start, strides)
            self._prefixes = array.array("Q", stored.astype(np.uint64).tobytes())
        return self._prefixes

    def _chunk_at(self, row: int) -> bytes:
        start = self._start + row * RECORD.size
        return bytes(self._content[start : start + DIGEST_BYTES])


def index_bytes(tables: Mapping[SegmentId, Sequence[Location]]) -> bytes:
    """The index over the given segments. BlobDigest.of(result) names the file."""
    return merged_index_bytes((), tables)


def merged_index_bytes(
    indexes: Iterable[IndexFile],
    tables: Mapping[SegmentId, Sequence[Location]],
    *,
    present: frozenset[SegmentId] | None = None,
) -> bytes:
    """One index over what `indexes` cover and the given segments.

    present: segments that exist; others are left out. None keeps all.
    """
    sources: dict[SegmentId, np.ndarray] = {
        name: _packed(locations) for name, locations in tables.items()
    }
    for index in indexes:
        table = index.table()
        for number, name in enumerate(index.segments):
            if name not in sources and (present is None or name in present):
                sources[name] = table[table["segment"] == number]
    names = sorted(sources)
    parts = [np.empty(0, RECORD_TYPE)]
    for number, name in enumerate(names):
        part = sources[name].copy()
        part["segment"] = number
        parts.append(part)
    records = np.concatenate(parts)
    records = records[np.argsort(records["chunk"], kind="stable")]
    header = HEADER.pack(INDEX_MAGIC, len(names), 0, len(records))
    return b"".join([header, *(name.raw for name in names), records.tobytes()])


def _packed(locations: Sequence[Location]) -> np.ndarray:
    rows = bytearray(RECORD.size * len(locations))
    for row, place in enumerate(locations):
        RECORD.pack_into(
            rows,
            row * RECORD.size,
            place.chunk,
            0,
            place.offset,
            place.form,
            place.itemsize,
            0,
            place.raw_length,
            place.stored_length,
            place.stored_digest,
        )
    return np.frombuffer(rows, RECORD_TYPE)
