"""A particle table of another program as the next particles of a species."""

from dataclasses import dataclass, replace

import numpy as np

from mgit.curate.particle_intake import (
    Binding,
    ItemVolumes,
    bind_table,
    check_inside,
    particles_from,
    permanent_ids,
)
from mgit.curate.particle_matching import (
    MatchBy,
    TableMatch,
    check_half_sets,
    inherited_half_sets,
    match_table,
)
from mgit.curate.particle_poses import carry_motion, resample_poses, turns
from mgit.errors import InvalidInput
from mgit.exchange.records import ParticleTable
from mgit.state.diff import ParticleDifference, particle_difference
from mgit.state.matching import match_rows, update_particles
from mgit.state.particle_columns import ParticleColumns
from mgit.state.species import Species

__all__ = ["TakenTable", "UpdateChoices", "same_particles", "take_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateChoices:
    """What the user decides about an update."""

    match: MatchBy = "auto"
    tolerance_angstrom: float | None = None
    accept_half_set_changes: bool = False
    ignore_unmatched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TakenTable:
    """A table taken over: particles before and after, and how rows were found.

    Without a table `new` is `old`, and nothing was matched.
    """

    old: ParticleColumns
    new: ParticleColumns
    difference: ParticleDifference | None = None
    match: TableMatch | None = None
    binding: Binding | None = None
    half_set_changes: int = 0
    outside_share: float = 0.0


def take_table(
    species: Species,
    old: ParticleColumns,
    table: ParticleTable,
    volumes: ItemVolumes,
    choices: UpdateChoices,
) -> TakenTable:
    """A table as the next particles of a species; nothing is written.

    Matched rows keep their permanent ids and the motion over the exposure that the table does not
    know; where it has no half-sets, they keep those too, and new rows join their neighbours.

    Raises InvalidInput for a table that cannot be bound or matches nothing, Refused when particles
    change their half-set.
    """
    diameter = species.number("diameter_angstrom")
    binding = bind_table(table, volumes, ignore_unmatched=choices.ignore_unmatched)
    undecided = None
    if table.half_sets is None:
        # Only to build the rows: matched particles keep their halves below.
        undecided = np.ones(len(binding.rows), np.uint8)
    new = particles_from(
        table,
        binding,
        half_sets=undecided,
        ids=permanent_ids(table, binding.rows, known=old),
    )
    share = check_inside(new, binding, file=table.document.path)
    match = match_table(
        old,
        new,
        by=choices.match,
        tolerance_angstrom=choices.tolerance_angstrom,
        diameter_angstrom=diameter,
    )
    if not len(match.rows.old):
        raise InvalidInput(
            f"no row of the table is a particle of the species (by {match.words})",
            file=table.document.path,
            species=species.name,
            hint="'--match id|name|position' and '--tolerance A' say how rows are matched; "
            "particles of another kind are a species of their own: 'mgit species add'",
        )
    changes = 0
    if table.half_sets is None:
        radius = None if diameter is None else diameter / 2
        halves = inherited_half_sets(old, new, match.rows, radius_angstrom=radius)
        new = replace(new, half_set=halves)
    else:
        changes = check_half_sets(
            old,
            new,
            match.rows,
            file=table.document.path,
            accept=choices.accept_half_set_changes,
        )
    new = _with_motion(old, new, match)
    updated = update_particles(old, new, match.rows)
    return TakenTable(
        old=old,
        new=updated,
        difference=_difference(old, updated, str(species.attributes.get("symmetry", "C1"))),
        match=match,
        binding=binding,
        half_set_changes=changes,
        outside_share=share,
    )


def _difference(old: ParticleColumns, new: ParticleColumns, symmetry: str) -> ParticleDifference:
    """What changed; rotations to the nearest symmetry mate, for a jump between mates is none."""
    difference = particle_difference(old, new)
    rows = match_rows(old, new, by="id")
    before, after = old.angles[rows.old, 0], new.angles[rows.new, 0]
    rotations = turns(before, after, symmetry=symmetry)
    shifts = old.positions[rows.old, 0] != new.positions[rows.new, 0]
    moved = (before != after).any(axis=1) | shifts.any(axis=1)
    if not moved.any():
        return difference
    return replace(
        difference,
        median_rotation_degree=float(np.median(rotations[moved])),
        largest_rotation_degree=float(rotations.max()),
    )


def _with_motion(old: ParticleColumns, new: ParticleColumns, match: TableMatch) -> ParticleColumns:
    """The new rows with motion over the exposure that the other program does not know of."""
    rows = match.rows
    samples = old.positions.shape[1]
    if samples > 1 and new.positions.shape[1] == 1:
        positions = resample_poses(new.positions, samples)
        angles = resample_poses(new.angles, old.angles.shape[1])
        moved, turned = carry_motion(
            old.positions[rows.old],
            old.angles[rows.old],
            new_positions=new.positions[rows.new, 0],
            new_angles=new.angles[rows.new, 0],
        )
        positions[rows.new], angles[rows.new] = moved, turned
        new = replace(new, positions=positions, angles=angles)
    if old.trajectory is not None and new.trajectory is None:
        trajectory = np.zeros((len(new), *old.trajectory.shape[1:]))
        trajectory[rows.new] = old.trajectory[rows.old]
        new = replace(new, trajectory=trajectory)
    return new


def same_particles(old: ParticleColumns, new: ParticleColumns) -> bool:
    """Whether two tables are the same state: ids, items, poses, half-sets, motion, to the bit."""
    if len(old) != len(new) or not np.array_equal(old.id, new.id):
        return False
    if (old.trajectory is None) != (new.trajectory is None) or not old.item.equals(new.item):
        return False
    pairs = [
        (old.positions, new.positions),
        (old.angles, new.angles),
        (old.half_set, new.half_set),
    ]
    if old.trajectory is not None and new.trajectory is not None:
        pairs.append((old.trajectory, new.trajectory))
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)
