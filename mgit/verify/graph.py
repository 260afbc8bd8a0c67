"""Level 0: every Git object that can be reached exists, hashes to its name and fits its place.

What many commits share is looked at once: a tree that was walked is not walked again. On the way
the arrays, items and species are collected for the deeper levels.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mgit.errors import Corrupt, MgitError, NotFound
from mgit.history.commits import CommitId, CommitRecord
from mgit.history.git_tree import Entry, parse_tree
from mgit.history.packfile import PackFile
from mgit.history.paths import ARRAY_CHUNKS, MAX_DEPTH, METADATA, join
from mgit.history.refs import TAG_PREFIX
from mgit.history.repository import Repository
from mgit.history.snapshot import Snapshot
from mgit.history.tags import Tag, parse_tag
from mgit.history.tree_view import TreeCache
from mgit.state.names import SOURCES, owner_of
from mgit.store.arrays import ArrayManifest, parse_manifest
from mgit.verify.damage import ANY_OBJECT, DAMAGE, DamageLedger, message_of
from mgit.verify.findings import Coverage, Finding, Level
from mgit.verify.references import Start

__all__ = ["GraphAudit", "Place"]

TREES_KEPT = 65536
REINDEX = "'git index-pack' on the pack makes its index again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was seen first. commit: None for the stage. tree: the root's Git tree."""

    commit: CommitId | None
    tree: str
    path: str

    @property
    def subject(self) -> str:
        """The path, with the commit as people write it."""
        return f"{self.path} in {self.commit[:10] if self.commit else 'the stage'}"


class GraphAudit:
    """One walk over everything reachable.

    commits: those that can be read, by id. tags: tag objects that can be read.
    arrays: manifest and place of every distinct array, by tree id. owners: place of every
    distinct item and species, by tree id.
    """

    def __init__(self, repository: Repository, ledger: DamageLedger, coverage: Coverage) -> None:
        self.commits: dict[CommitId, CommitRecord] = {}
        self.tags: dict[str, Tag] = {}
        self.arrays: dict[str, tuple[ArrayManifest, Place]] = {}
        self.owners: dict[str, Place] = {}
        self._repository = repository
        self._objects = repository.objects
        self._ledger = ledger
        self._coverage = coverage
        self._walked: set[str] = set()
        self._hashed: set[str] = set()
        self._trees = TreeCache(repository.objects, kept=TREES_KEPT)

    def snapshot(self, place: Place) -> Snapshot:
        """The tree that a place stands in."""
        repository = self._repository
        return Snapshot(repository.objects, repository.chunks, tree=place.tree, trees=self._trees)

    def children(self, tree: str) -> dict[str, str]:
        """Tree ids of the directories directly below a stored tree, by name; none if unreadable."""
        try:
            entries = self._trees.read(tree)
        except DAMAGE:
            return {}  # `walk` has reported it.
        return {name: entry.name for name, entry in entries.items() if entry.is_tree}

    def items(self, tree: str) -> Iterator[tuple[str, str]]:
        """Path and tree id of every item below a commit's tree."""
        for source, below in self.children(self.children(tree).get(SOURCES, "")).items():
            for fan, directory in self.children(self.children(below).get("items", "")).items():
                for leaf, item in self.children(directory).items():
                    yield join(SOURCES, source, "items", fan, leaf), item

    def check_packs(self) -> None:
        """Compare the checksums of all packs; where one is wrong, name the objects it damages."""
        for pack in self._objects.packs():
            path = os.path.relpath(pack.path, self._repository.layout.control)
            with self._ledger.watch(ANY_OBJECT, level=Level.GRAPH, kind="pack", subject=path):
                damage = pack.damage()
                if damage:
                    self._report_pack(pack, path, damage)

    def walk(self, starts: Iterable[Start]) -> None:
        """Follow refs, commits, trees and tags from the given objects to the end."""
        pending = list(starts)[::-1]
        while pending:
            name, origin, keys = pending.pop()
            if name in self._walked:
                continue
            self._walked.add(name)
            explained = name not in self._objects and any(
                self._ledger.blame(key, f"{origin} names {name}, which does not exist")
                for key in keys
            )
            found = self._read(name, None, where=origin, explained=explained)
            if found is None:
                continue
            kind, content = found
            if kind == "commit":
                parents = self._take_commit(name, content)
                pending += [(parent, f"commit {name[:10]}", ()) for parent in parents]
            elif kind == "tag":
                pending += self._take_tag(name, content, origin)
            elif kind == "tree":
                self._take_tree(Place(commit=None, tree=name, path=""), name)
            else:
                message = f"{origin} names a {kind} where a commit is wanted"
                self._add("object-kind", f"{kind} {name}", message, None)
        self._coverage.objects = len(self._hashed)

    def _take_commit(self, name: CommitId, content: bytes) -> tuple[CommitId, ...]:
        parents: tuple[CommitId, ...] = ()
        with self._ledger.watch(
            ("object", name), level=Level.GRAPH, kind="commit-malformed", subject=f"commit {name}"
        ):
            record = CommitRecord.parse(content)
            parents = record.parents
            self.commits[name] = record
            self._coverage.commits += 1
            place = Place(commit=name, tree=record.tree, path="")
            if record.tree not in self._walked:
                self._walked.add(record.tree)
                self._take_tree(place, record.tree)
        return parents

    def _take_tag(self, name: str, content: bytes, origin: str) -> list[Start]:
        short = origin.removeprefix(TAG_PREFIX)
        starts: list[Start] = []
        with self._ledger.watch(
            ("object", name), level=Level.GRAPH, kind="tag-malformed", subject=f"tag {name}"
        ):
            inside = short if short != origin else _own_name(content)
            self.tags[name] = tag = parse_tag(content, inside)
            starts.append((tag.commit, f"tag {inside}", ()))
        return starts

    def _take_tree(self, place: Place, tree: str) -> None:
        entries = self._entries(place, tree)
        if entries is None:
            return
        if METADATA not in entries or entries[METADATA].is_tree:
            message = "a directory of the tree has no zarr.json"
            self._add("tree-grammar", place.subject, message, place.commit)
        elif ARRAY_CHUNKS in entries:
            self._take_array(place, tree, entries)
            return
        if place.path and owner_of(place.path) == place.path:
            self.owners[tree] = place
        for name, entry in entries.items():
            below = Place(commit=place.commit, tree=place.tree, path=join(place.path, name))
            if not entry.is_tree:
                self._take_file(below, entry.name)
            elif entry.name not in self._walked:
                self._walked.add(entry.name)
                self._take_tree(below, entry.name)

    def _entries(self, place: Place, tree: str) -> Mapping[str, Entry] | None:
        found = self._read(tree, "tree", where=place.subject or "the root")
        if found is None:
            return None
        entries = None
        with self._ledger.watch(
            ("object", tree),
            level=Level.GRAPH,
            kind="tree-grammar",
            subject=place.subject,
        ):
            if place.path.count("/") >= MAX_DEPTH:
                raise Corrupt("a tree is deeper than any that mgit writes", tree=tree)
            entries = parse_tree(found[1], tree)
        return entries

    def _take_file(self, place: Place, name: str) -> None:
        if name in self._hashed:
            return
        found = self._read(name, "blob", where=place.subject)
        if found is None or not place.path.endswith(METADATA):
            return
        with self._ledger.watch(
            ("object", name), level=Level.GRAPH, kind="metadata", subject=place.subject
        ):
            self._trees.metadata(name, "group", place.path)

    def _take_array(self, place: Place, tree: str, entries: Mapping[str, Entry]) -> None:
        names = (METADATA, ARRAY_CHUNKS)
        if set(entries) != set(names) or any(entry.is_tree for entry in entries.values()):
            message = "an array does not consist of its two files"
            self._add("tree-grammar", place.subject, message, place.commit)
            return
        files = [self._read(entries[name].name, "blob", where=place.subject) for name in names]
        if files[0] is None or files[1] is None:
            return
        with self._ledger.watch(
            ("path", place.path), level=Level.PRESENCE, kind="array-manifest", subject=place.subject
        ):
            manifest = parse_manifest(files[0][1], files[1][1])
            self._trees.keep_metadata(entries[METADATA].name, manifest.metadata)
            self.arrays[tree] = (manifest, place)
            self._coverage.arrays += 1

    def _read(
        self, name: str, kind: str | None, *, where: str, explained: bool = False
    ) -> tuple[str, bytes] | None:
        """Kind and content of an object, None if it is damaged: then the ledger knows.

        explained: its absence is a consequence that was recorded already.
        """
        try:
            found = self._objects.read(name)
        except DAMAGE as error:
            if not explained and not self._ledger.explain(error, where):
                absent = isinstance(error, NotFound)
                finding = Finding(
                    level=Level.GRAPH,
                    kind="object-missing" if absent else "git-object",
                    subject=f"{kind or 'object'} {name}",
                    message=f"{_plain(error)}; {where} needs it",
                )
                self._ledger.add(finding, ("object", name))
            return None
        self._hashed.add(name)
        if kind is not None and found[0] != kind:
            message = f"{where} needs a {kind} and finds a {found[0]}"
            self._add("object-kind", f"{found[0]} {name}", message, None, key=name)
            return None
        return found

    def _report_pack(self, pack: PackFile, path: str, damage: Mapping[str, str]) -> None:
        """Name the objects that are damaged; else the pack, or the index that hides them."""
        objects = self._damaged_objects(pack)
        if "index" in damage:
            finding = Finding(
                level=Level.GRAPH,
                kind="pack-index",
                subject=f"{path}.idx",
                message=damage["index"],
                hint=REINDEX,
            )
            self._ledger.add(finding, ANY_OBJECT, *(("object", name) for name in objects))
        elif not objects:
            finding = Finding(
                level=Level.GRAPH, kind="pack", subject=f"{path}.pack", message=damage["pack"]
            )
            self._ledger.add(finding)
        else:
            for name, message in objects.items():
                finding = Finding(
                    level=Level.GRAPH,
                    kind="git-object",
                    subject=f"object {name}",
                    message=f"{message}, in {path}.pack",
                )
                self._ledger.add(finding, ("object", name))

    def _damaged_objects(self, pack: PackFile) -> dict[str, str]:
        """What is wrong with each object that the index lists, as far as it can be read."""
        found: dict[str, str] = {}
        try:
            for name in pack.with_prefix(""):
                try:
                    self._objects.read(name)
                except DAMAGE as error:
                    found[name] = _plain(error)
        except DAMAGE:
            return {}
        return found

    def _add(
        self, kind: str, subject: str, message: str, commit: str | None, *, key: str | None = None
    ) -> None:
        finding = Finding(
            level=Level.GRAPH, kind=kind, subject=subject, message=message, commit=commit
        )
        keys = [("object", key)] if key else []
        self._ledger.add(finding, *keys)


def _plain(error: BaseException) -> str:
    """What an error says without the names that the finding has already."""
    return error.message if isinstance(error, MgitError) else message_of(error)


def _own_name(tag: bytes) -> str:
    """The name that a tag object has inside, for a tag that only the operation log remembers."""
    lines = tag.partition(b"\n\n")[0].split(b"\n")
    names = [line[4:] for line in lines if line.startswith(b"tag ")]
    return names[0].decode("utf-8", "replace") if names else ""
