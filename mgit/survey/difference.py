"""The difference of two trees in the words of the field: species, series, documents."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mgit.history.snapshot import Snapshot
from mgit.history.transaction import PROVENANCE
from mgit.history.tree_diff import Change, changed
from mgit.state.diff import ItemDifference, SpeciesDifference, item_difference, species_difference
from mgit.state.names import DOCUMENTS, SOURCES, SPECIES, owner_of
from mgit.state.series import read_item
from mgit.state.species import read_species
from mgit.survey.item_scores import ScoreComparison, Yardstick, score_comparison
from mgit.survey.species import SpeciesSummary, species_summary

__all__ = [
    "DocumentChange",
    "ItemChange",
    "SourceChange",
    "SpeciesChange",
    "TreeDifference",
    "tree_difference",
]

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChange:
    """A foreign document that was added, removed or replaced."""

    role: str
    path: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesChange:
    """One species that differs. difference: None if it was added or removed."""

    name: str
    kind: Kind
    before: SpeciesSummary | None
    after: SpeciesSummary | None
    difference: SpeciesDifference | None
    documents: tuple[DocumentChange, ...]
    scores: ScoreComparison | None = None
    """What became of the scores of its items, where the later tree has new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """One series that differs. difference: None if it was added or removed."""

    name: str
    kind: Kind
    difference: ItemDifference | None
    documents: tuple[DocumentChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """One source that differs. attributes: old and new value of its own attributes, by name."""

    name: str
    kind: Kind
    items: tuple[ItemChange, ...]
    attributes: Mapping[str, tuple[object, object]] = field(default_factory=dict)
    documents: tuple[DocumentChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeDifference:
    """Everything that differs between two trees but the provenance."""

    species: tuple[SpeciesChange, ...]
    sources: tuple[SourceChange, ...]
    other: tuple[Change, ...]
    """Changes outside species and sources, e.g. the population's own attributes."""

    def __bool__(self) -> bool:
        return bool(self.species or self.sources or self.other)


def tree_difference(
    old: Snapshot,
    new: Snapshot,
    *,
    below: Iterable[str] = (),
    yardstick: Yardstick = "revisions",
) -> TreeDifference:
    """Compare two trees of one repository; what is equal is not read.

    below: tree paths; only changes at or below one of them, or whose species or series holds one.
    yardstick: 'refinement' where `new` is one step after `old` (`score_comparison`).
    """
    wanted = tuple(path for path in below if path)
    changes = [
        change
        for change in changed(old.objects, old.tree, new.tree)
        if change.path != PROVENANCE and _selected(change.path, wanted)
    ]
    rooms: dict[str, list[Change]] = {}
    other = []
    for change in changes:
        parts = change.path.split("/")
        if parts[0] in (SPECIES, SOURCES) and len(parts) > 1:
            rooms.setdefault("/".join(parts[:2]), []).append(change)
        elif parts[0] not in (SPECIES, SOURCES):
            other.append(change)
    species = [
        _species_change(old, new, path, found, yardstick=yardstick)
        for path, found in rooms.items()
        if path.startswith(f"{SPECIES}/")
    ]
    sources = [
        _source_change(old, new, path, found)
        for path, found in rooms.items()
        if path.startswith(f"{SOURCES}/")
    ]
    return TreeDifference(
        species=tuple(sorted(species, key=lambda each: each.name)),
        sources=tuple(sorted(sources, key=lambda each: each.name)),
        other=tuple(other),
    )


def _selected(path: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(
        path == each or path.startswith(f"{each}/") or each.startswith(f"{path}/")
        for each in wanted
    )


def _kind(old: Snapshot, new: Snapshot, path: str) -> Kind:
    if not old.exists(path):
        return "added"
    return "changed" if new.exists(path) else "removed"


def _name(old: Snapshot, new: Snapshot, path: str) -> str:
    holder = new if new.exists(path) else old
    return str(holder.attributes(path).get("name", path.rpartition("/")[2]))


def _species_change(
    old: Snapshot, new: Snapshot, path: str, changes: list[Change], *, yardstick: Yardstick
) -> SpeciesChange:
    kind = _kind(old, new, path)
    before = read_species(old, path) if kind != "added" else None
    after = read_species(new, path) if kind != "removed" else None
    both = before is not None and after is not None
    return SpeciesChange(
        name=_name(old, new, path),
        kind=kind,
        before=species_summary(before) if before is not None else None,
        after=species_summary(after) if after is not None else None,
        difference=species_difference(before, after) if both and before and after else None,
        documents=_documents(old, new, path, changes),
        scores=score_comparison(before, after, yardstick=yardstick) if after else None,
    )


def _source_change(old: Snapshot, new: Snapshot, path: str, changes: list[Change]) -> SourceChange:
    kind = _kind(old, new, path)
    by_item: dict[str, list[Change]] = {}
    own = []
    for change in changes:
        owner = owner_of(change.path)
        if owner is not None:
            by_item.setdefault(owner, []).append(change)
        else:
            own.append(change)
    items = [_item_change(old, new, each, found) for each, found in by_item.items()]
    attributes = {}
    if kind == "changed" and any(change.path == path for change in own):
        before, after = old.attributes(path), new.attributes(path)
        names = sorted(before.keys() | after.keys())
        pairs = {name: (before.get(name), after.get(name)) for name in names}
        attributes = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return SourceChange(
        name=_name(old, new, path),
        kind=kind,
        items=tuple(sorted(items, key=lambda each: each.name)),
        attributes=attributes,
        documents=_documents(old, new, path, own),
    )


def _item_change(old: Snapshot, new: Snapshot, path: str, changes: list[Change]) -> ItemChange:
    kind = _kind(old, new, path)
    difference = None
    if kind == "changed":
        difference = item_difference(read_item(old, path), read_item(new, path))
    return ItemChange(
        name=_name(old, new, path),
        kind=kind,
        difference=difference,
        documents=_documents(old, new, path, changes),
    )


def _documents(
    old: Snapshot, new: Snapshot, owner: str, changes: list[Change]
) -> tuple[DocumentChange, ...]:
    """Documents of `owner` itself among the changed paths."""
    room = f"{owner}/{DOCUMENTS}/"
    found = []
    for change in changes:
        if change.what == "array" and change.path.startswith(room):
            holder = old if change.kind == "removed" else new
            record = holder.attributes(change.path)
            found.append(
                DocumentChange(
                    role=str(record.get("role", "")),
                    path=str(record.get("path", "")),
                    kind=change.kind,
                )
            )
    return tuple(sorted(found, key=lambda each: (each.role, each.path)))
