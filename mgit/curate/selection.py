"""Taking series and single tilts out of use, and bringing them back."""

import re
from dataclasses import dataclass

import numpy as np

from mgit.curate.sources import items_named
from mgit.errors import InvalidInput, Refused
from mgit.state.names import find_source
from mgit.state.protocol import Writer
from mgit.state.series import Item, set_excluded, set_use

__all__ = ["SelectionChanged", "remove_source", "select_items", "select_tilts", "tilt_numbers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionChanged:
    """What went out of use or came back."""

    items: tuple[str, ...]
    tilts: int
    """Number of single tilts, when tilts were named."""


def tilt_numbers(text: str) -> tuple[int, ...]:
    """Parse '3,7-9' into (3, 7, 8, 9): rows of the tilt table, counted from 1.

    Raises InvalidInput for anything else.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        first = int(match.group(1)) if match else 0
        last = int(match.group(2)) if match and match.group(2) else first
        if not 1 <= first <= last:
            raise InvalidInput(
                "not a list of tilts", tilts=text, hint="write for example '3,7-9', from 1"
            )
        numbers.extend(range(first, last + 1))
    return tuple(dict.fromkeys(numbers))


def select_items(
    writer: Writer, source: str, names: tuple[str, ...], *, excluded: bool, reason: str | None
) -> SelectionChanged:
    """Exclude whole items, or include them again; items that are so already do not count.

    Raises NotFound for unknown names and Refused when no item is named for an exclusion.
    """
    if excluded and not names:
        raise Refused("no series is named", hint="name the series to exclude")
    changed = []
    for item in list(items_named(writer, source, names)):
        if item.excluded != excluded:
            set_excluded(writer, item.path, excluded=excluded, reason=reason)
            changed.append(item.name)
    return SelectionChanged(items=tuple(changed), tilts=0)


def select_tilts(
    writer: Writer, source: str, name: str, tilts: tuple[int, ...], *, use: bool
) -> SelectionChanged:
    """Take single tilts of one item out of use, or back in.

    tilts: rows of the tilt table, from 1. Raises InvalidInput for a tilt that the item has not, and
    Refused when no tilt would remain.
    """
    (item,) = items_named(writer, source, (name,))
    flags = _use_flags(item)
    beyond = [tilt for tilt in tilts if tilt > len(flags)]
    if beyond:
        raise InvalidInput(f"the series has {len(flags)} tilts", series=item.name, tilt=beyond[0])
    rows = np.array(tilts) - 1
    before = flags.copy()
    flags[rows] = use
    if not flags.any():
        raise Refused(
            "no tilt would remain in use",
            series=item.name,
            hint=f"'mgit source exclude {source} {item.name}' excludes the whole series",
        )
    changed = int((flags != before).sum())
    if changed:
        set_use(writer, item.path, flags)
    return SelectionChanged(items=(item.name,) if changed else (), tilts=changed)


def _use_flags(item: Item) -> np.ndarray:
    if "use" not in item.array_names():
        raise Refused(
            "the series has no single tilts to choose from", series=item.name, kind=item.kind
        )
    return item.array("use").read()


def remove_source(writer: Writer, name: str) -> int:
    """Remove a source and all its items; returns how many. History keeps them.

    Raises Refused while a species has particles in the source.
    """
    from mgit.state.population import Population

    path = find_source(writer, name)
    population = Population(writer)
    ids = {item.id for item in population.source(name).items()}
    for species in population.species():
        held = ids & set(species.particles.load().item.dictionary)
        if held:
            raise Refused(
                "a species has particles in this source",
                source=name,
                species=species.name,
                series=len(held),
                hint="remove the species or those particles first",
            )
    writer.remove(path)
    return len(ids)
