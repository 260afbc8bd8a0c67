"""Poses that move with accumulated exposure: shape-preserving cubic interpolation.

A particle has T control points, equally spaced over the exposure of the series, for each of x, y,
z, rot, tilt and psi. Between them runs the piecewise cubic Hermite interpolant of Fritsch and
Butland (SIAM J. Sci. Stat. Comput. 5, 1984) with three-point end slopes, as Matlab's `pchip`: it
never overshoots its control points, docs/math/geometry.md eq. 6.
"""

import numpy as np
import torch
from torch import Tensor

__all__ = ["interpolate_trajectory", "relative_exposure"]


def relative_exposure(exposure: np.ndarray) -> np.ndarray:
    """Accumulated exposure `(n,)` mapped to 0..1; all zero where it does not vary."""
    low, high = float(np.min(exposure)), float(np.max(exposure))
    if high == low:
        return np.zeros_like(exposure, dtype=np.float64)
    return np.asarray((exposure - low) / (high - low))


def interpolate_trajectory(control: Tensor, at: Tensor) -> Tensor:
    """Values `(..., n, c)` of control points `(..., T, c)` at coordinates `at` `(n,)`.

    Coordinates run over 0..1. One control point gives a constant, two a line. Differentiable in
    the control points, except where a slope changes its sign, where one-sided slopes are zero.
    """
    count = control.shape[-2]
    if count == 1:
        return control.expand(*control.shape[:-2], at.shape[0], control.shape[-1])
    values, slopes = _hermite_weights(at, count)
    result = _combined(values, control)
    return result if count == 2 else result + _combined(slopes, _slopes(control))


def _combined(weights: Tensor, control: Tensor) -> Tensor:
    """`weights` `(n, T)` applied along the axis of control points, as one matrix product."""
    first = control.movedim(-2, 0)
    flat = weights.to(control.dtype) @ first.reshape(first.shape[0], -1)
    return flat.reshape(-1, *first.shape[1:]).movedim(0, -2)


def _hermite_weights(at: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Weights `(n, T)` of the values and of the slopes at `count` control points."""
    scaled = at * (count - 1)
    first = scaled.floor().clamp(0, count - 2).long()
    t = scaled - first
    s = 1 - t
    values = scaled.new_zeros(len(at), count)
    slopes = scaled.new_zeros(len(at), count)
    rows = torch.arange(len(at))
    if count == 2:
        values[rows, first], values[rows, first + 1] = s, t
        return values, slopes
    values[rows, first], values[rows, first + 1] = (1 + 2 * t) * s * s, t * t * (3 - 2 * t)
    slopes[rows, first], slopes[rows, first + 1] = t * s * s, -t * t * s
    return values, slopes


def _slopes(control: Tensor) -> Tensor:
    """Slopes per knot spacing at every control point, `(..., T, c)`, for T >= 3."""
    step = control[..., 1:, :] - control[..., :-1, :]
    before, after = step[..., :-1, :], step[..., 1:, :]
    same = before * after > 0
    total = torch.where(same, before + after, torch.ones_like(before))
    inner = torch.where(same, 2 * before * after / total, torch.zeros_like(before))
    start = _end_slope(step[..., 0:1, :], step[..., 1:2, :])
    end = _end_slope(step[..., -1:, :], step[..., -2:-1, :])
    return torch.cat([start, inner, end], dim=-2)


def _end_slope(outer: Tensor, inner: Tensor) -> Tensor:
    """The three-point slope at an end, limited so that the end interval stays monotone."""
    slope = (3 * outer - inner) / 2
    slope = torch.where(slope * outer > 0, slope, torch.zeros_like(slope))
    limited = (outer * inner < 0) & (slope.abs() > 3 * outer.abs())
    return torch.where(limited, 3 * outer, slope)
