"""One Git pack: finding and inflating objects, and making the bytes of a new pack.

mgit writes packs without deltas. Reading such a pack needs nothing but zlib; deltas, which
plain Git makes when it repacks, are applied by dulwich. Layout: Git's own pack-format
documentation (pack version 2, index version 2).
"""

import hashlib
import mmap
import os
import struct
import zlib
from bisect import bisect_left
from operator import gt

from mgit.errors import Corrupt, Unsupported
from mgit.history.commits import object_id

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    NewObjects = dict[str, tuple[str, bytes]] | Iterable[tuple[str, bytes]]
    """Kind and content of objects, by their ids or in any order without."""

__all__ = [
    "KINDS",
    "OBJECT_BYTES_MAX",
    "PackFile",
    "by_id",
    "encode_index",
    "encode_pack",
    "inflate",
]

OBJECT_BYTES_MAX = 256 * 1024 * 1024
"""Largest object that is inflated; trees, metadata and messages stay far below it."""

KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_KIND_NAMES = {code: name for name, code in KINDS.items()}
_OFFSET_DELTA, _REFERENCE_DELTA = 6, 7

_INDEX_MAGIC = b"\xfftOc\x00\x00\x00\x02"
_FAN_OUT_BYTES = 256 * 4
_HASH_BYTES = 20
_DELTA_CHAIN_MAX = 4096
"""Git's own limit on the length of a delta chain."""

_NAMES_START = 8 + _FAN_OUT_BYTES
_SEARCHED_NAMES_MAX = 64  # so many names are searched byte by byte sooner than bisected

_MAPPED_FROM_BYTES = 64 * 1024  # Smaller files are read faster than they are mapped.

_STORED_UP_TO_BYTES = 128  # an array's directory or chunk list: hashes, which do not deflate
_COMPRESSION = 1  # Level 1 takes half the time of the default for 5 % more bytes of small text.


class PackFile:
    """A pack and its index, mapped into memory, opened at the first look-up."""

    __slots__ = ("_count", "_fan_out", "_index", "_pack", "path")

    def __init__(self, path: str) -> None:
        """path: of the pack without its ending ('.../pack-<hex>')."""
        self.path = path
        self._index: bytes | mmap.mmap | None = None
        self._pack: bytes | mmap.mmap | None = None
        self._fan_out: tuple[int, ...] = ()
        self._count = 0

    def find(self, name: bytes) -> "int | None":
        """Offset of the object with this 20-byte name in the pack, or None."""
        index = self._index or self._open_index()
        first = self._fan_out[name[0] - 1] if name[0] else 0
        last = self._fan_out[name[0]]
        if first == last:
            return None  # With thousands of small packs nearly every look-up ends here.
        if last - first <= _SEARCHED_NAMES_MAX:
            start = _NAMES_START + _HASH_BYTES * first
            row, rest = divmod(
                index.find(name, start, start + _HASH_BYTES * (last - first)) - start, _HASH_BYTES
            )
            if row < 0:
                return None
            if rest == 0:  # Else the bytes straddle two other names, and this one may follow.
                return self._offset(first + row)
        position = bisect_left(_Names(index), name, first, last)
        if position == self._count or self._name(position) != name:
            return None
        return self._offset(position)

    def with_prefix(self, prefix: str) -> "Iterator[str]":
        """Ids of the objects whose hexadecimal name begins with `prefix` (any length)."""
        low = bytes.fromhex((prefix + "0" * 40)[:40])
        position = bisect_left(_Names(self._open_index()), low, 0, self._count)
        while position < self._count:
            name = self._name(position).hex()
            if not name.startswith(prefix):
                return
            yield name
            position += 1

    def read(self, offset: int) -> "tuple[str, bytes]":
        """Kind and content of the object at `offset`, deltas applied. Raises Corrupt."""
        deltas: list[bytes] = []
        while len(deltas) <= _DELTA_CHAIN_MAX:
            code, size, position = self._entry(offset)
            if code in _KIND_NAMES:
                return _KIND_NAMES[code], _apply(self._inflate(position, size), deltas, self.path)
            if code == _OFFSET_DELTA:
                back, position = self._distance(position)
                if not 0 < back <= offset - 12:
                    break
                base: int | None = offset - back
            elif code == _REFERENCE_DELTA:
                pack = self._open_pack()
                base = self.find(bytes(pack[position : position + _HASH_BYTES]))
                position += _HASH_BYTES
            else:
                break
            deltas.append(self._inflate(position, size))
            if base is None:
                break
            offset = base
        raise Corrupt("a pack holds a malformed entry", pack=self.path, offset=offset)

    def count_in_header(self) -> int:
        """How many objects the pack says that it holds. Raises Corrupt."""
        return int.from_bytes(self._open_pack()[8:12], "big")

    def check(self) -> None:
        """Compare the checksums of the whole pack and of its index. Raises Corrupt."""
        for message in self.damage().values():
            raise Corrupt(message, pack=self.path)

    def damage(self) -> "dict[str, str]":
        """What is wrong with the 'pack' and with the 'index'; empty if both are sound."""
        found = {}
        for what, opened in (("pack", self._open_pack), ("index", self._open_index)):
            try:
                data = opened()
            except (Corrupt, Unsupported) as error:
                found[what] = error.message
                continue
            body = memoryview(data)[: len(data) - _HASH_BYTES]
            if hashlib.sha1(body, usedforsecurity=False).digest() != data[-_HASH_BYTES:]:
                found[what] = f"the checksum of a Git {what} is wrong"
            body.release()
        if found:
            return found
        if self._open_pack()[-_HASH_BYTES:] != self._open_index()[-2 * _HASH_BYTES : -_HASH_BYTES]:
            return {"index": "a Git pack and its index do not belong together"}
        return {}

    def _open_index(self) -> "bytes | mmap.mmap":
        if self._index is None:
            index = _mapped(self.path + ".idx")
            if index[:8] != _INDEX_MAGIC:
                raise Unsupported(
                    "a pack index is not of version 2",
                    pack=self.path,
                    hint="run 'git index-pack' on the pack",
                )
            if len(index) < 8 + _FAN_OUT_BYTES + 2 * _HASH_BYTES:
                raise Corrupt("a pack index is cut short", pack=self.path)
            fan_out = struct.unpack_from(">256I", index, 8)
            count = fan_out[255]
            shortest = 8 + _FAN_OUT_BYTES + count * (_HASH_BYTES + 8) + 2 * _HASH_BYTES
            if any(map(gt, fan_out, fan_out[1:])) or len(index) < shortest:
                raise Corrupt("a pack index is malformed", pack=self.path)
            self._fan_out, self._count, self._index = fan_out, count, index
        return self._index

    def _open_pack(self) -> "bytes | mmap.mmap":
        if self._pack is None:
            pack = _mapped(self.path + ".pack")
            if pack[:8] != b"PACK\0\0\0\x02" or len(pack) < 12 + _HASH_BYTES:
                raise Corrupt("a file is not a Git pack of version 2", pack=self.path)
            self._pack = pack
        return self._pack

    def _name(self, position: int) -> bytes:
        start = _NAMES_START + _HASH_BYTES * position
        return bytes(self._open_index()[start : start + _HASH_BYTES])

    def _offset(self, position: int) -> int:
        index = self._open_index()
        offsets = _NAMES_START + (_HASH_BYTES + 4) * self._count
        (offset,) = struct.unpack_from(">I", index, offsets + 4 * position)
        if offset & 0x80000000:
            wide = offsets + 4 * self._count + 8 * (offset & 0x7FFFFFFF)
            if wide + 8 > len(index) - 2 * _HASH_BYTES:
                raise Corrupt("a pack index is malformed", pack=self.path)
            (offset,) = struct.unpack_from(">Q", index, wide)
        return int(offset)

    def _entry(self, offset: int) -> "tuple[int, int, int]":
        pack = self._open_pack()
        end = len(pack) - _HASH_BYTES
        if not 12 <= offset < end:
            raise Corrupt("a pack entry lies outside its pack", pack=self.path, offset=offset)
        byte = pack[offset]
        code, size, shift = byte >> 4 & 7, byte & 15, 4
        offset += 1
        while byte & 0x80 and offset < end and shift < 64:
            byte = pack[offset]
            size |= (byte & 0x7F) << shift
            shift += 7
            offset += 1
        return code, size, offset

    def _distance(self, position: int) -> "tuple[int, int]":
        pack = self._open_pack()
        byte = pack[position]
        value = byte & 0x7F
        start = position
        position += 1
        while byte & 0x80 and position - start < 10:
            byte = pack[position]
            value = (value + 1 << 7) | (byte & 0x7F)
            position += 1
        return value, position

    def _inflate(self, position: int, size: int) -> bytes:
        pack = self._open_pack()
        # The deflated form of `size` bytes is at most this long; taking no more bounds the copy.
        longest = size + size // 1000 + 4096
        end = min(len(pack) - _HASH_BYTES, position + longest)
        return inflate(pack[position:end], size, self.path)


class _Names:
    """The sorted names of an index as the sequence that `bisect` wants."""

    __slots__ = ("_index",)

    def __init__(self, index: "bytes | mmap.mmap") -> None:
        self._index = index

    def __len__(self) -> int:
        return int.from_bytes(self._index[8 + 255 * 4 : 8 + _FAN_OUT_BYTES], "big")

    def __getitem__(self, position: int) -> bytes:
        start = _NAMES_START + _HASH_BYTES * position
        return bytes(self._index[start : start + _HASH_BYTES])


def inflate(data: bytes, size: int, where: str) -> bytes:
    """Inflate exactly `size` bytes from the beginning of `data`. Raises Corrupt naming `where`."""
    if size > OBJECT_BYTES_MAX:
        raise Corrupt("a Git object is larger than any that mgit writes", file=where, bytes=size)
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(data, size + 1)
    except zlib.error as error:
        raise Corrupt("a Git object does not inflate", file=where) from error
    if len(content) != size or not decoder.eof:
        raise Corrupt("a Git object has another size than its header says", file=where)
    return content


def by_id(objects: "NewObjects") -> "dict[str, tuple[str, bytes]]":
    """Kind and content of objects by their ids; a dict is taken as such and its ids are trusted."""
    if isinstance(objects, dict):
        return objects
    return {object_id(kind, content): (kind, content) for kind, content in objects}


def encode_pack(objects: "NewObjects") -> "tuple[str, bytes, bytes]":
    """Name (`pack-<sha1>`), pack and index of the given (kind, content) pairs.

    The same objects in the same order give the same bytes. Nothing is stored as a delta:
    the graph is small text and every object stays readable on its own.
    """
    entries: dict[bytes, tuple[int, int]] = {}
    parts = [b""]
    offset = 12
    for name, (kind, content) in by_id(objects).items():
        entry = _entry_header(KINDS[kind], len(content)) + _deflated(content)
        entries[bytes.fromhex(name)] = (offset, zlib.crc32(entry))
        parts.append(entry)
        offset += len(entry)
    parts[0] = struct.pack(">4sII", b"PACK", 2, len(entries))
    body = b"".join(parts)
    checksum = hashlib.sha1(body, usedforsecurity=False).digest()
    return f"pack-{checksum.hex()}", body + checksum, encode_index(entries, checksum)


def _deflated(content: bytes) -> bytes:
    """A zlib stream of `content`; what is too short to gain is one stored block (RFC 1951, 3.2)."""
    if len(content) > _STORED_UP_TO_BYTES:
        return zlib.compress(content, _COMPRESSION)
    block = struct.pack("<BHH", 1, len(content), len(content) ^ 0xFFFF)
    return b"\x78\x01" + block + content + zlib.adler32(content).to_bytes(4, "big")


def encode_index(entries: "dict[bytes, tuple[int, int]]", pack_checksum: bytes) -> bytes:
    """The index, version 2, of a pack: entries give offset and CRC-32 by 20-byte name."""
    names = sorted(entries)
    fan_out = [bisect_left(names, bytes([first + 1])) for first in range(255)]
    offsets = [entries[name][0] for name in names]
    wide = [offset for offset in offsets if offset >= 0x80000000]
    places = {offset: 0x80000000 | place for place, offset in enumerate(wide)}
    body = b"".join(
        (
            _INDEX_MAGIC,
            struct.pack(">256I", *fan_out, len(names)),
            *names,
            struct.pack(f">{len(names)}I", *(entries[name][1] for name in names)),
            struct.pack(f">{len(names)}I", *(places.get(each, each) for each in offsets)),
            struct.pack(f">{len(wide)}Q", *wide),
            pack_checksum,
        )
    )
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _entry_header(code: int, size: int) -> bytes:
    byte = code << 4 | size & 15
    size >>= 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte = size & 0x7F
        size >>= 7
    header.append(byte)
    return bytes(header)


def _apply(content: bytes, deltas: "list[bytes]", where: str) -> bytes:
    if not deltas:
        return content
    from dulwich.errors import ApplyDeltaError  # deferred: packs that mgit writes hold no deltas
    from dulwich.pack import apply_delta

    try:
        for delta in reversed(deltas):
            _refuse_growth(delta, where)
            content = b"".join(apply_delta(content, delta))
    except (ApplyDeltaError, AssertionError, IndexError, ValueError) as error:
        raise Corrupt("a delta of a pack cannot be applied", pack=where) from error
    return content


def _refuse_growth(delta: bytes, where: str) -> None:
    """Raise Corrupt if a delta makes an object larger than any; before anything is copied.

    A few bytes of a delta may copy 16 MiB, so a hostile one could ask for any amount of memory.
    """
    position = 0
    for _ in range(2):  # sizes of source and target, 7 bits a byte
        while delta[position] & 0x80:
            position += 1
        position += 1
    made = 0
    while position < len(delta):
        code = delta[position]
        position += 1
        if code & 0x80:
            position += (code & 0x0F).bit_count()
            size = 0
            for place in range(3):
                if code & 0x10 << place:
                    size |= delta[position] << 8 * place
                    position += 1
            made += size or 0x10000
        else:
            made += code
            position += code
        if made > OBJECT_BYTES_MAX:
            raise Corrupt("a Git object is larger than any that mgit writes", pack=where)


def _mapped(path: str) -> "bytes | mmap.mmap":
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size < _MAPPED_FROM_BYTES:
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
