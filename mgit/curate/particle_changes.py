"""New picks into a species, and particles out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import numpy as np

from mgit.curate.particle_intake import (
    ItemVolumes,
    bind_table,
    check_inside,
    particles_from,
    permanent_ids,
)
from mgit.curate.particle_matching import (
    MatchBy,
    inherited_half_sets,
    match_table,
    nearest_half_sets,
)
from mgit.curate.particle_poses import resample_poses
from mgit.curate.species_update import item_states
from mgit.errors import InvalidInput, Refused
from mgit.exchange.records import Document, ParticleTable
from mgit.state.digests import set_inputs
from mgit.state.documents import read_documents, write_document
from mgit.state.half_sets import new_split
from mgit.state.matching import RowMatch, common_codes
from mgit.state.neighbours import neighbour_pairs
from mgit.state.particle_columns import Column, ParticleColumns, concatenate_particles
from mgit.state.population import Population
from mgit.state.protocol import Writer
from mgit.state.species import Species, set_particles, update_species_attributes
from mgit.state.strings import StringColumn

__all__ = ["ParticlesChanged", "add_particles", "remove_particles"]

MIN_DISTANCE_OF_DIAMETER = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticlesChanged:
    """What happened to the particles of a species."""

    name: str
    particles: int
    half_sets: tuple[int, int]
    added: int = 0
    removed: int = 0
    too_close: int = 0
    """New picks that were dropped because a particle stands there already."""
    min_distance_angstrom: float | None = None
    after_neighbours: int = 0
    """New picks whose half-set is that of a neighbour."""
    unmatched_rows: int = 0
    """Rows of a table of removals that are no particle of the species."""
    matched_by: str | None = None
    unmatched: Mapping[str, int] = field(default_factory=dict)
    outside_share: float = 0.0
    notes: tuple[str, ...] = ()


def add_particles(
    writer: Writer,
    name: str,
    *,
    table: ParticleTable,
    volumes: ItemVolumes,
    min_distance_angstrom: float | None = None,
    ignore_unmatched: bool = False,
) -> ParticlesChanged:
    """Add the rows of a table as new particles.

    min_distance_angstrom: a row this close to a particle of the species, or to an earlier row, is
        dropped; default half the diameter.

    A new particle within one diameter of an old one is put into the half of the nearest; the others
    keep the table's half-sets, or are split anew where it has none. The table becomes one more
    document of the species, which is marked `needs_reconstruction`.

    Raises NotFound for an unknown species, InvalidInput for tables that cannot be bound or lack a
    column that is applied, Refused when no row is new.
    """
    species = Population(writer).one_species(name)
    old = species.particles.load()
    binding = bind_table(table, volumes, ignore_unmatched=ignore_unmatched)
    undecided = np.ones(len(binding.rows), np.uint8)
    new = particles_from(
        table,
        binding,
        half_sets=undecided if table.half_sets is None else None,
        ids=permanent_ids(table, binding.rows, known=old),
    )
    share = check_inside(new, binding, file=table.document.path)
    distance = _min_distance(species, min_distance_angstrom)
    fresh = _fresh_rows(old, new, distance)
    if not fresh.any():
        raise Refused(
            "every row of the table stands where the species has a particle already",
            species=species.name,
            file=table.document.path,
            min_distance_angstrom=f"{distance:g}",
            hint="'--min-distance A' keeps picks that are farther from particles than that",
        )
    picks = new.take(fresh)
    halves, after_neighbours = _half_sets(species, old, picks, split=table.half_sets is None)
    picks = _in_form(replace(picks, half_set=halves), old, species, table)
    everything = concatenate_particles([_completed(old, picks), picks])
    document = _free_path(writer, species, table.document)
    set_particles(writer, species.path, everything)
    write_document(
        writer,
        species.path,
        role=document.role,
        path=document.path,
        content=document.content,
    )
    _mark(writer, species)
    states = item_states(writer, picks)
    set_inputs(writer, species.path, {*species.inputs, *states})
    moved = document.path != table.document.path
    return replace(
        _report(species, everything),
        added=len(picks),
        too_close=int((~fresh).sum()),
        min_distance_angstrom=distance,
        after_neighbours=after_neighbours,
        unmatched=binding.unmatched,
        outside_share=share,
        notes=(
            *table.notes,
            *binding.notes,
            *((f"the table is kept as '{document.path}'",) if moved else ()),
        ),
    )


def remove_particles(
    writer: Writer,
    name: str,
    *,
    table: ParticleTable,
    volumes: ItemVolumes,
    match: MatchBy = "auto",
    tolerance_angstrom: float | None = None,
) -> ParticlesChanged:
    """Remove the particles that the rows of a table are; rows that are none are reported.

    Raises NotFound for an unknown species, Refused when no row is a particle of the species or
    none would be left.
    """
    species = Population(writer).one_species(name)
    old = species.particles.load()
    binding = bind_table(table, volumes, ignore_unmatched=True)
    rows = particles_from(
        table,
        binding,
        half_sets=np.ones(len(binding.rows), np.uint8),
        ids=permanent_ids(table, binding.rows, known=old),
    )
    found = match_table(
        old,
        rows,
        by=match,
        tolerance_angstrom=tolerance_angstrom,
        diameter_angstrom=species.number("diameter_angstrom"),
    )
    if not len(found.rows.old) or len(found.rows.old) == len(old):
        none = not len(found.rows.old)
        raise Refused(
            f"no row of the table is a particle of the species (by {found.words})"
            if none
            else "every particle of the species would be removed",
            species=species.name,
            file=table.document.path,
            hint="'--match id|name|position' and '--tolerance A' say how rows are matched"
            if none
            else f"'mgit species remove {species.name}' removes the species",
        )
    kept = old.take(found.rows.missing_old)
    set_particles(writer, species.path, kept)
    _mark(writer, species)
    return replace(
        _report(species, kept),
        removed=len(found.rows.old),
        unmatched_rows=len(found.rows.missing_new),
        matched_by=found.words,
        unmatched=binding.unmatched,
    )


def _report(species: Species, columns: ParticleColumns) -> ParticlesChanged:
    halves = columns.half_set
    return ParticlesChanged(
        name=species.name,
        particles=len(columns),
        half_sets=(int((halves == 1).sum()), int((halves == 2).sum())),
    )


def _mark(writer: Writer, species: Species) -> None:
    update_species_attributes(writer, species.path, {"needs_reconstruction": True})


def _min_distance(species: Species, given: float | None) -> float:
    diameter = species.number("diameter_angstrom")
    distance = given
    if distance is None and diameter is not None:
        distance = MIN_DISTANCE_OF_DIAMETER * diameter
    if distance is None or not 0 < distance < float("inf"):
        raise InvalidInput(
            "the smallest distance between particles is not a positive number",
            field="--min-distance",
            hint="give '--min-distance A', or set the diameter of the species",
        )
    return distance


def _fresh_rows(old: ParticleColumns, new: ParticleColumns, distance: float) -> np.ndarray:
    """`(len(new),)` bool: rows that stand apart from old particles and from earlier rows."""
    old_items, new_items = common_codes(old.item, new.item)
    means = new.mean_positions
    pairs = neighbour_pairs(means, new_items, old.mean_positions, old_items, distance=distance)
    fresh = np.ones(len(new), dtype=bool)
    fresh[pairs.first] = False
    own = neighbour_pairs(means, new_items, means, new_items, distance=distance)
    # Earlier rows of the file win: a row counts once the rows before it are decided.
    order = np.argsort(new.source_row[own.second], kind="stable")
    for first, second in zip(own.first[order].tolist(), own.second[order].tolist(), strict=True):
        if new.source_row[first] < new.source_row[second] and fresh[first]:
            fresh[second] = False
    return fresh


def _half_sets(
    species: Species, old: ParticleColumns, picks: ParticleColumns, *, split: bool
) -> tuple[np.ndarray, int]:
    """Half-sets of new picks, and how many follow a neighbour."""
    diameter = species.number("diameter_angstrom")
    if diameter is None:
        none = RowMatch(
            old=np.empty(0, np.int64),
            new=np.empty(0, np.int64),
            missing_old=np.arange(len(old)),
            missing_new=np.arange(len(picks)),
        )
        if not split:
            return picks.half_set, 0
        return inherited_half_sets(old, picks, none, radius_angstrom=None), 0
    nearest = nearest_half_sets(old, picks, radius_angstrom=diameter)
    followers = int((nearest > 0).sum())
    if not split:
        return np.where(nearest > 0, nearest, picks.half_set).astype(np.uint8), followers
    codes, _ = common_codes(picks.item, picks.item)
    order = np.argsort(picks.source_row, kind="stable")
    halves = np.empty(len(picks), np.uint8)
    halves[order] = new_split(
        picks.positions[order],
        codes[order],
        radius_angstrom=diameter / 2,
        present=nearest[order],
    )
    return halves, followers


def _in_form(
    picks: ParticleColumns, old: ParticleColumns, species: Species, table: ParticleTable
) -> ParticleColumns:
    """New picks with the samples, trajectories and columns of the table that they join."""
    applied = tuple(species.attributes.get("applied_columns", ()))
    missing = [name for name in applied if name not in picks.passthrough]
    if missing:
        raise InvalidInput(
            "the table lacks a column that is applied to the particles of this species",
            file=table.document.path,
            column=", ".join(missing),
            hint="give a table with the defocus of every particle, as the species has it",
        )
    trajectory = picks.trajectory
    if old.trajectory is not None and trajectory is None:
        trajectory = np.zeros((len(picks), *old.trajectory.shape[1:]))
    if old.trajectory is None:
        trajectory = None
    columns = {
        name: picks.passthrough[name] if name in picks.passthrough else _blank(column, len(picks))
        for name, column in old.passthrough.items()
    }
    return replace(
        picks,
        positions=resample_poses(picks.positions, old.positions.shape[1]),
        angles=resample_poses(picks.angles, old.angles.shape[1]),
        trajectory=trajectory,
        passthrough=columns,
    )


def _blank(column: Column, count: int) -> Column:
    """What particles hold in a column that their table lacks: no text, no number."""
    if isinstance(column, StringColumn):
        return StringColumn.of([""] * count)
    return np.full(count, np.nan)


def _completed(old: ParticleColumns, picks: ParticleColumns) -> ParticleColumns:
    """The old table with number columns wide enough for 'no number' where picks lack them."""
    columns: dict[str, Column] = {}
    for name, column in old.passthrough.items():
        other = picks.passthrough[name]
        numbers = isinstance(column, np.ndarray) and isinstance(other, np.ndarray)
        if isinstance(column, StringColumn) != isinstance(other, StringColumn):
            raise InvalidInput(
                "a column holds text in one table and numbers in the other",
                column=name,
                hint="remove the column from the new table",
            )
        columns[name] = column
        if numbers and isinstance(column, np.ndarray) and isinstance(other, np.ndarray):
            columns[name] = column.astype(np.result_type(column.dtype, other.dtype))
    return replace(old, passthrough=columns)


def _free_path(writer: Writer, species: Species, document: Document) -> Document:
    """The document under a path that no other table of the species has."""
    taken = {
        stored.path: stored.content()
        for stored in read_documents(writer, species.path)
        if stored.role == document.role
    }
    path = PurePosixPath(document.path)
    candidate, number = document.path, 2
    while candidate in taken and taken[candidate] != document.content:
        candidate = str(path.with_name(f"{path.stem}_{number}{path.suffix}"))
        number += 1
    return replace(document, path=candidate)
