import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mgit.exchange import relion_rotations
from mgit.geometry.rotations import (
    axis_matrices,
    composed,
    mean_rotation,
    rotation_distance,
    rotation_vector_matrices,
    rotation_vectors,
    zyz_angles,
    zyz_matrices,
)

ANGLES = st.tuples(*[st.floats(-400, 400)] * 3)
POLES = [(30.0, 0.0, 20.0), (30.0, 180.0, 20.0), (0.0, 0.0, 0.0), (-170.0, 180.0, 5.0)]


def tensor(values) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float64)


@given(ANGLES)
def test_a_rotation_is_orthogonal_and_keeps_the_hand(angles):
    for matrix in (
        zyz_matrices(tensor(angles)),
        axis_matrices(*tensor(angles)),
        rotation_vector_matrices(tensor(angles)),
    ):
        assert torch.allclose(matrix @ matrix.T, torch.eye(3, dtype=torch.float64), atol=1e-12)
        assert torch.linalg.det(matrix) == pytest.approx(1, abs=1e-12)


@given(ANGLES)
def test_euler_matrices_agree_with_the_importers_and_with_scipy(angles):
    ours = zyz_matrices(tensor(angles)).numpy()
    assert np.abs(ours - relion_rotations.euler_matrices(np.array(angles))).max() < 1e-12
    rot, tilt, psi = angles
    scipy = Rotation.from_euler("ZYZ", [-psi, -tilt, -rot], degrees=True).as_matrix()
    assert np.abs(ours - scipy).max() < 1e-12


@given(ANGLES)
def test_axis_matrices_agree_with_the_importers_and_with_scipy(angles):
    x, y, z = angles
    ours = axis_matrices(*tensor(angles)).numpy()
    theirs = relion_rotations.axis_matrices(np.array(x), np.array(y), np.array(z))
    assert np.abs(ours - theirs).max() < 1e-12
    scipy = Rotation.from_euler("xyz", [x, y, z], degrees=True).as_matrix()
    assert np.abs(ours - scipy).max() < 1e-12


@given(ANGLES)
def test_euler_angles_come_back_as_the_same_rotation(angles):
    matrix = zyz_matrices(tensor(angles))
    again = zyz_matrices(zyz_angles(matrix))
    assert (again - matrix).abs().max() < 1e-11
    assert 0 <= zyz_angles(matrix)[1] <= 180


@pytest.mark.parametrize("angles", POLES)
def test_at_the_poles_rot_is_zero_and_the_rotation_is_kept(angles):
    matrix = zyz_matrices(tensor(angles))
    found = zyz_angles(matrix)
    assert found[0] == 0
    assert (zyz_matrices(found) - matrix).abs().max() < 1e-12
    expected = relion_rotations.euler_angles(matrix.numpy())
    assert np.abs(found.numpy() - expected).max() < 1e-12


@given(st.tuples(*[st.floats(-100, 100)] * 3))
def test_rotation_vectors_agree_with_scipy_and_come_back(vector):
    ours = rotation_vector_matrices(tensor(vector)).numpy()
    scipy = Rotation.from_rotvec(vector, degrees=True).as_matrix()
    assert np.abs(ours - scipy).max() < 1e-12
    assert np.abs(rotation_vectors(ours) - vector).max() < 1e-6


@pytest.mark.parametrize("length", [0.0, 1e-9, 0.57, 0.575, 179.999])
def test_rotation_vectors_are_accurate_where_formulas_change(length):
    vector = length * np.array([1.0, -2.0, 2.0]) / 3
    ours = rotation_vector_matrices(tensor(vector)).numpy()
    assert np.abs(ours - Rotation.from_rotvec(vector, degrees=True).as_matrix()).max() < 1e-15


@pytest.mark.parametrize("length", [0.0, 1e-3, 0.5729, 0.5731, 40.0])
def test_gradients_of_rotation_vectors_are_exact_also_at_zero(length):
    vector = tensor(length * np.array([2.0, 1.0, -2.0]) / 3).requires_grad_()
    assert torch.autograd.gradcheck(rotation_vector_matrices, (vector,), eps=1e-4, atol=1e-9)


def test_gradients_of_angles_are_exact():
    angles = tensor([[10.0, 35.0, -70.0], [120.0, 0.0, 3.0]]).requires_grad_()
    assert torch.autograd.gradcheck(zyz_matrices, (angles,), eps=1e-4, atol=1e-9)
    parts = tuple(tensor([value]).requires_grad_() for value in (4.0, -50.0, 85.0))
    assert torch.autograd.gradcheck(axis_matrices, parts, eps=1e-4, atol=1e-9)


def test_the_derivative_at_zero_is_the_cross_product():
    vector = torch.zeros(3, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(rotation_vector_matrices, vector)
    place = np.array([3.0, -1.0, 2.0])
    for axis in range(3):
        unit = np.eye(3)[axis]
        moved = jacobian[:, :, axis].numpy() @ place
        assert moved == pytest.approx(np.deg2rad(np.cross(unit, place)), abs=1e-15)


@pytest.mark.parametrize(("a", "b"), [((4, 5), (4, 5)), ((1, 5), (4, 1)), ((5,), (4, 5)), ((), ())])
def test_composing_is_the_matrix_product_broadcast(rng, a, b):
    outer, inner = (torch.from_numpy(rng.normal(size=(*shape, 3, 3))) for shape in (a, b))
    assert torch.allclose(composed(outer, inner), outer @ inner, atol=1e-14)


@given(ANGLES, ANGLES)
def test_distances_are_angles_of_the_rotation_between(a, b):
    first, second = zyz_matrices(tensor(a)).numpy(), zyz_matrices(tensor(b)).numpy()
    expected = (Rotation.from_matrix(first) * Rotation.from_matrix(second).inv()).magnitude()
    assert rotation_distance(first, second) == pytest.approx(np.rad2deg(expected), abs=1e-5)
    assert rotation_distance(first, first) == pytest.approx(0, abs=1e-6)


def test_the_mean_of_opposite_turns_is_where_they_started(rng):
    centre = zyz_matrices(tensor([40.0, 100.0, -20.0])).numpy()
    turns = rng.normal(size=(20, 3)) * 8
    pairs = rotation_vector_matrices(tensor(np.concatenate([turns, -turns]))).numpy()
    assert rotation_distance(mean_rotation(pairs @ centre), centre) < 1e-6


def test_the_mean_follows_its_weights_and_agrees_with_scipy(rng):
    rotations = Rotation.random(9, rng)
    weights = rng.uniform(0.1, 1, 9)
    found = mean_rotation(rotations.as_matrix(), weights=weights)
    assert rotation_distance(found, rotations.mean(weights).as_matrix()) < 1e-6
    alone = mean_rotation(rotations.as_matrix(), weights=np.eye(9)[3])
    assert rotation_distance(alone, rotations[3].as_matrix()) < 1e-6
