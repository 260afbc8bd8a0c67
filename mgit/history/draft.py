"""A tree being changed: copy-on-write over a commit's tree, written as Git objects at the end."""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from mgit.digest import ContentDigest
from mgit.errors import InvalidState, NotFound
from mgit.history.commits import object_id
from mgit.history.git_tree import Entry, format_tree
from mgit.history.objects import GitObjects, PendingObjects
from mgit.history.paths import ARRAY_CHUNKS, METADATA, check_path, join
from mgit.history.snapshot import Snapshot
from mgit.history.tree_diff import changed
from mgit.history.tree_view import (
    CONTENT,
    Directory,
    Node,
    TreeCache,
    TreeView,
    Written,
    format_metadata,
    group_metadata,
    is_directory,
)

if TYPE_CHECKING:
    import numpy as np

    from mgit.digest import ChunkId
    from mgit.state.protocol import Attributes, Layout, Reader
    from mgit.store.chunks import ChunkStore, ChunkWriter

__all__ = ["Draft"]

GitObject = tuple[str, bytes]
"""Kind and content of a Git object."""


class Draft(TreeView):
    """The Writer protocol over a base snapshot (or nothing).

    Chunks go to `writer` at once; the tree itself stays in memory until `write`. Only directories
    on changed paths are copied, so a change costs what it touches and not what the tree holds.
    """

    def __init__(
        self,
        objects: GitObjects,
        chunks: "ChunkStore",
        *,
        writer: "ChunkWriter",
        base: Snapshot | None = None,
    ) -> None:
        trees = base._trees if base is not None else TreeCache(objects)
        super().__init__(objects, chunks, trees=trees)
        self.base = base
        self._writer = writer
        self._writer_lock = Lock()
        self._root: Node = _new_group({}) if base is None else base._top()

    def set_attributes(self, path: str, attributes: "Attributes") -> None:
        """Create the group at `path` (and its parents) or replace a node's attributes entirely.

        An array keeps its values. Raises InvalidState if a small file stands at `path`, or for
        floats: physical scalars are decimal strings.
        """
        _refuse_reserved(attributes)
        node = self._find(path)
        if node is not None and not is_directory(node):
            raise InvalidState("a small file stands where a group is wanted", path=path)
        if node is not None and ARRAY_CHUNKS in self._entries(node):
            record = self._metadata(self._entries(node), path)
            kept = {CONTENT: record["attributes"][CONTENT]}
            metadata = format_metadata({**record, "attributes": {**attributes, **kept}})
        else:
            metadata = group_metadata(attributes)
        if path == "":
            directory = self._own_root()
        else:
            parent, name = self._own_parent(path)
            directory = self._own(parent, name)
        directory.entries[METADATA] = metadata

    def set_array(
        self,
        path: str,
        values: "np.ndarray",
        *,
        attributes: "Attributes | None" = None,
        layout: "Layout" = "table",
    ) -> ContentDigest:
        """Create or replace the array at `path`; parents become groups where absent.

        Raises InvalidState if a group or a small file stands there: remove it first.
        """
        from mgit.store.arrays import write_array  # deferred: imports numpy

        _refuse_reserved(attributes or {})
        node = self._check_parent(path)
        if node is not None and not (is_directory(node) and ARRAY_CHUNKS in self._entries(node)):
            raise InvalidState("another kind of node stands where an array is wanted", path=path)
        manifest = write_array(self._writer, values, layout=layout, attributes=attributes or {})
        parent, name = self._own_checked(path)
        files: dict[str, Node] = {METADATA: manifest.zarr_json, ARRAY_CHUNKS: manifest.chunks}
        # The array that stood here is not read: `_store` sees from the tree's id if it is the same.
        parent.entries[name] = Directory(files, {})
        return manifest.content

    def set_blob(self, path: str, content: bytes) -> None:
        """Create or replace a small file. Raises InvalidState if a node stands there."""
        node = self._find(path)
        if node is not None and is_directory(node):
            raise InvalidState("a group or an array stands where a small file is wanted", path=path)
        parent, name = self._own_parent(path)
        parent.entries[name] = bytes(content)

    def remove(self, path: str) -> None:
        """Remove a group with everything below it, an array or a blob. Raises NotFound."""
        check_path(path)
        if self._find(path) is None:
            raise NotFound("nothing stands at this path", path=path)
        parent, name = self._own_parent(path)
        del parent.entries[name]

    def take(self, path: str, source: "Reader", source_path: str) -> None:
        """Replace what stands at `path` by a subtree of another tree of the same repository.

        Nothing is read or copied but names: the stored objects are shared. Raises NotFound, and
        InvalidState if the trees do not share their storage.
        """
        if not isinstance(source, TreeView) or source.objects.git_dir != self.objects.git_dir:
            raise InvalidState("a subtree can only be taken from a tree of the same repository")
        if isinstance(source, Draft) and source._writer is not self._writer:
            raise InvalidState("a subtree of another transaction's draft cannot be taken")
        node = source._find(source_path)
        if node is None:
            raise NotFound("nothing stands at the path to take", path=source_path)
        copy = _duplicate(node)
        if path:
            parent, name = self._own_parent(path)
            parent.entries[name] = copy
        elif is_directory(copy) and ARRAY_CHUNKS not in self._entries(copy):
            self._root = copy
        else:
            raise InvalidState("only a group can become the root of a tree", path=source_path)

    def write(self) -> tuple[str, list[GitObject]]:
        """Id of the root's Git tree, and the objects that the base does not hold, children first.

        The draft stays usable. A tree that was not changed has the base's id and no objects.
        """
        tree, new = self.pending()
        return tree, list(new.values())

    def pending(self) -> tuple[str, dict[str, GitObject]]:
        """As `write`, the objects by their ids, in the same order."""
        new: dict[str, GitObject] = {}
        return self._store(self._root, new), new

    def objects_with(self, new: dict[str, GitObject]) -> PendingObjects:
        """The stored objects together with those of `pending`, whose trees need no parsing."""
        trees: dict[str, Mapping[str, Entry]] = {}
        self._collect(self._root, trees)
        return PendingObjects(self.objects, new, trees=trees)

    def _collect(self, node: Node, trees: dict[str, Mapping[str, Entry]]) -> None:
        if isinstance(node, Directory) and node.written is not None:
            trees[node.written.tree] = node.written.entries
            for child in node.entries.values():
                self._collect(child, trees)

    def changed_paths(self) -> tuple[str, ...]:
        """Paths of arrays, groups' attributes and small files that differ from the base, sorted."""
        tree, new = self.pending()
        base = self.base.tree if self.base is not None else None
        found = changed(self.objects_with(new), base, tree)
        return tuple(change.path for change in found)

    def touched_paths(self) -> tuple[str, ...]:
        """Paths at which something may differ from the base, groups included; reads nothing stored.

        Every changed path is one of these, or lies below one that was taken or removed whole.
        """
        tree, _ = self.pending()
        if self.base is not None and tree == self.base.tree:
            return ()
        root = self._root
        if not isinstance(root, Directory) or root.written is None:
            return ("",)
        own = () if root.written.entries[METADATA] == root.base.get(METADATA) else ("",)
        return (*own, *sorted(_touched(root, "")))

    def _top(self) -> Node:
        return self._root

    def _chunk(self, chunk: "ChunkId") -> bytes:
        if chunk not in self.chunks:
            with self._writer_lock:  # An array is read by several threads, a writer serves one.
                pending = self._writer.get(chunk)
            if pending is not None:
                return pending
        return self.chunks.get(chunk)

    def _check_parent(self, path: str) -> Node | None:
        """What stands at `path`. Refuses a path at which nothing can be written.

        Nothing has changed by then, so that a refusal leaves no empty parents.
        """
        node: Node | None = self._root
        for component in check_path(path):
            if node is None:
                return None
            entries = self._entries(node) if is_directory(node) else None
            if entries is None or ARRAY_CHUNKS in entries:
                raise InvalidState("a parent of this path is not a group", path=path)
            node = entries.get(component)
            if node is None:
                _refuse_fold(entries, component, path)
        return node

    def _own_parent(self, path: str) -> tuple[Directory, str]:
        self._check_parent(path)
        return self._own_checked(path)

    def _own_checked(self, path: str) -> tuple[Directory, str]:
        *parents, name = check_path(path)
        directory = self._own_root()
        for component in parents:
            directory = self._own(directory, component)
        return directory, name

    def _own_root(self) -> Directory:
        self._root = root = self._owned(self._root)
        root.written = None
        return root

    def _own(self, directory: Directory, name: str) -> Directory:
        node = directory.entries.get(name)
        child = (
            _new_group(self._stored_entries(directory, name)) if node is None else self._owned(node)
        )
        child.written = None
        directory.entries[name] = child
        return child

    def _owned(self, node: Node) -> Directory:
        if isinstance(node, Directory):
            return node
        assert isinstance(node, Entry)
        base = self._trees.read(node.name)
        return Directory(dict(base), base)

    def _stored_entries(self, directory: Directory, name: str) -> Mapping[str, Entry]:
        stored = directory.base.get(name)
        return self._trees.read(stored.name) if stored is not None and stored.is_tree else {}

    def _store(self, node: Node, new: dict[str, GitObject], *, known: str | None = None) -> str:
        """Tree id of a node, its new objects into `new`. known: what stands there in the base."""
        if isinstance(node, Entry):
            return node.name
        assert isinstance(node, Directory)
        entries: dict[str, Entry] = {}
        for name, child in node.entries.items():
            if isinstance(child, Directory):
                base = node.base.get(name)
                tree = self._store(child, new, known=base.name if base is not None else None)
                entries[name] = Entry(is_tree=True, name=tree)
            elif isinstance(child, Entry):
                entries[name] = child
        if node.written is None:
            node.written = _written(node, entries)
        if node.written.tree != known:
            for name, found in node.written.objects:
                new.setdefault(name, found)
        return node.written.tree


def _written(node: Directory, entries: dict[str, Entry]) -> Written:
    objects: list[tuple[str, GitObject]] = []
    for name, child in node.entries.items():
        if isinstance(child, bytes):
            entry = entries[name] = Entry(is_tree=False, name=object_id("blob", child))
            if entry != node.base.get(name):
                objects.append((entry.name, ("blob", child)))
    raw = format_tree(entries)
    tree = object_id("tree", raw)
    if entries != node.base:
        objects.append((tree, ("tree", raw)))
    return Written(tree, entries, tuple(objects))


def _touched(directory: Directory, path: str) -> Iterator[str]:
    stored = directory.base
    entries = directory.written.entries if directory.written is not None else {}
    for name, entry in entries.items():
        if name == METADATA or entry == stored.get(name):
            continue  # a group's attributes changed: the group's own path was given already
        below = join(path, name)
        yield below
        child = directory.entries[name]
        if isinstance(child, Directory) and ARRAY_CHUNKS not in child.entries:
            yield from _touched(child, below)
    yield from (join(path, name) for name in stored if name not in entries)


def _new_group(base: Mapping[str, Entry]) -> Directory:
    return Directory({METADATA: group_metadata({})}, base)


def _duplicate(node: Node) -> Node:
    if not isinstance(node, Directory):
        return node
    return Directory({name: _duplicate(child) for name, child in node.entries.items()}, node.base)


def _refuse_reserved(attributes: "Attributes") -> None:
    if CONTENT in attributes:
        raise InvalidState("the attribute 'content' is written by the tree itself")


def _refuse_fold(entries: Mapping[str, Node], name: str, path: str) -> None:
    folded = name.lower()
    for other in entries:
        if other.lower() == folded:
            raise InvalidState("two names differ in case only", path=path, other=other)
