"""What is written of a round: gauges, inputs, and marks on species that were left behind."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.geometry.poses import ParticlePoses
from mgit.refine.refine_plan import plan_refinement
from mgit.refine.settings import RefineSettings
from mgit.refine.write_refinement import write_refinement
from mgit.state.digests import seal
from mgit.state.population import Population
from mgit.state.species import set_particles, update_species_attributes, write_species
from tests.refine.refinable import reconstructed
from tests.refine.results import result

SETTINGS = RefineSettings(image_warp=(1, 1), particles=True)
MOVE = np.array([3.0, -2.0, 1.0])


@pytest.fixture
def change(tmp_path, tmp_path_factory):
    """A transaction over three series with particles of one species."""
    repository = reconstructed(tmp_path_factory, tmp_path)
    with repository.transaction(verb="refine") as found:
        yield found


def moved(plan, *, warp=1.0):
    """Results of the plan's items: all particles moved alike in the frame of their map."""
    found = []
    table = plan.species[0].particles
    for work in plan.works:
        ((_, part),) = work.parts
        tilts = work.item.array("tilt_angle").shape[0]
        found.append(
            replace(
                result(work.item.name, arrays={"image_warp_x": np.full((tilts, 1, 1), warp)}),
                poses={
                    "made": ParticlePoses(
                        position=table.positions[part.rows] + MOVE,
                        angles=np.zeros_like(table.angles[part.rows]),
                    )
                },
            )
        )
    return list(zip(plan.works, found, strict=True))


def upright(change):
    """All particles of the species with angles of zero, so that a move is one of the map, too."""
    (species,) = Population(change.draft).species()
    table = species.particles.load()
    set_particles(change.draft, species.path, replace(table, angles=np.zeros_like(table.angles)))
    seal(change.draft, change.draft.touched_paths())


def positions(change):
    (species, *_) = Population(change.draft).species()
    return species.particles.load().positions


def test_what_moves_the_map_as_a_whole_is_taken_out_of_poses(change):
    upright(change)
    before = positions(change)
    plan = plan_refinement(change.draft, SETTINGS)
    write_refinement(change.draft, plan, moved(plan))
    assert np.allclose(positions(change), before, atol=1e-6)


def test_particles_that_stay_hold_the_frame_of_their_map(change):
    upright(change)
    before = positions(change)
    plan = plan_refinement(change.draft, SETTINGS)
    few = replace(plan, works=plan.works[:2])
    write_refinement(change.draft, few, moved(few))
    rows = np.concatenate([part.rows for work in few.works for _, part in work.parts])
    stayed = np.setdiff1d(np.arange(len(before)), rows)
    assert np.array_equal(positions(change)[rows], before[rows] + MOVE)
    assert np.array_equal(positions(change)[stayed], before[stayed])


def test_a_mark_of_another_geometry_goes_when_all_particles_were_refined(change):
    path = Population(change.draft).one_species("made").path
    update_species_attributes(change.draft, path, {"needs_refinement": True})
    seal(change.draft, change.draft.touched_paths())
    plan = plan_refinement(change.draft, SETTINGS)
    few = replace(plan, works=plan.works[:2])
    write_refinement(change.draft, few, moved(few))
    assert Population(change.draft).one_species("made").flag("needs_refinement")
    write_refinement(change.draft, plan, moved(plan))
    assert not Population(change.draft).one_species("made").flag("needs_refinement")


def test_items_name_the_states_of_the_species_that_they_were_refined_with(change):
    plan = plan_refinement(change.draft, SETTINGS)
    write_refinement(change.draft, plan, moved(plan))
    for work in plan.works:
        item = Population(change.draft).item(work.source, work.item.name)
        assert item.inputs == (plan.species[0].species.state,)


@pytest.mark.parametrize(("warp", "marked"), [(1.0, True), (0.0, False)])
def test_species_that_stay_behind_a_deformation_are_marked(change, warp, marked):
    (species,) = Population(change.draft).species()
    write_species(
        change.draft,
        name="other",
        attributes={"diameter_angstrom": "100.0", "needs_reconstruction": True},
        particles=species.particles.load(),
    )
    seal(change.draft, change.draft.touched_paths())
    plan = plan_refinement(change.draft, SETTINGS, species=["made"])
    found = moved(plan, warp=warp)
    if not warp:
        found = [(work, replace(each, arrays={}, margins={})) for work, each in found]
    write_refinement(change.draft, plan, found)
    population = Population(change.draft)
    assert population.one_species("other").flag("needs_refinement") is marked
    assert not population.one_species("made").flag("needs_refinement")
