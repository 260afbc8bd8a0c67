import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mgit.exchange.relion_rotations import (
    axis_angles,
    axis_matrices,
    compose_angles,
    divide_angles,
    euler_angles,
    euler_matrices,
)

ANGLE = st.floats(-360, 360, allow_nan=False)
TILT = st.one_of(ANGLE, st.sampled_from([0.0, 180.0, -180.0, 90.0, 1e-9, 180 - 1e-9]))
ANGLES = st.tuples(ANGLE, TILT, ANGLE).map(np.array)


def test_infinite_angles_become_nan_without_a_word(recwarn):
    assert np.isnan(euler_matrices(np.array([np.inf, 0.0, 0.0]))).any()
    assert not recwarn.list


def rz(angle):
    return Rotation.from_euler("z", angle, degrees=True).as_matrix()


def ry(angle):
    return Rotation.from_euler("y", angle, degrees=True).as_matrix()


def rx(angle):
    return Rotation.from_euler("x", angle, degrees=True).as_matrix()


@given(ANGLES)
def test_euler_matrices_are_the_product_of_three_rotations(angles):
    rot, tilt, psi = angles
    assert np.allclose(euler_matrices(angles), rz(-psi) @ ry(-tilt) @ rz(-rot), atol=1e-12)


@given(ANGLES)
def test_euler_matrices_are_the_inverse_of_scipys_intrinsic_zyz(angles):
    other = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
    assert np.allclose(euler_matrices(angles), other, atol=1e-12)


@given(ANGLES)
def test_angles_of_a_matrix_give_the_matrix_back(angles):
    matrix = euler_matrices(angles)
    found = euler_angles(matrix)
    assert np.allclose(euler_matrices(found), matrix, atol=1e-7)
    assert 0 <= found[1] <= 180


@given(st.tuples(ANGLE, st.floats(0.01, 179.99), ANGLE).map(np.array))
def test_angles_away_from_the_poles_come_back(angles):
    found = euler_angles(euler_matrices(angles))
    assert np.allclose(np.cos(np.deg2rad(found - angles)), 1, atol=1e-12)


@given(ANGLES, ANGLES)
def test_composition_is_the_product(outer, inner):
    product = euler_matrices(outer) @ euler_matrices(inner)
    assert np.allclose(euler_matrices(compose_angles(outer, inner)), product, atol=1e-7)


@given(ANGLES, ANGLES)
def test_dividing_undoes_composing(outer, inner):
    back = divide_angles(outer, compose_angles(outer, inner))
    assert np.allclose(euler_matrices(back), euler_matrices(inner), atol=1e-7)


@given(ANGLES)
def test_an_identity_changes_no_bit(angles):
    assert np.array_equal(compose_angles(np.zeros(3), angles), angles)
    assert np.array_equal(divide_angles(np.zeros(3), angles), angles)


@given(ANGLE, TILT, ANGLE)
def test_axis_matrices_turn_about_x_then_y_then_z(x, y, z):
    matrix = axis_matrices(np.array(x), np.array(y), np.array(z))
    assert np.allclose(matrix, rz(z) @ ry(y) @ rx(x), atol=1e-12)
    assert np.allclose(axis_matrices(*axis_angles(matrix)), matrix, atol=1e-7)


def test_many_rotations_are_handled_at_once():
    angles = np.random.default_rng(3).uniform(-180, 180, (5, 4, 3))
    assert euler_matrices(angles).shape == (5, 4, 3, 3)
    assert euler_angles(euler_matrices(angles)).shape == (5, 4, 3)


def test_next_to_a_pole_composition_loses_no_more_than_rounding():
    outer, inner = np.array([0.0, 28.0, 8.0]), np.array([0.0, 1e-9, 0.0])
    back = divide_angles(outer, compose_angles(outer, inner))
    assert np.allclose(euler_matrices(back), euler_matrices(inner), atol=1e-7)
