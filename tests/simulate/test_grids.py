import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.simulate.grids import natural_cubic, piecewise_linear


def star_block(path, block: str) -> np.ndarray:
    lines = path.read_text().split(f"data_{block}")[1].split("data_")[0].splitlines()
    rows = [line.split() for line in lines if line.strip() and line.strip()[0] in "-0123456789"]
    return np.array(rows, dtype=float)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_values_are_those_of_warp(shared_data, axes):
    path = shared_data / "warp_xml_golden" / f"reference{axes}d.star"
    grid, wanted = star_block(path, "grid"), star_block(path, "eval")
    index = grid[:, :-1].astype(int)
    shape = [1, 1, 1]
    shape[3 - axes :] = (index.max(axis=0) + 1)[::-1]
    values = np.zeros(shape)
    padded = np.zeros((len(index), 3), dtype=int)
    padded[:, :axes] = index
    values[padded[:, 2], padded[:, 1], padded[:, 0]] = grid[:, -1]
    points = np.zeros((len(wanted), 3))
    points[:, :axes] = wanted[:, :-1]
    # Warp computes with float32 coefficients.
    assert np.abs(natural_cubic(values, points) - wanted[:, -1]).max() < 2e-6


@given(st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)))
def test_nodes_are_hit(shape):
    values = np.random.default_rng(3).normal(size=shape)
    axes = [np.linspace(0, 1, n) if n > 1 else np.array([0.3]) for n in shape]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    assert np.abs(natural_cubic(values, points) - values.ravel()).max() < 1e-12


def test_two_nodes_make_a_line_that_goes_on_outside():
    values = np.array([1.0, 3.0]).reshape(1, 1, 2)
    points = np.array([[-0.5, 0, 0], [0.25, 0, 0], [2.0, 0, 0]])
    assert natural_cubic(values, points) == pytest.approx([0.0, 1.5, 5.0])
    inset = natural_cubic(values, points, margins=(0.25, 0, 0))
    assert inset == pytest.approx([-2.0, 1.0, 8.0])


def test_the_spline_is_natural():
    """The second derivative vanishes at the ends."""
    values = np.random.default_rng(2).normal(size=(1, 1, 6))
    step = 1e-4
    for end in (0.0, 1.0):
        line = np.zeros((3, 3))
        line[:, 0] = end + step * np.array([-1, 0, 1])
        below, here, above = natural_cubic(values, line)
        assert abs(below - 2 * here + above) / step**2 < 1e-2


def test_linear_grids_interpolate_along_four_axes():
    def plane(x, y, z, w):
        return 1 + 2 * x - y + 3 * z - 0.5 * w

    w, z, y, x = np.meshgrid(*[np.linspace(0, 1, n) for n in (2, 3, 2, 4)], indexing="ij")
    points = np.random.default_rng(1).uniform(size=(20, 4))
    found = piecewise_linear(plane(x, y, z, w), points)
    assert found == pytest.approx(plane(*points.T))


def test_linear_grids_go_on_below_and_hold_above():
    values = np.array([1.0, 3.0]).reshape(1, 1, 1, 2)
    points = np.array([[-0.5, 0, 0, 0], [1.0, 0, 0, 0], [1.5, 0, 0, 0]])
    assert piecewise_linear(values, points) == pytest.approx([0.0, 3.0, 3.0])
