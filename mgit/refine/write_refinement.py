"""What the items of a round found, put in place in the tree that becomes the next commit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mgit.digest import StateDigest
from mgit.errors import InvalidState
from mgit.geometry.poses import ParticlePoses
from mgit.refine.gauges import without_common_frame
from mgit.refine.item import ItemResult
from mgit.refine.refine_plan import ItemWork, RefinePlan
from mgit.state.digests import set_inputs
from mgit.state.item_scores import ItemScore, write_item_scores
from mgit.state.population import Population
from mgit.state.protocol import Writer
from mgit.state.series import update_item_arrays
from mgit.state.species import set_particles, update_species_attributes

__all__ = ["write_refinement", "write_scores"]

Found = Sequence[tuple[ItemWork, ItemResult]]


def write_refinement(writer: Writer, plan: RefinePlan, found: Found) -> None:
    """Write poses, deformation and optics of every item that was refined.

    Poses of a species are freed of what turns and shifts its map as a whole
    (docs/math/gauges.md, eq. 4); arrays that did not change are not touched. Species outside the
    plan whose particles lie in a series that was deformed are marked `needs_refinement`.
    """
    used: list[StateDigest] = []
    for number, species in enumerate(plan.species):
        if species.species.state is None:
            raise InvalidState("a species has never been sealed", species=species.species.name)
        used.append(species.species.state)
        mine = [
            (part.rows, result.poses[species.species.name])
            for work, result in found
            for index, part in work.parts
            if index == number
        ]
        if mine and plan.settings.particles:
            _write_poses(writer, plan, number, mine)
    deformed = set()
    for work, result in found:
        if _write_item(writer, work, result) & result.margins.keys():
            deformed.add(work.item.id)
        set_inputs(writer, work.item.path, [used[number] for number, _ in work.parts])
    _mark_left_behind(writer, plan, deformed)


def _mark_left_behind(writer: Writer, plan: RefinePlan, deformed: set[str]) -> None:
    """Mark species that were not refined while series with particles of theirs were deformed."""
    taken = {each.species.path for each in plan.species}
    for species in Population(writer).species():
        if species.path in taken or not deformed or not len(species.particles):
            continue
        if deformed & set(species.particles.load().item.dictionary):
            update_species_attributes(writer, species.path, {"needs_refinement": True})


def write_scores(writer: Writer, plan: RefinePlan, found: Found, *, species: str) -> None:
    """Write the score of every item that a species was refined in, beside its curves."""
    number = [each.species.name for each in plan.species].index(species)
    scores = {
        work.item.id: ItemScore(
            before=result.score_before / max(1, result.images),
            after=result.score_after / max(1, result.images),
            particles=sum(len(part.rows) for index, part in work.parts if index == number),
        )
        for work, result in found
        if any(index == number for index, _ in work.parts)
    }
    if scores:
        write_item_scores(writer, plan.species[number].species.path, scores)


def _write_poses(
    writer: Writer,
    plan: RefinePlan,
    number: int,
    found: Sequence[tuple[np.ndarray, ParticlePoses]],
) -> None:
    species = plan.species[number]
    table = species.particles
    rows = np.concatenate([each for each, _ in found])
    before = ParticlePoses(position=table.positions[rows], angles=table.angles[rows])
    after = ParticlePoses(
        position=np.concatenate([poses.position for _, poses in found]),
        angles=np.concatenate([poses.angles for _, poses in found]),
    )
    # A map that was imported keeps its own frame: poses go where it is. So do they where other
    # particles of the map stay: those hold the frame, and what moved, moved relative to them.
    held = species.species.flag("external_reference") or len(rows) < species.count
    fixed = after if held else without_common_frame(before, after)
    positions, angles = table.positions.copy(), table.angles.copy()
    positions[rows], angles[rows] = fixed.position, fixed.angles
    set_particles(writer, species.species.path, replace(table, positions=positions, angles=angles))
    if len(rows) == species.count and species.species.flag("needs_refinement"):
        update_species_attributes(writer, species.species.path, {"needs_refinement": None})


def _write_item(writer: Writer, work: ItemWork, result: ItemResult) -> set[str]:
    """Write the arrays that changed, and return their names."""
    present = work.item.arrays()
    changed: dict[str, tuple[np.ndarray, Mapping[str, Any]]] = {}
    for name, values in result.arrays.items():
        attributes: dict[str, Any] = {}
        if name in present:
            if np.array_equal(present[name].read(), values):
                continue
            attributes = {
                key: each for key, each in present[name].attributes.items() if key != "content"
            }
        if name in result.margins:
            attributes["margins"] = [repr(float(each)) for each in result.margins[name]]
        changed[name] = (values, attributes)
    if changed:
        update_item_arrays(writer, work.item.path, dict(changed))
    return set(changed)
