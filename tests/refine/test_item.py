"""One item from end to end: recovery of what was wrong, bits, and refusals that name the item."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidInput, InvalidState
from mgit.refine.item import refine_item
from mgit.refine.settings import RefineSettings
from mgit.simulate.settings import PRESETS
from tests.refine.problems import SMALL, errors_of, simulated, with_images

TWENTY = replace(SMALL, particles=20, tilts=11)
COURSE = RefineSettings(
    image_warp=(3, 3),
    particles=True,
    stage_angles=True,
    iterations=2,
    first_iteration_fraction=0.5,
    holdout=0.1,
    pose_steps=8,
)
BRIEF = replace(COURSE, iterations=1, warp_steps=2, stage_steps=1, pose_steps=2)


def refined(problem, settings):
    return refine_item(problem.data, [problem.reference], [problem.particles], settings)


def errors_after(problem, result):
    grids = {name: values for name, values in result.arrays.items() if "defocus_" not in name}
    geometry = problem.data.geometry.with_arrays(grids, margins=result.margins)
    return errors_of(
        problem,
        replace(problem.data, geometry=geometry),
        replace(problem.particles, poses=result.poses["molecule"]),
    )


def test_positions_and_orientations_are_recovered():
    problem = simulated(TWENTY)
    before = errors_of(problem, problem.data, problem.particles)
    result = refined(problem, COURSE)
    after = errors_after(problem, result)
    assert after[0] < before[0] / 4
    assert after[1] < before[1] / 1.2
    assert result.score_after > 1.2 * result.score_before
    held = result.held_out[0]
    assert held.after.sum((0, 1))[0] > held.before.sum((0, 1))[0]


@pytest.mark.slow
def test_everything_is_recovered_at_eight_angstrom():
    settings = replace(PRESETS["demo"], particles=60, tilts=15, image_size_px=384, gaussians=200)
    problem = simulated(settings)
    before = errors_of(problem, problem.data, problem.particles)
    result = refined(
        problem,
        replace(
            COURSE, iterations=3, defocus=True, defocus_exhaustive=True, ctf_min_resolution=12.0
        ),
    )
    after = errors_after(problem, result)
    assert after[0] < before[0] / 6
    assert after[1] < before[1] / 2.2
    assert after[2] < before[2] / 5


def test_results_have_one_value_per_particle_and_tilt():
    problem = simulated()
    result = refined(problem, BRIEF)
    assert result.item == "TS_01"
    assert result.correlations["molecule"].shape == (12,)
    assert result.tilt_correlations.shape == (5,)
    assert (result.tilt_correlations > 0).all()
    assert result.arrays["image_warp_x"].shape == (5, 3, 3)
    assert result.margins["image_warp_x"] == (0.0, 0.0, 0.0)
    assert [each.stage for each in result.stages] == ["image warp", "stage angles", "poses"]


def test_threads_and_repetition_do_not_change_a_bit():
    problem = simulated()
    one, other = (refined(problem, replace(BRIEF, threads=threads)) for threads in (1, 2))
    assert np.array_equal(one.poses["molecule"].angles, other.poses["molecule"].angles)
    assert np.array_equal(one.poses["molecule"].position, other.poses["molecule"].position)
    for name, values in one.arrays.items():
        assert np.array_equal(values, other.arrays[name])


def test_no_iterations_only_score():
    problem = simulated()
    result = refined(problem, replace(BRIEF, iterations=0, image_warp=None, stage_angles=False))
    assert result.stages == ()
    assert result.held_out == ()
    assert result.score_after == result.score_before
    assert np.array_equal(result.poses["molecule"].angles, problem.particles.poses.angles)


def test_trajectories_move_with_exposure():
    problem = simulated()
    poses = problem.particles.poses
    twice = replace(
        poses,
        position=np.repeat(poses.position, 2, axis=1),
        angles=np.repeat(poses.angles, 2, axis=1),
    )
    moving = replace(problem, particles=replace(problem.particles, poses=twice))
    found = refined(moving, replace(BRIEF, image_warp=None)).poses["molecule"]
    assert found.position.shape == (12, 2, 3)
    assert not np.allclose(found.position[:, 0], found.position[:, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: 0 * image, "flat"),
        (lambda image: image * np.nan, "not finite"),
        (lambda image: image[:50], "size"),
    ],
    ids=["zero", "nan", "truncated"],
)
def test_broken_images_stop_with_the_item_named(change, message):
    problem = simulated()
    broken = replace(problem, data=with_images(problem.data, change))
    with pytest.raises(InvalidInput, match=rf"{message}.*TS_01"):
        refined(broken, BRIEF)


@pytest.mark.parametrize("factor", [0.0, np.nan], ids=["zero", "nan"])
def test_broken_references_stop_with_item_and_species_named(factor):
    problem = simulated()
    references = problem.reference.references
    broken = replace(references, first=references.first * factor, second=references.second * factor)
    with pytest.raises(InvalidState, match=r"TS_01.*molecule"):
        refined(replace(problem, reference=replace(problem.reference, references=broken)), BRIEF)


def part(particles, rows, species):
    poses = replace(
        particles.poses,
        position=particles.poses.position[rows],
        angles=particles.poses.angles[rows],
    )
    return replace(particles, species=species, poses=poses, half_set=particles.half_set[rows])


def test_species_on_any_scale_refine_together_as_one():
    problem = simulated()
    rows = np.arange(12)
    references = problem.reference.references
    loud = replace(references, first=500 * references.first, second=500 * references.second)
    both = [
        replace(problem.reference, species="a"),
        replace(problem.reference, species="b", references=loud),
    ]
    sets = [
        part(problem.particles, rows[rows % 3 == 0], "a"),
        part(problem.particles, rows[rows % 3 > 0], "b"),
    ]
    settings = replace(BRIEF, holdout=0.0, warp_steps=6, pose_steps=6)
    found = refine_item(problem.data, both, sets, settings)
    alone = refined(problem, settings)
    joined = np.zeros_like(problem.particles.poses.position)
    joined[rows % 3 == 0] = found.poses["a"].position
    joined[rows % 3 > 0] = found.poses["b"].position
    # Both species whiten by their own particles, so that they agree closely, not exactly.
    start = problem.particles.poses.position
    moves = [joined - start, alone.poses["molecule"].position - start]
    assert np.corrcoef(moves[0].ravel(), moves[1].ravel())[0, 1] > 0.9
    assert found.correlations["b"].shape == (8,)


def test_references_and_particles_must_be_of_the_same_species():
    problem = simulated()
    other = replace(problem.reference, species="another")
    with pytest.raises(InvalidState, match="TS_01"):
        refine_item(problem.data, [other], [problem.particles], BRIEF)


def test_a_species_without_particles_is_refused():
    problem = simulated()
    poses = problem.particles.poses
    nobody = replace(
        problem.particles,
        poses=replace(poses, position=poses.position[:0], angles=poses.angles[:0]),
        half_set=problem.particles.half_set[:0],
    )
    with pytest.raises(InvalidState, match=r"no particles.*TS_01"):
        refine_item(problem.data, [problem.reference], [nobody], BRIEF)
