"""The units of a merge: what has to be taken from one side whole.

A species is one slot: its maps, network and particles were estimated together. A series is one
slot, for its deformation and imaging were refined together. A source's own attributes and
documents are one slot, and so is every array or small file anywhere else. The provenance is none.
"""

from mgit.history.graph import entry_at
from mgit.history.objects import GitObjects
from mgit.history.paths import METADATA
from mgit.history.snapshot import Snapshot
from mgit.history.transaction import PROVENANCE
from mgit.state.names import DOCUMENTS, ITEMS, SOURCES, SPECIES, owner_of

__all__ = ["is_item", "is_source", "is_species", "slot_identity", "slot_name", "slot_of"]


def slot_of(path: str) -> str | None:
    """The slot that the node at `path` belongs to; None for the provenance and for containers.

    Containers (`sources`, a source's `items` and its fan-out, `species`) exist as long as
    something stands below them and say nothing themselves.
    """
    if path == PROVENANCE or path in (SOURCES, SPECIES):
        return None
    owner = owner_of(path)
    if owner is not None:
        return owner
    parts = path.split("/")
    if parts[0] == SOURCES:
        return None if len(parts) > 2 and parts[2] == ITEMS else "/".join(parts[:2])
    return path


def is_species(slot: str) -> bool:
    """Whether a slot is a species."""
    return slot.startswith(f"{SPECIES}/")


def is_item(slot: str) -> bool:
    """Whether a slot is a series."""
    return slot.startswith(f"{SOURCES}/") and slot.count("/") > 1


def is_source(slot: str) -> bool:
    """Whether a slot is a source's own attributes and documents, without its series."""
    return slot.startswith(f"{SOURCES}/") and slot.count("/") == 1


def slot_identity(objects: GitObjects, tree: str, slot: str) -> str | None:
    """Text that is equal for two trees if and only if their slots are; None if there is none."""
    if is_species(slot) or is_item(slot):
        return entry_at(objects, tree, slot)
    metadata = entry_at(objects, tree, f"{slot}/{METADATA}" if slot else METADATA)
    if metadata is None:
        return entry_at(objects, tree, slot) if slot else None
    if is_source(slot):
        return f"{metadata} {entry_at(objects, tree, f'{slot}/{DOCUMENTS}')}"
    if slot:
        # An array's values stand beside its metadata, and so would the content of a group; what
        # stands below a group has slots of its own.
        return f"{metadata} {entry_at(objects, tree, f'{slot}/chunks')}"
    return metadata


def slot_name(slot: str, *sides: Snapshot) -> str:
    """What people call a slot, from whichever side has it."""
    if slot == "":
        return "the population's attributes"
    for side in sides:
        if side.exists(slot):
            name = side.attributes(slot).get("name") if not _is_blob(side, slot) else None
            if is_species(slot):
                return f"species '{name}'"
            if is_item(slot):
                source = side.attributes("/".join(slot.split("/")[:2])).get("name")
                return f"series '{name}' of source '{source}'"
            if is_source(slot):
                return f"source '{name}'"
    return f"'{slot}'"


def _is_blob(side: Snapshot, path: str) -> bool:
    return not side.is_array(path) and not side.is_group(path)
