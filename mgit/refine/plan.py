"""What takes part in a reconstruction or a refinement: species, their particles, series, raw files.

Only this module and `run` know trees of a population. Nothing is read here but the tree; raw
files are bound by their recorded digests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from mgit.digest import RawDigest
from mgit.errors import InvalidInput, InvalidState, NotFound, Unsupported
from mgit.exchange.relion_particles import Volumes
from mgit.geometry.poses import ParticlePoses
from mgit.refine.inputs import ParticleSet, TiltSeriesData
from mgit.refine.item_data import ItemData, image_pixel_angstrom
from mgit.refine.own_optics import OwnTerms, groups_with_own_terms
from mgit.refine.raw_binding import RawFiles, check_calibration, checked_file
from mgit.refine.raw_stacks import BoundFile, needed_roles
from mgit.refine.reconstruct_item import MapGrid
from mgit.refine.reconstruct_species import map_grid
from mgit.refine.stack_images import StackRows, particle_stacks, stack_rows
from mgit.state.documents import read_documents
from mgit.state.particles import ParticleColumns
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.species import Species

__all__ = [
    "ItemPart",
    "SpeciesPlan",
    "bind",
    "item_data",
    "particle_set",
    "particle_set_with_stacks",
    "pixel_of",
    "plan_reconstruction",
]

KINDS = ("tilt_series", "particle_series")
CALIBRATION = ("gain", "defects")
"""Roles of files that images were corrected with."""
PEAK_OVER_SUMS = 3.0
"""Memory at the end: the sums, their totals in floating point, and the map's transform."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemPart:
    """The particles of one species in one item. rows: of the species' table, ascending.

    own: terms of their optics that the item does not have.
    """

    source: str
    item: Item
    rows: np.ndarray
    tilts: int
    own: OwnTerms = field(default_factory=dict)

    @property
    def images(self) -> int:
        """How many images its particles have at most."""
        return len(self.rows) * self.tilts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeciesPlan:
    """What one species is reconstructed from. volumes: of all series, by every name they have."""

    species: Species
    particles: ParticleColumns
    parts: tuple[ItemPart, ...]
    grid: MapGrid
    volumes: Volumes

    @property
    def images(self) -> int:
        """How many images there are at most."""
        return sum(part.images for part in self.parts)

    @property
    def series(self) -> int:
        """How many series have particles that take part."""
        return len({part.item.path for part in self.parts})

    @property
    def count(self) -> int:
        """How many particles take part."""
        return sum(len(part.rows) for part in self.parts)

    @property
    def memory_bytes(self) -> int:
        """What the reconstruction needs at its end, roughly."""
        return int(PEAK_OVER_SUMS * self.grid.sums_bytes)


def plan_reconstruction(
    reader: Reader,
    *,
    species: Sequence[str] = (),
    own_optics: Literal["refuse", "apart"] = "refuse",
) -> tuple[SpeciesPlan, ...]:
    """Plans of the species named, or of every one whose particles lie in series of tilts.

    own_optics: 'apart' gives particles whose optics groups have terms of their own a part for
    each group, so that an item may have several parts.

    Excluded series are left out. Raises NotFound; InvalidInput when nothing can take part;
    Unsupported, naming species and series, for what cannot be reconstructed here.
    """
    population = Population(reader)
    owners = _owners(population)
    if species:
        named = [population.one_species(name) for name in dict.fromkeys(species)]
    else:
        named = [each for each in population.species() if _in_tilts(each, owners)]
    if not named:
        raise InvalidInput(
            "no species has particles in series of tilts",
            hint="run 'mgit source add' and 'mgit species add' first",
        )
    return tuple(_plan(each, owners, own_optics) for each in named)


def _owners(population: Population) -> dict[str, tuple[str, Item]]:
    """Source and item by identity. Raises InvalidState where two items have one identity."""
    owners: dict[str, tuple[str, Item]] = {}
    for source in population.sources():
        for item in source.items():
            other, _ = owners.setdefault(item.id, (source.name, item))
            if other != source.name:
                raise InvalidState(
                    "two sources have the same series, so that particles may belong to either",
                    hint="remove one of both with 'mgit source remove'",
                    sources=f"{other}, {source.name}",
                    item=item.name,
                )
    return owners


def bind(
    plans: Sequence[SpeciesPlan], raw: RawFiles, *, advance: Callable[[int], None]
) -> dict[str, tuple[BoundFile, ...]]:
    """The raw files of every item in the plans by its tree path, checked by digest.

    A gain or defect map need not be here; one that is must be the recorded one, too.

    Raises NotFound for a file that is not here, InvalidInput for one with another content,
    InvalidState for an item that was never bound; each names item and file.
    """
    parts = {part.item.path: part for plan in plans for part in plan.parts}
    bound: dict[str, tuple[BoundFile, ...]] = {}
    for path, part in parts.items():
        roles = needed_roles(
            [each.role for each in part.item.raw],
            kind=part.item.kind,
            tilts=part.item.array("tilt_angle").shape[0],
        )
        files = []
        for entry in part.item.raw:
            if entry.role in roles:
                place = checked_file(entry, raw, source=part.source, item=part.item.name)
                files.append(
                    BoundFile(
                        role=entry.role, path=entry.path, place=place, sections=entry.sections
                    )
                )
                advance(1)
            elif entry.role in CALIBRATION:
                check_calibration(entry, raw, source=part.source, item=part.item.name)
        bound[path] = tuple(files)
    return bound


def _in_tilts(species: Species, owners: Mapping[str, tuple[str, Item]]) -> bool:
    if not len(species.particles):
        return False
    identities = set(species.particles.load().item.dictionary)
    return any(each in owners and owners[each][1].kind in KINDS for each in identities)


def _plan(species: Species, owners: Mapping[str, tuple[str, Item]], own_optics: str) -> SpeciesPlan:
    _refuse_applied(species)
    if own_optics == "refuse":
        _refuse_own(species)
    particles = species.particles.load()
    identities = np.array(particles.item.values())
    parts = []
    for identity in sorted(set(particles.item.values())):
        if identity not in owners:
            raise NotFound(
                "the series of some particles is gone", species=species.name, id=identity
            )
        source, item = owners[identity]
        if item.excluded:
            continue
        if item.kind not in KINDS or "tilt_angle" not in item.array_names():
            raise Unsupported(
                "only series of tilts can be reconstructed from",
                hint="leave the series out with 'mgit source exclude'",
                species=species.name,
                item=item.name,
                kind=item.kind,
            )
        rows = np.flatnonzero(identities == identity)
        parts += [
            ItemPart(source=source, item=item, rows=each, tilts=_used(item), own=own)
            for each, own in groups_with_own_terms(species, particles, rows)
        ]
    if not parts:
        raise InvalidInput(
            "every series with particles of a species is excluded",
            hint="bring one back with 'mgit source include'",
            species=species.name,
        )
    return SpeciesPlan(
        species=species,
        particles=particles,
        parts=tuple(parts),
        grid=_grid(species, parts),
        volumes=_volumes([item for _, item in owners.values()]),
    )


def _refuse_applied(species: Species) -> None:
    applied = tuple(species.attributes.get("applied_columns", ()))
    if applied:
        raise Unsupported(
            "optics of single particles cannot be applied to series of tilts",
            hint="remove these columns from the particle table and import it again",
            species=species.name,
            columns=", ".join(applied),
        )


def _refuse_own(species: Species) -> None:
    groups = species.attributes.get("optics_groups", ())
    own = dict.fromkeys(term for group in groups for term in group.get("own_terms", ()))
    if own:
        raise Unsupported(
            "particles whose optics differ from those of their series cannot be aligned",
            hint="import the same optics with the series and the particles",
            species=species.name,
            terms=", ".join(own),
        )


def _used(item: Item) -> int:
    names = item.array_names()
    if "use" in names:
        return int(item.array("use").read().sum())
    return item.array("tilt_angle").shape[0]


def pixel_of(item: Item) -> float:
    """Pixel size of the images of an item, angstrom."""
    return image_pixel_angstrom(item.name, item.kind, item.attributes)


def _grid(species: Species, parts: Sequence[ItemPart]) -> MapGrid:
    """The present maps' grid; else twice the diameter at the finest pixel size.

    Maps from extracted stacks alone are no larger than these.
    """
    diameter = species.number("diameter_angstrom")
    if diameter is None:
        raise InvalidInput(
            "the diameter of a species is not known",
            hint="set it with 'mgit species set --diameter'",
            species=species.name,
        )
    pixel, maps = species.number("pixel_size_angstrom"), species.map_names()
    if maps and pixel is not None:
        box = species.map(maps[0]).shape[0]
        try:
            return map_grid(diameter_angstrom=diameter, pixel_size_angstrom=pixel, box=box)
        except InvalidInput as error:
            error.fields["species"] = species.name
            raise
    finest = min(pixel_of(part.item) for part in parts)
    grid = map_grid(diameter_angstrom=diameter, pixel_size_angstrom=finest)
    if all(part.item.kind == "particle_series" for part in parts):
        shown = min(
            part.item.attributes["image_size_px"][0] * pixel_of(part.item) / finest
            for part in parts
            if "image_size_px" in part.item.attributes
        )
        box = min(grid.box, 2 * int(shown / 2))
        return map_grid(diameter_angstrom=diameter, pixel_size_angstrom=finest, box=box)
    return grid


def particle_set(plan: SpeciesPlan, part: ItemPart) -> ParticleSet:
    """The particles of one species in one item, as refinement takes them."""
    table, rows = plan.particles, part.rows
    return ParticleSet(
        species=plan.species.name,
        poses=ParticlePoses(
            position=table.positions[rows],
            angles=table.angles[rows],
            displacement=None if table.trajectory is None else table.trajectory[rows],
        ),
        half_set=table.half_set[rows],
        names=tuple(f"row {row + 1} of its table" for row in table.source_row[rows]),
    )


def particle_set_with_stacks(
    plan: SpeciesPlan, part: ItemPart, files: Sequence[BoundFile], *, series: TiltSeriesData
) -> ParticleSet:
    """The particles of one species in a series of extracted particles, with their images.

    files: that `bind` found for the item. series: of the same item. Raises Unsupported when the
    table that names the stacks is not kept, InvalidInput when it does not belong to the series.
    """
    stacks = particle_stacks(
        series.geometry,
        _stack_rows(plan, part),
        files={each.path: each for each in files},
        pixel_size_angstrom=pixel_of(part.item),
    )
    return replace(particle_set(plan, part), stacks=stacks)


def item_data(item: Item) -> ItemData:
    """Every array and attribute of an item, read."""
    handles = item.arrays()
    return ItemData(
        name=item.name,
        arrays={name: handle.read() for name, handle in handles.items()},
        attributes=item.attributes,
        array_attributes={name: handle.attributes for name, handle in handles.items()},
    )


def _stack_rows(plan: SpeciesPlan, part: ItemPart) -> StackRows:
    """Facts of the particles from the tables that they were imported with."""
    species, table = plan.species, plan.particles
    digests = np.array(table.source_table.values())[part.rows]
    documents = read_documents(species.reader, species.path)
    for document in documents:
        content = document.content()
        if (digests == str(RawDigest.of(content))).all():
            rows = stack_rows(
                content,
                path=document.path,
                volumes=plan.volumes,
                coordinate_pixel_size_angstrom=species.number("coordinate_pixel_size_angstrom"),
            )
            return rows.take(table.source_row[part.rows])
    raise Unsupported(
        "the table that names the stacks of some particles is not among the species' documents",
        hint="import the species from one RELION or WarpTools table",
        species=species.name,
        item=part.item.name,
    )


def _volumes(items: Sequence[Item]) -> Volumes:
    """Extents of volumes in raw pixels, under every name that a table may use."""
    found: dict[str, tuple[tuple[float, float, float], float]] = {}
    for item in items:
        lengths = item.attributes.get("volume_dimensions_angstrom")
        if lengths is not None and "pixel_size_angstrom" in item.attributes:
            pixel = float(item.attributes["pixel_size_angstrom"])
            x, y, z = (float(text) / pixel for text in lengths)
            found.update(dict.fromkeys((item.name, *item.aliases), ((x, y, z), pixel)))
    return found
