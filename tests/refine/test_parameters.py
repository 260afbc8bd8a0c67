"""The vector that the solver moves: units, layout, grids, and what comes back."""

import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.parameters import GYRATION, Families, build_parameters, with_grids
from tests.refine.problems import simulated

ALL = Families(poses=True, image_warp=True, stage_angles=True)


def build(families=ALL, *, inside=None):
    problem = simulated()
    geometry = with_grids(problem.data.geometry, image_warp=(3, 2), stage_angles=True)
    model = tilt_series_model(geometry, problem.particles.poses)
    seen = np.ones((12, 5), dtype=bool) if inside is None else inside
    parameters = build_parameters(
        [model], geometry, families, inside=[seen], diameters=[100.0], seed=0
    )
    return problem, geometry, model, parameters


def test_zero_changes_nothing():
    problem, geometry, model, parameters = build()
    changes = parameters.changes(parameters.start())[0]
    assert all(torch.equal(value, model.start[name]) for name, value in changes.items())
    same, poses = parameters.applied(parameters.start(), geometry, [problem.particles.poses])
    assert np.array_equal(poses[0].position, problem.particles.poses.position)
    assert np.array_equal(poses[0].angles, problem.particles.poses.angles)
    assert np.array_equal(same.arrays["image_warp_x"], geometry.arrays["image_warp_x"])


def test_the_vector_holds_every_parameter_once():
    _, _, _, parameters = build()
    sizes = {family.name: family.size for family in parameters.families}
    assert sizes == {
        "image_warp": 2 * 5 * 2 * 3,
        "stage_angle": 15,
        "position": 36,
        "rotation": 36,
    }
    assert parameters.size == sum(sizes.values())


@pytest.mark.parametrize("name", ["image_warp", "stage_angle", "position", "rotation"])
def test_one_unit_of_every_family_moves_images_alike(name):
    _, _, model, parameters = build(
        Families(poses=True, image_warp=True, stage_angles=True, gauges=False)
    )
    start = 0
    for family in parameters.families:
        if family.name == name:
            break
        start += family.size
    base = model.views()
    arm = GYRATION * 50 / 3**0.5
    moved = []
    for index in range(start, start + family.size):
        vector = parameters.start()
        vector[index] = 1e-3
        views = model.views(parameters.changes(vector)[0])
        square = (views.position - base.position).square().sum()
        square = square + arm**2 * (views.rotation - base.rotation)[..., :2, :].square().sum()
        moved.append(float(square) / 1e-6)
    # Their mean square is 1; the probes are random.
    assert np.mean(moved) == pytest.approx(1, rel=0.35)


def test_what_is_applied_is_what_the_target_saw():
    problem, geometry, model, parameters = build()
    vector = torch.from_numpy(np.random.default_rng(0).normal(size=parameters.size))
    seen = model.views(parameters.changes(vector)[0])
    changed, poses = parameters.applied(vector, geometry, [problem.particles.poses])
    again = tilt_series_model(changed, poses[0]).views()
    assert torch.allclose(again.rotation, seen.rotation, atol=1e-9)
    # Warps are evaluated at the new positions, a little away.
    assert float((again.position - seen.position).abs().max()) < 0.1


def test_grids_are_made_resampled_or_left():
    geometry = simulated().data.geometry
    made = with_grids(geometry, image_warp=(2, 3), stage_angles=True)
    assert made.arrays["image_warp_x"].shape == (5, 3, 2)
    assert made.arrays["stage_angle_z"].shape == (5, 1, 1)
    assert with_grids(made, image_warp=(2, 3), stage_angles=True) is made
    slope = np.broadcast_to(np.linspace(0, 4, 2), (5, 3, 2)).copy()
    sloped = made.with_arrays({"image_warp_x": slope})
    finer = with_grids(sloped, image_warp=(5, 3), stage_angles=False)
    assert np.allclose(finer.arrays["image_warp_x"][0, 0], np.linspace(0, 4, 5))


def test_gauges_keep_the_mean_warp_zero():
    _, _, model, parameters = build(Families(image_warp=True))
    vector = torch.ones(parameters.size, dtype=torch.float64)
    warp = parameters.deltas(vector)[0]
    assert float(model.image_warp.values(warp).mean()) == pytest.approx(0, abs=0.2)
    free = build(Families(image_warp=True, gauges=False))[3]
    assert float(free.deltas(vector)[0].min()) > 0


def test_parameters_that_no_image_sees_are_refused():
    with pytest.raises(InvalidState, match=r"TS_01.*image_warp"):
        build(inside=np.zeros((12, 5), dtype=bool))
