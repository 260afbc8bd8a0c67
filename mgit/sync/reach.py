"""What some tips reach beyond what is known: objects, chunks, and that nothing of it is missing.

The same walk plans a push, tells a fetch what to ask for and is the receiver's check of
connectivity. Nothing is believed on the way: hashes, the grammar of trees, manifests, roots.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from mgit.digest import ChunkId, RootDigest
from mgit.errors import Corrupt, NotFound
from mgit.history.commits import CommitId, CommitRecord, is_object_id, object_id
from mgit.history.git_tree import Entry
from mgit.history.graph import ancestors
from mgit.history.merkle import DigestMemo, root_digest, tree_digest
from mgit.history.objects import GitObjects, ObjectReader
from mgit.history.packfile import PackFile
from mgit.history.paths import ARRAY_CHUNKS, MAX_DEPTH, METADATA, join
from mgit.history.refs import TAG_PREFIX
from mgit.history.tags import parse_tag
from mgit.history.tree_view import TreeCache
from mgit.store.manifest import parse_manifest

__all__ = ["JoinedObjects", "Reach", "known_commits", "reach"]


class JoinedObjects(ObjectReader):
    """Stored objects together with those of packs that are not linked in yet."""

    __slots__ = ("_packs", "_stored")

    def __init__(self, stored: GitObjects, packs: Iterable[PackFile]) -> None:
        self._stored = stored
        self._packs = tuple(packs)

    def read(self, name: str) -> tuple[str, bytes]:
        """Kind and content of an object, checked against its id. Raises NotFound or Corrupt."""
        if is_object_id(name):
            for pack in self._packs:
                offset = pack.find(bytes.fromhex(name))
                if offset is not None:
                    found = pack.read(offset)
                    if object_id(*found) != name:
                        raise Corrupt("a Git object does not have its SHA-1", object=name)
                    return found
        return self._stored.read(name)


@dataclass(slots=True)
class Reach:
    """What is reached. commits, objects: ids, each once. chunks: with the path that needs each."""

    commits: list[CommitId] = field(default_factory=list)
    objects: dict[str, None] = field(default_factory=dict)
    chunks: dict[ChunkId, str] = field(default_factory=dict)


def known_commits(
    values: Iterable[str], objects: ObjectReader, read: Callable[[CommitId], CommitRecord]
) -> set[CommitId]:
    """Every commit that refs with these values reach, as far as this side has their history."""
    known: set[CommitId] = set()
    for value in values:
        try:
            found = _peel(value, objects, {})
            if found not in known:
                known |= ancestors(found, read)
        except NotFound:
            continue  # The other side has news; what it has beyond is not known here.
    return known


def reach(
    objects: ObjectReader,
    tips: Mapping[str, str],
    *,
    known: Collection[CommitId],
    memo: DigestMemo | None = None,
) -> Reach:
    """Everything that `tips` (ref name -> object id) reach and commits of `known` do not.

    known: commits that the other side has with everything they reach; `objects` can read them.
    memo: roots of trees that were computed before.

    Raises NotFound if something is missing, Corrupt if anything is not what the format allows or
    a commit's `Mgit-Root` is not that of its tree and parents.
    """
    walk = _Walk(objects, known, memo or _RootMemo())
    for ref, value in tips.items():
        walk.take(ref, value)
    walk.trees()
    return walk.found


class _Walk:
    """One walk; every object is looked at once."""

    def __init__(
        self, objects: ObjectReader, known: Collection[CommitId], memo: DigestMemo
    ) -> None:
        self.found = Reach()
        self._objects = objects
        self._known = known
        self._trees = TreeCache(objects)
        self._records: dict[CommitId, CommitRecord] = {}
        self._roots: dict[CommitId, RootDigest] = {}
        self._memo = memo

    def take(self, ref: str, value: str) -> None:
        """Follow one ref to its commit, and that commit's history."""
        if ref.startswith(TAG_PREFIX):
            kind, content = self._objects.read(value)
            if kind == "tag":
                parse_tag(content, ref.removeprefix(TAG_PREFIX))
        pending = [_peel(value, self._objects, self.found.objects)]
        while pending:
            name = pending.pop()
            if name in self._known or name in self._records:
                continue
            record = self._record(name)
            self.found.objects[name] = None
            pending += record.parents

    def trees(self) -> None:
        """Walk the trees of the new commits, parents before children, and check their roots."""
        self.found.commits = _parents_first(self._records)
        for name in self.found.commits:
            record = self._records[name]
            parents = [self._trees.read(self._read(parent).tree) for parent in record.parents]
            self._tree(record.tree, parents, "")
            self._check_root(record)

    def _tree(self, tree: str, others: list[Mapping[str, Entry]], path: str) -> None:
        """Take a tree, without what one of the parents has at the same place."""
        if tree in self.found.objects:
            return
        if path.count("/") >= MAX_DEPTH:
            raise Corrupt("a tree is deeper than any that mgit writes", tree=tree)
        entries = self._trees.read(tree)
        self.found.objects[tree] = None
        metadata = entries.get(METADATA)
        if metadata is None or metadata.is_tree:
            raise Corrupt("a directory of the tree has no zarr.json", path=path)
        if ARRAY_CHUNKS in entries:
            self._array(entries, path)
            return
        self._trees.metadata(metadata.name, "group", path)
        for name, entry in entries.items():
            if any(other.get(name) == entry for other in others):
                continue
            if entry.is_tree:
                below = [
                    self._trees.read(other[name].name)
                    for other in others
                    if name in other and other[name].is_tree
                ]
                self._tree(entry.name, below, join(path, name))
            elif entry.name not in self.found.objects:
                self._objects.read_as("blob", entry.name)
                self.found.objects[entry.name] = None

    def _array(self, entries: Mapping[str, Entry], path: str) -> None:
        if set(entries) != {METADATA, ARRAY_CHUNKS} or entries[ARRAY_CHUNKS].is_tree:
            raise Corrupt("an array does not consist of its two files", path=path)
        names = [entries[name].name for name in (METADATA, ARRAY_CHUNKS)]
        manifest = parse_manifest(*(self._objects.read_as("blob", name) for name in names))
        self.found.objects.update(dict.fromkeys(names))
        for _, chunk in manifest.stored():
            self.found.chunks.setdefault(chunk, path)

    def _check_root(self, record: CommitRecord) -> None:
        parents = [self._root_of(parent) for parent in record.parents]
        whole = [parent for parent in parents if parent is not None]
        if len(whole) < len(parents):
            return  # A known parent was made by another program, and it claims nothing.
        tree = tree_digest(self._objects, record.tree, cache=self._memo)
        root = self._roots[record.id] = root_digest(tree, whole)
        if record.root and str(root) != record.root:
            raise Corrupt(
                "the trailer Mgit-Root is not that of the commit's tree and parents",
                commit=record.id,
            )

    def _root_of(self, commit: CommitId) -> RootDigest | None:
        """Root of a parent: computed by this walk, else as a known commit records it."""
        if commit not in self._roots and commit not in self._records:
            recorded = self._read(commit).root
            if recorded:
                self._roots[commit] = RootDigest.parse(recorded)
        return self._roots.get(commit)

    def _record(self, name: CommitId) -> CommitRecord:
        record = self._records[name] = self._read(name)
        return record

    def _read(self, name: CommitId) -> CommitRecord:
        if name in self._records:
            return self._records[name]
        return CommitRecord.parse(self._objects.read_as("commit", name))


class _Table:
    """Digests by tree id, in memory."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def get(self, tree: str) -> bytes | None:
        """What was put, or None."""
        return self._values.get(tree)

    def put(self, tree: str, value: bytes) -> None:
        """Remember a value."""
        self._values[tree] = value


class _RootMemo:
    """Roots of trees that one walk computes itself."""

    def __init__(self) -> None:
        self.roots = _Table()
        self.states = _Table()


def _parents_first(records: Mapping[CommitId, CommitRecord]) -> list[CommitId]:
    """The commits such that every parent comes before its children; without recursion."""
    done: dict[CommitId, None] = {}
    for start in records:
        pending = [start]
        while pending:
            name = pending[-1]
            waiting = [each for each in records[name].parents if each in records]
            waiting = [each for each in waiting if each not in done]
            if waiting and name not in done:
                pending += waiting
            else:
                done.setdefault(name)
                pending.pop()
    return list(done)


def _peel(value: str, objects: ObjectReader, seen: dict[str, None]) -> CommitId:
    """The commit that a ref's value leads to; tag objects on the way go to `seen`."""
    kind, content = objects.read(value)
    if kind == "commit":
        return value
    if kind != "tag":
        raise Corrupt(f"a ref names a {kind} where a commit is wanted", object=value)
    seen[value] = None
    first = content.partition(b"\n")[0].decode("ascii", "replace").removeprefix("object ")
    if not is_object_id(first):
        raise Corrupt("a tag names no object", tag=value)
    if objects.read(first)[0] != "commit":
        raise Corrupt("a tag leads to something else than a commit", tag=value)
    return first
