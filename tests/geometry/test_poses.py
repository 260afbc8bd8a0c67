import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.geometry.poses import ParticlePoses, orientations, turned, turned_angles
from mgit.geometry.rotations import (
    rotation_distance,
    rotation_vector_matrices,
    zyz_matrices,
)


def tensor(values) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))


@pytest.mark.parametrize(
    ("position", "angles", "displacement"),
    [
        (np.zeros((2, 3)), np.zeros((2, 3)), None),
        (np.zeros((2, 1, 3)), np.zeros((2, 2, 3)), None),
        (np.zeros((2, 0, 3)), np.zeros((2, 0, 3)), None),
        (np.full((2, 1, 3), np.inf), np.zeros((2, 1, 3)), None),
        (np.zeros((2, 1, 3)), np.zeros((2, 1, 3)), np.zeros((3, 5, 3))),
        (np.zeros((2, 1, 3)), np.zeros((2, 1, 3)), np.full((2, 5, 3), np.nan)),
    ],
)
def test_poses_that_cannot_be_are_refused(position, angles, displacement):
    with pytest.raises(InvalidState):
        ParticlePoses(position=position, angles=angles, displacement=displacement)


def test_one_control_point_gives_one_orientation(make_poses):
    angles = tensor(make_poses(3).angles)
    at = torch.linspace(0, 1, 5).double()
    found = orientations(angles, at)
    assert found.shape == (3, 1, 3, 3)
    assert torch.equal(found, zyz_matrices(angles))


def test_orientations_pass_through_their_control_points(make_poses):
    angles = tensor(make_poses(3, 4).angles)
    at = torch.linspace(0, 1, 4).double()
    found = orientations(angles, at)
    assert torch.allclose(found, zyz_matrices(angles), atol=1e-13)


def test_a_turn_acts_in_the_volume(make_poses):
    angles = tensor(make_poses(2).angles)
    turn = torch.tensor([0.0, 0.0, 30.0]).double().expand_as(angles)
    found = turned(zyz_matrices(angles), turn, torch.zeros(1).double())
    expected = rotation_vector_matrices(turn) @ zyz_matrices(angles)
    assert torch.allclose(found, expected, atol=1e-14)


def test_turns_of_several_control_points_turn_orientations_in_between(make_poses, rng):
    angles = tensor(make_poses(2, 3).angles)
    turn = tensor(rng.normal(size=(2, 3, 3)) * 5)
    at = torch.linspace(0, 1, 3).double()
    found = turned(orientations(angles, at), turn, at)
    expected = rotation_vector_matrices(turn) @ zyz_matrices(angles)
    assert torch.allclose(found, expected, atol=1e-13)
    still = turned(zyz_matrices(angles[:, :1]), turn, at)
    expected = rotation_vector_matrices(turn) @ zyz_matrices(angles[:, :1])
    assert torch.allclose(still, expected, atol=1e-13)


@pytest.mark.parametrize("size", [0.0, 1e-4, 3.0, 25.0])
def test_turned_angles_are_the_turned_rotations_near_the_old_angles(rng, size):
    angles = rng.uniform(-400, 400, (30, 2, 3))
    turn = rng.normal(size=(30, 2, 3)) * size
    found = turned_angles(angles, turn)
    expected = rotation_vector_matrices(tensor(turn)) @ zyz_matrices(tensor(angles))
    distance = rotation_distance(zyz_matrices(tensor(found)).numpy(), expected.numpy())
    assert distance.max() < 1e-5
    assert np.abs(found - angles).max() <= 360
    # Past a pole the tilt changes its sign: at most sqrt(2) times the angle of a small turn.
    if size < 10:
        limit = 1.5 * np.linalg.norm(turn, axis=-1) + 1e-9
        assert (np.abs(found - angles)[..., 1] <= limit).all()


def test_a_pose_that_was_not_turned_keeps_its_very_angles(rng):
    angles = rng.uniform(-400, 400, (5, 1, 3))
    assert turned_angles(angles, np.zeros((5, 1, 3))).tobytes() == angles.tobytes()
