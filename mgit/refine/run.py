"""Reconstruction of the species of a commit: from bound files to maps in the tree."""

from collections.abc import Mapping, Sequence

from mgit.digest import StateDigest
from mgit.errors import InvalidState
from mgit.maps.symmetry import Helix
from mgit.refine.item_data import item_weight
from mgit.refine.own_optics import with_own_terms
from mgit.refine.part_inputs import particles_of, series_of
from mgit.refine.particle_stacks import add_particle_series
from mgit.refine.plan import SpeciesPlan
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.reconstruct_item import Budget, HalfSums, add_tilt_series
from mgit.refine.reconstruct_species import Reconstruction, Shape, finished
from mgit.refine.slices import Ewald, EwaldMode
from mgit.state.digests import set_inputs
from mgit.state.protocol import Writer
from mgit.state.species import Species, set_maps, set_metrics, update_species_attributes

__all__ = ["reconstruct_species", "shape_of", "write_reconstruction"]

EXTRACTED, TILT_IMAGE = "extracted_stack", "tilt_image"
"""Levels of raw data, from the lowest."""


def reconstruct_species(
    plan: SpeciesPlan,
    bound: Mapping[str, Sequence[BoundFile]],
    *,
    budget: Budget,
    ewald: EwaldMode = "auto",
    null_seed: int | None = None,
) -> tuple[Reconstruction, frozenset[str]]:
    """Maps and curves of one species, and the levels of the raw data that they come from.

    ewald: whether the curvature of the Ewald sphere is taken in; its hand is the species'.
    null_seed: puts noise in place of all images (docs/math/target.md, section 6).
    """
    curvature = Ewald(mode=ewald, reverse=bool(plan.species.attributes.get("ewald_reverse", True)))
    sums = HalfSums(plan.grid, images_max=plan.images, device=budget.device)
    levels = set()
    for part in plan.parts:
        weight = item_weight(part.item.attributes)
        files = bound[part.item.path]
        series = with_own_terms(series_of(part.item, files, null_seed=null_seed), part.own)
        particles = particles_of(plan, part, files, series=series, null_seed=null_seed)
        extracted = part.item.kind == "particle_series"
        levels.add(EXTRACTED if extracted else TILT_IMAGE)
        add = add_particle_series if extracted else add_tilt_series
        added = add(sums, series, particles, weight=weight, budget=budget, ewald=curvature)
        budget.advance(part.images - added)
    species = plan.species
    mask = species.map("mask").read() if "mask" in species.map_names() else None
    result = finished(
        sums, shape_of(species), species=species.name, mask=mask, threads=budget.threads
    )
    return result, frozenset(levels)


def write_reconstruction(writer: Writer, plan: SpeciesPlan, result: Reconstruction) -> None:
    """Put maps, curves and resolution in place, with the states that they were made from."""
    path = plan.species.path
    set_maps(writer, path, half_maps=result.halves)
    update_species_attributes(
        writer,
        path,
        {
            "pixel_size_angstrom": repr(result.pixel_size_angstrom),
            "resolution_angstrom": repr(result.resolution_angstrom),
            "needs_reconstruction": None,
        },
    )
    set_metrics(writer, path, result.metrics())
    states: list[StateDigest] = []
    for part in {each.item.path: each for each in plan.parts}.values():
        if part.item.state is None:
            raise InvalidState("a series has never been sealed", item=part.item.name)
        states.append(part.item.state)
    set_inputs(writer, path, states)


def shape_of(species: Species) -> Shape:
    """Symmetry, helix and mass of a species as maps need them."""
    units = int(species.attributes.get("helical_units", 1))
    mass = species.number("molecular_weight_kilodalton")
    helix = None
    if units > 1:
        helix = Helix(
            twist_degrees=species.number("helical_twist_degree") or 0.0,
            rise_angstrom=species.number("helical_rise_angstrom") or 0.0,
            units=units,
        )
    return Shape(
        symmetry=str(species.attributes.get("symmetry", "C1")),
        helix=helix,
        mass_dalton=None if mass is None else 1000 * mass,
    )
