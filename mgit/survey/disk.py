"""Disk use: what each species, source and commit keeps in the store, shared and alone."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mgit.digest import ChunkId
from mgit.errors import Corrupt, NotFound
from mgit.history.graph import walk
from mgit.history.repository import Repository
from mgit.history.snapshot import Snapshot
from mgit.history.tree_diff import changed
from mgit.state.population import Population
from mgit.store.chunks import ChunkStore
from mgit.store.segment_file import SegmentFile

__all__ = ["CommitUse", "DiskUse", "Use", "arrays_below", "disk_use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Chunks that one species or source of a tree refers to.

    raw_bytes: decoded. stored_bytes: as they lie on disk. own_bytes: stored bytes of chunks that
    nothing else in the same tree refers to. absent: chunks that are not in the store.
    """

    kind: str
    name: str
    chunks: int
    raw_bytes: int
    stored_bytes: int
    own_bytes: int
    absent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitUse:
    """Chunks that one commit brought: those that none of its ancestors in the walk has."""

    commit: str
    subject: str
    chunks: int
    raw_bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """Disk use of a repository.

    nodes: species and sources of one revision. commits: of all branches and tags, latest first.
    store_bytes, git_bytes, other_bytes: files on disk. garbage_bytes: stored bytes of chunks that
    no branch, tag or stage refers to.
    """

    nodes: tuple[Use, ...]
    commits: tuple[CommitUse, ...]
    store_bytes: int
    git_bytes: int
    other_bytes: int
    garbage_bytes: int


def disk_use(repository: Repository, revision: str = "HEAD") -> DiskUse:
    """Measure a repository; reads every manifest that branches, tags and the stage reach."""
    layout = repository.layout
    nodes = _nodes(repository.snapshot(revision))
    commits, reached = _commits(repository)
    store = _directory_bytes(layout.store)
    git = _directory_bytes(layout.git)
    return DiskUse(
        nodes=nodes,
        commits=commits,
        store_bytes=store,
        git_bytes=git,
        other_bytes=_directory_bytes(layout.control) - store - git,
        garbage_bytes=_stored_total(repository.chunks) - _sizes(repository.chunks, reached)[1],
    )


def arrays_below(snapshot: Snapshot, path: str) -> Iterator[str]:
    """Paths of all arrays at or below a node, sorted within each group."""
    if snapshot.is_array(path):
        yield path
    elif snapshot.is_group(path):
        for child in snapshot.children(path):
            yield from arrays_below(snapshot, f"{path}/{child}" if path else child)


def _chunks(snapshot: Snapshot, path: str) -> set[ChunkId]:
    found = (
        chunk
        for array in arrays_below(snapshot, path)
        for _, chunk in snapshot.array(array).manifest.stored()
    )
    return set(found)


def _nodes(snapshot: Snapshot) -> tuple[Use, ...]:
    population = Population(snapshot)
    nodes = [("species", each.name, each.path) for each in population.species()]
    nodes += [("source", each.name, each.path) for each in population.sources()]
    chunks = [_chunks(snapshot, path) for _, _, path in nodes]
    holders: dict[ChunkId, int] = {}
    for each in chunks:
        for chunk in each:
            holders[chunk] = holders.get(chunk, 0) + 1
    uses = []
    for (kind, name, _), mine in zip(nodes, chunks, strict=True):
        raw, stored, absent = _sizes(snapshot.chunks, mine)
        own = _sizes(snapshot.chunks, (each for each in mine if holders[each] == 1))[1]
        uses.append(
            Use(
                kind=kind,
                name=name,
                chunks=len(mine),
                raw_bytes=raw,
                stored_bytes=stored,
                own_bytes=own,
                absent=absent,
            )
        )
    return tuple(sorted(uses, key=lambda each: (-each.stored_bytes, each.kind, each.name)))


def _commits(repository: Repository) -> tuple[tuple[CommitUse, ...], set[ChunkId]]:
    """Per commit what it brought, and every chunk that is reached."""
    starts = {repository.resolve(ref) for ref in repository.refs.all()}
    head = repository.refs.head().commit
    starts |= {head} if head is not None else set()
    order = list(walk(sorted(starts), repository.commit))
    seen: set[ChunkId] = set()
    uses = []
    for commit in reversed(order):
        parent = repository.commit(commit.parents[0]).tree if commit.parents else None
        fresh = _changed_chunks(repository, parent, commit.tree) - seen
        seen |= fresh
        raw, stored, _ = _sizes(repository.chunks, fresh)
        uses.append(
            CommitUse(
                commit=commit.id,
                subject=commit.subject,
                chunks=len(fresh),
                raw_bytes=raw,
                stored_bytes=stored,
            )
        )
    staged = repository.stage.read()
    if staged is not None:
        base = repository.commit(staged.base).tree if staged.base is not None else None
        seen |= _changed_chunks(repository, base, staged.tree)
    return tuple(reversed(uses)), seen


def _changed_chunks(repository: Repository, old: str | None, new: str) -> set[ChunkId]:
    after = Snapshot(repository.objects, repository.chunks, tree=new)
    return {
        chunk
        for change in changed(repository.objects, old, new)
        if change.what == "array" and change.kind != "removed"
        for _, chunk in after.array(change.path).manifest.stored()
    }


def _sizes(store: ChunkStore, chunks: Iterable[ChunkId]) -> tuple[int, int, int]:
    """Decoded bytes, stored bytes, and how many chunks are not there."""
    raw = stored = absent = 0
    for chunk in chunks:
        try:
            decoded, encoded = store.size(chunk)
        except NotFound:
            absent += 1
            continue
        raw, stored = raw + decoded, stored + encoded
    return raw, stored, absent


def _stored_total(store: ChunkStore) -> int:
    """Stored bytes of all different chunks in the store."""
    lengths: dict[bytes, int] = {}
    for segment in store.segments():
        try:
            footer = SegmentFile(store.catalogue.segment_path(segment)).footer(segment)
        except (Corrupt, NotFound):
            continue  # a damaged segment is the audit's business; here it counts as a file
        lengths.update((place.chunk, place.stored_length) for place in footer)
    return sum(lengths.values())


def _directory_bytes(path: str) -> int:
    """Bytes of all files below a directory."""
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            file = os.path.join(directory, name)
            if os.path.exists(file):
                total += os.path.getsize(file)
    return total
