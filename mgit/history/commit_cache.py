"""A throw-away file of raw commits, so that walking history opens no pack.

`.mgit/cache/commits` is a sequence of entries `magic | length | crc32 | raw commit`. Each entry is
appended by one write, so writers in several processes interleave whole entries; a torn or damaged
entry fails its checksum and the scan resumes at the next magic. A commit is handed out only if
its bytes have the SHA-1 that was asked for. Deleting the file costs time, never information.
"""

import os
import struct
import zlib

from mgit.history.commits import commit_id

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CommitCache"]

_MAGIC = b"\xf7mgC"
_HEADER = struct.Struct("<4sII")
_COMMIT_BYTES_MAX = 16 * 1024 * 1024


class CommitCache:
    """Commits by id from one file; a missing or damaged file is an empty cache."""

    __slots__ = ("_commits", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._commits: dict[str, bytes] | None = None

    def get(self, commit: str) -> "bytes | None":
        """The raw commit whose SHA-1 is `commit`, or None if the cache does not hold it."""
        if self._commits is None:
            self._commits = {commit_id(raw): raw for raw in _entries(_content(self._path))}
        return self._commits.get(commit)

    def add(self, commits: "Iterable[bytes]") -> None:
        """Append raw commits. A directory that cannot be written leaves the cache as it is."""
        new = list(commits)
        if self._commits is not None:
            new = [raw for raw in new if commit_id(raw) not in self._commits]
            self._commits.update({commit_id(raw): raw for raw in new})
        data = b"".join(
            _HEADER.pack(_MAGIC, len(raw), zlib.crc32(raw)) + raw
            for raw in new
            if len(raw) <= _COMMIT_BYTES_MAX
        )
        if data:
            append(self._path, data)


def append(path: str, data: bytes) -> bool:
    """Append to a cache file by one write; False where the cache cannot be written.

    A reader of a repository on read-only or full storage must not fail for want of a cache, and
    what is half written fails its checksum later.
    """
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return False
    try:
        return os.write(descriptor, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _entries(data: bytes) -> "Iterable[bytes]":
    position = data.find(_MAGIC)
    while 0 <= position <= len(data) - _HEADER.size:
        _, length, checksum = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size
        raw = data[start : start + length]
        if length <= _COMMIT_BYTES_MAX and len(raw) == length and zlib.crc32(raw) == checksum:
            yield raw
            position = data.find(_MAGIC, start + length)
        else:
            position = data.find(_MAGIC, position + 1)
