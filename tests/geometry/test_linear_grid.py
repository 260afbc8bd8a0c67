import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from mgit.geometry.linear_grid import evaluate_linear, resize_linear

SHAPES = st.tuples(*[st.integers(1, 4)] * 4)


def test_values_are_those_of_multilinear_interpolation(rng):
    shape = (3, 4, 2, 5)
    values = rng.normal(size=shape)
    points = rng.uniform(size=(60, 4))
    axes = [np.linspace(0, 1, n) for n in shape]
    expected = RegularGridInterpolator(axes, values)(points[:, ::-1])
    assert evaluate_linear(values, points) == pytest.approx(expected, abs=1e-13)


def test_below_the_grid_it_continues_linearly_above_it_is_constant():
    values = np.array([1.0, 3.0, 4.0]).reshape(1, 1, 1, 3)
    points = np.zeros((4, 4))
    points[:, 0] = (-0.5, -0.1, 1.0, 1.7)
    assert evaluate_linear(values, points) == pytest.approx([-1.0, 0.6, 4.0, 4.0])


@given(SHAPES)
def test_resizing_to_the_same_nodes_is_the_identity(shape):
    values = np.random.default_rng(1).normal(size=shape)
    assert np.abs(resize_linear(values, shape) - values).max() < 1e-14


def test_an_axis_of_one_node_is_constant(rng):
    values = rng.normal(size=(1, 2, 1, 1))
    points = rng.uniform(-3, 3, (9, 4))
    points[:, 2] = 0
    assert evaluate_linear(values, points) == pytest.approx(np.full(9, values[0, 0, 0, 0]))


def test_refining_a_grid_keeps_its_values(rng):
    values = rng.normal(size=(2, 2, 3, 3))
    fine = resize_linear(values, (3, 3, 5, 5))
    points = rng.uniform(size=(30, 4))
    assert evaluate_linear(fine, points) == pytest.approx(evaluate_linear(values, points))


def test_one_node_stands_in_the_middle():
    values = np.array([1.0, 2.0, 9.0]).reshape(3, 1, 1, 1)
    assert resize_linear(values, (1, 1, 1, 1)).item() == 2.0
