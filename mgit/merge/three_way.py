"""Three-way merge of trees, slot by slot: what one side changed is taken, both sides conflict.

Deciding is pure and comes first; nothing is written unless every slot has a decision.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mgit.history.draft import Draft
from mgit.history.objects import GitObjects
from mgit.history.snapshot import Snapshot
from mgit.history.tree_diff import changed
from mgit.merge.slots import is_item, is_source, slot_identity, slot_name, slot_of

__all__ = ["Conflict", "Decision", "MergePlan", "apply", "decide", "plan", "prune"]

Decision = Literal["same", "ours", "theirs", "conflict", "ambiguous"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One slot that both sides changed in different ways.

    reason: one word of why, see `mgit.merge.join`: "both changed", "removed there", ...
    """

    slot: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """What a merge would do: slots to take from the other side, slots that stay, conflicts."""

    ours: tuple[str, ...]
    """Slots that only our side changed."""
    theirs: tuple[str, ...]
    """Slots that only the other side changed: they are taken over."""
    conflicts: tuple[Conflict, ...]


def decide(bases: Sequence[str | None], ours: str | None, theirs: str | None) -> Decision:
    """Whose version of one slot counts, from the identities of its versions.

    bases: one per merge base. With several that disagree nobody can say who changed what, which
    is 'ambiguous' unless both sides are equal. Exchanging ours and theirs exchanges the answer.
    """
    if ours == theirs:
        return "same"
    if len(set(bases)) > 1:
        return "ambiguous"
    base = bases[0]
    if ours == base:
        return "theirs"
    return "ours" if theirs == base else "conflict"


def plan(bases: Sequence[Snapshot], ours: Snapshot, theirs: Snapshot) -> MergePlan:
    """Decide every slot in which a side differs from a base. Reads names, no array.

    bases: trees of all merge bases, at least one.
    """
    objects = ours.objects
    slots = _touched(objects, bases, (ours, theirs))
    decisions: dict[Decision, list[str]] = {}
    for slot in sorted(slots):
        found = decide(
            [slot_identity(objects, base.tree, slot) for base in bases],
            slot_identity(objects, ours.tree, slot),
            slot_identity(objects, theirs.tree, slot),
        )
        decisions.setdefault(found, []).append(slot)
    conflicts = [
        Conflict(
            slot=slot,
            name=slot_name(slot, ours, theirs, *bases),
            reason=_reason(slot, ours, theirs, found),
        )
        for found in ("conflict", "ambiguous")
        for slot in decisions.get(found, ())
    ]
    mine, other = decisions.get("ours", []), decisions.get("theirs", [])
    conflicts += _orphans(mine, ours, other, theirs) + _orphans(other, theirs, mine, ours)
    return MergePlan(
        ours=tuple(mine),
        theirs=tuple(other),
        conflicts=tuple(sorted(conflicts, key=lambda each: each.slot)),
    )


def apply(draft: Draft, theirs: Snapshot, slots: Iterable[str]) -> None:
    """Make each slot of `draft`, which began as our tree, what it is in `theirs`.

    Attributes of sources come before their series, removals after everything else.
    """
    gone = []
    for slot in sorted(slots):
        if slot and not theirs.exists(slot):
            gone.append(slot)
        elif is_source(slot):
            _take_source(draft, theirs, slot)
        elif slot == "" or (theirs.is_group(slot) and not _is_whole(slot)):
            draft.set_attributes(slot, theirs.attributes(slot))
        else:
            draft.take(slot, theirs, slot)
    for slot in reversed(gone):
        if draft.exists(slot):
            draft.remove(slot)


def _is_whole(slot: str) -> bool:
    """Species and series include everything below their path; other groups do not."""
    return is_item(slot) or slot.startswith("species/")


def _take_source(draft: Draft, theirs: Snapshot, slot: str) -> None:
    draft.set_attributes(slot, theirs.attributes(slot))
    documents = f"{slot}/documents"
    if theirs.exists(documents):
        draft.take(documents, theirs, documents)
    elif draft.exists(documents):
        draft.remove(documents)


def _touched(objects: GitObjects, bases: Sequence[Snapshot], sides: Sequence[Snapshot]) -> set[str]:
    slots = {
        slot_of(change.path)
        for base in bases
        for side in sides
        for change in changed(objects, base.tree, side.tree)
    }
    return {slot for slot in slots if slot is not None}


def _reason(slot: str, ours: Snapshot, theirs: Snapshot, decision: Decision) -> str:
    if decision == "ambiguous":
        return "bases differ"
    if slot and not ours.exists(slot):
        return "removed here"
    if slot and not theirs.exists(slot):
        return "removed there"
    return "both changed"


def _orphans(
    removed: Iterable[str], remover: Snapshot, kept: Iterable[str], keeper: Snapshot
) -> list[Conflict]:
    """What one side added or changed below a source (or group) that the other side removed."""
    gone = {slot for slot in removed if slot and not remover.exists(slot)}
    return [
        Conflict(slot=slot, name=slot_name(slot, keeper), reason="no source")
        for slot in kept
        if gone.intersection(_parents(slot)) and keeper.exists(slot)
    ]


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:length]) for length in range(1, len(parts)))


def prune(draft: Draft, slots: Iterable[str]) -> None:
    """Drop groups above removed slots that nothing is left in, so that trees stay canonical.

    slots: those that either side changed. A source is never empty: its attributes are a slot.
    """
    for slot in slots:
        if draft.exists(slot):
            continue
        for parent in reversed(list(_parents(slot))):
            if slot_of(parent) is None and draft.is_group(parent) and not draft.children(parent):
                draft.remove(parent)
