"""Git objects that one audit reads, inflates and hashes once, however often it looks at them."""

import copy
from collections.abc import Mapping

from mgit.history.git_tree import Entry
from mgit.history.objects import GitObjects
from mgit.history.repository import Repository

__all__ = ["REMEMBERED_BYTES", "remembering"]

REMEMBERED_BYTES = 512 << 20
"""Memory for objects: a million arrays need some 700 MB, and what does not fit is read again."""

_OVERHEAD_BYTES = 300  # of Python's objects around the content and the id


def remembering(repository: Repository, *, limit_bytes: int = REMEMBERED_BYTES) -> Repository:
    """The same repository for one audit: sound objects are kept in memory, damaged ones are not."""
    audited = copy.copy(repository)
    audited.objects = _RememberedObjects(repository, limit_bytes)
    return audited


class _RememberedObjects(GitObjects):
    __slots__ = ("_found", "_left_bytes", "_trees")

    def __init__(self, repository: Repository, limit_bytes: int) -> None:
        objects = repository.objects
        super().__init__(objects.git_dir, repository.files, objects.cache_dir)
        self._found: dict[str, tuple[str, bytes]] = {}
        self._trees: dict[str, Mapping[str, Entry]] = {}
        self._left_bytes = limit_bytes

    def read(self, name: str) -> tuple[str, bytes]:
        found = self._found.get(name)
        if found is None:
            found = super().read(name)
            if self._takes(len(found[1])):
                self._found[name] = found
        return found

    def read_tree(self, name: str) -> Mapping[str, Entry]:
        entries = self._trees.get(name)
        if entries is None:
            entries = super().read_tree(name)
            if self._takes(_OVERHEAD_BYTES * len(entries)):
                self._trees[name] = entries
        return entries

    def _takes(self, length: int) -> bool:
        self._left_bytes -= length + _OVERHEAD_BYTES
        return self._left_bytes > 0
