"""Append-only files of self-checking entries, for what can be computed again.

An entry is `magic | length | crc32 | payload`. Each append is one write, so writers in several
processes interleave whole entries; a torn or damaged entry fails its checksum and the scan resumes
at the next magic. Deleting such a file costs time, never information.
"""

import os
import struct
import zlib

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["append", "entries", "unreadable_bytes"]

_MAGIC = b"\xf7mgC"
_HEADER = struct.Struct("<4sII")
_PAYLOAD_BYTES_MAX = 16 * 1024 * 1024


def append(path: str, payloads: "Iterable[bytes]") -> bool:
    """Append entries by one write; False where the cache cannot be written.

    Reading a repository on read-only or full storage must not fail for want of a cache, and what
    is half written fails its checksum later. Longer payloads than 16 MiB are left out.
    """
    data = b"".join(
        _HEADER.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload
        for payload in payloads
        if len(payload) <= _PAYLOAD_BYTES_MAX
    )
    if not data:
        return True
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


def entries(path: str, *, newest_bytes: "int | None" = None) -> "Iterator[bytes]":
    """Payloads that pass their checksum, oldest first; none if the file cannot be read.

    newest_bytes: look only at so many bytes at the end of the file.
    """
    data = _content(path, newest_bytes)
    position = data.find(_MAGIC)
    while 0 <= position <= len(data) - _HEADER.size:
        _, length, checksum = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size
        payload = data[start : start + length]
        if len(payload) == length and zlib.crc32(payload) == checksum:
            yield payload
            position = data.find(_MAGIC, start + length)
        else:
            position = data.find(_MAGIC, position + 1)


def unreadable_bytes(path: str) -> int:
    """How many bytes of a cache belong to no whole entry: they are passed over and cost nothing."""
    whole = sum(_HEADER.size + len(payload) for payload in entries(path))
    return len(_content(path, None)) - whole


def _content(path: str, newest_bytes: "int | None") -> bytes:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if newest_bytes is not None and size > newest_bytes:
                file.seek(size - newest_bytes)
            return file.read()
    except OSError:
        return b""
