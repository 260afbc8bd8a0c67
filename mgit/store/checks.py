"""What is wrong with a store, as values: nothing here raises because of damage.

Level 1 looks at structure (names, footers, sizes, headers, gaps), level 2 hashes every stored
byte. Together they cover every bit of a segment (docs/format/segments.md, section 2).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mgit.digest import ChunkId, Hasher, RawDigest, SegmentId
from mgit.errors import Corrupt, MgitError
from mgit.store.chunks import ChunkStore
from mgit.store.index import IndexFile
from mgit.store.segment import RECORD_HEADER, Location, record_header
from mgit.store.segment_file import SegmentFile

__all__ = [
    "StoreFinding",
    "StoreSizes",
    "check_index",
    "check_segment_structure",
    "check_store",
    "check_stored",
    "orphans",
    "store_sizes",
]

READ_BYTES = 512 << 10  # stays in the cache between reading and hashing


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFinding:
    """One thing that is wrong. `kind` codes are append-only."""

    kind: str
    """'segment-unreadable', 'segment-footer', 'record-header', 'stored-digest',
    'index-unreadable' or 'index-record'."""
    segment: SegmentId | None
    chunk: ChunkId | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSizes:
    """Bytes on the disk by purpose, and what the segments hold."""

    segment_bytes: int
    index_bytes: int
    orphan_bytes: int
    """Temporary files: of writers at work, or left by a process that died."""
    segment_count: int
    chunk_count: int
    raw_bytes: int
    """Logical bytes of all records; a chunk in two segments counts twice."""


def check_store(store: ChunkStore) -> Iterator[StoreFinding]:
    """Levels 1 and 2 over every segment, and every index file."""
    for segment in store.segments():
        yield from check_segment_structure(store, segment)
        yield from check_stored(store, segment)
    for name in store.catalogue.index_names():
        yield from check_index(store, name)


def check_segment_structure(store: ChunkStore, name: SegmentId) -> Iterator[StoreFinding]:
    """Level 1: the footer has the file's name, records leave no gap, headers say the same."""
    opened = _open(store, name)
    if isinstance(opened, StoreFinding):
        yield opened
        return
    segment, locations = opened
    for place in locations:
        try:
            if segment.read(place.offset, RECORD_HEADER.size) == record_header(place):
                continue
            message = "a record's header differs from the footer"
        except MgitError as failure:
            message = str(failure)
        yield _finding("record-header", message, name, place)


def check_stored(store: ChunkStore, name: SegmentId) -> Iterator[StoreFinding]:
    """Level 2: every record's stored bytes have the digest that the footer gives."""
    opened = _open(store, name)
    if isinstance(opened, StoreFinding):
        yield opened
        return
    segment, locations = opened
    window = _Window(segment)
    for place in locations:
        try:
            if window.stored_digest(place) == place.stored_digest:
                continue
            message = "stored bytes do not have their recorded digest"
        except MgitError as failure:
            message = str(failure)
        yield _finding("stored-digest", message, name, place)


def check_index(store: ChunkStore, name: str) -> Iterator[StoreFinding]:
    """Whether the index file called `name` is sound and says what the footers say.

    A finding here loses nothing: `ChunkStore.rebuild_index` mends it. Segments that are absent,
    as after a garbage collection, are passed over, and so are damaged ones, which
    `check_segment_structure` reports.
    """
    try:
        index = IndexFile.open(store.catalogue.index_path(name))
        recorded: dict[SegmentId, set[Location]] = {segment: set() for segment in index.segments}
        ids = []
        for row in range(len(index)):
            segment, place = index.record(row)
            recorded[segment].add(place)
            ids.append(place.chunk)
        if ids != sorted(ids):
            raise Corrupt("index records are out of order", index=name)
    except MgitError as failure:
        yield StoreFinding(
            kind="index-unreadable", segment=None, chunk=None, message=f"{name}: {failure}"
        )
        return
    for segment, places in recorded.items():
        if not store.files.exists(store.catalogue.segment_path(segment)):
            continue
        opened = _open(store, segment)
        if isinstance(opened, StoreFinding):
            continue
        for place in sorted(places.symmetric_difference(opened[1])):
            message = f"{name}: the record differs from the segment's footer"
            yield _finding("index-record", message, segment, place)


def orphans(store: ChunkStore) -> list[str]:
    """Paths of temporary files: of writers at work, or garbage of processes that died."""
    return [
        os.path.join(directory, name)
        for directory in (store.catalogue.segment_directory, store.catalogue.index_directory)
        for name in store.files.temporaries(directory)
    ]


def store_sizes(store: ChunkStore) -> StoreSizes:
    """What the store occupies. Damaged segments count with their bytes and no chunks."""
    catalogue = store.catalogue
    segments = store.segments()
    chunk_count = raw_bytes = 0
    for name in segments:
        opened = _open(store, name)
        if not isinstance(opened, StoreFinding):
            chunk_count += len(opened[1])
            raw_bytes += sum(place.raw_length for place in opened[1])
    return StoreSizes(
        segment_bytes=_total(catalogue.segment_path(name) for name in segments),
        index_bytes=_total(catalogue.index_path(name) for name in catalogue.index_names()),
        orphan_bytes=_total(iter(orphans(store))),
        segment_count=len(segments),
        chunk_count=chunk_count,
        raw_bytes=raw_bytes,
    )


def _total(paths: Iterator[str]) -> int:
    # Another process may merge an index or finish a temporary file between listing and looking.
    return sum(os.path.getsize(path) for path in paths if os.path.exists(path))


def _open(store: ChunkStore, name: SegmentId) -> tuple[SegmentFile, list[Location]] | StoreFinding:
    kind = "segment-unreadable"
    try:
        segment = SegmentFile(store.catalogue.segment_path(name))
        kind = "segment-footer"
        return segment, segment.footer(name)
    except MgitError as failure:
        return StoreFinding(kind=kind, segment=name, chunk=None, message=str(failure))


class _Window:
    """Stored bytes of one segment, read from front to back in pieces that hold many records."""

    __slots__ = ("_begin", "_buffer", "_end", "_segment")

    def __init__(self, segment: SegmentFile) -> None:
        self._segment = segment
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._begin = self._end = 0

    def stored_digest(self, place: Location) -> bytes:
        """Digest of a record's stored bytes as they are on the disk now. Raises MgitError."""
        begin = place.offset + RECORD_HEADER.size
        if place.stored_length > READ_BYTES:
            return self._digest_of_long(begin, place.end)
        if not self._begin <= begin <= place.end <= self._end:
            self._fill(begin, place.end)
        return RawDigest.of(self._buffer[begin - self._begin : place.end - self._begin]).raw

    def _fill(self, begin: int, needed: int) -> None:
        length = max(min(READ_BYTES, self._segment.length - begin), needed - begin)
        self._begin = self._end = begin
        try:
            self._segment.read_into(self._buffer[:length], begin)
        except MgitError:
            # Another record's bytes may be what cannot be read: each has to speak for itself.
            length = needed - begin
            self._segment.read_into(self._buffer[:length], begin)
        self._end = begin + length

    def _digest_of_long(self, offset: int, end: int) -> bytes:
        hasher = Hasher(RawDigest)
        self._begin = self._end = 0
        while offset < end:
            part = self._buffer[: end - offset]
            self._segment.read_into(part, offset)
            hasher.update(part)
            offset += len(part)
        digest: RawDigest = hasher.finish()
        return digest.raw


def _finding(kind: str, message: str, segment: SegmentId, place: Location) -> StoreFinding:
    return StoreFinding(
        kind=kind,
        segment=segment,
        chunk=ChunkId(place.chunk),
        message=f"{message} at offset {place.offset}",
    )
