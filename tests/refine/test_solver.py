"""The solver: optima that are known, SciPy's answers, outcomes."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen, rosen_der

from mgit.refine.solver import Outcome, minimise


def quadratic(size=20, seed=0):
    random = np.random.default_rng(seed)
    factor = random.normal(size=(size, size))
    matrix = torch.from_numpy(factor @ factor.T + np.eye(size))
    vector = torch.from_numpy(random.normal(size=size))

    def function(x):
        return float(0.5 * x @ matrix @ x - vector @ x), matrix @ x - vector

    return function, torch.linalg.solve(matrix, vector)


def rosenbrock(x):
    return float(rosen(x.numpy())), torch.from_numpy(rosen_der(x.numpy()))


def zeros(size):
    return torch.zeros(size, dtype=torch.float64)


def test_a_quadratic_ends_at_its_minimum():
    function, expected = quadratic()
    solution = minimise(function, zeros(20), steps_max=200, tolerance=1e-14)
    assert solution.outcome is Outcome.CONVERGED
    assert torch.allclose(solution.point, expected, atol=1e-5)
    assert solution.value < solution.start_value


def test_rosenbrock_ends_where_scipy_does():
    start = np.array([-1.2, 1.0, -0.5, 0.8, 1.5])
    solution = minimise(rosenbrock, torch.from_numpy(start), steps_max=300, tolerance=1e-13)
    theirs = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options={"ftol": 1e-14})
    assert np.allclose(solution.point.numpy(), theirs.x, atol=1e-3)
    assert solution.evaluations < 3 * theirs.nfev


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e5])
def test_the_scale_of_the_function_does_not_matter(unit):
    function, _ = quadratic()

    def scaled(x):
        value, gradient = function(x)
        return unit * value, unit * gradient

    plain = minimise(function, zeros(20), steps_max=15)
    assert torch.allclose(minimise(scaled, zeros(20), steps_max=15).point, plain.point, rtol=1e-6)


def test_the_first_trial_step_has_the_asked_size():
    seen = []

    def function(x):
        seen.append(x.clone())
        return float((x - 5).square().sum()), 2 * (x - 5)

    minimise(function, zeros(4), steps_max=1, first_step=0.25)
    assert float(seen[1].abs().mean()) == pytest.approx(0.25)


def test_the_number_of_steps_is_limited():
    solution = minimise(rosenbrock, zeros(5), steps_max=3)
    assert solution.outcome is Outcome.STEP_LIMIT
    assert solution.steps == 3


def test_no_steps_only_evaluate():
    solution = minimise(rosenbrock, zeros(5), steps_max=0)
    assert solution.evaluations == 1
    assert torch.equal(solution.point, zeros(5))


def test_a_flat_function_is_told_by_its_gradient():
    solution = minimise(lambda x: (3.0, 0 * x), zeros(4), steps_max=5)
    assert solution.gradient_max == 0
    assert solution.steps == 0


def test_a_function_that_never_falls_stalls():
    # The slope points the wrong way: no step along it lowers the value.
    solution = minimise(lambda x: (float(x.sum()), -torch.ones_like(x)), zeros(4), steps_max=5)
    assert solution.outcome is Outcome.STALLED
    assert torch.equal(solution.point, zeros(4))


def test_what_is_not_finite_ends_the_search_at_the_best_point():
    def function(x):
        value, gradient = float((x - 9).square().sum()), 2 * (x - 9)
        return (float("nan"), gradient) if float(x.max()) > 3 else (value, gradient)

    solution = minimise(function, zeros(3), steps_max=20)
    assert solution.outcome is Outcome.NON_FINITE
    assert np.isfinite(solution.value)
    assert solution.value <= solution.start_value
    first = minimise(lambda x: (float("nan"), x), zeros(3), steps_max=20)
    assert first.outcome is Outcome.NON_FINITE


def test_equal_arguments_give_equal_bits():
    function, _ = quadratic()
    one, other = (minimise(function, zeros(20), steps_max=9).point for _ in range(2))
    assert torch.equal(one, other)
