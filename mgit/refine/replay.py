"""A recorded step against the same step run again: identical, equivalent or different.

Definition: docs/format/verify.md, section 6. States decide first. Where they differ, maps are
compared by FSC, poses by the median distance, and everything else has to be the same; what only
one of the two runs changed was not made by the step.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mgit.digest import StateDigest
from mgit.errors import InvalidInput
from mgit.maps.fsc import fourier_shell_correlation
from mgit.state.diff import (
    ASTIGMATISM,
    ArrayChange,
    SpeciesDifference,
    item_difference,
    species_difference,
)
from mgit.state.item_schema import ITEM_ATTRIBUTES
from mgit.state.population import Population
from mgit.state.protocol import ArrayHandle, Reader
from mgit.state.schema_types import AttributeSchema
from mgit.state.series import Item
from mgit.state.species import Species
from mgit.state.species_schema import PARTICLE_COLUMNS, SPECIES_ATTRIBUTES

__all__ = ["ItemReplay", "Replay", "SpeciesReplay", "Verdict", "compare"]

Verdict = Literal["identical", "equivalent", "different"]

FSC_MIN = 0.999
SHIFT_ANGSTROM = 0.05
ROTATION_DEGREE = 0.05
ITEM_LIMITS = {"angstrom": 0.5, "degree": 0.5}
"""Root mean square by which parameters of a series may differ: ten times what poses may, since
nodes far from any particle are known badly."""
DEFOCUS_LIMIT_ANGSTROM = 100.0
_UNITS = {"angstrom": "A", "degree": "degrees"}
_SIDES = {"added": "only in the replay", "removed": "only in the record"}
_DEFOCUS = frozenset({"defocus", "astigmatism"})
_POSES = ("position", "angles")
_JUDGED = frozenset({*_POSES, "id", "item", "half_set"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesReplay:
    """One species whose state differs.

    fsc: the lowest FSC of a shell between a recorded and a replayed map, over all maps and shells
    up to `resolution_angstrom`; None if no map differs. shift_angstrom, rotation_degree: medians
    over the `moved` particles that differ. faults: what no tolerance covers, in words.
    """

    name: str
    fsc: float | None = None
    resolution_angstrom: float | None = None
    moved: int = 0
    shift_angstrom: float = 0.0
    rotation_degree: float = 0.0
    faults: tuple[str, ...] = ()

    @property
    def equivalent(self) -> bool:
        """Whether everything is within the tolerances."""
        near = self.shift_angstrom < SHIFT_ANGSTROM and self.rotation_degree < ROTATION_DEGREE
        return near and not self.faults and (self.fsc is None or self.fsc >= FSC_MIN)

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        said = []
        if self.fsc is not None:
            said.append(f"FSC {self.fsc:.6f} down to {self.resolution_angstrom:.1f} A")
        if self.moved:
            said.append(
                f"poses of {self.moved} particles {self.shift_angstrom:.4f} A and "
                f"{self.rotation_degree:.4f} degrees apart (medians)"
            )
        return f"species '{self.name}': {'; '.join((*said, *self.faults)) or 'made from others'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReplay:
    """One series whose state differs. changes: arrays, with how far they are apart."""

    name: str
    changes: tuple[ArrayChange, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def equivalent(self) -> bool:
        """Whether everything is within the tolerances."""
        return not self.faults

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        said = [
            f"{each.name} {each.rms:.2g} {_UNITS.get(each.unit, each.unit)}".rstrip()
            for each in self.changes
            if each.rms is not None
        ]
        apart = f"{', '.join(said)} apart (rms)" if said else ""
        words = "; ".join(each for each in (apart, *self.faults) if each)
        return f"series '{self.name}': {words or 'made from others'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A verdict and its reasons.

    species, items: those whose states differ. structure: faults of the trees as wholes.
    doubts: figures beside the state that the recorded maps do not have, though the state fits.
    """

    verdict: Verdict
    species: tuple[SpeciesReplay, ...] = ()
    items: tuple[ItemReplay, ...] = ()
    structure: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that differs, the largest things first."""
        worst = sorted(self.items, key=lambda each: each.equivalent)
        said = [each.sentence for each in self.species] + [each.sentence for each in worst]
        return (*self.structure, *said)


def compare(
    recorded: Reader, replayed: Reader, *, parent: Reader, states: tuple[StateDigest, StateDigest]
) -> Replay:
    """Judge a step. recorded, replayed: trees after it, sealed; parent: the tree before it.

    states: `Mgit-State` of the recorded and of the replayed tree.
    """
    trees = [Population(each) for each in (parent, recorded, replayed)]
    species = [{each.path: each for each in tree.species()} for tree in trees]
    if states[0] == states[1]:
        return Replay(verdict="identical", doubts=_doubts(species[1], species[2], shells=0))
    items = [{each.path: each for each in tree.items()} for tree in trees]
    same = _renamed(items, species)
    species_found = tuple(
        _species(species[0].get(path), old, species[2][path], same)
        for path, old in species[1].items()
        if path in species[2] and old.state != species[2][path].state
    )
    items_found = tuple(
        _item(items[0].get(path), old, items[2][path], same)
        for path, old in items[1].items()
        if path in items[2] and old.state != items[2][path].state
    )
    structure = (
        *_missing("species", species[1], species[2]),
        *_missing("series", items[1], items[2]),
    )
    near = all(each.equivalent for each in species_found)
    near = near and all(each.equivalent for each in items_found)
    compared = bool(species_found or items_found)
    verdict: Verdict = "equivalent" if near and compared and not structure else "different"
    return Replay(
        verdict=verdict,
        species=species_found,
        items=items_found,
        structure=structure,
        doubts=_doubts(species[1], species[2], shells=1) if verdict == "equivalent" else (),
    )


Same = Mapping[StateDigest, StateDigest]
"""Replayed state -> recorded state of what stands at the same path."""


def _renamed(
    items: Sequence[Mapping[str, Item]], species: Sequence[Mapping[str, Species]]
) -> dict[StateDigest, StateDigest]:
    found: dict[StateDigest, StateDigest] = {}
    for _, old, new in (items, species):
        for path, each in new.items():
            other = old.get(path)
            if other is not None and each.state is not None and other.state is not None:
                found[each.state] = other.state
    return found


def _missing(
    what: str, old: Mapping[str, Species | Item], new: Mapping[str, Species | Item]
) -> list[str]:
    only = [f"{what} '{old[path].name}' only in the record" for path in old.keys() - new.keys()]
    only += [f"{what} '{new[path].name}' only in the replay" for path in new.keys() - old.keys()]
    return sorted(only)


def _species(before: Species | None, old: Species, new: Species, same: Same) -> SpeciesReplay:
    change = species_difference(old, new)
    particles, maps = change.particles, change.maps_changed
    moved = ["poses"] if set(_POSES) & set(change.columns_changed) else []
    fsc, resolution, unlike = _fsc(old, new, maps)
    return SpeciesReplay(
        name=old.name,
        fsc=fsc,
        resolution_angstrom=resolution,
        moved=particles.moved,
        shift_angstrom=particles.median_shift_angstrom,
        rotation_degree=particles.median_rotation_degree,
        faults=(
            *_attribute_faults(change.attributes, SPECIES_ATTRIBUTES),
            *_input_faults(old.inputs, new.inputs, same),
            *_table_faults(change, old),
            *_one_sided(moved, [_poses(each) for each in (before, old, new)]),
            *_one_sided(maps, [_maps(each) for each in (before, old, new)]),
            *unlike,
        ),
    )


def _table_faults(change: SpeciesDifference, old: Species) -> list[str]:
    """What differs in the particle table beside poses, and in the network."""
    particles = change.particles
    counts = {
        "particles only in the record": len(particles.removed),
        "particles only in the replay": len(particles.added),
        "particles in the other half-set": particles.half_set_changed,
        "particles in another series": particles.item_changed,
    }
    faults = [f"{count} {what}" for what, count in counts.items() if count]
    if particles.resampled:
        faults.append("another number of temporal samples")
    if change.network_changed:
        faults.append("another network")
    digested = {each.name for each in PARTICLE_COLUMNS if each.in_state_digest}
    digested |= set(old.attributes.get("applied_columns", ()))
    others = sorted((digested - _JUDGED) & set(change.columns_changed))
    return faults + [f"another particle column '{name}'" for name in others]


def _fsc(
    old: Species, new: Species, names: Iterable[str]
) -> tuple[float | None, float | None, list[str]]:
    """Lowest FSC between maps of both, the resolution it goes down to, and faults.

    The resolution is that of the replay: the recorded one is a claim that no digest covers.
    """
    lowest, faults = None, []
    resolution, pixel = (
        new.number(name) for name in ("resolution_angstrom", "pixel_size_angstrom")
    )
    for name in names:
        if any(name not in each.map_names() for each in (old, new)):
            faults.append(f"only one side has a {name}")
            continue
        first, second = (each.map(name).read() for each in (old, new))
        if first.shape != second.shape:
            faults.append(f"another size of {name}")
            continue
        try:
            curve = fourier_shell_correlation(first, second)
        except InvalidInput as error:
            # A replay makes finite cubes of even size; a forged record may hold anything.
            faults.append(f"{name}: {error.message}")
            continue
        shell = len(curve) - 1
        if resolution is not None and pixel is not None:
            shell = min(shell, max(1, int(len(first) * pixel / resolution)))
        found = float(curve[1 : shell + 1].min())
        lowest = found if lowest is None else min(lowest, found)
    if resolution is None and pixel is not None:
        resolution = 2 * pixel
    return lowest, resolution, faults


def _item(before: Item | None, old: Item, new: Item, same: Same) -> ItemReplay:
    change = item_difference(old, new)
    faults = [*_attribute_faults(change.attributes, ITEM_ATTRIBUTES)]
    faults += _input_faults(old.inputs, new.inputs, same)
    if change.raw_changed:
        faults.append("other raw files")
    for each in change.arrays:
        if each.change != "changed" or each.rms is None:
            faults.append(f"{each.name}: {_SIDES.get(each.change, each.change)}")
        elif each.rms > _limit(each):
            faults.append(f"{each.name} beyond {_limit(each):g} {_UNITS.get(each.unit, each.unit)}")
    arrays = [{} if each is None else _contents(each.arrays()) for each in (before, old, new)]
    names = [name for each in change.arrays for name in ASTIGMATISM.get(each.name, (each.name,))]
    faults += _one_sided(
        [name for name in names if arrays[1].get(name) != arrays[2].get(name)], arrays
    )
    return ItemReplay(name=old.name, changes=change.arrays, faults=tuple(faults))


def _limit(change: ArrayChange) -> float:
    """How far an array may be off; 0 for what no refinement moves."""
    if change.name in _DEFOCUS:
        return DEFOCUS_LIMIT_ANGSTROM
    return ITEM_LIMITS.get(change.unit, 0.0)


def _one_sided(names: Iterable[str], contents: Sequence[Mapping[str, Hashable]]) -> list[str]:
    """Faults for what differs although one side has it as it was before the step.

    contents: of the tree before, the record and the replay, by name.
    """
    before, old, new = contents
    faults = []
    for name in names:
        if name in before and before[name] == new.get(name):
            faults.append(f"{name} changed in the record only")
        elif name in before and before[name] == old.get(name):
            faults.append(f"{name} changed in the replay only")
    return faults


def _contents(handles: Mapping[str, ArrayHandle]) -> dict[str, Hashable]:
    return {name: each.content for name, each in handles.items()}


def _maps(species: Species | None) -> dict[str, Hashable]:
    if species is None:
        return {}
    return _contents({name: species.map(name) for name in species.map_names()})


def _poses(species: Species | None) -> dict[str, Hashable]:
    """Positions and angles as one: they are moved together."""
    if species is None:
        return {}
    table = species.particles
    return {"poses": tuple(table.reader.array(table.node(name)).content for name in _POSES)}


def _attribute_faults(
    changes: Mapping[str, tuple[Any, Any]], table: Iterable[AttributeSchema]
) -> list[str]:
    """Attributes that the state covers. An absent flag and one that is false are the same."""
    covered = {each.name for each in table if each.in_state_digest}
    return [
        f"{name} is {old} in the record, {new} in the replay"
        for name, (old, new) in changes.items()
        if name in covered and (old or False) != (new or False)
    ]


def _input_faults(old: Iterable[StateDigest], new: Iterable[StateDigest], same: Same) -> list[str]:
    """A fault if both were made from states of different things."""
    if {same.get(each, each) for each in new} == {same.get(each, each) for each in old}:
        return []
    return ["the record names other inputs"]


def _doubts(
    old: Mapping[str, Species], new: Mapping[str, Species], *, shells: int
) -> tuple[str, ...]:
    """Recorded resolutions that are more than some shells from those of the replayed maps.

    A state does not cover figures of merit, so that they have to be looked at by themselves.
    """
    found = []
    for path, species in new.items():
        if path not in old or not species.map_names():
            continue
        claimed, measured = (each.number("resolution_angstrom") for each in (old[path], species))
        pixel = species.number("pixel_size_angstrom")
        if claimed == measured or pixel is None:
            continue
        length = pixel * species.map(species.map_names()[0]).shape[0]
        if claimed and measured and abs(length / claimed - length / measured) <= shells:
            continue
        claim, measure = (
            "none" if each is None else f"{each:.2f} A" for each in (claimed, measured)
        )
        found.append(
            f"species '{species.name}': the record claims a resolution of {claim}, "
            f"the replay measures {measure}"
        )
    return tuple(found)
