"""Adding species from maps and particle tables, with the checks that need no reconstruction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mgit.curate.particle_intake import Binding, ItemVolumes, bind_table, particles_from
from mgit.errors import InvalidInput, Refused
from mgit.exchange.records import ParticleTable
from mgit.state.digests import set_inputs
from mgit.state.names import species_path
from mgit.state.particle_columns import ParticleColumns
from mgit.state.protocol import Writer
from mgit.state.schema import decimal
from mgit.state.species import write_species

__all__ = ["MapFiles", "SpeciesAdded", "SpeciesMaps", "add_species", "outside_volume", "read_maps"]

PIXEL_SIZE_AGREEMENT = 1e-3
"""Relative difference at which two files' pixel sizes are taken as different."""
OUTSIDE_SHARE_MAX = 0.5
"""A table that puts more than this share outside its volumes has its coordinates in another unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFiles:
    """The map files that the user names; half-maps or one reference, or none of them."""

    half_1: Path | None = None
    half_2: Path | None = None
    reference: Path | None = None
    mask: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesMaps:
    """Maps as they were read: equal cubes `(z, y, x)` float32 at one pixel size."""

    half_maps: tuple[np.ndarray, np.ndarray] | None = None
    reference: np.ndarray | None = None
    mask: np.ndarray | None = None
    pixel_size_angstrom: float | None = None
    digests: tuple[str, ...] = ()


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
    has_maps: bool
    notes: tuple[str, ...] = field(default=())


def read_maps(files: MapFiles) -> SpeciesMaps:
    """Read the maps that are given.

    Raises InvalidInput when only one half-map is given, both halves and a reference are, sizes or
    pixel sizes differ, or a file is no cubic map.
    """
    from mgit.exchange.mrc import read_volume

    if (files.half_1 is None) != (files.half_2 is None):
        raise InvalidInput(
            "only one half-map is given", hint="give both with '--half1' and '--half2'"
        )
    if files.half_1 is not None and files.reference is not None:
        raise InvalidInput(
            "half-maps and a reference are given", hint="a reference stands in for half-maps"
        )
    named = {
        name: file
        for name, file in (
            ("half_1", files.half_1),
            ("half_2", files.half_2),
            ("reference", files.reference),
            ("mask", files.mask),
        )
        if file is not None
    }
    if not named:
        return SpeciesMaps()
    images = {name: read_volume(file, cubic=True) for name, file in named.items()}
    first = next(iter(images))
    size, pixel = images[first].header.shape, images[first].header.pixel_size_angstrom
    assert pixel is not None
    for name, image in images.items():
        other = image.header.pixel_size_angstrom
        assert other is not None
        if image.header.shape != size or abs(other - pixel) > PIXEL_SIZE_AGREEMENT * pixel:
            raise InvalidInput(
                "the maps differ in size or pixel size",
                file=named[name],
                is_=f"{image.header.shape[0]} px at {other} A",
                expected=f"{size[0]} px at {pixel} A as {named[first]}",
                hint="bring all maps and the mask to one box and one pixel size",
            )
    halves = None
    if "half_1" in images:
        halves = (images["half_1"].values, images["half_2"].values)
    return SpeciesMaps(
        half_maps=halves,
        reference=images["reference"].values if "reference" in images else None,
        mask=images["mask"].values if "mask" in images else None,
        pixel_size_angstrom=pixel,
        digests=tuple(_file_digest(file) for file in named.values()),
    )


def _file_digest(file: Path) -> str:
    from mgit.curate.raw_digests import digest_file

    digest = digest_file(file, complete=True).full
    assert digest is not None
    return digest


def add_species(
    writer: Writer,
    name: str,
    *,
    table: ParticleTable,
    volumes: ItemVolumes,
    maps: SpeciesMaps,
    attributes: Mapping[str, Any],
    new_split: bool = False,
    neighbour_radius_angstrom: float | None = None,
    ignore_unmatched: bool = False,
) -> SpeciesAdded:
    """Write a new species from a particle table and maps; its inputs are the items it stands in.

    attributes: canonical attributes of the species (diameter, symmetry, ...). Without maps the
    species is marked `needs_reconstruction`; with one reference for both halves it is marked
    `external_reference`.

    Raises Refused if the species exists, InvalidInput for tables that cannot be bound, lack a split
    or put most particles outside their volumes.
    """
    if writer.exists(species_path(name)):
        raise Refused(
            "a species of this name exists",
            name=name,
            hint=f"'mgit species update {name}' takes over a new state of it",
        )
    binding = bind_table(table, volumes, ignore_unmatched=ignore_unmatched)
    columns = particles_from(
        table,
        binding,
        restart_split=new_split,
        neighbour_radius_angstrom=neighbour_radius_angstrom,
    )
    outside = outside_volume(columns, binding)
    share = float(outside.mean()) if len(outside) else 0.0
    if share > OUTSIDE_SHARE_MAX:
        raise InvalidInput(
            f"{share:.0%} of the particles lie outside the volume of their series",
            file=table.document.path,
            field="coordinates",
            hint="say with '--coordinate-pixel-size A' which pixels the coordinates are in",
        )
    record = _attributes(attributes, table, maps, new_split=new_split)
    path = write_species(
        writer,
        name,
        attributes=record,
        particles=columns,
        half_maps=maps.half_maps,
        reference=maps.reference,
        mask=maps.mask,
        documents=(table.document, *table.companions),
    )
    states = [item.state for item in binding.items.values() if item.state is not None]
    set_inputs(writer, path, states)
    return SpeciesAdded(
        name=name,
        particles=len(columns),
        items=len(binding.items),
        half_sets=(int((columns.half_set == 1).sum()), int((columns.half_set == 2).sum())),
        unmatched=binding.unmatched,
        outside_share=share,
        has_maps=maps.half_maps is not None or maps.reference is not None,
        notes=table.notes,
    )


def _attributes(
    given: Mapping[str, Any], table: ParticleTable, maps: SpeciesMaps, *, new_split: bool
) -> dict[str, Any]:
    # The table's facts first, so that what the user says wins.
    record = {**table.attributes, **given}
    record["half_set_origin"] = "restarted" if new_split else "imported"
    if maps.pixel_size_angstrom is not None:
        record.setdefault("pixel_size_angstrom", decimal(maps.pixel_size_angstrom))
    if maps.half_maps is None and maps.reference is None:
        record["needs_reconstruction"] = True
    if maps.reference is not None:
        record["external_reference"] = True
    return record


def outside_volume(columns: ParticleColumns, binding: Binding) -> np.ndarray:
    """`(n,)` bool: whether a particle's mean position lies outside its item's volume.

    Items without known dimensions (frame series, unbound volumes) count as inside.
    """
    outside = np.zeros(len(columns), dtype=bool)
    means = columns.mean_positions
    for code, identity in enumerate(columns.item.dictionary):
        lengths = binding.items[identity].attributes.get("volume_dimensions_angstrom")
        if lengths is None:
            continue
        rows = columns.item.codes == code
        limits = np.array([float(length) for length in lengths])
        outside[rows] = ((means[rows] < 0) | (means[rows] > limits)).any(axis=1)
    return outside
