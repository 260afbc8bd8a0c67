"""Gauges: what is taken out changes nothing measurable, and taking it out twice adds nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.geometry.poses import ParticlePoses
from mgit.geometry.rotations import axis_matrices, rotation_distance, zyz_matrices
from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.gauges import (
    common_frame_change,
    tilt_rotations,
    without_common_frame,
    without_common_shift,
    without_common_turn,
)
from mgit.refine.parameters import with_grids
from tests.refine.problems import simulated


def parts(seed):
    problem = simulated()
    geometry = with_grids(problem.data.geometry, image_warp=(3, 3), stage_angles=True)
    model = tilt_series_model(geometry, problem.particles.poses)
    random = np.random.default_rng(seed)
    return problem, geometry, model, tilt_rotations(geometry), random


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_taking_out_the_common_shift_is_a_projection_that_positions_can_undo(seed):
    problem, geometry, model, rotations, random = parts(seed)
    warp = torch.from_numpy(random.normal(size=(2, 5, 3, 3)))
    free = without_common_shift(warp, rotations, models=[model])
    assert torch.allclose(without_common_shift(free, rotations, models=[model]), free, atol=1e-10)
    # The difference is what a common move of all particles does: warps are subtracted.
    removed = (warp - free)[:, :, 0, 0]
    rows = rotations[:, :2].reshape(-1, 3)
    move = torch.linalg.lstsq(rows, removed.T.reshape(-1, 1)).solution[:, 0]
    poses = problem.particles.poses
    moved = ParticlePoses(position=poses.position - move.numpy(), angles=poses.angles)
    with_warp = geometry.with_arrays(
        {"image_warp_x": warp[0].numpy(), "image_warp_y": warp[1].numpy()}
    )
    without = geometry.with_arrays(
        {"image_warp_x": free[0].numpy(), "image_warp_y": free[1].numpy()}
    )
    one = tilt_series_model(with_warp, poses).views().position
    other = tilt_series_model(without, moved).views().position
    # Grids are evaluated a little elsewhere for the moved particles.
    assert float((one - other).abs().max()) < 0.1


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_taking_out_the_common_turn_is_a_projection_that_angles_can_undo(seed):
    _, _, model, rotations, random = parts(seed)
    angles = torch.from_numpy(0.2 * random.normal(size=(3, 5, 1, 1)))
    free = without_common_turn(angles, rotations, used=model.tilts)
    again = without_common_turn(free, rotations, used=model.tilts)
    assert torch.allclose(again, free, atol=1e-12)
    turn = torch.einsum("tji,tj->ti", rotations, (angles - free)[:, :, 0, 0].T)
    assert torch.allclose(turn, turn[:1].expand_as(turn), atol=1e-12)
    common = axis_matrices(*turn[0])
    outer = axis_matrices(*angles[:, :, 0, 0]) @ rotations
    other = axis_matrices(*free[:, :, 0, 0]) @ rotations @ common
    assert rotation_distance(outer.numpy(), other.numpy()).max() < 0.02  # second order


def test_tilt_rotations_are_those_of_the_model():
    problem, geometry, _, rotations, _ = parts(0)
    poses = problem.particles.poses
    straight = ParticlePoses(position=poses.position, angles=0 * poses.angles)
    views = tilt_series_model(geometry, straight).views()
    assert torch.allclose(views.rotation[0], rotations, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_a_common_change_of_the_frame_is_found_and_taken_out(seed):
    random = np.random.default_rng(seed)
    poses = ParticlePoses(
        position=random.uniform(0, 900, (9, 2, 3)), angles=random.uniform(-180, 180, (9, 2, 3))
    )
    matrices = zyz_matrices(torch.from_numpy(poses.angles)).numpy()
    turn = axis_matrices(*torch.from_numpy(random.normal(size=3) * 3)).numpy()
    shift = random.normal(size=3)
    moved = _posed(poses.position + matrices @ shift, matrices @ turn)
    found_turn, found_shift = common_frame_change(poses, moved)
    assert rotation_distance(found_turn, turn) < 1e-6
    assert found_shift == pytest.approx(shift, abs=1e-9)
    back = without_common_frame(poses, moved)
    assert np.allclose(back.position, poses.position, atol=1e-6)
    again = zyz_matrices(torch.from_numpy(back.angles)).numpy()
    assert rotation_distance(again, matrices).max() < 1e-5


def _posed(position, matrices):
    from mgit.geometry.rotations import zyz_angles

    return ParticlePoses(position=position, angles=zyz_angles(torch.from_numpy(matrices)).numpy())
