"""The commit graph: order, ancestry and common ancestors (docs/format/history.md, section 6).

Pure functions over a `read` callable that gives the commit of an id. On the start-up path.
"""

import heapq

from mgit.errors import NotFound

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mgit.history.commits import CommitId, CommitRecord
    from mgit.history.objects import GitObjects

__all__ = ["ancestors", "changes_path", "entry_at", "is_ancestor", "merge_bases", "walk"]

_HASH_BYTES = 20


def walk(
    starts: "Iterable[CommitId]", read: "Callable[[CommitId], CommitRecord]"
) -> "Iterator[CommitRecord]":
    """Commits reachable from `starts`, children before parents, otherwise the latest first.

    Clocks of contributors differ, so the date only orders commits that are not related. Ties go
    to the smaller id, and the order is the same on every machine.
    """
    commits = {commit.id: commit for commit in _reachable(starts, read)}
    waiting = dict.fromkeys(commits, 0)
    for commit in commits.values():
        for parent in set(commit.parents):
            waiting[parent] += 1
    ready = [_key(commit) for commit in commits.values() if waiting[commit.id] == 0]
    heapq.heapify(ready)
    while ready:
        commit = commits[heapq.heappop(ready)[1]]
        yield commit
        for parent in set(commit.parents):
            waiting[parent] -= 1
            if waiting[parent] == 0:
                heapq.heappush(ready, _key(commits[parent]))


def ancestors(start: "CommitId", read: "Callable[[CommitId], CommitRecord]") -> "set[CommitId]":
    """Ids of `start` and of everything it descends from."""
    return {commit.id for commit in _reachable([start], read)}


def is_ancestor(
    old: "CommitId", new: "CommitId", read: "Callable[[CommitId], CommitRecord]"
) -> bool:
    """Whether `new` is `old` or descends from it."""
    return any(commit.id == old for commit in _reachable([new], read))


def merge_bases(
    a: "CommitId", b: "CommitId", read: "Callable[[CommitId], CommitRecord]"
) -> "tuple[CommitId, ...]":
    """The best common ancestors of two commits: those that no other common ancestor descends from.

    The latest first; empty for unrelated histories; several after criss-cross merges.
    """
    common = ancestors(a, read) & ancestors(b, read)
    # Every parent of a common ancestor is common too, and is never best.
    records = [read(commit) for commit in common]
    older = {parent for commit in records for parent in commit.parents}
    best = [_key(commit) for commit in records if commit.id not in older]
    return tuple(commit for _, commit in sorted(best))


def changes_path(
    commit: "CommitRecord",
    path: str,
    *,
    objects: "GitObjects",
    read: "Callable[[CommitId], CommitRecord]",
) -> bool:
    """Whether what stands at `path` differs from every parent's (for a first commit: exists)."""
    here = entry_at(objects, commit.tree, path)
    if not commit.parents:
        return here is not None
    return all(entry_at(objects, read(parent).tree, path) != here for parent in commit.parents)


def entry_at(objects: "GitObjects", tree: str, path: str) -> "str | None":
    """Id of the Git tree or blob at `path` below a tree, None if there is nothing.

    '' is the tree itself. Raises Corrupt if a tree cannot be read.
    """
    name = tree
    for component in path.split("/") if path else ():
        kind, content = objects.read(name)
        found = _child(content, component) if kind == "tree" else None
        if found is None:
            return None
        name = found
    return name


def _child(tree: bytes, component: str) -> "str | None":
    position = 0
    wanted = component.encode()
    while position < len(tree):
        end = tree.index(b"\0", position)
        if tree[position:end].partition(b" ")[2] == wanted:
            return tree[end + 1 : end + 1 + _HASH_BYTES].hex()
        position = end + 1 + _HASH_BYTES
    return None


def _reachable(
    starts: "Iterable[CommitId]", read: "Callable[[CommitId], CommitRecord]"
) -> "Iterator[CommitRecord]":
    pending = list(starts)
    seen = set(pending)
    while pending:
        name = pending.pop()
        try:
            commit = read(name)
        except NotFound as error:
            raise NotFound("a commit of the history is missing", commit=name) from error
        yield commit
        for parent in commit.parents:
            if parent not in seen:
                seen.add(parent)
                pending.append(parent)


def _key(commit: "CommitRecord") -> "tuple[int, str]":
    return -commit.committer_time, commit.id
