"""Changing the pixel size or the handedness of a source, with everything that depends on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mgit.curate.migrations import (
    mirror_angles,
    mirror_item_arrays,
    mirror_map,
    mirror_positions,
    scale_item_arrays,
    scale_positions,
)
from mgit.errors import InvalidInput, Refused
from mgit.state.names import find_source
from mgit.state.particle_columns import ParticleColumns
from mgit.state.population import Population
from mgit.state.protocol import Writer
from mgit.state.schema import decimal
from mgit.state.series import Item, update_item_arrays, update_item_attributes
from mgit.state.source import items, read_source, update_source
from mgit.state.species import Species, set_maps, set_particles, update_species_attributes

__all__ = ["SourceMigrated", "flip_hand", "set_depth_sign", "set_pixel_size"]

Move = Callable[[ParticleColumns, np.ndarray, Item], None]
"""Moves rows of writable columns that belong to one item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMigrated:
    """What followed a change of a source's setting."""

    source: str
    items: int
    species: tuple[str, ...]
    """Species whose particles moved."""
    particles: int


def set_pixel_size(writer: Writer, source: str, *, pixel_size_angstrom: float) -> SourceMigrated:
    """Give a source another pixel size: lengths follow by the ratio, defoci by its square.

    Species whose particles moved are marked `needs_refinement`. Raises InvalidInput for a size
    that is not positive, Refused when an item has no pixel size to start from.
    """
    if not 0 < pixel_size_angstrom < float("inf"):
        raise InvalidInput(
            "a pixel size is not positive", field="--pixel-size", value=pixel_size_angstrom
        )
    path = find_source(writer, source)
    scales: dict[str, float] = {}
    for item in list(items(writer, path)):
        old = item.attributes.get("pixel_size_angstrom")
        if old is None:
            raise Refused(
                "a series has no pixel size to change",
                series=item.name,
                hint="import the source again with metadata that say it",
            )
        scales[item.id] = pixel_size_angstrom / float(old)
        _scale_item(writer, item, scales[item.id], pixel_size_angstrom)
    if "pixel_size_angstrom" in read_source(writer, path).attributes:
        update_source(writer, path, {"pixel_size_angstrom": decimal(pixel_size_angstrom)})

    def move(columns: ParticleColumns, row: np.ndarray, item: Item) -> None:
        columns.positions[row] = scale_positions(columns.positions[row], scale=scales[item.id])

    touched, count = _move_particles(writer, source, move)
    return SourceMigrated(source=source, items=len(scales), species=touched, particles=count)


def _scale_item(writer: Writer, item: Item, scale: float, pixel_size_angstrom: float) -> None:
    handles = item.arrays()
    values = {name: handle.read() for name, handle in handles.items()}
    changed = scale_item_arrays(values, scale=scale)
    update_item_arrays(
        writer,
        item.path,
        {name: (array, handles[name].attributes) for name, array in changed.items()},
    )
    attributes: dict[str, object] = {"pixel_size_angstrom": decimal(pixel_size_angstrom)}
    extracted = item.attributes.get("image_pixel_size_angstrom")
    if extracted is not None:
        # Programs state it as the raw pixel size times a factor that they chose.
        attributes["image_pixel_size_angstrom"] = decimal(float(extracted) * scale)
    for name in ("volume_dimensions_angstrom", "image_dimensions_angstrom"):
        lengths = item.attributes.get(name)
        if lengths is not None:
            attributes[name] = [decimal(float(length) * scale) for length in lengths]
    update_item_attributes(writer, item.path, attributes)


def set_depth_sign(writer: Writer, source: str, *, hand: int) -> SourceMigrated:
    """Say with which sign defocus grows along z in the image (+1 or -1); nothing else follows."""
    if hand not in (-1, 1):
        raise InvalidInput("the sign of the depth is neither +1 nor -1", value=hand)
    count = 0
    for item in list(items(writer, find_source(writer, source))):
        if item.attributes.get("hand") != hand:
            update_item_attributes(writer, item.path, {"hand": hand})
            count += 1
    return SourceMigrated(source=source, items=count, species=(), particles=0)


def flip_hand(writer: Writer, source: str) -> SourceMigrated:
    """Mirror the geometry of a source along z: tilt angles, warps, positions, poses and maps.

    Every projected position stays and every depth changes sign. Maps of a species are mirrored too,
    which is right only if all its particles are in this source.

    Raises Refused when a species has particles elsewhere, or an item has no known volume depth.
    """
    path = find_source(writer, source)
    ids = {item.id for item in items(writer, path)}
    inside = [
        species
        for species in Population(writer).species()
        if ids & set(species.particles.load().item.dictionary)
    ]
    for species in inside:
        elsewhere = set(species.particles.load().item.dictionary) - ids
        if elsewhere:
            raise Refused(
                "a species has particles in other sources too: its maps cannot be mirrored for one",
                species=species.name,
                source=source,
                hint="flip all its sources, or split the species first",
            )
    count = 0
    for item in list(items(writer, path)):
        handles = item.arrays()
        changed = mirror_item_arrays({name: handle.read() for name, handle in handles.items()})
        pairs = {name: (array, handles[name].attributes) for name, array in changed.items()}
        update_item_arrays(writer, item.path, pairs)
        count += 1
    for species in inside:
        _mirror_maps(writer, species)

    def move(columns: ParticleColumns, row: np.ndarray, item: Item) -> None:
        lengths = item.attributes.get("volume_dimensions_angstrom")
        if lengths is None:
            raise Refused(
                "a series has no known volume: its particles cannot be mirrored", series=item.name
            )
        depth = float(lengths[2])
        columns.positions[row] = mirror_positions(columns.positions[row], depth_angstrom=depth)
        columns.angles[row] = mirror_angles(columns.angles[row])
        if columns.trajectory is not None:
            columns.trajectory[row, :, 2] *= -1

    touched, moved = _move_particles(writer, source, move)
    return SourceMigrated(source=source, items=count, species=touched, particles=moved)


def _mirror_maps(writer: Writer, species: Species) -> None:
    maps = {name: mirror_map(species.map(name).read()) for name in species.map_names()}
    halves = None
    if "half_map_1" in maps:
        halves = (maps["half_map_1"], maps["half_map_2"])
    set_maps(
        writer,
        species.path,
        half_maps=halves,
        reference=maps.get("reference"),
        mask=maps.get("mask"),
    )


def _move_particles(writer: Writer, source: str, move: Move) -> tuple[tuple[str, ...], int]:
    """Apply `move` to the particles in the items of a source, species by species."""
    population = Population(writer)
    known = {item.id: item for item in population.source(source).items()}
    touched, count = [], 0
    for species in population.species():
        loaded = species.particles.load()
        here = [code for code, each in enumerate(loaded.item.dictionary) if each in known]
        if not here:
            continue
        columns = replace(
            loaded,
            positions=loaded.positions.copy(),
            angles=loaded.angles.copy(),
            trajectory=None if loaded.trajectory is None else loaded.trajectory.copy(),
        )
        for code in here:
            rows = np.flatnonzero(columns.item.codes == code)
            move(columns, rows, known[columns.item.dictionary[code]])
            count += len(rows)
        set_particles(writer, species.path, columns)
        update_species_attributes(writer, species.path, {"needs_refinement": True})
        touched.append(species.name)
    return tuple(touched), count
