"""The two files that describe an array: canonical Zarr v3 metadata and the list of chunk ids.

docs/format/segments.md, section 5. A manifest that comes from outside is hostile: whatever is not
exactly what `format_manifest` would have written is refused.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from mgit.digest import ChunkId, ContentDigest, canonical_bytes
from mgit.errors import Corrupt, InvalidState, Unsupported
from mgit.store.codec import RAW_LENGTH_MAX

__all__ = [
    "ARRAY_TYPES",
    "ArrayManifest",
    "chunk_shape_of",
    "format_manifest",
    "grid_of",
    "parse_manifest",
]

ARRAY_TYPES = {
    "|b1": "bool",
    "|i1": "int8",
    "|u1": "uint8",
    "<i2": "int16",
    "<u2": "uint16",
    "<i4": "int32",
    "<u4": "uint32",
    "<i8": "int64",
    "<u8": "uint64",
    "<f2": "float16",
    "<f4": "float32",
    "<f8": "float64",
    "<c8": "complex64",
}
"""numpy's name of each dtype that is stored -> Zarr's name."""

MANIFEST_BYTES_MAX = 16 << 20
CHUNK_LIST_BYTES_MAX = 256 << 20  # a million lines with the longest keys
CHUNKS_MAX = 1_000_000
ARRAY_BYTES_MAX = 1 << 40
AXES_MAX = 32
CHUNK_BYTES = 4 << 20
VOLUME_EDGE = 64
DIGEST_TEXT_LENGTH = 67  # b3: and 64 digits
METADATA_KEYS = {
    "attributes",
    "chunk_grid",
    "chunk_key_encoding",
    "codecs",
    "data_type",
    "fill_value",
    "node_type",
    "shape",
    "zarr_format",
}
_OPENING = b'{"attributes":'
_FRAME_BEGIN = b',"chunk_grid":'
_FRAME_BYTES_MAX = 1024
_FRAMES_KEPT = 4096
_Form = tuple[np.dtype, tuple[int, ...], tuple[int, ...]]  # dtype, shape, chunk shape
_NUMPY_NAMES = {zarr: name for name, zarr in ARRAY_TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayManifest:
    """An array as a tree holds it; valid from birth."""

    zarr_json: bytes
    """Canonical bytes of the Zarr v3 metadata."""
    chunks: bytes
    """One line 'key b3:...' per stored chunk, in C order of the grid."""
    dtype: np.dtype
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    attributes: Mapping[str, Any]
    """The array's own attributes, without the store's 'content'."""
    content: ContentDigest

    @property
    def metadata(self) -> dict[str, Any]:
        """What zarr.json says, parsed."""
        attributes = {**self.attributes, "content": str(self.content)}
        return _metadata(self.dtype, self.shape, self.chunk_shape, attributes)

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunks along each axis."""
        return grid_of(self.shape, self.chunk_shape)

    def stored(self) -> Iterator[tuple[tuple[int, ...], ChunkId]]:
        """Position in the grid and id of every stored chunk, in C order."""
        for line in self.chunks.splitlines():
            key, _, digest = line.partition(b" ")
            index = tuple(int(part) for part in key.split(b"/")[1:])
            yield index, ChunkId(bytes.fromhex(digest[3:].decode("ascii")))

    def chunk_ids(self) -> Iterator[tuple[str, ChunkId | None]]:
        """Key and id of every chunk of the grid in C order; None where all bytes are zero."""
        stored = self.stored()
        following = next(stored, None)
        for index in np.ndindex(*self.grid):
            key = "/".join(("c", *map(str, index)))
            if following is not None and following[0] == index:
                yield key, following[1]
                following = next(stored, None)
            else:
                yield key, None


def grid_of(shape: Sequence[int], chunk_shape: Sequence[int]) -> tuple[int, ...]:
    """Number of chunks along each axis; 0 along an empty one."""
    return tuple(-(-length // edge) for length, edge in zip(shape, chunk_shape, strict=True))


def chunk_shape_of(
    shape: Sequence[int], dtype: np.dtype, layout: Literal["table", "volume"]
) -> tuple[int, ...]:
    """How an array is cut: part of its identity, so a function of nothing else.

    'volume': at most 64 per axis. 'table': whole up to 4 MiB, else the largest power of two of
    rows that fits 4 MiB, one row if none does. An axis is never cut to 0.
    """
    if layout == "volume":
        edges = tuple(max(1, min(VOLUME_EDGE, length)) for length in shape)
    elif layout == "table":
        edges = tuple(max(1, length) for length in shape)
        row_bytes = math.prod(edges[1:]) * dtype.itemsize
        if edges and edges[0] * row_bytes > CHUNK_BYTES:
            fitting = CHUNK_BYTES // row_bytes
            edges = (1 << (fitting.bit_length() - 1) if fitting else 1, *edges[1:])
    else:
        raise InvalidState("unknown layout", hint="use 'table' or 'volume'", layout=layout)
    if math.prod(edges) * dtype.itemsize > RAW_LENGTH_MAX:
        raise InvalidState(
            "a chunk of the array would be too long",
            hint="reshape the array so that one row, or one block of 64 per axis, is shorter",
            shape=tuple(shape),
            length_max=RAW_LENGTH_MAX,
        )
    return edges


def format_manifest(
    *,
    dtype: np.dtype,
    shape: Sequence[int],
    chunk_shape: Sequence[int],
    attributes: Mapping[str, Any],
    content: ContentDigest,
    chunks: Sequence[tuple[str, ChunkId]],
) -> ArrayManifest:
    """The manifest of an array whose stored chunks are known.

    Raises InvalidState if the attributes are not canonical or the array is beyond the caps.
    """
    if "content" in attributes:
        raise InvalidState("the attribute 'content' of an array is the store's own")
    try:
        own = canonical_bytes({**attributes, "content": str(content)})
    except (TypeError, ValueError) as failure:
        raise InvalidState("attributes are not canonical", reason=str(failure)) from failure
    zarr_json = _OPENING + own + _frame(dtype.str, tuple(shape), tuple(chunk_shape))
    if len(zarr_json) > MANIFEST_BYTES_MAX:
        raise InvalidState("attributes are too long", length_max=MANIFEST_BYTES_MAX)
    if math.prod(grid_of(shape, chunk_shape)) > CHUNKS_MAX:
        raise InvalidState("the array has too many chunks", shape=tuple(shape))
    return ArrayManifest(
        zarr_json=zarr_json,
        chunks="".join(f"{key} {chunk}\n" for key, chunk in chunks).encode("ascii"),
        dtype=dtype,
        shape=tuple(shape),
        chunk_shape=tuple(chunk_shape),
        attributes=dict(attributes),
        content=content,
    )


def parse_manifest(zarr_json: bytes, chunks: bytes) -> ArrayManifest:
    """Read an array's two files, trusting nothing.

    Raises Unsupported for metadata that is Zarr but beyond this format version, and Corrupt for
    anything that is not canonical, does not agree with itself or breaks a cap.
    """
    if len(zarr_json) > MANIFEST_BYTES_MAX or len(chunks) > CHUNK_LIST_BYTES_MAX:
        raise Corrupt("an array manifest is too long", length=max(len(zarr_json), len(chunks)))
    attributes, (dtype, shape, chunk_shape) = _known_frame(zarr_json) or _parsed(zarr_json)
    content = attributes.get("content")
    try:
        digest = ContentDigest.parse(content) if isinstance(content, str) else None
    except ValueError as failure:
        raise Corrupt("an array's content digest is malformed") from failure
    if digest is None:
        raise Corrupt("an array has no content digest")
    if math.prod(shape) * dtype.itemsize > ARRAY_BYTES_MAX:
        raise Corrupt("an array claims more bytes than any array has", shape=shape)
    _check_chunk_list(chunks, grid_of(shape, chunk_shape))
    return ArrayManifest(
        zarr_json=bytes(zarr_json),
        chunks=bytes(chunks),
        dtype=dtype,
        shape=shape,
        chunk_shape=chunk_shape,
        attributes={name: value for name, value in attributes.items() if name != "content"},
        content=digest,
    )


@lru_cache(maxsize=_FRAMES_KEPT)
def _frame(dtype: str, shape: tuple[int, ...], chunk_shape: tuple[int, ...]) -> bytes:
    """Canonical metadata behind the attributes, which stand first: few arrays differ there."""
    whole = canonical_bytes(_metadata(np.dtype(dtype), shape, chunk_shape, {}))
    return whole.removeprefix(_OPENING + b"{}")


def _known_frame(zarr_json: bytes) -> tuple[dict[str, Any], _Form] | None:
    """Attributes and form, parsing the attributes alone; None if anything is unusual."""
    end = zarr_json.rfind(_FRAME_BEGIN)
    if len(zarr_json) - end > _FRAME_BYTES_MAX or not zarr_json.startswith(_OPENING):
        return None
    own = zarr_json[len(_OPENING) : end]
    try:
        form = _parsed_frame(zarr_json[end:])
        return _parsed_json(own), form
    except (Corrupt, Unsupported):
        return None  # the document as a whole says best what is wrong with it


@lru_cache(maxsize=_FRAMES_KEPT)
def _parsed_frame(frame: bytes) -> _Form:
    return _parsed(_OPENING + b"{}" + frame)[1]


def _parsed(zarr_json: bytes) -> tuple[dict[str, Any], _Form]:
    metadata = _parsed_json(zarr_json)
    shape = _lengths(metadata.get("shape"), "shape")
    dtype = _parsed_dtype(metadata.get("data_type"))
    chunk_shape = _parsed_chunk_shape(metadata, shape, dtype)
    attributes = metadata.get("attributes")
    if not isinstance(attributes, dict):
        raise Corrupt("an array has no attributes")
    if metadata != _metadata(dtype, shape, chunk_shape, attributes):
        raise Unsupported(
            "array metadata has fields or values that this version does not know",
            hint="read the repository with a newer version of mgit",
        )
    return attributes, (dtype, shape, chunk_shape)


def _metadata(
    dtype: np.dtype,
    shape: Sequence[int],
    chunk_shape: Sequence[int],
    attributes: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "attributes": dict(attributes),
        "chunk_grid": {"configuration": {"chunk_shape": list(chunk_shape)}, "name": "regular"},
        "chunk_key_encoding": {"configuration": {"separator": "/"}, "name": "default"},
        "codecs": [{"configuration": {"endian": "little"}, "name": "bytes"}],
        "data_type": ARRAY_TYPES[dtype.str],
        "fill_value": _fill_value(dtype),
        "node_type": "array",
        "shape": list(shape),
        "zarr_format": 3,
    }


def _fill_value(dtype: np.dtype) -> object:
    if dtype.kind == "b":
        return False
    return [0, 0] if dtype.kind == "c" else 0


def _parsed_json(text: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"numbers other than integers are not canonical: {constant}")

    try:
        metadata = json.loads(bytes(text), parse_float=refuse, parse_constant=refuse)
        canonical = isinstance(metadata, dict) and canonical_bytes(metadata) == text
    except (ValueError, TypeError, RecursionError) as failure:
        raise Corrupt("array metadata is not canonical JSON", reason=str(failure)) from failure
    if not canonical:
        # Also catches duplicate keys: reading keeps one of them, writing it shows the other.
        raise Corrupt("array metadata is not in canonical form")
    parsed: dict[str, Any] = metadata
    return parsed


def _lengths(value: object, field: str) -> tuple[int, ...]:
    plain = isinstance(value, list) and all(type(length) is int for length in value)
    if not isinstance(value, list) or not plain:
        raise Corrupt("array metadata has no list of lengths", field=field)
    if len(value) > AXES_MAX or any(not 0 <= length <= ARRAY_BYTES_MAX for length in value):
        raise Corrupt("an array's lengths are out of bounds", field=field)
    return tuple(value)


def _parsed_dtype(name: object) -> np.dtype:
    if not isinstance(name, str) or name not in _NUMPY_NAMES:
        raise Unsupported("arrays of this type are not known", data_type=name)
    return np.dtype(_NUMPY_NAMES[name])


def _parsed_chunk_shape(
    metadata: Mapping[str, Any], shape: tuple[int, ...], dtype: np.dtype
) -> tuple[int, ...]:
    try:
        value = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    except (KeyError, TypeError) as failure:
        raise Unsupported("an array has no regular chunk grid") from failure
    chunk_shape = _lengths(value, "chunk_shape")
    if len(chunk_shape) != len(shape) or 0 in chunk_shape:
        raise Corrupt("an array's chunk shape does not fit its shape", chunk_shape=chunk_shape)
    if math.prod(chunk_shape) * dtype.itemsize > RAW_LENGTH_MAX:
        raise Corrupt("an array's chunks are too long", chunk_shape=chunk_shape)
    if math.prod(grid_of(shape, chunk_shape)) > CHUNKS_MAX:
        raise Corrupt("an array has too many chunks", shape=shape, chunk_shape=chunk_shape)
    if chunk_shape not in _layouts(shape, dtype):
        # One array has one manifest per layout; another cut would be a second identity.
        raise Unsupported("an array is cut in an unknown way", chunk_shape=chunk_shape)
    return chunk_shape


def _layouts(shape: tuple[int, ...], dtype: np.dtype) -> list[tuple[int, ...]]:
    found = []
    for layout in ("table", "volume"):
        try:
            found.append(chunk_shape_of(shape, dtype, layout))
        except InvalidState:
            continue  # this layout cannot hold the array; the other one may
    return found


def _check_chunk_list(chunks: bytes, grid: tuple[int, ...]) -> None:
    """Raises Corrupt unless every line is canonical, in the grid, and after the line before."""
    if chunks and not chunks.endswith(b"\n"):
        raise Corrupt("an array's chunk list ends within a line")
    previous = -1
    for line in chunks.split(b"\n")[:-1]:
        key, _, digest = line.partition(b" ")
        try:
            parts = key.decode("ascii").split("/")
            index = [int(part) for part in parts[1:]]
            ChunkId.parse(digest.decode("ascii"))
        except ValueError as failure:
            raise Corrupt("a line of an array's chunk list is malformed") from failure
        if "/".join(("c", *map(str, index))) != "/".join(parts) or len(index) != len(grid):
            raise Corrupt("a key of an array's chunk list is malformed", key=key)
        if any(not 0 <= at < count for at, count in zip(index, grid, strict=True)):
            raise Corrupt("a key of an array's chunk list is outside of the array", key=key)
        position = 0
        for at, count in zip(index, grid, strict=True):
            position = position * count + at
        if position <= previous:
            raise Corrupt("an array's chunk list is not in order", key=key)
        previous = position
