"""Adding data sources and taking over re-processed metadata."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgit.curate.raw_digests import FileDigest
from mgit.curate.rederive import imported_records
from mgit.errors import InvalidInput, InvalidState, NotFound, Refused
from mgit.exchange.records import GridValues, RawFile, SeriesRecord, SourceRecord
from mgit.state.documents import write_document
from mgit.state.names import check_given_name, find_source, item_path, source_path
from mgit.state.protocol import Writer
from mgit.state.raw import RawEntry
from mgit.state.series import (
    Item,
    read_item,
    set_raw,
    update_item_arrays,
    update_item_attributes,
    write_item,
)
from mgit.state.source import items, read_source, update_source, write_source

__all__ = [
    "DigestOf",
    "SourceAdded",
    "SourceUpdated",
    "add_source",
    "items_named",
    "merge_raw",
    "raw_entries_of",
    "same_values",
    "update_from",
]

DigestOf = Callable[[RawFile], FileDigest | None]
"""What is known of a raw file's content on this machine; None when it is not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAdded:
    """What an import brought."""

    name: str
    kind: str
    items: int
    tilts: int
    bindings: Mapping[str, int]
    """Items by binding: 'unbound', 'quick', 'full'."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUpdated:
    """What re-processed metadata changed."""

    name: str
    added: tuple[str, ...]
    changed: Mapping[str, tuple[str, ...]]
    """Arrays and attributes taken over, by item."""
    kept: Mapping[str, tuple[str, ...]]
    """What had been refined here since the import and therefore stayed, by item."""
    unchanged: int
    absent: tuple[str, ...]
    """Items that the new metadata do not mention; they stay."""
    notes: tuple[str, ...]


def add_source(
    writer: Writer, name: str, record: SourceRecord, *, digest_of: DigestOf
) -> SourceAdded:
    """Write a new source with all its items.

    Raises Refused if a source of that name exists or an item's raw data belong to another source,
    InvalidInput if the record holds no series or a name twice.
    """
    check_given_name(name)
    path = source_path(name)
    if writer.exists(path):
        raise Refused(
            "a source of this name exists",
            name=name,
            hint=f"'mgit source update {name}' takes over new metadata; or choose another name",
        )
    _check_names(name, record)
    known = _items_by_raw_file(writer)
    write_source(
        writer,
        name,
        kind=record.kind,
        attributes={**record.attributes, **({"notes": list(record.notes)} if record.notes else {})},
        documents=record.documents,
    )
    bindings = {"unbound": 0, "quick": 0, "full": 0}
    tilts = 0
    for series in record.series:
        entries = raw_entries_of(series, digest_of)
        _refuse_known(series.name, entries, known)
        node = _write_series(writer, name, record, series, entries)
        item = read_item(writer, node)
        bindings[item.binding] += 1
        tilts += _image_count(item)
    return SourceAdded(
        name=name,
        kind=record.kind,
        items=len(record.series),
        tilts=tilts,
        bindings=bindings,
        notes=record.notes,
    )


def update_from(
    writer: Writer, name: str, record: SourceRecord, *, digest_of: DigestOf, replace: bool
) -> SourceUpdated:
    """Take over new items and re-processed metadata of a source.

    An array that still is what its import said takes the new value; one that was changed here since
    (refined, or set by hand) stays, unless `replace`. Arrays of which the new metadata say nothing
    stay. Exclusions, ids and raw digests of known files stay.

    Raises NotFound for an unknown source, InvalidInput for a record of another kind.
    """
    path = find_source(writer, name)
    source = read_source(writer, path)
    if source.kind != record.kind:
        raise InvalidInput(
            "the metadata describe another kind of source",
            source=name,
            kind=source.kind,
            metadata=record.kind,
            hint="add them as a source of their own",
        )
    _check_names(name, record)
    before = {item.name: item for item in items(writer, path)}
    bases = imported_records(writer, path, before.values())
    update_source(writer, path, dict(record.attributes))
    added, unchanged = [], 0
    changed: dict[str, tuple[str, ...]] = {}
    kept: dict[str, tuple[str, ...]] = {}
    for series in record.series:
        entries = raw_entries_of(series, digest_of)
        item = before.get(series.name) or _by_alias(before, series)
        if item is None:
            _write_series(writer, name, record, series, entries)
            added.append(series.name)
            continue
        taken, stayed = _update_item(writer, item, series, bases.get(item.name), replace=replace)
        set_raw(writer, item.path, merge_raw(item.raw, entries))
        for document in series.documents:
            write_document(
                writer, item.path, role=document.role, path=document.path, content=document.content
            )
        _drop_superseded(writer, item.path, series.documents)
        unchanged += not taken
        if taken:
            changed[item.name] = taken
        if stayed:
            kept[item.name] = stayed
    for document in record.documents:
        write_document(
            writer, path, role=document.role, path=document.path, content=document.content
        )
    _drop_superseded(writer, path, record.documents)
    seen = {series.name for series in record.series} | set(changed)
    return SourceUpdated(
        name=name,
        added=tuple(added),
        changed=changed,
        kept=kept,
        unchanged=unchanged,
        absent=tuple(sorted(each for each in before if each not in seen)),
        notes=record.notes,
    )


def raw_entries_of(series: SeriesRecord, digest_of: DigestOf) -> tuple[RawEntry, ...]:
    """The raw manifest of a series with the digests that this machine knows."""
    entries = []
    for raw in series.raw:
        found = digest_of(raw)
        entries.append(
            RawEntry(
                role=raw.role,
                path=raw.path,
                sections=raw.sections,
                digest=found.full if found else None,
                quick=found.quick if found else None,
                size=found.size_bytes if found else None,
            )
        )
    return tuple(entries)


def merge_raw(old: tuple[RawEntry, ...], new: tuple[RawEntry, ...]) -> tuple[RawEntry, ...]:
    """The new manifest with what the old one knew of the same files.

    Metadata of a later processing stage often name averages in place of movies, or nothing at all:
    an empty new manifest leaves the old one.
    """
    if not new:
        return old
    known = {(entry.role, entry.path): entry for entry in old}
    merged = []
    for entry in new:
        previous = known.get((entry.role, entry.path))
        knows_nothing = entry.digest is None and entry.quick is None
        if previous is not None and knows_nothing:
            merged.append(dataclasses.replace(previous, sections=entry.sections))
        else:
            merged.append(entry)
    return tuple(merged)


def _write_series(
    writer: Writer,
    source: str,
    record: SourceRecord,
    series: SeriesRecord,
    entries: tuple[RawEntry, ...],
) -> str:
    # A series that has no document of its own is defined by the one that lists it.
    item_id = None
    if not series.documents and record.documents:
        from mgit.state.series import derive_item_id

        item_id = derive_item_id(series.name, record.documents[0].content)
    return write_item(
        writer,
        source,
        name=series.name,
        kind=series.kind,
        attributes=dict(series.attributes),
        arrays={name: (grid.values, grid.attributes) for name, grid in series.arrays.items()},
        raw=entries,
        documents=series.documents,
        aliases=series.aliases,
        item_id=item_id,
    )


def _update_item(
    writer: Writer, item: Item, series: SeriesRecord, base: SeriesRecord | None, *, replace: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Three-way per array and attribute; returns (taken over, kept though the import differs)."""
    taken, stayed = [], []
    arrays: dict[str, tuple[np.ndarray, Mapping[str, Any]] | None] = {}
    for name, grid in series.arrays.items():
        current = item.array(name).read() if name in item.array_names() else None
        if current is not None and same_values(current, grid.values):
            continue
        if not replace and current is not None and not _as_imported(base, name, current):
            stayed.append(name)
            continue
        arrays[name] = (grid.values, grid.attributes)
        taken.append(name)
    attributes: dict[str, Any] = {}
    for name, value in series.attributes.items():
        current_value = item.attributes.get(name)
        if current_value == value:
            continue
        imported = base.attributes.get(name) if base is not None else None
        if not replace and current_value is not None and current_value != imported:
            stayed.append(name)
            continue
        attributes[name] = value
        taken.append(name)
    update_item_arrays(writer, item.path, arrays)
    if attributes:
        update_item_attributes(writer, item.path, attributes)
    return tuple(sorted(taken)), tuple(sorted(stayed))


def _as_imported(base: SeriesRecord | None, name: str, current: np.ndarray) -> bool:
    if base is None:
        return False
    grid: GridValues | None = base.arrays.get(name)
    return grid is not None and same_values(grid.values, current)


def same_values(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal to the last bit, NaN included."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _drop_superseded(writer: Writer, parent: str, documents: tuple[Any, ...]) -> None:
    """Remove documents of the same roles that the new ones replace under other paths."""
    from mgit.state.documents import read_documents

    kept = {(each.role, each.path) for each in documents}
    roles = {each.role for each in documents}
    if "relion_tomograms" in roles:
        roles.add("relion_optimisation_set")  # it would point to the tomograms of before
    for stored in read_documents(writer, parent):
        if stored.role in roles and (stored.role, stored.path) not in kept:
            writer.remove(stored.node)


def _check_names(source: str, record: SourceRecord) -> None:
    if not record.series:
        raise InvalidInput("the metadata hold no series", source=source)
    seen: dict[str, str] = {}
    for series in record.series:
        path = item_path(source, series.name)
        if path in seen:
            raise InvalidInput(
                "two series have the same name", source=source, series=series.name, other=seen[path]
            )
        seen[path] = series.name


def _items_by_raw_file(writer: Writer) -> dict[str, str]:
    """'source: item' by raw-file digest, of everything the population has."""
    from mgit.state.population import Population

    known = {}
    for source in Population(writer).sources():
        for item in source.items():
            for entry in item.raw:
                digest = entry.digest or entry.quick
                if digest is not None and entry.role not in ("gain", "defects"):
                    known[digest] = f"{source.name}: {item.name}"
    return known


def _refuse_known(name: str, entries: tuple[RawEntry, ...], known: Mapping[str, str]) -> None:
    for entry in entries:
        digest = entry.digest or entry.quick
        if digest in known and entry.role not in ("gain", "defects"):
            raise Refused(
                "the raw data of this series belong to a source already",
                series=name,
                file=entry.path,
                holder=known[str(digest)],
                hint="update that source, or leave the series out",
            )


def _by_alias(before: Mapping[str, Item], series: SeriesRecord) -> Item | None:
    names = {series.name, *series.aliases}
    found = [item for item in before.values() if names & {item.name, *item.aliases}]
    if len(found) > 1:
        raise InvalidState(
            "several items go by the name of this series",
            series=series.name,
            items=", ".join(item.name for item in found),
        )
    return found[0] if found else None


def _image_count(item: Item) -> int:
    if "use" in item.array_names():
        return int(item.array("use").shape[0])
    return 1


def items_named(writer: Writer, source: str, names: tuple[str, ...]) -> Iterator[Item]:
    """The items of a source by name or alias; all of them when no name is given."""
    from mgit.state.names import find_item

    path = find_source(writer, source)
    if not names:
        yield from items(writer, path)
        return
    for name in names:
        node = find_item(writer, source, name)
        if not node:
            raise NotFound("no such item", item=name)
        yield read_item(writer, node)
