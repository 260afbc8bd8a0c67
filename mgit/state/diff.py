"""What changed between two states of one item or one species, row by row and in physical units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mgit.state.matching import RowMatch, common_codes, match_rows
from mgit.state.particle_columns import ParticleColumns
from mgit.state.particle_table import StoredParticles
from mgit.state.protocol import ArrayHandle
from mgit.state.schema import ITEM_ARRAYS, array_schema
from mgit.state.series import Item
from mgit.state.species import Species
from mgit.state.strings import STRING_ARRAYS

__all__ = [
    "ASTIGMATISM",
    "ArrayChange",
    "ItemDifference",
    "ParticleDifference",
    "SpeciesDifference",
    "item_difference",
    "particle_difference",
    "rotation_distance",
    "species_difference",
]

Change = Literal["added", "removed", "changed", "reshaped"]
AttributeChanges = Mapping[str, tuple[Any, Any]]
"""Old and new value by name; None where the attribute is absent."""

_BOOKKEEPING = ("inputs", "raw", "state")
TURN_DEGREE = 360.0
AXIS_PERIOD_DEGREE = 180.0
_AXES = ("defocus_angle", "defocus_angle_field", "exposure_b_factor_angle")
"""Angles of axes without a head: half a turn changes nothing."""
ASTIGMATISM = {
    "astigmatism": ("defocus_delta", "defocus_angle"),
    "astigmatism_field": ("defocus_delta_field", "defocus_angle_field"),
}
"""Pairs of arrays, size and direction, that only together mean something, and their name."""
ROUNDING = 1e-12
"""Relative error of computed astigmatism, below which it is unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayChange:
    """One array that differs. maximum and rms of the change are in `unit`; None if reshaped.

    Angles change by the shorter way round: 359 degrees differ from 1 degree by 2. `astigmatism`
    stands for `defocus_delta` and `defocus_angle` together (`_astigmatism_change`).
    """

    name: str
    change: Change
    unit: str
    maximum: float | None = None
    rms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDifference:
    """What changed from one state of an item to another."""

    arrays: tuple[ArrayChange, ...]
    attributes: AttributeChanges
    raw_changed: bool
    inputs_changed: bool

    def __bool__(self) -> bool:
        return bool(self.arrays or self.attributes or self.raw_changed or self.inputs_changed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParticleDifference:
    """What changed from one particle table to another; rows are matched by permanent id.

    added, removed: `(k, 16)` uint8 ids. moved: particles whose position or angles changed; the
    medians are over them. half_set_changed, item_changed: numbers of matched particles.
    """

    added: np.ndarray
    removed: np.ndarray
    moved: int = 0
    median_shift_angstrom: float = 0.0
    median_rotation_degree: float = 0.0
    largest_shift_angstrom: float = 0.0
    largest_rotation_degree: float = 0.0
    half_set_changed: int = 0
    item_changed: int = 0
    resampled: bool = False
    """Whether the number of temporal samples differs; first samples are compared then."""

    def __bool__(self) -> bool:
        counts = (self.moved, self.half_set_changed, self.item_changed)
        return bool(len(self.added) or len(self.removed) or any(counts) or self.resampled)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesDifference:
    """What changed from one state of a species to another."""

    particles: ParticleDifference
    columns_changed: tuple[str, ...]
    """Particle columns, canonical and foreign, whose stored content differs in any way."""
    attributes: AttributeChanges
    maps_changed: tuple[str, ...]
    network_changed: bool
    inputs_changed: bool
    metrics_changed: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        parts = (self.particles, self.columns_changed, self.attributes, self.maps_changed)
        flags = (self.network_changed, self.inputs_changed, bool(self.metrics_changed))
        return any(bool(each) for each in parts) or any(flags)


def item_difference(old: Item, new: Item) -> ItemDifference:
    """Compare two states of one item; reads only arrays whose content digests differ."""
    before, after = old.arrays(), new.arrays()
    names = before.keys() | after.keys()
    changes = []
    for group, pair in ASTIGMATISM.items():
        if names.issuperset(pair) and _comparable(pair, before, after):
            changes.append(_astigmatism_change(group, before, after))
            names = names.difference(pair)
    changes += [_array_change(name, before.get(name), after.get(name)) for name in names]
    return ItemDifference(
        arrays=tuple(sorted((each for each in changes if each is not None), key=_name)),
        attributes=_attribute_changes(old.attributes, new.attributes),
        raw_changed=old.raw != new.raw,
        inputs_changed=set(old.inputs) != set(new.inputs),
    )


def _attribute_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> AttributeChanges:
    names = sorted((old.keys() | new.keys()) - set(_BOOKKEEPING))
    pairs = {name: (old.get(name), new.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _array_change(
    name: str, old: ArrayHandle | None, new: ArrayHandle | None
) -> ArrayChange | None:
    schema = array_schema(ITEM_ARRAYS, name)
    unit = schema.unit if schema else ""
    if old is None or new is None:
        return ArrayChange(name=name, change="added" if old is None else "removed", unit=unit)
    if old.content == new.content and dict(old.attributes) == dict(new.attributes):
        return None
    if old.shape != new.shape:
        return ArrayChange(name=name, change="reshaped", unit=unit)
    if old.content == new.content:
        return ArrayChange(name=name, change="changed", unit=unit, maximum=0.0, rms=0.0)
    step = np.abs(new.read().astype(np.float64) - old.read().astype(np.float64))
    if unit == "degree":
        period = AXIS_PERIOD_DEGREE if name in _AXES else TURN_DEGREE
        step = np.minimum(step % period, period - step % period)
    return _measured(name, unit, step)


def _name(change: ArrayChange) -> str:
    return change.name


def _comparable(
    names: tuple[str, str], before: Mapping[str, ArrayHandle], after: Mapping[str, ArrayHandle]
) -> bool:
    """Whether both states have both arrays, all of one shape."""
    found = [side.get(name) for side in (before, after) for name in names]
    shapes = [each.shape for each in found if each is not None]
    return len(shapes) == len(found) and len(set(shapes)) == 1


def _astigmatism_change(
    name: str, before: Mapping[str, ArrayHandle], after: Mapping[str, ArrayHandle]
) -> ArrayChange | None:
    """Change of astigmatism as a whole, in angstrom, by the vector (d cos 2a, d sin 2a).

    d is U - V and a the direction of U, so exchanging U and V (d to -d, a to a + 90) is no change,
    and a direction counts by how much astigmatism it is the direction of. The size of the change is
    the length of the vector's difference. None unless one of both arrays differs.
    """
    size, direction = ASTIGMATISM[name]
    pairs = [(before[each], after[each]) for each in (size, direction)]
    if all(a.content == b.content and dict(a.attributes) == dict(b.attributes) for a, b in pairs):
        return None
    old, new = (_astigmatism(side[size].read(), side[direction].read()) for side in (before, after))
    step = np.abs(new - old)
    rounding = ROUNDING * float(max(np.abs(old).max(initial=0.0), np.abs(new).max(initial=0.0)))
    step[step <= rounding] = 0.0
    return _measured(name, "angstrom", step)


def _astigmatism(difference: np.ndarray, direction_degree: np.ndarray) -> np.ndarray:
    """`d exp(2 i a)`: the astigmatism as complex numbers."""
    return np.asarray(difference * np.exp(2j * np.radians(direction_degree)))


def _measured(name: str, unit: str, step: np.ndarray) -> ArrayChange:
    return ArrayChange(
        name=name,
        change="changed",
        unit=unit,
        maximum=float(step.max(initial=0.0)),
        rms=float(np.sqrt(np.mean(step**2))) if step.size else 0.0,
    )


def species_difference(old: Species, new: Species) -> SpeciesDifference:
    """Compare two states of one species; reads particles only if their stored content differs."""
    columns = _changed(_column_contents(old.particles), _column_contents(new.particles))
    network = _changed(_contents(old.network()), _contents(new.network()))
    maps = [_contents({name: each.map(name) for name in each.map_names()}) for each in (old, new)]
    if columns:
        particles = particle_difference(old.particles.load(), new.particles.load())
    else:
        none = np.empty((0, 16), np.uint8)
        particles = ParticleDifference(added=none, removed=none)
    return SpeciesDifference(
        particles=particles,
        columns_changed=columns,
        attributes=_attribute_changes(old.attributes, new.attributes),
        maps_changed=_changed(maps[0], maps[1]),
        network_changed=bool(network),
        inputs_changed=set(old.inputs) != set(new.inputs),
        metrics_changed=_changed(_contents(old.metrics()), _contents(new.metrics())),
    )


def _contents(handles: Mapping[str, ArrayHandle]) -> dict[str, str]:
    return {name: str(each.content) for name, each in handles.items()}


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name))


def _column_contents(particles: StoredParticles) -> dict[str, str]:
    names = [*particles.names(), *particles.passthrough_names()]
    return {name: _column_content(particles, name) for name in names}


def _column_content(particles: StoredParticles, name: str) -> str:
    node = particles.node(name)
    if particles.reader.is_array(node):
        return str(particles.reader.array(node).content)
    parts = (particles.reader.array(f"{node}/{each}").content for each in STRING_ARRAYS)
    return " ".join(str(each) for each in parts)


def particle_difference(old: ParticleColumns, new: ParticleColumns) -> ParticleDifference:
    """Compare two tables row by row, matched by permanent id."""
    match = match_rows(old, new, by="id")
    shift = _per_row(old.positions, new.positions, match, _distance)
    rotation = _per_row(old.angles, new.angles, match, rotation_distance)
    moved = (shift > 0) | (rotation > 0)
    old_items, new_items = common_codes(old.item, new.item)
    return ParticleDifference(
        added=new.id[match.missing_new],
        removed=old.id[match.missing_old],
        moved=int(moved.sum()),
        median_shift_angstrom=float(np.median(shift[moved])) if moved.any() else 0.0,
        median_rotation_degree=float(np.median(rotation[moved])) if moved.any() else 0.0,
        largest_shift_angstrom=float(shift.max(initial=0.0)),
        largest_rotation_degree=float(rotation.max(initial=0.0)),
        half_set_changed=int((old.half_set[match.old] != new.half_set[match.new]).sum()),
        item_changed=int((old_items[match.old] != new_items[match.new]).sum()),
        resampled=(
            old.positions.shape[1:] != new.positions.shape[1:]
            or old.angles.shape[1:] != new.angles.shape[1:]
        ),
    )


def _per_row(
    old: np.ndarray,
    new: np.ndarray,
    match: RowMatch,
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """`(k,)` mean over temporal samples of a distance between matched rows.

    Where the number of samples differs, the first samples are compared for angles and positions
    alike: they are what both tables define at the start of the exposure.
    """
    first, second = old[match.old], new[match.new]
    if first.shape != second.shape:
        first, second = first[:, :1], second[:, :1]
    return np.asarray(measure(first, second).mean(axis=1))


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=-1)))


def rotation_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`(...)` angle in degrees, 0 to 180, of the rotation between two orientations.

    a, b: `(..., 3)` rot tilt psi in degrees, ZYZ. Symmetry is not considered: two orientations
    that are mates have their full distance.

    From the unit quaternions q of both: 4 asin(min(|q_a - q_b|, |q_a + q_b|) / 2), which is
    exactly zero for equal angles, where an arc cosine would lose half the digits.
    """
    first, second = _quaternion(a), _quaternion(b)
    difference = np.linalg.norm(first - second, axis=-1)
    total = np.linalg.norm(first + second, axis=-1)
    half_chord = np.minimum(np.minimum(difference, total) / 2, 1.0)
    return np.asarray(np.degrees(4 * np.arcsin(half_chord)))


def _quaternion(angles: np.ndarray) -> np.ndarray:
    """`(..., 4)` unit quaternion of Rz(psi) Ry(tilt) Rz(rot); the sense of rotation is common."""
    rot, tilt, psi = np.moveaxis(np.radians(angles) / 2, -1, 0)
    return np.stack(
        [
            np.cos(tilt) * np.cos(psi + rot),
            np.sin(tilt) * np.sin(rot - psi),
            np.sin(tilt) * np.cos(rot - psi),
            np.cos(tilt) * np.sin(psi + rot),
        ],
        axis=-1,
    )
