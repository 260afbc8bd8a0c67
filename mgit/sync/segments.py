"""Which segments move, and how: whole when half or more of one is needed, else as a new one.

The new segment is made of the needed records alone, copied as they are stored. Its name follows
from its footer, so the same need gives the same name, and an interrupted transfer goes on where it
was (docs/format/remotes.md, section 4).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mgit.digest import SegmentId
from mgit.errors import Corrupt
from mgit.store.segment import (
    HEADER_LENGTH,
    SEGMENT_MAGIC,
    SEGMENT_TARGET_BYTES,
    TRAILER,
    Location,
    footer_bytes,
    footer_length,
    trailer_bytes,
    within_bounds,
)
from mgit.store.segment_file import SegmentFile
from mgit.sync.remote import READ_BYTES

__all__ = ["Place", "Read", "SegmentCopy", "check_segment", "choose"]

GAP_BYTES_MAX = 64 << 10
"""Unneeded bytes between two records that cost less to read than another request."""
PARALLEL_FROM_BYTES = 4 << 20

Place = tuple[SegmentId, Location]
Read = Callable[[SegmentId, int, int], bytes]
"""Bytes of a segment: name, offset, length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentCopy:
    """One segment to bring to the other side.

    size: bytes of the file. records: empty for a whole copy of the segment `name`, else the
    places of the records that the new segment is made of, in order.
    """

    name: SegmentId
    size: int
    records: tuple[Place, ...] = ()

    def parts(self, read: Read) -> Iterator[bytes]:
        """Content of the file in pieces of at most a few MiB."""
        if not self.records:
            for offset in range(0, self.size, READ_BYTES):
                yield read(self.name, offset, min(READ_BYTES, self.size - offset))
            return
        yield SEGMENT_MAGIC
        for run in _runs(self.records):
            segment, first, last = run[0][0], run[0][1], run[-1][1]
            data = memoryview(read(segment, first.offset, last.end - first.offset))
            for _, place in run:
                yield bytes(data[place.offset - first.offset : place.end - first.offset])
        footer = footer_bytes(_moved([place for _, place in self.records]))
        yield footer + trailer_bytes(footer)


def choose(
    wanted: Mapping[bytes, Sequence[Place]], sizes: Mapping[SegmentId, int]
) -> list[SegmentCopy]:
    """The copies that bring all wanted chunks.

    wanted: 32 bytes of a chunk's id -> its places. sizes: bytes of every segment there. Segments
    of which most is needed come first; the same input gives the same copies. Raises Corrupt if a
    place lies outside its segment or its lengths are impossible.
    """
    remaining = dict(wanted)
    by_segment: dict[SegmentId, list[Location]] = {}
    for known in wanted.values():
        for segment, place in known:
            _check(segment, place, sizes)
            by_segment.setdefault(segment, []).append(place)
    needed = {name: sum(map(_length, places)) for name, places in by_segment.items()}
    copies: list[SegmentCopy] = []
    loose: list[Place] = []
    for segment in sorted(by_segment, key=lambda name: (-needed[name] / sizes[name], name)):
        here = [place for place in by_segment[segment] if place.chunk in remaining]
        if not here:
            continue
        for place in here:
            del remaining[place.chunk]
        if 2 * sum(map(_length, here)) >= sizes[segment]:
            copies.append(SegmentCopy(name=segment, size=sizes[segment]))
        else:
            loose += [(segment, place) for place in here]
    loose.sort(key=lambda each: (each[0], each[1].offset))
    return copies + [_copy_of(group) for group in _groups(loose)]


def check_segment(path: str, name: SegmentId, *, threads: int = 2) -> list[Location]:
    """Check a segment that came from outside as a whole; its records.

    The footer against the name, every header against the footer, every stored digest before and
    every logical id after decoding. Raises Corrupt.
    """
    segment = SegmentFile(path)
    places = segment.footer(name)
    if segment.length < PARALLEL_FROM_BYTES or threads < 2:
        for place in places:
            segment.chunk(place)
        return places
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda place: len(segment.chunk(place)), places):
            pass
    return places


def _check(segment: SegmentId, place: Location, sizes: Mapping[SegmentId, int]) -> None:
    inside = place.offset >= HEADER_LENGTH and place.end <= sizes.get(segment, 0)
    if not inside or not within_bounds(place):
        raise Corrupt("a record lies outside its segment", segment=segment, offset=place.offset)


def _length(place: Location) -> int:
    return place.end - place.offset


def _groups(records: Sequence[Place]) -> Iterator[list[Place]]:
    """Records in groups of about the length of a segment."""
    group: list[Place] = []
    length = 0
    for record in records:
        group.append(record)
        length += _length(record[1])
        if length >= SEGMENT_TARGET_BYTES:
            yield group
            group, length = [], 0
    if group:
        yield group


def _copy_of(records: Sequence[Place]) -> SegmentCopy:
    moved = _moved([place for _, place in records])
    size = moved[-1].end + footer_length(len(moved)) + TRAILER.size
    return SegmentCopy(name=SegmentId.of(footer_bytes(moved)), size=size, records=tuple(records))


def _moved(places: Iterable[Location]) -> list[Location]:
    """The same records, one after the other from the start of a segment."""
    moved = []
    end = HEADER_LENGTH
    for place in places:
        moved.append(place._replace(offset=end))
        end = moved[-1].end
    return moved


def _runs(records: Sequence[Place]) -> Iterator[list[Place]]:
    """Neighbouring records of one segment, each run short enough for one request."""
    run: list[Place] = []
    for segment, place in records:
        if run:
            first, last = run[0][1], run[-1][1]
            near = last.end <= place.offset <= last.end + GAP_BYTES_MAX
            fits = place.end - first.offset <= READ_BYTES
            if run[0][0] != segment or not near or not fits:
                yield run
                run = []
        run.append((segment, place))
    if run:
        yield run
