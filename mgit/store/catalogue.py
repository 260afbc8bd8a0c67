"""Where every chunk of a store lies, as far as the directory says at this moment."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mgit.digest import BlobDigest, SegmentId
from mgit.errors import Corrupt, NotFound
from mgit.store.files import Files
from mgit.store.index import INDEX_FILES_MAX, INDEX_SUFFIX, IndexFile, merged_index_bytes
from mgit.store.segment import Location, locations_by_scan
from mgit.store.segment_file import SEGMENT_SUFFIX, SegmentFile

__all__ = ["Catalogue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What one look at the directories found; replaced as a whole, so readers need no lock."""

    segments: frozenset[SegmentId] = frozenset()
    indexes: tuple[IndexFile, ...] = ()
    index_names: tuple[str, ...] = ()
    """File names of all index files, the damaged ones too."""
    tables: dict[SegmentId, Sequence[Location]] = field(default_factory=dict)
    """Footers of the segments that no sound index covers."""
    loose: dict[bytes, list[tuple[SegmentId, Location]]] = field(default_factory=dict)
    """The same by chunk."""


class Catalogue:
    """Finds chunks through the index files and, where these are missing or damaged, footers."""

    def __init__(self, root: str, files: Files) -> None:
        self.segment_directory = os.path.join(root, "segments")
        self.index_directory = os.path.join(root, "index")
        self._files = files
        self._lock = threading.Lock()
        self._view: _View | None = None

    def find(self, chunk: bytes) -> list[tuple[SegmentId, Location]]:
        """Every known place of a chunk, without looking at the directories again."""
        view = self._current()
        found = list(view.loose.get(chunk, ()))
        for index in view.indexes:
            for place in index.find(chunk):
                if place[0] in view.segments:
                    found.append(place)
        return found

    def knows(self, chunk: bytes) -> bool:
        """Whether `find` would find anything."""
        view = self._current()
        return chunk in view.loose or any(
            place[0] in view.segments for index in view.indexes for place in index.find(chunk)
        )

    def segments(self) -> list[SegmentId]:
        """Names of the segments in the directory at this moment, sorted."""
        return sorted(self.refresh().segments)

    def segment_path(self, name: SegmentId) -> str:
        """Where the segment of this name stands."""
        return os.path.join(self.segment_directory, name.hex + SEGMENT_SUFFIX)

    def index_path(self, file_name: str) -> str:
        """Where the index file of this name stands."""
        return os.path.join(self.index_directory, file_name)

    def index_names(self) -> list[str]:
        """File names of the index files in the directory at this moment."""
        return list(self.refresh().index_names)

    def refresh(self) -> _View:
        """Look at the directories again and take in what other processes added or removed."""
        with self._lock:
            view = _View() if self._view is None else self._view
            segments = frozenset(_segment_names(self._files.listing(self.segment_directory)))
            names = tuple(
                name
                for name in self._files.listing(self.index_directory)
                if name.endswith(INDEX_SUFFIX)
            )
            if self._view is None or (segments, names) != (view.segments, view.index_names):
                view = self._view = self._look(view, segments, names)
            return view

    def _current(self) -> _View:
        return self.refresh() if self._view is None else self._view

    def _look(self, old: _View, segments: frozenset[SegmentId], names: tuple[str, ...]) -> _View:
        opened = {index.name.hex + INDEX_SUFFIX: index for index in old.indexes}
        indexes = []
        for name in names:
            index = opened.get(name) or self._open_index(name)
            if index is not None:
                indexes.append(index)
        covered = {name for index in indexes for name in index.segments}
        tables = {}
        for segment in sorted(segments - covered):
            table = old.tables.get(segment)
            tables[segment] = self._locations(segment) if table is None else table
        loose: dict[bytes, list[tuple[SegmentId, Location]]] = {}
        for segment, table in tables.items():
            for place in table:
                loose.setdefault(place.chunk, []).append((segment, place))
        return _View(
            segments=segments,
            indexes=tuple(indexes),
            index_names=names,
            tables=tables,
            loose=loose,
        )

    def _open_index(self, name: str) -> IndexFile | None:
        try:
            return IndexFile.open(self.index_path(name))
        except (Corrupt, NotFound):
            # An index is a convenience: the footers say the same, and `check_index` reports it.
            # It may also have been merged away by another writer since the directory was listed.
            return None

    def _locations(self, name: SegmentId) -> Sequence[Location]:
        try:
            segment = SegmentFile(self.segment_path(name))
            try:
                return segment.footer(name)
            except Corrupt:
                # Records in front of a torn footer are still good; each is checked by its id.
                return tuple(locations_by_scan(segment.read(0, segment.length)))
        except NotFound:
            return ()

    def index_for(self, tables: dict[SegmentId, Sequence[Location]]) -> tuple[bytes, list[str]]:
        """The index file to write for new segments, and the index files that it replaces.

        Above INDEX_FILES_MAX files everything is merged into one.
        """
        view = self.refresh()
        if len(view.index_names) < INDEX_FILES_MAX:
            return merged_index_bytes((), tables), []
        present = view.segments | frozenset(tables)
        merged = merged_index_bytes(view.indexes, tables, present=present)
        return merged, [index.name.hex + INDEX_SUFFIX for index in view.indexes]

    def write_index(self, content: bytes, replaced: Sequence[str]) -> None:
        """Make an index durable, then remove those it replaces."""
        self._files.make_directory(self.index_directory)
        name = BlobDigest.of(content).hex + INDEX_SUFFIX
        # Replacing is right here: a damaged index of the same name must not stand in the way.
        self._files.replace(self.index_path(name), content)
        for old in replaced:
            if old != name and self._files.exists(self.index_path(old)):
                self._files.remove(self.index_path(old))

    def rebuild(self) -> None:
        """Replace all index files by one that is made from the footers of the sound segments."""
        view = self.refresh()
        tables: dict[SegmentId, Sequence[Location]] = {}
        for name in sorted(view.segments):
            try:
                tables[name] = SegmentFile(self.segment_path(name)).footer(name)
            except Corrupt:
                # A torn segment stays out of the index: it is scanned again at every start, and
                # `check_segment_structure` names it until it is repaired.
                continue
        self.write_index(merged_index_bytes((), tables), view.index_names)
        self.refresh()


def _segment_names(file_names: Sequence[str]) -> Iterator[SegmentId]:
    for file_name in file_names:
        stem = file_name.removesuffix(SEGMENT_SUFFIX)
        hexadecimal = len(stem) == 64 and not set(stem) - set("0123456789abcdef")
        if hexadecimal and stem != file_name:
            yield SegmentId(bytes.fromhex(stem))
