"""What differs between two trees: arrays, attributes of groups and small files, by path.

Equal subtrees have equal Git ids and are never read, so the cost follows the difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mgit.errors import Corrupt
from mgit.history.git_tree import Entry
from mgit.history.objects import ObjectReader
from mgit.history.paths import ARRAY_CHUNKS, MAX_DEPTH, METADATA, join

__all__ = ["Change", "Touched", "changed", "touched"]

Kind = Literal["added", "removed", "changed"]
What = Literal["array", "group", "blob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference: what stands at `path` was added, removed or changed.

    'group' means the group itself: that it exists, and its attributes.
    """

    path: str
    kind: Kind
    what: What


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Paths of items, species and sources below which, or at which, two trees differ, sorted."""

    items: tuple[str, ...]
    species: tuple[str, ...]
    sources: tuple[str, ...]


def changed(objects: ObjectReader, old: str | None, new: str | None) -> list[Change]:
    """Differences from tree `old` to tree `new` (ids; None is the absent tree), sorted by path.

    An array that differs in metadata or chunks is one change at the array's path. A node that
    turned into another kind is removed and added. Raises NotFound or Corrupt.
    """
    before = Entry(is_tree=True, name=old) if old is not None else None
    after = Entry(is_tree=True, name=new) if new is not None else None
    changes = _compare(objects, "", before, after)
    return sorted(changes, key=lambda change: (change.path, change.kind != "removed"))


def touched(objects: ObjectReader, old: str | None, new: str | None) -> Touched:
    """Which items, species and sources differ between two trees.

    A source is touched when one of its items, its attributes or its documents differ.
    """
    items: set[str] = set()
    species: set[str] = set()
    sources: set[str] = set()
    for change in changed(objects, old, new):
        parts = change.path.split("/")
        if parts[0] == "species" and len(parts) > 1:
            species.add(join(*parts[:2]))
        if parts[0] == "sources" and len(parts) > 1:
            sources.add(join(*parts[:2]))
            if len(parts) > 4 and parts[2] == "items":
                items.add(join(*parts[:5]))
    return Touched(
        items=tuple(sorted(items)), species=tuple(sorted(species)), sources=tuple(sorted(sources))
    )


def _compare(
    objects: ObjectReader, path: str, old: Entry | None, new: Entry | None
) -> Iterator[Change]:
    if old == new:
        return
    if path.count("/") >= MAX_DEPTH:
        raise Corrupt("a tree is deeper than any that mgit writes", path=path)
    before = _entries(objects, old)
    after = _entries(objects, new)
    old_kind, new_kind = _what(old, before), _what(new, after)
    if old_kind == new_kind == "group":
        if (before or {}).get(METADATA) != (after or {}).get(METADATA):
            yield Change(path=path, kind="changed", what="group")
        yield from _compare_below(objects, path, before or {}, after or {})
        return
    if old_kind is not None and old_kind == new_kind:
        yield Change(path=path, kind="changed", what=old_kind)
        return
    if old_kind is not None:
        yield Change(path=path, kind="removed", what=old_kind)
        if old_kind == "group":
            yield from _compare_below(objects, path, before or {}, {})
    if new_kind is not None:
        yield Change(path=path, kind="added", what=new_kind)
        if new_kind == "group":
            yield from _compare_below(objects, path, {}, after or {})


def _compare_below(
    objects: ObjectReader, path: str, before: Mapping[str, Entry], after: Mapping[str, Entry]
) -> Iterator[Change]:
    for name in sorted((before.keys() | after.keys()) - {METADATA}):
        yield from _compare(objects, join(path, name), before.get(name), after.get(name))


def _what(entry: Entry | None, entries: Mapping[str, Entry] | None) -> What | None:
    if entry is None:
        return None
    if entries is None:
        return "blob"
    return "array" if ARRAY_CHUNKS in entries else "group"


def _entries(objects: ObjectReader, entry: Entry | None) -> Mapping[str, Entry] | None:
    if entry is None or not entry.is_tree:
        return None
    return objects.read_tree(entry.name)
