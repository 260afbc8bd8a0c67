import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from mgit.geometry.cubic_grid import (
    cubic_operator,
    evaluate_cubic,
    node_coordinates,
    resize_cubic,
)

NO_MARGIN = (0.0, 0.0, 0.0)
SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 6), st.integers(1, 5))


def all_nodes(shape, margins) -> np.ndarray:
    axes = [node_coordinates(n, m) for n, m in zip(shape, margins[::-1], strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def star_block(path, block: str) -> np.ndarray:
    lines = path.read_text().split(f"data_{block}")[1].split("data_")[0].splitlines()
    rows = [line.split() for line in lines if line.strip() and line.strip()[0] in "-0123456789"]
    return np.array(rows, dtype=float)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_values_are_those_of_warp(golden, axes):
    path = golden / f"reference{axes}d.star"
    grid, wanted = star_block(path, "grid"), star_block(path, "eval")
    index = grid[:, :-1].astype(int)
    shape = [1, 1, 1]
    shape[3 - axes :] = (index.max(axis=0) + 1)[::-1]
    values = np.zeros(shape)
    for place, value in zip(index, grid[:, -1], strict=True):
        padded = [*place, 0, 0][:3]
        values[padded[2], padded[1], padded[0]] = value
    points = np.zeros((len(wanted), 3))
    points[:, :axes] = wanted[:, :-1]
    found = evaluate_cubic(values, NO_MARGIN, points)
    assert len(wanted) >= 50
    # The reference was computed with float32 coefficients.
    assert np.abs(found - wanted[:, -1]).max() < 2e-6


@pytest.mark.parametrize("nodes", [2, 3, 4, 5, 9])
@pytest.mark.parametrize("margin", [0.0, 0.07])
def test_an_axis_is_the_natural_cubic_spline_also_outside(rng, nodes, margin):
    values = rng.normal(size=(1, 1, nodes))
    at = np.linspace(-0.4, 1.4, 61)
    points = np.stack([at, rng.uniform(size=61), rng.uniform(size=61)], axis=1)
    found = evaluate_cubic(values, (margin, 0, 0), points)
    spline = CubicSpline(node_coordinates(nodes, margin), values[0, 0], bc_type="natural")
    assert np.abs(found - spline(at)).max() < 1e-11 * np.abs(spline(at)).max()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_is_treated_alike(rng, axis):
    line = rng.normal(size=5)
    shape = [1, 1, 1]
    shape[2 - axis] = 5
    points = np.full((9, 3), 0.3)
    points[:, axis] = np.linspace(0, 1, 9)
    expected = CubicSpline(np.linspace(0, 1, 5), line, bc_type="natural")(points[:, axis])
    found = evaluate_cubic(line.reshape(shape), NO_MARGIN, points)
    assert found == pytest.approx(expected, abs=1e-13)


@given(SHAPES, st.sampled_from([NO_MARGIN, (0.05, 0.1, 0.0)]))
def test_nodes_are_hit(shape, margins):
    values = np.random.default_rng(3).normal(size=shape)
    found = evaluate_cubic(values, margins, all_nodes(shape, margins))
    assert np.abs(found - values.ravel()).max() < 1e-13


@given(SHAPES)
def test_nodes_are_hit_to_the_last_bit_when_all_points_are_nodes(shape):
    values = np.random.default_rng(4).normal(size=shape)
    found = evaluate_cubic(values, NO_MARGIN, all_nodes(shape, NO_MARGIN))
    assert found.tobytes() == values.tobytes()


@given(SHAPES, st.sampled_from([NO_MARGIN, (0.02, 0.0, 0.2)]))
def test_resizing_to_the_same_nodes_is_the_identity(shape, margins):
    values = np.random.default_rng(5).normal(size=shape)
    resized, kept = resize_cubic(values, margins, shape)
    assert kept == margins
    assert np.abs(resized - values).max() < 1e-13


def test_resizing_evaluates_at_the_new_nodes(rng):
    values = rng.normal(size=(5, 3, 4))
    resized, margins = resize_cubic(values, NO_MARGIN, (9, 4, 1))
    assert margins == NO_MARGIN
    points = all_nodes((9, 4, 1), NO_MARGIN)
    assert resized.ravel() == pytest.approx(evaluate_cubic(values, NO_MARGIN, points))
    # Every second node of a doubled axis is an old node.
    doubled, _ = resize_cubic(values, NO_MARGIN, (9, 3, 4))
    assert np.abs(doubled[::2] - values).max() < 1e-13


def test_a_centred_grid_stays_centred(rng):
    values = rng.normal(size=(1, 1, 4))
    resized, margins = resize_cubic(values, (1 / 8, 0, 0), (1, 1, 8))
    assert margins[0] == pytest.approx(1 / 16)
    expected = evaluate_cubic(values, (1 / 8, 0, 0), all_nodes((1, 1, 8), (1 / 16, 0, 0)))
    assert resized.ravel() == pytest.approx(expected)
    assert resize_cubic(values, (1 / 8, 0, 0), (1, 1, 1))[1] == NO_MARGIN


def test_the_influence_of_a_node_decays_by_a_quarter_per_node():
    values = np.zeros((1, 1, 21))
    values[0, 0, 10] = 1
    at = np.array([11.5, 12.5, 13.5, 14.5]) / 20
    found = np.abs(evaluate_cubic(values, NO_MARGIN, np.stack([at, at, at], axis=1)))
    assert found[1:] / found[:-1] == pytest.approx(2 - np.sqrt(3), rel=1e-3)


def test_a_plane_is_reproduced_and_continued(rng):
    shape = (4, 5, 6)
    x, y, z = all_nodes(shape, NO_MARGIN).T
    values = (2 * x - 3 * y + z).reshape(shape)
    points = rng.uniform(-1, 2, (50, 3))
    expected = points @ [2, -3, 1]
    assert evaluate_cubic(values, NO_MARGIN, points) == pytest.approx(expected, abs=1e-11)


def test_tilts_on_nodes_use_one_layer_only(rng):
    """With temporal nodes on tilts, a tilt's warp is that of its own layer."""
    points = np.column_stack([rng.uniform(size=(6, 2)), np.full(6, 2 / 4)])
    values = rng.normal(size=(5, 4, 6))
    other = rng.normal(size=(5, 4, 6))
    other[2] = values[2]
    found = evaluate_cubic(values, NO_MARGIN, points)
    assert found.tobytes() == evaluate_cubic(other, NO_MARGIN, points).tobytes()
    assert cubic_operator((5, 4, 6), NO_MARGIN, points).sparse.matrix.values().numel() == 6 * 16
