"""Held-out particles: which they are, and what they measure."""

from dataclasses import replace

import numpy as np

from mgit.refine.holdout import held_particles, measure, restricted
from mgit.refine.settings import RefineSettings
from mgit.refine.stages import State, schedule
from tests.refine.problems import simulated

SETTINGS = RefineSettings(
    image_warp=(2, 2), particles=True, iterations=1, pose_steps=3, holdout=0.25
)


def test_the_share_is_held_and_the_seed_decides_which():
    particles = simulated().particles
    held = held_particles(particles, SETTINGS)
    assert held.sum() == 3
    assert np.array_equal(held, held_particles(particles, SETTINGS))
    others = [held_particles(particles, replace(SETTINGS, seed=seed)) for seed in range(1, 6)]
    assert any(not np.array_equal(held, other) for other in others)


def test_nothing_is_held_where_nothing_is_shared():
    poses = RefineSettings(particles=True, holdout=0.25)
    assert not held_particles(simulated().particles, poses).any()


def test_restricted_images_are_those_of_the_chosen_particles():
    _, prepared = simulated().prepared()
    mask = np.arange(12) % 4 == 1
    found = restricted(prepared, mask)
    kept = np.concatenate([block.particle for block in found.blocks])
    assert set(kept.tolist()) == set(np.flatnonzero(mask).tolist())
    assert len(kept) == prepared.inside[mask].sum()


def test_a_worse_deformation_scores_worse_on_held_out_particles():
    problem = simulated()
    _, prepared = problem.prepared()
    held = [held_particles(problem.particles, SETTINGS)]
    start = State(series=problem.data, poses=(problem.particles.poses,))
    offset = problem.data.geometry.arrays["axis_offset_x"]
    # A jump of single tilts that no pose can follow.
    spoilt = problem.data.geometry.with_arrays(
        {"axis_offset_x": offset + np.array([40.0, -40, 40, -40, 40])}
    )
    worse = State(series=replace(problem.data, geometry=spoilt), poses=start.poses)
    course = schedule(SETTINGS, [problem.reference])
    found = measure(
        start, [prepared], worse, [prepared], held=held, course=course, settings=SETTINGS
    )
    assert found[0].species == "molecule"
    assert np.array_equal(found[0].rows, np.flatnonzero(held[0]))
    scores = [
        terms.sum((0, 1))[0] / np.sqrt(terms.sum((0, 1))[1] * terms.sum((0, 1))[2])
        for terms in (found[0].before, found[0].after)
    ]
    assert scores[1] < 0.6 * scores[0]


def test_without_held_particles_there_is_nothing_to_measure():
    problem = simulated()
    _, prepared = problem.prepared()
    state = State(series=problem.data, poses=(problem.particles.poses,))
    nobody = [np.zeros(12, dtype=bool)]
    course = schedule(SETTINGS, [problem.reference])
    assert not measure(
        state, [prepared], state, [prepared], held=nobody, course=course, settings=SETTINGS
    )


def test_priors_hold_back_poses_in_the_old_deformation_as_in_the_new_one():
    problem = simulated()
    _, prepared = problem.prepared()
    held = [held_particles(problem.particles, SETTINGS)]
    start = State(series=problem.data, poses=(problem.particles.poses,))
    course = schedule(replace(SETTINGS, iterations=2), [problem.reference])
    tight = {("position", 0): 1e-3, ("rotation", 0): 1e-3, ("image_warp", None): 1.0}
    free, unmoved = (
        measure(
            start,
            [prepared],
            start,
            [prepared],
            held=held,
            course=course,
            settings=SETTINGS,
            widths=[widths, widths],
        )[0]
        for widths in ({}, tight)
    )
    # `after` is the start itself here: poses that priors hold fast stay as good as that.
    start_ab = free.after[..., 0]
    assert np.abs(unmoved.before[..., 0] - start_ab).max() < 1e-2 * start_ab.max()
    assert np.abs(free.before[..., 0] - start_ab).max() > 0.1 * start_ab.max()
