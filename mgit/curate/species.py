"""Adding species from maps and particle tables, with the checks that need no reconstruction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mgit.curate.particle_intake import (
    NAME_COLUMN,
    ItemVolumes,
    bind_table,
    check_inside,
    particles_from,
)
from mgit.curate.particle_optics import with_own_terms
from mgit.curate.particle_poses import resampled
from mgit.curate.species_maps import SpeciesMaps
from mgit.errors import Refused
from mgit.exchange.records import ParticleTable
from mgit.exchange.relion_postprocess import PostprocessCurves
from mgit.state.digests import set_inputs
from mgit.state.half_sets import half_set_overlaps
from mgit.state.names import check_given_name, species_path
from mgit.state.particle_columns import ParticleColumns
from mgit.state.protocol import Writer
from mgit.state.schema import decimal
from mgit.state.species import set_metrics, write_species

__all__ = ["SpeciesAdded", "add_species", "split_warnings", "write_curves"]


DUPLICATE_OF_DIAMETER = 0.1
"""Centres closer than this share of the diameter are one particle picked twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesAdded:
    """What an import brought."""

    name: str
    particles: int
    items: int
    half_sets: tuple[int, int]
    unmatched: Mapping[str, int]
    outside_share: float
    """Share of particles whose centre lies outside the volume of their item."""
    maps: tuple[str, ...]
    has_density: bool
    resolution_angstrom: float | None = None
    notes: tuple[str, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())


def add_species(
    writer: Writer,
    name: str,
    *,
    table: ParticleTable,
    volumes: ItemVolumes,
    maps: SpeciesMaps,
    attributes: Mapping[str, Any],
    curves: PostprocessCurves | None = None,
    temporal_samples: int | None = None,
    new_split: bool = False,
    neighbour_radius_angstrom: float | None = None,
    ignore_unmatched: bool = False,
) -> SpeciesAdded:
    """Write a new species from a particle table and maps; its inputs are the items it stands in.

    attributes: canonical attributes of the species (diameter, symmetry, ...). Without maps the
    species is marked `needs_reconstruction`; with one reference for both halves it is marked
    `external_reference`. curves: FSC and resolution of the half-maps.

    Raises Refused if the species exists, InvalidInput for tables that cannot be bound, lack a split
    or put most particles outside their volumes.
    """
    check_given_name(name)
    if writer.exists(species_path(name)):
        raise Refused(
            "a species of this name exists",
            name=name,
            hint=f"'mgit species update {name}' takes over a new state of it",
        )
    binding = bind_table(table, volumes, ignore_unmatched=ignore_unmatched)
    table = with_own_terms(table, binding)
    columns = particles_from(
        table,
        binding,
        restart_split=new_split,
        neighbour_radius_angstrom=neighbour_radius_angstrom,
    )
    share = check_inside(columns, binding, file=table.document.path)
    if temporal_samples is not None:
        columns = resampled(columns, temporal_samples)
    path = write_species(
        writer,
        name,
        attributes=_attributes(attributes, table, maps, new_split=new_split),
        particles=columns,
        half_maps=maps.half_maps,
        reference=maps.reference,
        mask=maps.mask,
        documents=(table.document, *table.companions),
    )
    if curves is not None:
        write_curves(writer, path, curves)
    states = [item.state for item in binding.items.values() if item.state is not None]
    set_inputs(writer, path, states)
    return SpeciesAdded(
        name=name,
        particles=len(columns),
        items=len(binding.items),
        half_sets=(int((columns.half_set == 1).sum()), int((columns.half_set == 2).sum())),
        unmatched=binding.unmatched,
        outside_share=share,
        maps=maps.names,
        has_density=maps.has_density,
        resolution_angstrom=curves.resolution_angstrom if curves is not None else None,
        notes=(*table.notes, *binding.notes),
        warnings=(
            *maps.warnings,
            *_table_warnings(table, new_split=new_split),
            *split_warnings(columns, attributes),
        ),
    )


def _table_warnings(table: ParticleTable, *, new_split: bool) -> tuple[str, ...]:
    """What a person should look at again before building on the table."""
    warnings = []
    if new_split and table.half_sets is not None:
        warnings.append(
            "the table's own half-sets are replaced: poses that were refined with them are not "
            "independent before they are refined again from references limited to 40 A"
        )
    names = table.passthrough.get(NAME_COLUMN)
    repeated = 0 if names is None else len(names) - len(set(map(str, names)))
    if repeated:
        rows = "1 row repeats" if repeated == 1 else f"{repeated} rows repeat"
        warnings.append(
            f"{rows} the {NAME_COLUMN} of an earlier "
            "row: the same particle more than once, or later rounds cannot be matched by name"
        )
    return tuple(warnings)


def split_warnings(columns: ParticleColumns, attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes half-sets useless: all particles in one, or one particle in both."""
    halves = set(columns.half_set.tolist())
    if len(columns) > 1 and len(halves) == 1:
        return (
            f"all particles are in half-set {halves.pop()}: there would be no second half-map; "
            "'species add --new-split' makes new half-sets",
        )
    diameter = attributes.get("diameter_angstrom")
    if diameter is None:
        return ()
    radius = DUPLICATE_OF_DIAMETER * float(diameter)
    pairs = len(half_set_overlaps(columns, radius))
    if not pairs:
        return ()
    return (
        f"{pairs} pair{'' if pairs == 1 else 's'} of particles closer than {radius:g} A in "
        "opposite half-sets: "
        "the same particle in both makes the FSC too good; remove duplicates, or "
        "split anew with 'species add --new-split'",
    )


def write_curves(writer: Writer, path: str, curves: PostprocessCurves) -> None:
    """Replace the metrics and the resolution of the species at `path` by another program's."""
    from mgit.state.species import update_species_attributes

    set_metrics(writer, path, {name: (values, {}) for name, values in curves.metrics().items()})
    resolution = decimal(curves.resolution_angstrom)
    update_species_attributes(writer, path, {"resolution_angstrom": resolution})


def _attributes(
    given: Mapping[str, Any], table: ParticleTable, maps: SpeciesMaps, *, new_split: bool
) -> dict[str, Any]:
    # The table's facts first, so that what the user says wins.
    record = {**table.attributes, **given}
    record["half_set_origin"] = "restarted" if new_split else "imported"
    if maps.pixel_size_angstrom is not None:
        record.setdefault("pixel_size_angstrom", decimal(maps.pixel_size_angstrom))
    if not maps.has_density:
        record["needs_reconstruction"] = True
    if maps.reference is not None:
        record["external_reference"] = True
    return record
