"""The course of a round, and one stage of it."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.refine.inputs import TiltSeriesData
from mgit.refine.parameters import Families
from mgit.refine.priors import ChangePriors
from mgit.refine.settings import RefineSettings
from mgit.refine.stages import Stage, State, run_stage, schedule, terms_of
from tests.refine.problems import simulated

EVERYTHING = RefineSettings(
    image_warp=(2, 2),
    particles=True,
    stage_angles=True,
    defocus=True,
    defocus_exhaustive=True,
    ctf_min_resolution=13.0,
    first_iteration_fraction=0.5,
)
POSES = Stage(name="poses", families=Families(poses=True), steps=4, deforms=False)


def state_of(problem):
    return State(series=problem.data, poses=(problem.particles.poses,))


def run(problem, prepared, *, stage=POSES, chosen=None, priors=None):
    everyone = np.ones(problem.settings.particles, dtype=bool)
    return run_stage(
        state_of(problem),
        stage,
        [prepared],
        chosen=[everyone if chosen is None else chosen],
        resolution_angstrom=14.0,
        settings=RefineSettings(particles=True),
        priors=priors,
    )


def test_the_resolution_rises_linearly_in_frequency():
    course = schedule(EVERYTHING, [simulated().reference])
    found = [each.resolution_angstrom for each in course]
    assert found == pytest.approx([24, 16, 12])


def test_resolutions_are_limited_and_started_as_asked():
    asked = replace(EVERYTHING, resolution=15.0, start_resolution=60.0)
    course = schedule(asked, [simulated().reference])
    assert course[0].resolution_angstrom == pytest.approx(60)
    assert course[-1].resolution_angstrom == pytest.approx(15)


@pytest.mark.parametrize(("start", "expected"), [(None, 12), (60.0, 60), (5.0, 12)])
def test_a_single_sub_iteration_is_no_finer_than_asked_to_start_with(start, expected):
    asked = replace(EVERYTHING, iterations=1, start_resolution=start)
    (only,) = schedule(asked, [simulated().reference])
    assert only.resolution_angstrom == pytest.approx(expected)


def test_angles_and_optics_come_late_and_the_search_comes_once():
    course = schedule(replace(EVERYTHING, iterations=4), [simulated().reference])
    names = [[stage.name for stage in each.stages] for each in course]
    assert names[0] == ["image warp", "poses"]
    assert names[3] == ["image warp", "stage angles", "poses"]
    assert [each.optics for each in course] == [False, False, False, True]
    fine = replace(EVERYTHING, iterations=4, ctf_min_resolution=99.0)
    course = schedule(fine, [simulated().reference])
    assert [each.exhaustive for each in course].count(True) == 1


def test_gauges_are_free_where_poses_stay():
    alone = schedule(RefineSettings(image_warp=(1, 1)), [simulated().reference])
    assert not alone[0].stages[0].families.gauges
    both = schedule(EVERYTHING, [simulated().reference])
    assert both[0].stages[0].families.gauges


def test_no_iterations_make_no_course():
    assert schedule(replace(EVERYTHING, iterations=0), [simulated().reference]) == ()


def test_a_stage_raises_the_score():
    problem = simulated()
    _, prepared = problem.prepared()
    state, report = run(problem, prepared)
    assert report.score_after > 1.02 * report.score_before
    assert report.steps == 4
    assert not np.array_equal(state.poses[0].position, problem.particles.poses.position)
    assert isinstance(state.series, TiltSeriesData)


def test_particles_that_are_left_out_stay():
    problem = simulated()
    _, prepared = problem.prepared()
    chosen = np.arange(12) != 5
    state, _ = run(problem, prepared, chosen=chosen)
    moved = (state.poses[0].position != problem.particles.poses.position).any(axis=(1, 2))
    assert np.array_equal(moved, chosen)


def test_narrow_priors_hold_changes_back():
    problem = simulated()
    _, prepared = problem.prepared()
    shape = (1, 12, 1, 3)
    keys = [("position", 0), ("rotation", 0)]
    priors = ChangePriors(
        widths=dict.fromkeys(keys, 1e-3), changed=dict.fromkeys(keys, np.zeros(shape))
    )
    start = problem.particles.poses.position
    free, _ = run(problem, prepared)
    held, _ = run(problem, prepared, priors=priors)
    change = [np.abs(each.poses[0].position - start).mean() for each in (free, held)]
    assert change[1] < 0.05 * change[0]


def test_a_score_that_does_not_depend_on_anything_is_refused():
    problem = simulated()
    _, prepared = problem.prepared()
    nobody = np.zeros(12, dtype=bool)
    with pytest.raises(InvalidState, match="TS_01"):
        run(problem, prepared, chosen=nobody)


def test_terms_cover_all_particles_and_tilts():
    problem = simulated()
    _, prepared = problem.prepared()
    terms = terms_of(state_of(problem), [prepared], resolution_angstrom=14.0)
    assert terms[0].shape == (12, 5, 3)
    assert (terms[0][..., 1:] > 0).all()
