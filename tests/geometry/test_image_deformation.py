import numpy as np
import pytest
import torch
from scipy.interpolate import CubicHermiteSpline

from mgit.errors import InvalidState
from mgit.geometry.image_deformation import deformation_operator

SIZE = (400.0, 300.0)
KINDS = [("spline", (3, 4), 8 * 12), ("linear", (0, 0), 3), ("fourier", (4, 4), 4 * 9)]


def displacements(kind, grid, points, coefficients) -> np.ndarray:
    operator = deformation_operator(kind, grid, points_px=points, image_size_px=SIZE)
    return operator.values(torch.from_numpy(coefficients)).numpy()


def frequency_count(gx: int, gy: int) -> int:
    """Rows of y in the lower half start at x = 0 except the first; the rest start at 1."""
    lower = gy // 2
    return sum(gx // 2 + (1 if 0 < y < lower else 0) for y in range(gy))


@pytest.mark.parametrize(("kind", "grid", "_"), KINDS)
def test_no_coefficients_no_displacement(rng, kind, grid, _):
    points = rng.uniform(0, 300, (2, 5, 2))
    count = {"spline": 8 * 12, "linear": 3, "fourier": 4 * frequency_count(4, 4)}[kind]
    assert not displacements(kind, grid, points, np.zeros((2, count))).any()


def test_spline_nodes_have_their_values(rng):
    coefficients = rng.normal(size=(1, 2, 4, 3, 4))
    x, y = np.meshgrid(np.linspace(0, 400, 3), np.linspace(0, 300, 4))
    points = np.stack([x, y], axis=-1).reshape(1, -1, 2)
    found = displacements("spline", (3, 4), points, coefficients.reshape(1, -1))
    assert found[0] == pytest.approx(coefficients[0, ..., 0].reshape(2, -1), abs=1e-8)


def test_spline_runs_between_nodes_as_hermite_with_slopes_per_cell(rng):
    coefficients = rng.normal(size=(2, 2, 3, 4))
    at = np.linspace(0, 399.9, 30)
    points = np.stack([at, np.zeros(30)], axis=1)[None]
    found = displacements("spline", (3, 2), points, coefficients.reshape(1, -1))[0]
    for dim in range(2):
        row = coefficients[dim, 0]
        expected = CubicHermiteSpline(np.arange(3), row[:, 0], row[:, 1])(at / 200)
        assert found[dim] == pytest.approx(expected, abs=1e-9)


def test_spline_uses_slope_y_and_twist_across_cells(rng):
    """A bilinear function has value, slopes and twist that reproduce it exactly."""
    x, y = np.meshgrid(np.arange(3), np.arange(4))
    node = np.stack([1 + 2 * x - y + 0.5 * x * y, 2 + 0.5 * y, -1 + 0.5 * x, 0.5 + 0 * x], axis=-1)
    coefficients = np.stack([node, np.zeros_like(node)]).reshape(1, -1)
    points = rng.uniform(0, 1, (1, 40, 2)) * SIZE
    u, v = points[0, :, 0] / 200, points[0, :, 1] / 100
    found = displacements("spline", (3, 4), points, coefficients)
    assert found[0, 0] == pytest.approx(1 + 2 * u - v + 0.5 * u * v, abs=1e-9)
    assert not found[0, 1].any()


def test_spline_is_constant_beyond_the_edges(rng):
    coefficients = rng.normal(size=(1, 8 * 4))
    outside = np.array([[[-50.0, 100.0], [0.0, 100.0], [480.0, 310.0], [400.0, 300.0]]])
    found = displacements("spline", (2, 2), outside, coefficients)[0]
    assert found[:, 0] == pytest.approx(found[:, 1], abs=1e-8)
    assert found[:, 2] == pytest.approx(found[:, 3], abs=1e-8)


def test_linear_is_about_the_middle_of_the_image():
    points = np.array([[[200.0, 150.0], [210.0, 170.0]]])
    found = displacements("linear", (0, 0), points, np.array([[0.1, 0.2, 0.3]]))[0]
    assert found[:, 0].tolist() == [0, 0]
    assert found[:, 1] == pytest.approx([0.1 * 10, 0.2 * 10 + 0.3 * 20])


def test_fourier_sums_waves_in_the_order_of_its_frequencies(rng):
    order = [(1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (1, -2), (2, -2), (1, -1), (2, -1)]
    assert len(order) == frequency_count(4, 4)
    coefficients = rng.normal(size=(1, 2, len(order), 2))
    point = np.array([123.0, 45.0])
    found = displacements("fourier", (4, 4), point.reshape(1, 1, 2), coefficients.reshape(1, -1))
    for dim in range(2):
        expected = 0.0
        for (i, j), (real, imaginary) in zip(order, coefficients[0, dim], strict=True):
            phase = np.pi * (i * point[0] / SIZE[0] + j * point[1] / SIZE[1])
            expected += real * np.cos(phase) + imaginary * np.sin(phase)
        assert found[0, dim, 0] == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "grid", "count"), KINDS)
def test_tilts_have_their_own_coefficients_and_exact_gradients(rng, kind, grid, count):
    points = rng.uniform(0, 300, (2, 3, 2))
    operator = deformation_operator(kind, grid, points_px=points, image_size_px=SIZE)
    coefficients = torch.from_numpy(rng.normal(size=(2, count))).requires_grad_()
    assert torch.autograd.gradcheck(operator.values, (coefficients,), eps=1e-4, atol=1e-8)
    (gradient,) = torch.autograd.grad(operator.values(coefficients)[0].sum(), coefficients)
    assert gradient[0].any()
    assert not gradient[1].any()


def test_a_grid_without_cells_is_refused():
    points = np.zeros((1, 1, 2))
    with pytest.raises(InvalidState, match="two nodes"):
        deformation_operator("spline", (1, 3), points_px=points, image_size_px=SIZE)
    with pytest.raises(InvalidState, match="no frequency"):
        deformation_operator("fourier", (1, 1), points_px=points, image_size_px=SIZE)
