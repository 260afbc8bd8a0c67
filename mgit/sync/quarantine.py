"""Files that arrived from outside: kept apart until all of them are checked, then linked in.

Nothing here is read by anybody but a receiver, so a file that fails a check costs its bytes and
nothing else. Names are digests: whole files of an interrupted transfer serve the next one.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mgit.digest import SegmentId
from mgit.errors import Corrupt, MgitError, NotFound
from mgit.history.pack_scan import check_pack, index_of_pack
from mgit.history.packfile import PackFile
from mgit.history.repository import Repository
from mgit.store.segment import Location
from mgit.store.segment_file import SEGMENT_SUFFIX
from mgit.sync.remote import FileKind, check_file_name
from mgit.sync.segments import check_segment

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Quarantine"]

PACK_SUFFIX = ".pack"
INDEX_SUFFIX = ".idx"
PACK_BYTES_MAX = 512 << 20
"""An uploaded pack is read whole; a sender begins another one at an eighth of this."""


class Quarantine:
    """The directory `incoming` of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._files = repository.files
        self._directory = repository.layout.incoming

    def names(self, kind: FileKind) -> dict[str, int]:
        """Name and length of the whole files of a kind."""
        found = {}
        for name in self._files.listing(self._directory):
            if _is_named(kind, name):
                length = self._length(name)
                if length is not None:
                    found[name] = length
        return found

    def path(self, name: str) -> str:
        """Where a file of this name stands or will stand."""
        return os.path.join(self._directory, name)

    def write(self, kind: FileKind, name: str, parts: "Iterable[Buffer]") -> None:
        """Bring a file in whole, or not at all; one that is there already is left alone."""
        check_file_name(kind, name)
        if self._files.exists(self.path(name)):
            return
        self._files.make_directory(self._directory)
        self._files.write_new(self.path(name), parts)

    def overwrite(self, kind: FileKind, name: str, content: bytes) -> None:
        """Put a small file in, whatever an earlier attempt left under its name."""
        check_file_name(kind, name)
        self._files.make_directory(self._directory)
        self._files.replace(self.path(name), content)

    def drop(self, names: Iterable[str]) -> None:
        """Remove files, so that a damaged one does not stand in the way of the next attempt."""
        for name in names:
            if self._files.exists(self.path(name)):
                try:
                    self._files.remove(self.path(name))
                except NotFound:
                    continue  # Another process was faster.

    def tidy(self) -> None:
        """Remove what is linked in as well, as a crash between the two steps leaves it."""
        segments = set(self._files.listing(self._repository.chunks.catalogue.segment_directory))
        packs = set(self._files.listing(self._pack_directory()))
        for name in self._files.listing(self._directory):
            if name in segments or name in packs:
                self.drop([name])

    def check_segments(self, names: Iterable[str]) -> dict[SegmentId, list[Location]]:
        """The records of quarantined segments, checked byte by byte; a bad file is removed.

        A segment that was linked in meanwhile is left out. Raises Corrupt, NotFound.
        """
        tables = {}
        for name in names:
            segment = SegmentId(bytes.fromhex(name.removesuffix(SEGMENT_SUFFIX)))
            try:
                tables[segment] = check_segment(self.path(name), segment)
            except NotFound:
                if not self._files.exists(self._repository.chunks.catalogue.segment_path(segment)):
                    raise
            except MgitError:
                self.drop([name])
                raise
        return tables

    def check_packs(self, names: Iterable[str]) -> list[PackFile]:
        """Open quarantined packs without an index, which is made here; a bad one is removed."""
        packs = []
        for name in names:
            stem = name.removesuffix(PACK_SUFFIX)
            length = self._length(name)
            if length is None:
                if self._is_linked(stem):
                    continue  # Another process moved it there meanwhile.
                raise NotFound("a pack of the proposal was not uploaded", pack=name)
            if length > PACK_BYTES_MAX:
                self.drop([name])
                raise Corrupt("an uploaded pack is longer than any that mgit makes", pack=name)
            try:
                index = index_of_pack(self._files.read(self.path(name)), stem)
            except Corrupt:
                self.drop([name, stem + INDEX_SUFFIX])
                raise
            self._files.replace(self.path(stem + INDEX_SUFFIX), index)
            packs.append(PackFile(self.path(stem)))
        return packs

    def check_foreign_packs(self, stems: Iterable[str]) -> list[PackFile]:
        """Open quarantined packs that came with their index; a bad pair is removed."""
        packs = []
        for stem in stems:
            pack = PackFile(self.path(stem))
            try:
                check_pack(pack)
            except MgitError:
                self.drop([stem + PACK_SUFFIX, stem + INDEX_SUFFIX])
                raise
            packs.append(pack)
        return packs

    def link_segments(self, tables: Mapping[SegmentId, Sequence[Location]]) -> None:
        """Move checked segments into the store, then write an index over them."""
        if not tables:
            return
        catalogue = self._repository.chunks.catalogue
        self._files.make_directory(catalogue.segment_directory)
        for segment in tables:
            path = catalogue.segment_path(segment)
            self._files.move_new(self.path(os.path.basename(path)), path)
        self._files.sync_directory(catalogue.segment_directory)
        catalogue.write_index(*catalogue.index_for(dict(tables)))
        catalogue.refresh()

    def link_packs(self, packs: Iterable[PackFile]) -> None:
        """Move checked packs into the object database, each before its index."""
        directory = self._pack_directory()
        for pack in packs:
            stem = os.path.basename(pack.path)
            for suffix in (PACK_SUFFIX, INDEX_SUFFIX):
                self._files.move_new(pack.path + suffix, os.path.join(directory, stem + suffix))
                self._files.sync_directory(directory)
        self._repository.objects.refresh()

    def _length(self, name: str) -> int | None:
        """Bytes of a file, None if another process moved it away."""
        try:
            return os.stat(self.path(name), follow_symlinks=False).st_size
        except FileNotFoundError:
            return None

    def _pack_directory(self) -> str:
        return os.path.join(self._repository.layout.git, "objects", "pack")

    def _is_linked(self, stem: str) -> bool:
        directory = self._pack_directory()
        return self._files.exists(os.path.join(directory, stem + INDEX_SUFFIX))


def _is_named(kind: FileKind, name: str) -> bool:
    try:
        check_file_name(kind, name)
    except MgitError:
        return False
    return True
