import numpy as np
import pytest
import torch
from scipy.interpolate import PchipInterpolator

from mgit.geometry.trajectories import interpolate_trajectory, relative_exposure


def interpolate(control: np.ndarray, at: np.ndarray) -> np.ndarray:
    return interpolate_trajectory(torch.from_numpy(control), torch.from_numpy(at)).numpy()


@pytest.mark.parametrize("samples", [2, 3, 4, 5, 9])
def test_values_are_those_of_pchip(rng, samples):
    at = np.linspace(0, 1, 53)
    control = rng.normal(size=(6, samples, 3)).cumsum(axis=1)
    expected = PchipInterpolator(np.linspace(0, 1, samples), control, axis=1)(at)
    assert interpolate(control, at) == pytest.approx(expected, abs=1e-12)


def test_one_control_point_is_a_constant(rng):
    control = rng.normal(size=(2, 1, 3))
    found = interpolate(control, np.array([0.0, 0.3, 1.0]))
    assert found.tobytes() == np.repeat(control, 3, axis=1).tobytes()


@pytest.mark.parametrize("samples", [2, 3, 6])
def test_control_points_are_hit(rng, samples):
    control = rng.normal(size=(3, samples, 2))
    assert interpolate(control, np.linspace(0, 1, samples)) == pytest.approx(control, abs=1e-14)


def test_a_monotone_path_is_never_overshot(rng):
    control = np.sort(rng.normal(size=(20, 7, 1)), axis=1)
    path = interpolate(control, np.linspace(0, 1, 400))
    assert (np.diff(path, axis=1) >= -1e-14).all()
    assert path.min() >= control.min()
    assert path.max() <= control.max()


def test_flat_and_turning_stretches_have_no_slope_and_finite_gradients():
    control = torch.tensor([0.0, 1.0, 1.0, 0.0, 2.0]).double().reshape(1, 5, 1).requires_grad_()
    at = torch.linspace(0, 1, 33, dtype=torch.float64)
    path = interpolate_trajectory(control, at)
    assert path[0, 8:17, 0].detach() == pytest.approx(np.ones(9))
    (gradient,) = torch.autograd.grad(path.square().sum(), control)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("samples", [1, 2, 3, 5])
def test_gradients_are_exact_at_every_control_point(rng, samples):
    control = torch.from_numpy(rng.normal(size=(3, samples, 2)).cumsum(axis=1)).requires_grad_()
    at = torch.from_numpy(rng.uniform(size=9))
    assert torch.autograd.gradcheck(lambda c: interpolate_trajectory(c, at), (control,))
    (gradient,) = torch.autograd.grad(interpolate_trajectory(control, at).sum(), control)
    assert (gradient != 0).all()


def test_exposure_runs_from_zero_to_one_in_any_order():
    assert relative_exposure(np.array([9.0, 3.0, 6.0])).tolist() == [1.0, 0.0, 0.5]
    assert relative_exposure(np.array([5.0])).tolist() == [0.0]
