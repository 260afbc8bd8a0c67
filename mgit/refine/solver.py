"""L-BFGS with a strong-Wolfe line search, one accepted step at a time, and how it ended.

The quasi-Newton update is torch's; here are units, outcomes and limits (docs/math/optimiser.md).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

__all__ = ["Outcome", "Solution", "minimise"]

HISTORY = 10
LINE_SEARCH_MAX = 20
"""Evaluations per step; torch counts the one before the search, too."""
FIRST_STEP = 0.1
TOLERANCE = 1e-6
GRADIENT_RATIO = 1e-9
"""A slope of this share of the first one is none."""
QUIET_STEPS = 2
"""Steps in a row that gain less than the tolerance before the search counts as converged."""

Function = Callable[[Tensor], tuple[float, Tensor]]


class Outcome(Enum):
    """How a search ended."""

    CONVERGED = "converged"
    STEP_LIMIT = "step limit"
    STALLED = "stalled"
    NON_FINITE = "non-finite"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Where a search ended: the best point that was evaluated.

    start_value, value: of the function. steps: accepted ones. evaluations: of value and gradient.
    gradient_max: largest element of the gradient at the start, in the function's own units.
    """

    point: Tensor
    start_value: float
    value: float
    outcome: Outcome
    steps: int
    evaluations: int
    gradient_max: float


class _NonFiniteError(Exception):
    """The function or its gradient is not finite; ends a search."""


class _Search:
    """A function in the solver's units, with the last and the best evaluation kept."""

    def __init__(self, function: Function, unit: float) -> None:
        self.function, self.unit = function, unit
        self.factor = 1.0
        self.evaluations = 0
        self.last: tuple[Tensor, float, Tensor] | None = None
        self.best: tuple[Tensor, float] | None = None

    def __call__(self, scaled: Tensor) -> tuple[float, Tensor]:
        """Value and gradient times `factor`; the same point is not evaluated twice."""
        if self.last is None or not torch.equal(scaled, self.last[0]):
            value, gradient = self.function(scaled * self.unit)
            self.evaluations += 1
            if not (math.isfinite(value) and bool(torch.isfinite(gradient).all())):
                raise _NonFiniteError
            self.last = (scaled.clone(), value, gradient * self.unit)
            if self.best is None or value < self.best[1]:
                self.best = (self.last[0], value)
        return self.last[1] * self.factor, self.last[2] * self.factor


def minimise(
    function: Function,
    start: Tensor,
    *,
    steps_max: int,
    first_step: float = FIRST_STEP,
    tolerance: float = TOLERANCE,
) -> Solution:
    """Minimise `function`, which gives value and gradient, from `start` `(n,)` float64.

    first_step: mean size of the first trial step per parameter. tolerance: relative decrease of
    the value that counts as progress. Equal arguments give equal bits.

    STEP_LIMIT is the normal end; STALLED: the line search found no decrease on a slope;
    NON_FINITE: a value or gradient was not a number; the best point before it is returned.
    """
    # torch's first trial step has length 1 in the 1-norm; in this unit that is first_step each.
    search = _Search(function, first_step * max(1, start.numel()))
    scaled = (start / search.unit).clone().requires_grad_()
    try:
        value, gradient = search(scaled.detach())
    except _NonFiniteError:
        return _solution(search, start, Outcome.NON_FINITE, 0, (float("nan"), float("nan")))
    first = (value, float(gradient.abs().max()) / search.unit if gradient.numel() else 0.0)
    if first[1] == 0 or steps_max == 0:
        outcome = Outcome.CONVERGED if first[1] == 0 else Outcome.STEP_LIMIT
        return _solution(search, start, outcome, 0, first)
    # Where the slope is small, torch would step by the gradient itself, in arbitrary units.
    search.factor = 1 / float(gradient.abs().sum())
    outcome, steps = _iterate(search, scaled, steps_max, tolerance)
    return _solution(search, start, outcome, steps, first)


def _iterate(
    search: _Search, scaled: Tensor, steps_max: int, tolerance: float
) -> tuple[Outcome, int]:
    optimiser = torch.optim.LBFGS(
        [scaled],
        max_iter=1,
        max_eval=1 + LINE_SEARCH_MAX,
        history_size=HISTORY,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        value, gradient = search(scaled.detach())
        scaled.grad = gradient.clone()
        return value

    quiet = 0
    steepest = search(scaled.detach())[1].abs().max()
    for step in range(1, steps_max + 1):
        try:
            before = closure()
            place = scaled.detach().clone()
            optimiser.step(closure)  # type: ignore[no-untyped-call]
            after = closure()
        except _NonFiniteError:
            return Outcome.NON_FINITE, step - 1
        if torch.equal(place, scaled.detach()) or after > before:
            return (Outcome.CONVERGED if quiet else Outcome.STALLED), step - 1
        if search(scaled.detach())[1].abs().max() <= GRADIENT_RATIO * steepest:
            return Outcome.CONVERGED, step
        quiet = quiet + 1 if before - after <= tolerance * max(abs(before), 1e-300) else 0
        if quiet == QUIET_STEPS:
            return Outcome.CONVERGED, step
    return Outcome.STEP_LIMIT, steps_max


def _solution(
    search: _Search, start: Tensor, outcome: Outcome, steps: int, first: tuple[float, float]
) -> Solution:
    point = start if search.best is None else search.best[0] * search.unit
    value = first[0] if search.best is None else search.best[1]
    return Solution(
        point=point,
        start_value=first[0],
        value=value,
        outcome=outcome,
        steps=steps,
        evaluations=search.evaluations,
        gradient_max=first[1],
    )
