"""Inverting one commit, and bringing single paths back from another one.

Both edit a draft; the caller commits or stages it. Detecting is path by path, as in a merge.
"""

from collections.abc import Iterable

from mgit.errors import InvalidState, MergeConflict, NotFound
from mgit.history.draft import Draft
from mgit.history.repository import Repository
from mgit.history.snapshot import Snapshot
from mgit.history.transaction import PROVENANCE
from mgit.history.tree_diff import Change, changed
from mgit.state.names import SOURCES, SPECIES, owner_of

__all__ = ["restore", "revert"]

CONFLICTS_SHOWN_MAX = 5


def revert(repository: Repository, revision: str, draft: Draft) -> tuple[str, ...]:
    """Take back in `draft` what the commit `revision` changed against its first parent.

    draft: of a transaction whose parent has that commit among its ancestors. Returns the paths.

    Raises MergeConflict, naming them, if paths were changed again since; InvalidState for the
    first commit and for merges, whose inverse would be ambiguous.
    """
    commit = repository.commit(revision)
    if len(commit.parents) != 1:
        raise InvalidState(
            f"commit {commit.id[:12]} has {len(commit.parents)} parents, so it has no one inverse",
            hint="'mgit restore PATH --from REV' brings single paths back",
        )
    before = repository.snapshot(commit.parents[0])
    changes = [
        change
        for change in changed(repository.objects, before.tree, commit.tree)
        if change.path != PROVENANCE
    ]
    base = draft.base.tree if draft.base is not None else None
    conflicts = _touched_again(changes, changed(repository.objects, commit.tree, base))
    if conflicts:
        raise _conflict(conflicts, (before, repository.snapshot(commit.id)))
    # Children go before their parents and come back after them.
    for change in reversed(changes):
        if change.kind == "added" and draft.exists(change.path):
            draft.remove(change.path)
    for change in changes:
        if change.kind != "added" and change.what == "group":
            draft.set_attributes(change.path, before.attributes(change.path))
        elif change.kind != "added":
            draft.take(change.path, before, change.path)
    return tuple(sorted({change.path for change in changes}))


def restore(draft: Draft, source: Snapshot, paths: Iterable[str]) -> None:
    """Make each of `paths` in `draft` what it is in `source`, with everything below it.

    A path that `source` does not have is removed. Raises NotFound if neither has it.
    """
    for path in paths:
        if source.exists(path):
            draft.take(path, source, path)
        elif draft.exists(path):
            draft.remove(path)
        else:
            raise NotFound(f"nothing stands at '{path}' here or there")


def _touched_again(changes: list[Change], since: list[Change]) -> set[str]:
    """Paths of `changes` that cannot be taken back, for they were changed since."""
    touched = {each.path for each in since}
    removed = {each.path for each in since if each.kind == "removed"}
    # Removing a group that the commit added would take along what was put below it since.
    parents = {parent for path in touched for parent in _parents(path)}
    return {
        change.path
        for change in changes
        if change.path in touched
        or (change.kind == "added" and change.what == "group" and change.path in parents)
        or not removed.isdisjoint(_parents(change.path))
    }


def _conflict(paths: set[str], trees: Iterable[Snapshot]) -> MergeConflict:
    holders = tuple(trees)
    names = sorted({_spelled(path, holders) for path in paths} - {SOURCES, SPECIES})
    shown = ", ".join(names[:CONFLICTS_SHOWN_MAX])
    more = len(names) - CONFLICTS_SHOWN_MAX
    return MergeConflict(
        f"paths were changed again since that commit: {shown}"
        + (f" and {more} more" if more > 0 else ""),
        hint="revert the later commits first, or 'mgit restore' single paths",
    )


def _spelled(path: str, trees: tuple[Snapshot, ...]) -> str:
    """The species, series or source that a path belongs to, by name, as people write paths."""
    parts = path.split("/")
    if parts[0] not in (SOURCES, SPECIES) or len(parts) < 2:
        return path
    owner = owner_of(path)
    nodes = ["/".join(parts[:2])] if owner is None else sorted({"/".join(parts[:2]), owner})
    names = []
    for node in nodes:
        tree = next((each for each in trees if each.exists(node)), None)
        name = tree.attributes(node).get("name") if tree is not None else None
        names.append(str(name or node.rpartition("/")[2]))
    return "/items/".join([f"{parts[0]}/{names[0]}", *names[1:]])


def _parents(path: str) -> set[str]:
    components = path.split("/")
    return {"/".join(components[:length]) for length in range(1, len(components))}
