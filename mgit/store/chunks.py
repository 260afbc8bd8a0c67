"""Chunks by name: get what was put, whoever put it, or learn that it is damaged or absent."""

import threading
from collections import OrderedDict
from typing import get_args

from mgit.digest import ChunkId, SegmentId
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.store.catalogue import Catalogue
from mgit.store.codec import Codec
from mgit.store.files import Files
from mgit.store.segment import Location
from mgit.store.segment_file import SegmentFile
from mgit.store.writer import ChunkWriter

__all__ = ["ChunkStore", "ChunkWriter"]

OPEN_SEGMENTS_MAX = 64


class ChunkStore:
    """The chunks under one directory. Values never change, so any number of threads may read."""

    def __init__(self, root: str, files: Files, *, codec: Codec = "zstd", threads: int = 2) -> None:
        """root: the directory that holds `segments` and `index`; it need not exist yet."""
        if codec not in get_args(Codec):
            raise InvalidState("unknown codec", hint="use 'zstd' or 'raw'", codec=codec)
        self.root = root
        self.files = files
        self.codec: Codec = codec
        self.threads = threads
        self.catalogue = Catalogue(root, files)
        self._lock = threading.Lock()
        self._open: OrderedDict[SegmentId, SegmentFile] = OrderedDict()

    def __contains__(self, chunk: ChunkId) -> bool:
        return bool(self._find(chunk))

    def get(self, chunk: ChunkId) -> bytes:
        """The logical bytes of a chunk.

        The digest of the stored bytes is checked before they are decoded, the logical id after.
        A damaged copy is passed over if another segment holds a good one. Raises NotFound or
        Corrupt.
        """
        places = self._find(chunk)
        if not places:
            raise NotFound("no segment holds the chunk", chunk=chunk, store=self.root)
        for segment, place in places[:-1]:
            try:
                return self._segment(segment).chunk(place)
            except (Corrupt, NotFound):
                continue  # the last place decides what is reported
        segment, place = places[-1]
        return self._segment(segment).chunk(place)

    def size(self, chunk: ChunkId) -> tuple[int, int]:
        """Logical and stored bytes of a chunk. Raises NotFound."""
        places = self._find(chunk)
        if not places:
            raise NotFound("no segment holds the chunk", chunk=chunk, store=self.root)
        return places[0][1].raw_length, places[0][1].stored_length

    def writer(self) -> ChunkWriter:
        """Begin to add chunks."""
        return ChunkWriter(self.catalogue, self.files, codec=self.codec, threads=self.threads)

    def refresh(self) -> None:
        """See segments that other processes added; a miss does this by itself."""
        self.catalogue.refresh()

    def segments(self) -> list[SegmentId]:
        """Names of all segments, sorted."""
        return self.catalogue.segments()

    def rebuild_index(self) -> None:
        """Make the index again from the footers of the segments."""
        self.catalogue.rebuild()

    def _find(self, chunk: ChunkId) -> list[tuple[SegmentId, Location]]:
        places = self.catalogue.find(chunk.raw)
        if not places:
            self.catalogue.refresh()
            places = self.catalogue.find(chunk.raw)
        return places

    def _segment(self, name: SegmentId) -> SegmentFile:
        with self._lock:
            segment = self._open.get(name)
            if segment is None:
                segment = SegmentFile(self.catalogue.segment_path(name))
                self._open[name] = segment
                if len(self._open) > OPEN_SEGMENTS_MAX:
                    self._open.popitem(last=False)
            self._open.move_to_end(name)
            return segment
