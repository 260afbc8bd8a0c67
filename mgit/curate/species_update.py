"""The result of another program as the next state of a species."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mgit.curate.particle_intake import ItemVolumes
from mgit.curate.particle_optics import with_own_terms
from mgit.curate.particle_update import TakenTable, UpdateChoices, same_particles, take_table
from mgit.curate.species import split_warnings, write_curves
from mgit.curate.species_maps import SpeciesMaps, check_fit, replace_maps
from mgit.digest import StateDigest
from mgit.errors import InvalidInput
from mgit.exchange.records import ParticleTable
from mgit.exchange.relion_postprocess import PostprocessCurves
from mgit.state.digests import set_inputs
from mgit.state.documents import read_documents, write_document
from mgit.state.particle_columns import Column, ParticleColumns
from mgit.state.population import Population
from mgit.state.protocol import Writer
from mgit.state.species import (
    Species,
    read_species,
    set_metrics,
    set_particles,
    update_species_attributes,
)
from mgit.state.strings import StringColumn

__all__ = ["PARTICLE_ROLES", "SpeciesUpdated", "item_states", "update_species"]

PARTICLE_ROLES = ("relion_particles", "m_particles", "stopgap_motive_list", "dynamo_table")
TABLE_ATTRIBUTES = (
    "applied_columns",
    "coordinate_pixel_size_angstrom",
    "format",
    "images",
    "optics_groups",
)
"""Attributes that a particle table states; a new table replaces all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesUpdated:
    """What an update changed. Shifts in angstrom, rotations in degrees, over moved particles."""

    name: str
    particles: int
    half_sets: tuple[int, int]
    matched_by: str | None = None
    """In words; None when no table was given."""
    matched: int = 0
    added: int = 0
    removed: int = 0
    moved: int = 0
    median_shift_angstrom: float = 0.0
    median_rotation_degree: float = 0.0
    largest_shift_angstrom: float = 0.0
    half_set_changes: int = 0
    maps: tuple[str, ...] = ()
    resolution_angstrom: float | None = None
    unmatched: Mapping[str, int] = field(default_factory=dict)
    outside_share: float = 0.0
    needs_reconstruction: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def update_species(
    writer: Writer,
    name: str,
    *,
    table: ParticleTable | None,
    volumes: ItemVolumes,
    maps: SpeciesMaps,
    curves: PostprocessCurves | None = None,
    choices: UpdateChoices | None = None,
) -> SpeciesUpdated:
    """Take over particles, maps and curves that are given; the rest stays.

    Particles keep their permanent ids; rows that match none get new ids, particles that match no
    row are removed. The table replaces the species' documents, so that an export of this state
    gives it byte for byte. Particles that changed without new maps mark the species
    `needs_reconstruction`, new maps clear the mark. Inputs become the present states of the items.

    Raises NotFound for an unknown species, InvalidInput and Refused as the parts do; nothing is
    written then.
    """
    species = Population(writer).one_species(name)
    if table is None and not maps.names and curves is None:
        raise InvalidInput(
            "nothing is given to update the species with",
            species=name,
            hint="give '--particles', '--half1' with '--half2', '--reference', '--mask' or '--fsc'",
        )
    old = species.particles.load()
    taken = TakenTable(old=old, new=old)
    if table is not None:
        taken = take_table(species, old, table, volumes, choices or UpdateChoices())
        if taken.binding is not None:
            table = with_own_terms(table, taken.binding)
    changed = table is not None and not _same_state(species, old, taken.new, table)
    check_fit(species, maps)
    if table is not None:
        _write_table(writer, species.path, table, taken.new)
    if maps.names:
        replace_maps(writer, species.path, maps)
    notes = _write_flags(writer, species, maps, curves, particles_changed=changed)
    if changed or maps.has_density:
        set_inputs(writer, species.path, item_states(writer, taken.new))
    return _report(writer, species, taken, table, maps, curves, notes)


def _same_state(
    species: Species, old: ParticleColumns, new: ParticleColumns, table: ParticleTable
) -> bool:
    applied = tuple(table.attributes.get("applied_columns", ()))
    before = tuple(species.attributes.get("applied_columns", ()))
    if not same_particles(old, new) or applied != before:
        return False
    return all(_same_column(old.passthrough[name], new.passthrough[name]) for name in applied)


def _same_column(a: Column, b: Column) -> bool:
    if isinstance(a, StringColumn) or isinstance(b, StringColumn):
        return isinstance(a, StringColumn) and isinstance(b, StringColumn) and a.equals(b)
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def _write_table(writer: Writer, path: str, table: ParticleTable, columns: ParticleColumns) -> None:
    record = {name: table.attributes.get(name) for name in TABLE_ATTRIBUTES}
    update_species_attributes(writer, path, record)
    set_particles(writer, path, columns)
    roles = {*PARTICLE_ROLES}
    if table.companions:
        roles |= {each.role for each in table.companions}
    documents = (table.document, *table.companions)
    for stored in read_documents(writer, path):
        if stored.role in roles:
            writer.remove(stored.node)
    for each in documents:
        write_document(writer, path, role=each.role, path=each.path, content=each.content)


def _write_flags(
    writer: Writer,
    species: Species,
    maps: SpeciesMaps,
    curves: PostprocessCurves | None,
    *,
    particles_changed: bool,
) -> tuple[str, ...]:
    """Marks and metrics that follow from what came; returns notes about what was dropped."""
    changes: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    if particles_changed:
        changes |= {"needs_reconstruction": True, "needs_refinement": None}
    if maps.has_density:
        changes["needs_reconstruction"] = None
        changes["external_reference"] = True if maps.reference is not None else None
    if changes:
        update_species_attributes(writer, species.path, changes)
    if curves is not None:
        write_curves(writer, species.path, curves)
    elif maps.has_density and (species.metrics() or "resolution_angstrom" in species.attributes):
        # Curves of maps that are no longer here would pass for those of the new ones.
        set_metrics(writer, species.path, {})
        update_species_attributes(writer, species.path, {"resolution_angstrom": None})
        notes = ("the FSC of the previous maps was dropped; '--fsc' brings that of the new ones",)
    return notes


def item_states(writer: Writer, columns: ParticleColumns) -> list[StateDigest]:
    """The sealed states of the items that particles stand in."""
    items = Population(writer).items_by_id()
    states = (items[each].state for each in columns.item.dictionary if each in items)
    return [state for state in states if state is not None]


def _report(
    writer: Writer,
    species: Species,
    taken: TakenTable,
    table: ParticleTable | None,
    maps: SpeciesMaps,
    curves: PostprocessCurves | None,
    notes: tuple[str, ...],
) -> SpeciesUpdated:
    halves = taken.new.half_set
    base = SpeciesUpdated(
        name=species.name,
        particles=len(taken.new),
        half_sets=(int((halves == 1).sum()), int((halves == 2).sum())),
        maps=maps.names,
        resolution_angstrom=curves.resolution_angstrom if curves is not None else None,
        needs_reconstruction=read_species(writer, species.path).flag("needs_reconstruction"),
        notes=(*(table.notes if table is not None else ()), *notes),
        warnings=maps.warnings,
    )
    if taken.match is None or taken.difference is None or taken.binding is None:
        return base
    difference = taken.difference
    return replace(
        base,
        matched_by=taken.match.words,
        matched=len(taken.match.rows.old),
        added=len(taken.match.rows.missing_new),
        removed=len(taken.match.rows.missing_old),
        moved=difference.moved,
        median_shift_angstrom=difference.median_shift_angstrom,
        median_rotation_degree=difference.median_rotation_degree,
        largest_shift_angstrom=difference.largest_shift_angstrom,
        half_set_changes=taken.half_set_changes,
        unmatched=taken.binding.unmatched,
        outside_share=taken.outside_share,
        warnings=(*base.warnings, *split_warnings(taken.new, species.attributes)),
        notes=(*base.notes, *taken.binding.notes),
    )
