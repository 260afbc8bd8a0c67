"""Binding items to raw files, and completing their digests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mgit.curate.raw_digests import FileDigest
from mgit.errors import InvalidInput
from mgit.state.names import find_source
from mgit.state.protocol import Writer
from mgit.state.raw import RawEntry, binding
from mgit.state.series import Item, set_raw
from mgit.state.source import items

__all__ = ["SourceBound", "bind_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBound:
    """How well a source's raw data are known after a binding."""

    name: str
    bindings: Mapping[str, int]
    """Items by binding: 'unbound', 'quick', 'full'."""
    changed: int
    """Items about which something new is known."""
    absent: tuple[str, ...]
    """Raw files that are not on this machine."""


def bind_files(
    writer: Writer, source: str, *, places: Mapping[str, Path], digests: Mapping[Path, FileDigest]
) -> SourceBound:
    """Put the digests of the files that are here into the raw manifests of a source's items.

    places: file on this machine by the path that the manifests write. A digest that a manifest
    already has must agree with the file's.

    Raises InvalidInput, naming the file, when it does not: this is other data.
    """
    path = find_source(writer, source)
    counts = {"unbound": 0, "quick": 0, "full": 0}
    changed = 0
    absent: list[str] = []
    for item in list(items(writer, path)):
        entries = []
        for entry in item.raw:
            place = places.get(entry.path)
            if place is None:
                absent.append(entry.path)
                entries.append(entry)
            else:
                entries.append(_bound(item, entry, place, digests[place]))
        if tuple(entries) != item.raw:
            set_raw(writer, item.path, entries)
            changed += 1
        counts[binding(entries)] += 1
    return SourceBound(name=source, bindings=counts, changed=changed, absent=tuple(absent))


def _bound(item: Item, entry: RawEntry, place: Path, found: FileDigest) -> RawEntry:
    pairs = ((entry.digest, found.full), (entry.quick, found.quick), (entry.size, found.size_bytes))
    for recorded, seen in pairs:
        if recorded is not None and seen is not None and recorded != seen:
            raise InvalidInput(
                "a raw file is not the one that was recorded",
                file=place,
                item=item.name,
                recorded=recorded,
                found=seen,
                hint="link the directory with the original files; nothing was changed",
            )
    return replace(
        entry,
        digest=entry.digest or found.full,
        quick=entry.quick or found.quick,
        size=found.size_bytes,
    )
