"""A tree of groups, arrays and small files in memory: the Writer protocol without a repository.

It keeps the laws of the stored trees (path grammar, reserved names, refused kinds, attributes
without floats, content digests), so that code above the protocol is tested without any disk. The
content digest is written out here from its definition and thereby checks the store's.
"""

import json
from dataclasses import dataclass, field
from operator import itemgetter
from types import MappingProxyType

import numpy as np

from mgit.digest import ContentDigest, canonical_bytes
from mgit.errors import InvalidState, NotFound
from mgit.history.paths import RESERVED, check_path, join, split
from mgit.state.protocol import Attributes, Layout, Reader
from mgit.store.manifest import ARRAY_TYPES

__all__ = ["MemoryArray", "MemoryTree"]


@dataclass(frozen=True, slots=True, eq=False)
class MemoryArray:
    """An array of a MemoryTree: the ArrayHandle protocol over values in memory."""

    values: np.ndarray
    attributes: Attributes
    content: ContentDigest
    layout: Layout

    @property
    def dtype(self) -> np.dtype:
        """Element type, little-endian."""
        return self.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return self.values.shape

    def read(self) -> np.ndarray:
        """A fresh C-contiguous copy of the whole array."""
        return self.values.copy()

    def read_rows(self, start: int, stop: int) -> np.ndarray:
        """A fresh copy of rows start..stop along axis 0. Raises InvalidState outside the array."""
        if not self.shape or not 0 <= start <= stop <= self.shape[0]:
            raise InvalidState("rows are out of range", start=start, stop=stop, shape=self.shape)
        return self.values[start:stop].copy()


@dataclass(slots=True, eq=False)
class _Group:
    attributes: Attributes = field(default_factory=lambda: MappingProxyType({}))
    entries: "dict[str, _Group | MemoryArray | bytes]" = field(default_factory=dict)


_Node = _Group | MemoryArray | bytes


class MemoryTree:
    """A mutable tree in memory that implements the Writer protocol of mgit.state."""

    def __init__(self) -> None:
        self._root = _Group()

    def exists(self, path: str) -> bool:
        """Whether a group, array or blob stands at `path`."""
        return self._find(path) is not None

    def is_array(self, path: str) -> bool:
        """Whether an array stands at `path`."""
        return isinstance(self._find(path), MemoryArray)

    def children(self, path: str) -> tuple[str, ...]:
        """Names of the groups and arrays directly below a group, sorted. Raises NotFound."""
        entries = self._group(path).entries
        return tuple(sorted(name for name, node in entries.items() if not isinstance(node, bytes)))

    def blobs(self, path: str) -> tuple[str, ...]:
        """Names of the small files directly below a group, sorted. Raises NotFound."""
        entries = self._group(path).entries
        return tuple(sorted(name for name, node in entries.items() if isinstance(node, bytes)))

    def attributes(self, path: str) -> Attributes:
        """Attributes of the group or array at `path`. Raises NotFound."""
        node = self._find(path)
        if node is None or isinstance(node, bytes):
            raise NotFound("no group or array stands at this path", path=path)
        return node.attributes

    def array(self, path: str) -> MemoryArray:
        """The array at `path`. Raises NotFound."""
        node = self._find(path)
        if not isinstance(node, MemoryArray):
            raise NotFound("no array stands at this path", path=path)
        return node

    def arrays(self, path: str) -> dict[str, MemoryArray]:
        """The arrays directly below a group by name, sorted. Raises NotFound."""
        entries = sorted(self._group(path).entries.items(), key=itemgetter(0))
        return {name: node for name, node in entries if isinstance(node, MemoryArray)}

    def blob(self, path: str) -> bytes:
        """Content of the small file at `path`. Raises NotFound."""
        node = self._find(path)
        if not isinstance(node, bytes):
            raise NotFound("no small file stands at this path", path=path)
        return node

    def set_attributes(self, path: str, attributes: Attributes) -> None:
        """Create the group at `path` (and its parents) or replace a node's attributes entirely."""
        values = _frozen(attributes)
        node = self._find(path) if path else self._root
        if isinstance(node, MemoryArray):
            self._put(path, MemoryArray(node.values, values, node.content, node.layout))
        elif isinstance(node, _Group):
            node.attributes = values
        elif node is None:
            self._put(path, _Group(values))
        else:
            raise InvalidState("a small file stands where a group is wanted", path=path)

    def set_array(
        self,
        path: str,
        values: np.ndarray,
        *,
        attributes: Attributes | None = None,
        layout: Layout = "table",
    ) -> ContentDigest:
        """Create or replace the array at `path`; parents become groups where absent.

        Raises InvalidState if a group or a small file stands there.
        """
        if isinstance(self._find(path), (_Group, bytes)):
            raise InvalidState("another kind of node stands where an array is wanted", path=path)
        if values.dtype.newbyteorder("<").str not in ARRAY_TYPES:
            raise InvalidState("arrays of this type are not stored", dtype=str(values.dtype))
        kept = np.array(values, dtype=values.dtype.newbyteorder("<"), order="C", copy=True)
        kept.flags.writeable = False
        digest = _content_digest(kept)
        self._put(path, MemoryArray(kept, _frozen(attributes or {}), digest, layout))
        return digest

    def set_blob(self, path: str, content: bytes) -> None:
        """Create or replace a small file. Raises InvalidState if a node stands there."""
        if isinstance(self._find(path), (_Group, MemoryArray)):
            raise InvalidState("a group or an array stands where a small file is wanted", path=path)
        self._put(path, bytes(content))

    def remove(self, path: str) -> None:
        """Remove a group with everything below it, an array or a blob. Raises NotFound."""
        components = check_path(path)
        if self._find(path) is None:
            raise NotFound("nothing stands at this path", path=path)
        del self._group(join(*components[:-1])).entries[components[-1]]

    def take(self, path: str, source: Reader, source_path: str) -> None:
        """Replace what stands at `path` by the subtree of another tree. Raises NotFound."""
        copy = _copied(source, source_path)
        if path:
            self._put(path, copy)
        elif isinstance(copy, _Group):
            self._root = copy
        else:
            raise InvalidState("only a group can become the root of a tree", path=source_path)

    def _find(self, path: str) -> _Node | None:
        node: _Node | None = self._root
        for component in split(path):
            if component.lower() in RESERVED or not isinstance(node, _Group):
                return None
            node = node.entries.get(component)
        return node

    def _group(self, path: str) -> _Group:
        node = self._find(path)
        if not isinstance(node, _Group):
            raise NotFound("no group stands at this path", path=path)
        return node

    def _put(self, path: str, node: _Node) -> None:
        components = check_path(path)
        group = self._root
        missing = _Group()
        for position, component in enumerate(components):
            _refuse_fold(group, component, path)
            last = position == len(components) - 1
            below = node if last else group.entries.get(component, missing)
            if not last and not isinstance(below, _Group):
                raise InvalidState(
                    "a parent of this path is not a group", path=path, parent=component
                )
            if last or below is missing:
                break
            group = below  # type: ignore[assignment]  # narrowed above
        # Nothing has been changed so far: a refused path leaves no empty parents behind.
        for component in components[position:-1]:
            group = group.entries.setdefault(component, _Group())  # type: ignore[assignment]
        group.entries[components[-1]] = node


def _refuse_fold(group: _Group, name: str, path: str) -> None:
    for other in group.entries:
        if other != name and other.lower() == name.lower():
            raise InvalidState("two names differ in case only", path=path, other=other)


def _frozen(attributes: Attributes) -> Attributes:
    if "content" in attributes:
        raise InvalidState("the attribute 'content' is written by the tree itself")
    try:
        return MappingProxyType(json.loads(canonical_bytes(dict(attributes))))
    except (TypeError, ValueError) as error:
        raise InvalidState("attributes are not canonical", reason=str(error)) from error


def _content_digest(values: np.ndarray) -> ContentDigest:
    header = canonical_bytes({"dtype": values.dtype.str, "shape": list(values.shape)})
    return ContentDigest.of(header, b"\0", values.tobytes())


def _copied(source: Reader, path: str) -> _Node:
    if not source.exists(path):
        raise NotFound("nothing stands at the path to take", path=path)
    if isinstance(source, MemoryTree):
        return _duplicate(source._find(path))
    if source.is_array(path):
        handle = source.array(path)
        values = handle.read()
        values.flags.writeable = False
        return MemoryArray(values, _frozen(handle.attributes), _content_digest(values), "table")
    names = getattr(source, "blobs", None)
    if names is None:
        raise InvalidState("the source tree cannot list its small files", path=path)
    try:
        blobs: tuple[str, ...] = names(path)
    except NotFound:
        return source.blob(path)
    group = _Group(_frozen(source.attributes(path)))
    group.entries.update({name: source.blob(join(path, name)) for name in blobs})
    group.entries.update(
        {name: _copied(source, join(path, name)) for name in source.children(path)}
    )
    return group


def _duplicate(node: _Node | None) -> _Node:
    if isinstance(node, _Group):
        return _Group(
            node.attributes, {name: _duplicate(below) for name, below in node.entries.items()}
        )
    assert node is not None
    return node
