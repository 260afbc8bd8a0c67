"""A round of refinement from a commit's tree to the tree of the next commit.

`references_of` and the items come first (refine_items), then `finish_round` puts in place what the
items found, reconstructs from it, and says whether it is better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mgit.errors import InvalidInput
from mgit.refine.holdout import HeldOut
from mgit.refine.inputs import ReferenceSet
from mgit.refine.item import ItemResult
from mgit.refine.plan import SpeciesPlan, plan_reconstruction
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.reconstruct_item import Budget
from mgit.refine.reconstruct_species import Reconstruction, drawn_mask
from mgit.refine.references import (
    REFERENCE_ANGSTROM,
    Density,
    known_resolution,
    reference_set,
)
from mgit.refine.refine_plan import ItemWork, RefinePlan
from mgit.refine.run import reconstruct_species, shape_of, write_reconstruction
from mgit.refine.settings import RefineSettings
from mgit.refine.verdict import Change, FscSample, fsc_change, held_out_change
from mgit.refine.write_refinement import write_refinement, write_scores
from mgit.state.protocol import Writer
from mgit.state.species import Species

__all__ = ["Round", "finish_round", "references_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Round:
    """What a round came to.

    changes: measures of every species, before and after. levels: of the raw data that took part.
    """

    plan: RefinePlan
    found: tuple[tuple[ItemWork, ItemResult], ...]
    maps: tuple[tuple[SpeciesPlan, Reconstruction], ...]
    changes: tuple[Change, ...]
    levels: frozenset[str]

    @property
    def worse(self) -> tuple[Change, ...]:
        """The measures that fell beyond their noise."""
        return tuple(each for each in self.changes if each.worse)

    @property
    def moved(self) -> bool:
        """Whether any stage of any item took a step."""
        stages = [stage for _, result in self.found for stage in result.stages]
        return not stages or any(stage.score_after > stage.score_before for stage in stages)


def references_of(
    plans: Sequence[SpeciesPlan], settings: RefineSettings
) -> tuple[ReferenceSet, ...]:
    """References of every species of a plan.

    Halves that were split anew, or share an imported reference, and were not refined since agree
    on what their poses remember: they are used to 40 A, unless a resolution is asked for.

    Raises InvalidInput, naming the species, for one without maps.
    """
    found = []
    for plan in plans:
        density = _density(plan)
        override = plan.species.number("resolution_override_angstrom")
        limit = settings.resolution
        if limit is None and override is None and _remembers(plan):
            limit = REFERENCE_ANGSTROM
        known = known_resolution(density, override=override, limit=limit)
        species = plan.species
        found.append(
            replace(
                reference_set(density, known),
                ewald=species.flag("ewald"),
                ewald_reverse=bool(species.attributes.get("ewald_reverse", True)),
            )
        )
    return tuple(found)


def _remembers(plan: SpeciesPlan) -> bool:
    """Whether both halves remember one reference: their poses are from before they were split."""
    species = plan.species
    restarted = species.attributes.get("half_set_origin") == "restarted"
    return (restarted or species.flag("external_reference")) and not any(
        part.item.inputs for part in plan.parts
    )


def finish_round(
    writer: Writer,
    plan: RefinePlan,
    found: Sequence[tuple[ItemWork, ItemResult]],
    *,
    bound: Mapping[str, Sequence[BoundFile]],
    budget: Budget,
    seal: Callable[[], object],
) -> Round:
    """Write what the items found, reconstruct every species from it, write maps and metrics.

    seal: computes the state digests of what was written so far. Nothing is committed here.
    """
    before = {each.species.name: _sample(each.species) for each in plan.species}
    write_refinement(writer, plan, found)
    seal()
    names = [each.species.name for each in plan.species]
    maps: list[tuple[SpeciesPlan, Reconstruction]] = []
    levels: set[str] = set()
    changes: list[Change] = []
    for each in plan_reconstruction(writer, species=names):
        result, seen = reconstruct_species(each, bound, budget=budget, ewald=plan.settings.ewald)
        write_reconstruction(writer, each, result)
        write_scores(writer, plan, found, species=each.species.name)
        maps.append((each, result))
        levels |= seen
        name = each.species.name
        held = [part for _, item in found for part in item.held_out]
        sample = FscSample(
            curve=result.fsc.unmasked,
            box_angstrom=result.box * result.pixel_size_angstrom,
            diameter_angstrom=each.grid.diameter_angstrom,
        )
        earlier = before[name]
        measured = [
            _held_out(plan, name, held),
            None if earlier is None else fsc_change(name, earlier, sample),
        ]
        changes += [each for each in measured if each is not None]
    return Round(
        plan=plan,
        found=tuple(found),
        maps=tuple(maps),
        changes=tuple(changes),
        levels=frozenset(levels),
    )


def _density(plan: SpeciesPlan) -> Density:
    species, names = plan.species, plan.species.map_names()
    halves = [name for name in ("half_map_1", "half_map_2") if name in names]
    if len(halves) != 2 and "reference" not in names:
        raise InvalidInput(
            "a species has no maps to refine against",
            hint="run 'mgit reconstruct' first, or add it with '--reference'",
            species=species.name,
        )
    external = len(halves) != 2
    first, second = (
        species.map(name).read() for name in (("reference",) * 2 if external else halves)
    )
    grid = plan.grid
    mask = (
        species.map("mask").read()
        if "mask" in names
        else drawn_mask(first, second, grid, shape_of(species))
    )
    tilts = any(part.item.kind == "tilt_series" for part in plan.parts)
    return Density(
        species=species.name,
        first=first,
        second=second,
        mask=mask,
        pixel_size_angstrom=grid.pixel_size_angstrom,
        diameter_angstrom=grid.diameter_angstrom,
        box=grid.padded if tilts else grid.box,
        external=external,
    )


def _sample(species: Species) -> FscSample | None:
    """The FSC of the present half-maps, if they are this population's own and independent."""
    metrics = species.metrics()
    pixel, diameter = (
        species.number(name) for name in ("pixel_size_angstrom", "diameter_angstrom")
    )
    ours = bool(species.inputs) and not species.flag("external_reference")
    if not ours or "fsc_unmasked" not in metrics or pixel is None or diameter is None:
        return None
    curve = metrics["fsc_unmasked"].read()
    return FscSample(curve=curve, box_angstrom=2 * len(curve) * pixel, diameter_angstrom=diameter)


def _held_out(plan: RefinePlan, species: str, held: Sequence[HeldOut]) -> Change | None:
    change = held_out_change(species, held)
    if change is None or not plan.settings.refines_optics:
        return change
    return replace(change, decides=False)
