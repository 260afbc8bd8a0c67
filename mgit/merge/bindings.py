"""What no slot shows by itself: particles, and the series whose geometry their poses rest on.

Two sides may each be sound and their union not: one refined a species' poses, the other the
deformation below them; one removed a series, the other put particles into it; both imported the
same images under two names.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mgit.history.draft import Draft
from mgit.history.snapshot import Snapshot
from mgit.merge.slots import is_item, is_species, slot_name
from mgit.merge.three_way import Conflict, MergePlan
from mgit.state.protocol import Reader
from mgit.state.species import read_species, update_species_attributes
from mgit.state.strings import StringColumn

__all__ = ["Stale", "binding_conflicts", "mark_stale", "stale_species"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A species whose poses come from one side and the geometry of `items` series from the other.

    Its poses are as they were in another geometry: it has to be refined again.
    """

    slot: str
    name: str
    items: int


def stale_species(plan: MergePlan, ours: Snapshot, theirs: Snapshot) -> tuple[Stale, ...]:
    """Species that one side added or changed with particles in series that the other changed."""
    found = [*_stale(plan.ours, ours, plan.theirs, theirs)]
    found += _stale(plan.theirs, theirs, plan.ours, ours)
    return tuple(sorted(found, key=lambda each: each.name))


def mark_stale(draft: Draft, stale: Iterable[Stale]) -> None:
    """Set the flag `needs_refinement` of these species."""
    for each in stale:
        update_species_attributes(draft, each.slot, {"needs_refinement": True})


def binding_conflicts(plan: MergePlan, ours: Snapshot, theirs: Snapshot) -> tuple[Conflict, ...]:
    """Species whose particles would lose their series, and series that would be there twice."""
    conflicts = _homeless(plan.ours, ours, plan.theirs, theirs)
    conflicts += _homeless(plan.theirs, theirs, plan.ours, ours)
    added = {
        side: {_item_id(tree, slot): slot for slot in slots if is_item(slot) and tree.exists(slot)}
        for side, tree, slots in (("ours", ours, plan.ours), ("theirs", theirs, plan.theirs))
    }
    for identity in sorted(added["ours"].keys() & added["theirs"].keys()):
        mine, other = added["ours"][identity], added["theirs"][identity]
        if mine != other:
            name = f"{slot_name(mine, ours)} and {slot_name(other, theirs)}"
            conflicts.append(Conflict(slot=mine, name=name, reason="same series"))
    return tuple(conflicts)


def _stale(
    posed: Iterable[str], poser: Snapshot, moved: Iterable[str], mover: Snapshot
) -> list[Stale]:
    """Species of one side with particles in series whose state the other side changed."""
    slots = [slot for slot in moved if is_item(slot) and mover.exists(slot) and poser.exists(slot)]
    changed = {
        _item_id(mover, slot)
        for slot in slots
        if poser.attributes(slot).get("state") != mover.attributes(slot).get("state")
    }
    found = []
    for slot in posed:
        if changed and is_species(slot) and poser.exists(slot):
            touched = changed & _items_of(poser, slot)
            if touched:
                name = read_species(poser, slot).name
                found.append(Stale(slot=slot, name=name, items=len(touched)))
    return found


def _homeless(
    posed: Iterable[str], poser: Snapshot, removed: Iterable[str], remover: Snapshot
) -> list[Conflict]:
    slots = [slot for slot in removed if is_item(slot) and not remover.exists(slot)]
    gone = {_item_id(poser, slot) for slot in slots if poser.exists(slot)}
    return [
        Conflict(slot=slot, name=slot_name(slot, poser), reason="no series")
        for slot in posed
        if gone and is_species(slot) and poser.exists(slot) and gone & _items_of(poser, slot)
    ]


def _item_id(reader: Reader, slot: str) -> str:
    return str(reader.attributes(slot).get("id"))


def _items_of(reader: Reader, slot: str) -> set[str]:
    if not reader.exists(f"{slot}/particles"):
        return set()
    column = read_species(reader, slot).particles.column("item")
    return set(column.dictionary) if isinstance(column, StringColumn) else set()
