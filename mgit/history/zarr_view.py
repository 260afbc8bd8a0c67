"""A commit's tree as a read-only Zarr v3 store, for zarr-python, dask and napari.

Keys are those of any Zarr hierarchy: `<path>/zarr.json` and `<path>/c/<i>/<j>...`. Chunks are
stored cut at the array's edge and are served padded with zeros to the regular chunk shape that
Zarr expects; chunks that hold only zeros are not stored and read as absent. Small files of the
tree that are not Zarr's (provenance.json) do not appear.
"""

import asyncio
import builtins
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from mgit.digest import ChunkId
from mgit.errors import Corrupt, InvalidState
from mgit.history.paths import METADATA, join, split
from mgit.history.snapshot import Snapshot
from mgit.store.arrays import ArrayManifest

__all__ = ["SnapshotStore", "zarr_store"]

_ARRAYS_KEPT = 64
CHUNKS = "c"
"""First component of the keys of an array's chunks (Zarr v3, default chunk key encoding)."""


class _Array(NamedTuple):
    manifest: ArrayManifest
    chunks: dict[str, ChunkId]
    """Stored chunks by key, e.g. 'c/0/1', in C order."""


def zarr_store(snapshot: Snapshot) -> "SnapshotStore":
    """The tree of a commit as a Zarr store; `zarr.open_group(zarr_store(s), mode="r")` opens it."""
    return SnapshotStore(snapshot)


class SnapshotStore(Store):
    """Zarr's store interface over a snapshot. A read checks what it returns or raises Corrupt."""

    supports_writes = False
    supports_deletes = False
    supports_partial_writes = False
    supports_listing = True
    supports_consolidated_metadata = False

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(read_only=True)
        self._snapshot = snapshot
        self._arrays: OrderedDict[str, _Array] = OrderedDict()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SnapshotStore) and other._snapshot == self._snapshot

    def __hash__(self) -> int:
        return hash(self._snapshot)

    def __str__(self) -> str:
        return f"mgit://{self._snapshot.tree}"

    def __repr__(self) -> str:
        return f"SnapshotStore('{self}')"

    def with_read_only(self, read_only: "bool" = False) -> "SnapshotStore":  # noqa: FBT001, FBT002
        """A store over the same tree. Raises ValueError unless `read_only`: commits are final."""
        if not read_only:
            raise ValueError("a commit's tree cannot be written through Zarr")
        return SnapshotStore(self._snapshot)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Bytes under a key, or a range of them; None if the key is absent."""
        # Reading and decompressing a chunk would otherwise hold up zarr's only event loop.
        data = await asyncio.to_thread(self._value, key)
        if data is None:
            return None
        factory = prototype or default_buffer_prototype()
        return factory.buffer.from_bytes(_cut(data, byte_range))

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> "builtins.list[Buffer | None]":
        """Several ranges at once, in order."""
        wanted = [self.get(key, prototype, byte_range) for key, byte_range in key_ranges]
        return await asyncio.gather(*wanted)

    async def exists(self, key: str) -> bool:
        """Whether a key is present. No chunk is read."""
        return await asyncio.to_thread(self._exists, key)

    async def set(self, key: str, value: Buffer) -> None:
        """Refused with ValueError: commits never change."""
        self._check_writable()

    async def delete(self, key: str) -> None:
        """Refused with ValueError: commits never change."""
        self._check_writable()

    async def list(self) -> AsyncIterator[str]:
        """Every key, depth first, sorted within a directory."""
        for key in self._keys("", ""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Every key that begins with the characters of `prefix`."""
        for key in self._keys("", prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names directly below a directory of keys."""
        for name in self._names(prefix.strip("/")):
            yield name

    def _value(self, key: str) -> bytes | None:
        path, rest = self._locate(key)
        if path is None:
            return None
        if rest == METADATA:
            return self._snapshot.metadata(path)
        array = self._array(path)
        chunk = array.chunks.get(rest)
        return None if chunk is None else self._padded(array.manifest, rest, chunk)

    def _exists(self, key: str) -> bool:
        path, rest = self._locate(key)
        return path is not None and (rest == METADATA or rest in self._array(path).chunks)

    def _locate(self, key: str) -> tuple[str | None, str]:
        """The node that a key belongs to (None if there is none) and the rest of the key."""
        directory, _, name = key.rpartition("/")
        if name == METADATA and not key.startswith("/"):
            return (directory if self._is_node(directory) else None), METADATA
        parts = key.split("/")
        for position, part in enumerate(parts):
            path = "/".join(parts[:position])
            if part == CHUNKS and self._is_node(path) and self._snapshot.is_array(path):
                return path, "/".join(parts[position:])
        return None, key

    def _is_node(self, path: str) -> bool:
        try:
            split(path)
        except InvalidState:
            return False  # Zarr asks for keys of its own making, which no tree can hold.
        return self._snapshot.is_array(path) or self._snapshot.is_group(path)

    def _array(self, path: str) -> _Array:
        array = self._arrays.get(path)
        if array is None:
            manifest = self._snapshot.array(path).manifest
            stored = {_key(index): chunk for index, chunk in manifest.stored()}
            array = self._arrays[path] = _Array(manifest, stored)
            if len(self._arrays) > _ARRAYS_KEPT:
                self._arrays.popitem(last=False)
        return array

    def _padded(self, manifest: ArrayManifest, key: str, chunk: ChunkId) -> bytes:
        data = self._snapshot.chunks.get(chunk)
        index = [int(part) for part in key.split("/")[1:]]
        shape = tuple(
            min(edge, length - at * edge)
            for at, edge, length in zip(index, manifest.chunk_shape, manifest.shape, strict=True)
        )
        if len(data) != int(np.prod(shape, dtype=np.int64)) * manifest.dtype.itemsize:
            raise Corrupt("a chunk does not fill its place in the array", chunk=chunk, key=key)
        if shape == manifest.chunk_shape:
            return data
        whole = np.zeros(manifest.chunk_shape, manifest.dtype)
        part = np.frombuffer(data, manifest.dtype).reshape(shape)
        whole[tuple(slice(length) for length in shape)] = part
        return whole.tobytes()

    def _keys(self, path: str, prefix: str) -> Iterator[str]:
        below = f"{path}/" if path else ""
        if not (below.startswith(prefix) or prefix.startswith(below)):
            return
        own = [join(path, METADATA)]
        array = self._snapshot.is_array(path)
        if array:
            own += [join(path, key) for key in self._array(path).chunks]
        yield from (key for key in own if key.startswith(prefix))
        for name in () if array else self._snapshot.children(path):
            yield from self._keys(join(path, name), prefix)

    def _names(self, path: str) -> "builtins.list[str]":
        if self._is_node(path):
            if self._snapshot.is_array(path):
                return [METADATA] + ([CHUNKS] if self._array(path).chunks else [])
            return [METADATA, *self._snapshot.children(path)]
        array, rest = self._locate(path)
        if array is None:
            return []
        inner = (key[len(rest) + 1 :] for key in self._array(array).chunks if _within(key, rest))
        return builtins.list(dict.fromkeys(name.split("/", 1)[0] for name in inner))


def _key(index: tuple[int, ...]) -> str:
    return "/".join((CHUNKS, *map(str, index)))


def _within(key: str, directory: str) -> bool:
    return key.startswith(directory + "/")


def _cut(data: bytes, byte_range: ByteRequest | None) -> Any:
    match byte_range:
        case None:
            return data
        case RangeByteRequest(start=start, end=end):
            return data[start:end]
        case OffsetByteRequest(offset=offset):
            return data[offset:]
        case SuffixByteRequest(suffix=suffix):
            return data[max(0, len(data) - suffix) :]
    raise TypeError(f"not a byte range: {byte_range!r}")
