"""Score the state of a commit: its series and particles, as canonical arrays, against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.simulate.forward import Geometry, Views, join_views, views
from mgit.simulate.score import Frame, MapScore, Score, map_score, score
from mgit.simulate.truth import Truth
from mgit.state.particles import ParticleColumns
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.series import Item
from mgit.state.species import Species

__all__ = ["CommitScore", "score_tree"]

UNKNOWN_TERMS = ("image_deformation", "magnification")
"""Arrays that move projected positions or frequencies and that no simulation holds."""
HALF_MAPS = ("half_map_1", "half_map_2")
NO_MARGINS = ("0", "0", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitScore:
    """maps is None without half-maps. missing: particles of the truth that the species lacks."""

    species: str
    poses: Score
    maps: MapScore | None
    missing: int

    def record(self) -> dict[str, Any]:
        """The numbers by name, for JSON and tables."""
        numbers = {name: getattr(self.poses, name) for name in self.poses.__slots__}
        maps = self.maps
        return {
            "species": self.species,
            **numbers,
            "missing": self.missing,
            "fsc_half_maps_angstrom": None if maps is None else maps.halves_angstrom,
            "fsc_truth_angstrom": None if maps is None else maps.truth_angstrom,
        }


def score_tree(reader: Reader, truth: Truth, *, species: str | None = None) -> CommitScore:
    """Score one species of a tree, the only one by default.

    Series are recognised by name, particles by their row in the simulated table; excluded series
    and tilts that are not in use do not count.

    Raises NotFound, InvalidInput when the species is not of this simulation, and Unsupported for
    terms that the simulator's geometry lacks.
    """
    population = Population(reader)
    chosen = _species(population, species)
    particles = chosen.particles.load()
    if len(set(particles.source_table.values())) > 1:
        raise InvalidInput(
            "the particles come from several tables, so their rows do not tell which is which",
            species=chosen.name,
        )
    estimate = _views(population, particles, truth)
    poses, frame = score(estimate, truth.views())
    return CommitScore(
        species=chosen.name,
        poses=poses,
        maps=_maps(chosen, truth, frame),
        missing=len(truth.particles.positions) - poses.particles,
    )


def _species(population: Population, name: str | None) -> Species:
    if name is not None:
        return population.one_species(name)
    every = population.species()
    if not every:
        raise NotFound("the population has no species to score", hint="run 'mgit species add'")
    if len(every) > 1:
        names = ", ".join(each.name for each in every)
        raise InvalidInput("there are several species", hint="choose with --species", names=names)
    return every[0]


def _views(population: Population, particles: ParticleColumns, truth: Truth) -> Views:
    items = population.items_by_id()
    owners = np.array(particles.item.values())
    numbers = {geometry.name: at for at, geometry in enumerate(truth.series)}
    rows = particles.source_row
    if (rows < 0).any() or (rows >= len(truth.particles.series)).any():
        raise InvalidInput(
            "the table has rows that the simulation has not", hint="is the truth of these data?"
        )
    parts = []
    for identity in np.unique(owners):
        item = items[str(identity)]
        if item.name not in numbers:
            raise InvalidInput("a series is not of this simulation", item=item.name)
        chosen = owners == identity
        if (truth.particles.series[rows[chosen]] != numbers[item.name]).any():
            raise InvalidInput("a particle stands in another series than simulated", item=item.name)
        if item.excluded:
            continue
        geometry = _geometry(item, truth.series[numbers[item.name]])
        trajectory = None if particles.trajectory is None else particles.trajectory[chosen]
        seen = views(
            geometry,
            particles.positions[chosen],
            particles.angles[chosen],
            rows=rows[chosen],
            trajectory=trajectory,
        )
        parts.append(seen.take(geometry.per_tilt("use")[seen.tilt] > 0))
    if not parts:
        raise InvalidInput("every series with particles is excluded")
    return join_views(parts)


def _geometry(item: Item, true: Geometry) -> Geometry:
    """The item's arrays; extents of image and volume are facts that both share."""
    arrays, margins = {}, {}
    for name, handle in item.arrays().items():
        arrays[name] = handle.read()
        stated = handle.attributes.get("margins", NO_MARGINS)
        margins[name] = tuple(float(text) for text in stated)
    for name in UNKNOWN_TERMS:
        neutral = np.eye(2) if name == "magnification" else np.zeros(1)
        if name in arrays and (arrays[name] != neutral).any():
            raise Unsupported(
                "a term is not in the simulator's geometry and cannot be scored",
                item=item.name,
                array=name,
            )
    arrays.setdefault("use", np.ones(true.tilts, dtype=np.bool_))
    if len(arrays["tilt_angle"]) != true.tilts:
        raise InvalidInput("a series has not the simulated number of tilts", item=item.name)
    return Geometry(
        name=item.name,
        arrays=arrays,
        hand=_hand(item.attributes, true),
        image=true.image,
        volume=true.volume,
        margins=margins,
    )


def _hand(attributes: Mapping[str, Any], true: Geometry) -> int:
    return int(attributes.get("hand", true.hand))


def _maps(species: Species, truth: Truth, frame: Frame) -> MapScore | None:
    if not set(HALF_MAPS) <= set(species.map_names()):
        return None
    first, second = (species.map(name).read() for name in HALF_MAPS)
    pixel = species.number("pixel_size_angstrom") or truth.settings.pixel_size_angstrom
    return map_score(
        first,
        second,
        truth.molecule,
        frame,
        pixel_size_angstrom=pixel,
        diameter_angstrom=truth.settings.diameter_angstrom,
    )
