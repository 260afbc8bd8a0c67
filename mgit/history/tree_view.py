"""Reading a tree of groups, arrays and small files from Git objects, changed or not.

`Snapshot` (a commit's tree) and `Draft` (a tree being changed) share this reader. A node is an
entry of a stored tree, a directory in memory, or the new content of a file.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from mgit.digest import ContentDigest, canonical_bytes
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.history.git_tree import Entry
from mgit.history.objects import GitObjects, ObjectReader
from mgit.history.paths import ARRAY_CHUNKS, METADATA, split

if TYPE_CHECKING:
    import numpy as np

    from mgit.digest import ChunkId
    from mgit.state.protocol import Attributes
    from mgit.store.arrays import ArrayManifest
    from mgit.store.chunks import ChunkStore

__all__ = [
    "Directory",
    "Node",
    "StoredArray",
    "TreeCache",
    "TreeView",
    "Written",
    "format_metadata",
    "group_metadata",
    "is_directory",
    "parse_metadata",
]

METADATA_BYTES_MAX = 16 * 1024 * 1024
"""Largest zarr.json that is parsed (docs/format/graph.md, section 4)."""

CONTENT = "content"
"""Attribute of an array's zarr.json that holds its content digest; hidden from readers."""

_TREES_KEPT = 16384


class Written(NamedTuple):
    """A directory as a Git tree."""

    tree: str
    entries: Mapping[str, Entry]
    objects: tuple[tuple[str, tuple[str, bytes]], ...]
    """Id, kind and content of the tree and of the files directly in it that are new."""


class Directory:
    """A directory of a draft: its entries, and those of the stored directory it began as."""

    __slots__ = ("base", "entries", "written")

    def __init__(self, entries: "dict[str, Node]", base: Mapping[str, Entry]) -> None:
        self.entries = entries
        self.base = base
        self.written: Written | None = None
        """What it becomes in Git, until something in or below it changes."""


Node = Entry | Directory | bytes


class TreeCache:
    """Parsed Git trees and parsed zarr.json by id; the most recently read stay in memory."""

    def __init__(self, objects: ObjectReader, *, kept: int = _TREES_KEPT) -> None:
        """kept: how many of either stay."""
        self._objects = objects
        self._kept = kept
        self._trees: OrderedDict[str, Mapping[str, Entry]] = OrderedDict()
        self._metadata: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def read(self, tree: str) -> Mapping[str, Entry]:
        """Entries of a stored tree. Raises NotFound or Corrupt."""
        entries = self._trees.get(tree)
        if entries is None:
            entries = self._trees[tree] = self._objects.read_tree(tree)
            if len(self._trees) > self._kept:
                self._trees.popitem(last=False)
        return entries

    def metadata(self, blob: str, kind: str, path: str) -> dict[str, Any]:
        """The zarr.json in a blob, checked to describe a `kind`. Raises NotFound or Corrupt."""
        record = self._metadata.get(blob)
        if record is None or record["node_type"] != kind:
            record = parse_metadata(self._objects.read_as("blob", blob), kind, path)
            self.keep_metadata(blob, record)
        return record

    def keep_metadata(self, blob: str, record: dict[str, Any]) -> None:
        """Keep what the zarr.json in a blob was found to say, where another parser was there."""
        self._metadata[blob] = record
        if len(self._metadata) > self._kept:
            self._metadata.popitem(last=False)


class TreeView:
    """The Reader protocol over nodes. Subclasses say where the tree begins."""

    def __init__(self, objects: GitObjects, chunks: "ChunkStore", *, trees: TreeCache) -> None:
        self.objects = objects
        self.chunks = chunks
        self._trees = trees

    def exists(self, path: str) -> bool:
        """Whether a group, array or blob stands at `path`."""
        node = self._find(path)
        return node is not None

    def is_array(self, path: str) -> bool:
        """Whether an array stands at `path`."""
        node = self._find(path)
        return node is not None and is_directory(node) and ARRAY_CHUNKS in self._entries(node)

    def children(self, path: str) -> tuple[str, ...]:
        """Names of the groups and arrays directly below a group, sorted. Raises NotFound."""
        entries = self._group_entries(path)
        return tuple(sorted(name for name, node in entries.items() if is_directory(node)))

    def blobs(self, path: str) -> tuple[str, ...]:
        """Names of the small files directly below a group, sorted. Raises NotFound."""
        entries = self._group_entries(path)
        files = (name for name, node in entries.items() if not is_directory(node))
        return tuple(sorted(name for name in files if name != METADATA))

    def attributes(self, path: str) -> "Attributes":
        """Attributes of the group or array at `path`, without the store's own. Raises NotFound."""
        node = self._find(path)
        if node is None or not is_directory(node):
            raise NotFound("no group or array stands at this path", path=path)
        entries = self._entries(node)
        attributes = self._metadata(entries, path)["attributes"]
        if ARRAY_CHUNKS in entries:
            return {key: value for key, value in attributes.items() if key != CONTENT}
        return dict(attributes)

    def array(self, path: str) -> "StoredArray":
        """The array at `path`. Raises NotFound."""
        node = self._find(path)
        entries = self._entries(node) if node is not None and is_directory(node) else {}
        if ARRAY_CHUNKS not in entries:
            raise NotFound("no array stands at this path", path=path)
        return StoredArray(self, entries, path)

    def arrays(self, path: str) -> "dict[str, StoredArray]":
        """The arrays directly below a group by name, sorted. Raises NotFound."""
        found = {}
        for name, node in sorted(self._group_entries(path).items(), key=itemgetter(0)):
            if is_directory(node) and ARRAY_CHUNKS in (entries := self._entries(node)):
                found[name] = StoredArray(self, entries, f"{path}/{name}" if path else name)
        return found

    def blob(self, path: str) -> bytes:
        """Content of the small file at `path`. Raises NotFound."""
        node = self._find(path)
        if node is None or is_directory(node):
            raise NotFound("no small file stands at this path", path=path)
        return self._content(node)

    def is_group(self, path: str) -> bool:
        """Whether a group stands at `path`."""
        node = self._find(path)
        return node is not None and is_directory(node) and ARRAY_CHUNKS not in self._entries(node)

    def metadata(self, path: str) -> bytes:
        """The zarr.json of the group or array at `path`, as stored. Raises NotFound or Corrupt."""
        node = self._find(path)
        if node is None or not is_directory(node):
            raise NotFound("no group or array stands at this path", path=path)
        entries = self._entries(node)
        self._metadata(entries, path)
        return self._content(entries[METADATA])

    def _top(self) -> Node:
        raise NotImplementedError

    def _chunk(self, chunk: "ChunkId") -> bytes:
        return self.chunks.get(chunk)

    def _find(self, path: str) -> Node | None:
        node: Node | None = self._top()
        for component in split(path):
            if component.lower() in (METADATA, ARRAY_CHUNKS):
                return None
            if node is None or not is_directory(node):
                return None
            node = self._entries(node).get(component)
        return node

    def _entries(self, node: Node) -> Mapping[str, Node]:
        if isinstance(node, Directory):
            return node.entries
        assert isinstance(node, Entry)
        return self._trees.read(node.name)

    def _content(self, node: Node) -> bytes:
        if isinstance(node, bytes):
            return node
        assert isinstance(node, Entry)
        return self.objects.read_as("blob", node.name)

    def _group_entries(self, path: str) -> Mapping[str, Node]:
        node = self._find(path)
        entries = self._entries(node) if node is not None and is_directory(node) else None
        if entries is None or ARRAY_CHUNKS in entries:
            raise NotFound("no group stands at this path", path=path)
        return entries

    def _metadata(self, entries: Mapping[str, Node], path: str) -> dict[str, Any]:
        node = entries.get(METADATA)
        if node is None or is_directory(node):
            raise Corrupt("a directory of the tree has no zarr.json", path=path)
        if isinstance(node, bytes):
            written: dict[str, Any] = json.loads(node)  # by this process: canonical from birth
            return written
        kind = "array" if ARRAY_CHUNKS in entries else "group"
        assert isinstance(node, Entry)
        return self._trees.metadata(node.name, kind, path)


class StoredArray:
    """One array of a tree: metadata is read when it is asked for, chunks when values are."""

    __slots__ = ("_entries", "_loaded", "_recorded", "_view", "path")

    def __init__(self, view: TreeView, entries: Mapping[str, Node], path: str) -> None:
        self.path = path
        self._view = view
        self._entries = entries
        self._loaded: ArrayManifest | None = None
        self._recorded: dict[str, Any] | None = None

    @property
    def manifest(self) -> "ArrayManifest":
        """The parsed pair of files. Raises Corrupt naming the array."""
        if self._loaded is None:
            from mgit.store.arrays import parse_manifest  # deferred: imports numpy

            if self._entries.keys() != {METADATA, ARRAY_CHUNKS}:
                raise Corrupt("an array does not consist of its two files", path=self.path)
            metadata = self._view._content(self._entries[METADATA])
            chunks = self._view._content(self._entries[ARRAY_CHUNKS])
            try:
                self._loaded = parse_manifest(metadata, chunks)
            except Corrupt as error:
                raise Corrupt(f"{error} in array '{self.path}'") from error
        return self._loaded

    @property
    def dtype(self) -> "np.dtype":
        """Element type, little-endian."""
        return self.manifest.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return tuple(self.manifest.shape)

    @property
    def attributes(self) -> "Attributes":
        """The array's own attributes, without the content digest."""
        attributes = self._attributes()
        return {key: value for key, value in attributes.items() if key != CONTENT}

    @property
    def content(self) -> ContentDigest:
        """The recorded digest of dtype, shape and decoded bytes. Raises Corrupt if it is none."""
        try:
            return ContentDigest.parse(self._attributes()[CONTENT])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Corrupt("an array records no content digest", path=self.path) from error

    def read(self) -> "np.ndarray":
        """The whole array, C-contiguous. Raises Corrupt or NotFound."""
        from mgit.store.arrays import read_array

        return read_array(self._view._chunk, self.manifest)

    def read_rows(self, start: int, stop: int) -> "np.ndarray":
        """Rows start..stop along axis 0; reads only the chunks that hold them."""
        from mgit.store.arrays import read_rows

        return read_rows(self._view._chunk, self.manifest, start, stop)

    def _attributes(self) -> dict[str, Any]:
        if self._recorded is None:
            self._recorded = self._view._metadata(self._entries, self.path)["attributes"]
        return self._recorded


def is_directory(node: Node) -> bool:
    """Whether a node is a group or an array rather than a file."""
    return isinstance(node, Directory) or (isinstance(node, Entry) and node.is_tree)


def group_metadata(attributes: Mapping[str, Any]) -> bytes:
    """The zarr.json of a group. Raises InvalidState for floats and other non-canonical values."""
    return format_metadata({"attributes": dict(attributes), "node_type": "group", "zarr_format": 3})


def format_metadata(record: Mapping[str, Any]) -> bytes:
    """Canonical bytes of a zarr.json. Raises InvalidState naming what cannot be written."""
    try:
        return canonical_bytes(record)
    except (TypeError, ValueError) as error:
        raise InvalidState("attributes are not canonical", reason=str(error)) from error


def parse_metadata(raw: bytes, kind: str, path: str) -> dict[str, Any]:
    """A zarr.json whose node type is `kind`, parsed. Raises Corrupt unless it is canonical."""
    if len(raw) > METADATA_BYTES_MAX:
        raise Corrupt("a zarr.json is too large", path=path, bytes=len(raw))
    try:
        record = json.loads(raw)
        canonical = canonical_bytes(record) == raw and isinstance(record, dict)
    except (ValueError, TypeError, RecursionError) as error:
        raise Corrupt("a zarr.json is not canonical JSON", path=path) from error
    if not canonical:
        raise Corrupt("a zarr.json is not canonical JSON", path=path)
    if record.get("zarr_format") != 3 or record.get("node_type") != kind:
        raise Corrupt(f"a zarr.json does not describe the {kind} it belongs to", path=path)
    if not isinstance(record.get("attributes"), dict) or (kind == "group" and len(record) != 3):
        raise Corrupt("a zarr.json has other fields than the format allows", path=path)
    metadata: dict[str, Any] = record
    return metadata
