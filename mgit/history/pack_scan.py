"""Packs from outside: their index is made here or checked against every object.

Nothing that an uploaded pack says of itself is believed: lengths bound what is inflated, ids are
computed, and a delta, which mgit never writes, is refused.
"""

import hashlib
import struct
import zlib

from mgit.errors import Corrupt, Unsupported
from mgit.history.commits import object_id
from mgit.history.packfile import KINDS, OBJECT_BYTES_MAX, PackFile, encode_index

__all__ = ["check_pack", "index_of_pack", "names_in_index"]

_KIND_NAMES = {code: name for name, code in KINDS.items()}
_HEADER = struct.Struct(">4sII")
_CHECKSUM_BYTES = 20
_INDEX_MAGIC = b"\xfftOc\x00\x00\x00\x02"
_NAMES_START = 8 + 256 * 4
_SIZE_BYTES_MAX = 6  # of an entry's header: 4 + 5 * 7 bits go far beyond the largest object


def index_of_pack(pack: bytes, name: str) -> bytes:
    """The index, version 2, of a pack without deltas called `name` (`pack-<sha1>`).

    Raises Corrupt unless the checksum is right and is the one in the name, and the pack holds as
    many whole objects as it says, each once, with nothing between or after them.
    """
    body = memoryview(pack)[:-_CHECKSUM_BYTES]
    checksum = hashlib.sha1(body, usedforsecurity=False).digest()
    if len(pack) < _HEADER.size + _CHECKSUM_BYTES or pack[-_CHECKSUM_BYTES:] != checksum:
        raise Corrupt("the checksum of a Git pack is wrong", pack=name)
    if name != f"pack-{checksum.hex()}":
        raise Corrupt("a Git pack does not have the checksum that names it", pack=name)
    magic, version, count = _HEADER.unpack_from(pack)
    if magic != b"PACK" or version != 2:
        raise Corrupt("a file is not a Git pack of version 2", pack=name)
    entries: dict[bytes, tuple[int, int]] = {}
    offset = _HEADER.size
    while offset < len(body):
        object_name, end = _object_at(body, offset, name)
        if object_name in entries:
            raise Corrupt("a Git pack holds one object twice", pack=name, offset=offset)
        entries[object_name] = (offset, zlib.crc32(body[offset:end]))
        offset = end
    if len(entries) != count:
        raise Corrupt("a Git pack holds another number of objects than it says", pack=name)
    return encode_index(entries, checksum)


def names_in_index(index: bytes, name: str) -> list[str]:
    """Ids that a pack index, version 2, lists; `check_pack` is who believes them.

    Raises Unsupported for another version and Corrupt for an index that is cut short.
    """
    if index[:8] != _INDEX_MAGIC:
        raise Unsupported("a pack index is not of version 2", pack=name)
    count = int.from_bytes(index[_NAMES_START - 4 : _NAMES_START], "big")
    end = _NAMES_START + count * _CHECKSUM_BYTES
    if len(index) < end + 2 * _CHECKSUM_BYTES:
        raise Corrupt("a pack index is cut short", pack=name)
    return [
        index[at : at + _CHECKSUM_BYTES].hex() for at in range(_NAMES_START, end, _CHECKSUM_BYTES)
    ]


def check_pack(pack: PackFile) -> None:
    """Check a pack that came with its index: both checksums, and every object against its id.

    Raises Corrupt or Unsupported.
    """
    pack.check()
    names = list(pack.with_prefix(""))
    if names != sorted(set(names)) or len(names) != pack.count_in_header():
        raise Corrupt("a Git pack and its index name different objects", pack=pack.path)
    for name in names:
        offset = pack.find(bytes.fromhex(name))
        if offset is None or object_id(*pack.read(offset)) != name:
            raise Corrupt(
                "a Git object does not have the SHA-1 that names it", object=name, pack=pack.path
            )


def _object_at(body: memoryview, offset: int, name: str) -> tuple[bytes, int]:
    """Id of the object that begins at `offset`, and where the next one does."""
    position = offset
    byte = body[position]
    code, size, shift = byte >> 4 & 7, byte & 15, 4
    position += 1
    while byte & 0x80:
        if position >= len(body) or position - offset >= _SIZE_BYTES_MAX:
            raise Corrupt("a pack holds a malformed entry", pack=name, offset=offset)
        byte = body[position]
        size |= (byte & 0x7F) << shift
        shift += 7
        position += 1
    if code not in _KIND_NAMES:
        raise Corrupt("an entry of an uploaded pack is no whole object", pack=name, offset=offset)
    if size > OBJECT_BYTES_MAX:
        raise Corrupt("a Git object is larger than any that mgit writes", pack=name, bytes=size)
    # The deflated form is at most this long; taking no more bounds the copy of what is left over.
    given = body[position : position + size + size // 1000 + 4096]
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(given, size + 1)
    except zlib.error as error:
        raise Corrupt("a Git object does not inflate", pack=name, offset=offset) from error
    if len(content) != size or not decoder.eof:
        raise Corrupt("a Git object has another size than its header says", pack=name)
    end = position + len(given) - len(decoder.unused_data)
    return bytes.fromhex(object_id(_KIND_NAMES[code], content)), end
