"""Arrays in a tree: a Zarr v3 metadata document, an ordered list of chunk ids, and the chunks.

The rules are docs/format/segments.md, section 5. Equal arrays with equal layout and attributes
have equal manifests, byte for byte, however they lay in memory.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from mgit.digest import ChunkId, ContentDigest, Hasher, canonical_bytes
from mgit.errors import Corrupt, InvalidState, Refused
from mgit.store.manifest import (
    ARRAY_TYPES,
    ArrayManifest,
    chunk_shape_of,
    format_manifest,
    grid_of,
    parse_manifest,
)
from mgit.store.writer import ChunkWriter

__all__ = [
    "ArrayManifest",
    "content_digest",
    "parse_manifest",
    "read_array",
    "read_rows",
    "write_array",
]

SLAB_BYTES = 4 << 20
PROBE_BYTES = 4096
SMALL_BYTES = 64 << 10  # below, copying costs less than avoiding it
PARALLEL_FROM_BYTES = 4 << 20

Get = Callable[[ChunkId], bytes]


def write_array(
    writer: ChunkWriter,
    values: np.ndarray,
    *,
    layout: Literal["table", "volume"],
    attributes: Mapping[str, Any],
) -> ArrayManifest:
    """Put an array's chunks and return its manifest.

    values: any strides and byte order; bool, integers, float16/32/64 or complex64. Chunks whose
    bytes are all zero are not stored; -0.0 is not zero, NaN payloads are kept.
    layout: 'table' cuts along axis 0, 'volume' into blocks of 64 per axis.
    attributes: canonical metadata without the key 'content', which is the store's own.
    Raises InvalidState for another dtype, non-canonical attributes or an array beyond the caps.
    """
    values = np.asanyarray(values)
    dtype = _canonical_dtype(values.dtype)
    chunk_shape = chunk_shape_of(values.shape, dtype, layout)
    if values.nbytes <= SMALL_BYTES and math.prod(grid_of(values.shape, chunk_shape)) == 1:
        return _write_small(writer, values, dtype, chunk_shape, attributes)
    digest = writer.start(lambda: content_digest(values), values.nbytes)
    keys: list[str] = []
    itemsize = _codec_itemsize(dtype)
    blocks = _stored_blocks(values, dtype, chunk_shape, keys)
    if math.prod(grid_of(values.shape, chunk_shape)) == 1:
        chunks = [writer.put(block, itemsize) for block in blocks]  # waits for no thread
    else:
        chunks = writer.put_all(blocks, itemsize)
    return format_manifest(
        dtype=dtype,
        shape=values.shape,
        chunk_shape=chunk_shape,
        attributes=attributes,
        content=digest(),
        chunks=list(zip(keys, chunks, strict=True)),
    )


def _write_small(
    writer: ChunkWriter,
    values: np.ndarray,
    dtype: np.dtype,
    chunk_shape: tuple[int, ...],
    attributes: Mapping[str, Any],
) -> ArrayManifest:
    """An array of one chunk: the same bytes serve for its id and for its content digest."""
    data = np.asarray(values, dtype).tobytes()
    chunks = []
    if data.count(0) != len(data):
        chunks.append(("c" + "/0" * values.ndim, writer.put(data, _codec_itemsize(dtype))))
    return format_manifest(
        dtype=dtype,
        shape=values.shape,
        chunk_shape=chunk_shape,
        attributes=attributes,
        content=ContentDigest.of(_content_header(dtype.str, values.shape) + data),
        chunks=chunks,
    )


def _codec_itemsize(dtype: np.dtype) -> int:
    return 4 if dtype == np.complex64 else dtype.itemsize


@lru_cache(maxsize=1024)
def _content_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    return canonical_bytes({"dtype": dtype, "shape": list(shape)}) + b"\0"


def content_digest(values: np.ndarray) -> ContentDigest:
    """Digest of dtype, shape and C-order little-endian bytes; memory layout does not matter.

    Header record: {"dtype": "<f8", "shape": [...]} in canonical bytes, then one zero byte.
    """
    dtype = _canonical_dtype(values.dtype)
    header = _content_header(dtype.str, values.shape)
    if values.nbytes <= SMALL_BYTES:
        return ContentDigest.of(header + np.asarray(values, dtype).tobytes())
    hasher = Hasher(ContentDigest)
    hasher.update(header)
    for slab in _slabs(values):
        hasher.update(_bytes_of(np.ascontiguousarray(slab, dtype)))
    digest: ContentDigest = hasher.finish()
    return digest


def read_array(get: Get, manifest: ArrayManifest, *, threads: int = 2) -> np.ndarray:
    """The whole array, C-contiguous and writable.

    get: logical bytes of a chunk, already checked against its id. Raises Corrupt if a chunk has
    another length than its place in the grid needs, and whatever `get` raises.
    """
    return _read(get, manifest, 0, _rows(manifest), threads)


def read_rows(
    get: Get, manifest: ArrayManifest, start: int, stop: int, *, threads: int = 2
) -> np.ndarray:
    """Rows start..stop along axis 0, reading only the chunks that hold them.

    Raises InvalidState unless 0 <= start <= stop <= rows, or if the array has no axis.
    """
    if not manifest.shape or not 0 <= start <= stop <= manifest.shape[0]:
        raise InvalidState("rows are out of range", start=start, stop=stop, shape=manifest.shape)
    return _read(get, manifest, start, stop, threads)


def _canonical_dtype(dtype: np.dtype) -> np.dtype:
    """The little-endian dtype of an array's stored form. Raises InvalidState if it has none."""
    little = dtype.newbyteorder("<")
    if little.str not in ARRAY_TYPES:
        raise InvalidState(
            "arrays of this type are not stored",
            hint="use bool, integers, float16, float32, float64 or complex64",
            dtype=str(dtype),
        )
    return little


def _slabs(values: np.ndarray) -> Iterator[np.ndarray]:
    """Pieces along axis 0, so that a conversion never copies a large array as a whole."""
    stored_as_is = values.flags.c_contiguous and values.dtype.str in ARRAY_TYPES
    if values.ndim == 0 or values.nbytes <= SLAB_BYTES or stored_as_is:
        yield values
        return
    rows = max(1, SLAB_BYTES * values.shape[0] // values.nbytes)
    for start in range(0, values.shape[0], rows):
        yield values[start : start + rows]


def _bytes_of(block: np.ndarray) -> memoryview:
    return block.reshape(-1).view(np.uint8).data


def _stored_blocks(
    values: np.ndarray, dtype: np.dtype, chunk_shape: tuple[int, ...], keys: list[str]
) -> Iterator[memoryview]:
    """Copies of the blocks that are not all zero, in C order; their keys go to `keys`."""
    for index in np.ndindex(*grid_of(values.shape, chunk_shape)):
        region = _region(index, chunk_shape)
        # Every block is copied: the writer's threads read it after the caller has its array back.
        block = _bytes_of(np.array(values[region], dtype, order="C", copy=True, ndmin=1))
        if not _is_zero(block):
            keys.append("/".join(("c", *map(str, index))))
            yield block


def _is_zero(block: memoryview) -> bool:
    if any(bytes(block[:PROBE_BYTES])):
        return False
    data = np.frombuffer(block, np.uint8)
    words = len(data) // 8 * 8
    return not data[:words].view(np.uint64).any() and not data[words:].any()


def _region(index: tuple[int, ...], chunk_shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(at * length, (at + 1) * length) for at, length in zip(index, chunk_shape, strict=True)
    )


def _rows(manifest: ArrayManifest) -> int:
    return manifest.shape[0] if manifest.shape else 1


def _read(get: Get, manifest: ArrayManifest, start: int, stop: int, threads: int) -> np.ndarray:
    if start == 0 and stop == _rows(manifest) and manifest.shape == manifest.chunk_shape:
        for _, chunk in manifest.stored():
            return _whole(manifest, chunk, get(chunk))
    shape = (stop - start, *manifest.shape[1:]) if manifest.shape else ()
    try:
        values = np.zeros(shape, manifest.dtype)
    except (MemoryError, ValueError) as failure:
        raise Refused("the array does not fit into memory", shape=shape) from failure
    wanted = [
        (key, chunk)
        for key, chunk in manifest.stored()
        if _touches(key, manifest.chunk_shape, start, stop)
    ]

    def load(entry: tuple[tuple[int, ...], ChunkId]) -> None:
        index, chunk = entry
        _fill(values, manifest, index, start, chunk, get(chunk))

    if threads < 2 or len(wanted) < 2 or values.nbytes < PARALLEL_FROM_BYTES:
        for entry in wanted:
            load(entry)
        return values
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(load, wanted):
            pass
    return values


def _whole(manifest: ArrayManifest, chunk: ChunkId, data: bytes) -> np.ndarray:
    """The array that one chunk fills."""
    if len(data) != math.prod(manifest.shape) * manifest.dtype.itemsize:
        raise _ill_fitting(chunk, manifest.shape)
    return np.frombuffer(data, manifest.dtype).reshape(manifest.shape).copy()


def _ill_fitting(chunk: ChunkId, shape: tuple[int, ...]) -> Corrupt:
    return Corrupt("a chunk does not fill its place in the array", chunk=chunk, shape=shape)


def _touches(index: tuple[int, ...], chunk_shape: tuple[int, ...], start: int, stop: int) -> bool:
    if not index:
        return True
    first = index[0] * chunk_shape[0]
    return first < stop and first + chunk_shape[0] > start


def _fill(
    values: np.ndarray,
    manifest: ArrayManifest,
    index: tuple[int, ...],
    start: int,
    chunk: ChunkId,
    data: bytes,
) -> None:
    """Copy one chunk to its place in `values`, which begins at row `start` of the array."""
    region = _region(index, manifest.chunk_shape)
    shape = tuple(
        min(part.stop, length) - part.start
        for part, length in zip(region, manifest.shape, strict=True)
    )
    if len(data) != math.prod(shape) * manifest.dtype.itemsize:
        raise _ill_fitting(chunk, shape)
    block = np.frombuffer(data, manifest.dtype).reshape(shape)
    if not index:
        values[()] = block
        return
    first = region[0].start
    skipped = max(start - first, 0)
    target = values[max(first - start, 0) :][: len(block) - skipped]
    target[(slice(None), *region[1:])] = block[skipped:][: len(target)]
