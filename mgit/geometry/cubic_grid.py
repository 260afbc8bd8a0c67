"""Cubic spline grids over x, y and tilt or time, docs/math/grids.md eq. 1 to 4.

The interpolant is the tensor product of uniform cubic B-splines through the nodes with natural
ends (second derivative zero). The first and last node of an axis lie at `m` and `1 - m` (margin m)
of the unit interval; outside, the end segments continue as the polynomials they are. An axis of
one node is constant, one of two nodes is linear.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch

from mgit.geometry.grid_operator import AxisWeights, GridOperator, combine_axes

__all__ = ["cubic_operator", "evaluate_cubic", "node_coordinates", "resize_cubic"]

NODE_TOLERANCE = 1e-10
"""Points this close to a node, in node spacings, take the node's value without arithmetic."""
FOLDED_NODES_MAX = 4
"""Axes up to this long carry their prefilter in the weights, which are no more for it."""
CENTRED_TOLERANCE = 1e-6
"""A margin this close to half a node spacing is one of a centred grid."""


def cubic_operator(
    shape: Sequence[int], margins: Sequence[float], points: np.ndarray
) -> GridOperator:
    """The operator from nodes of `shape` (z, y, x) to values at `points` `(n, 3)`.

    margins, points: x, y, z in units of the axes' lengths.
    """
    axes = [
        _axis_weights(points[:, 2 - place], nodes=int(size), margin=float(margins[2 - place]))
        for place, size in enumerate(shape)
    ]
    return combine_axes(axes)


def evaluate_cubic(values: np.ndarray, margins: Sequence[float], points: np.ndarray) -> np.ndarray:
    """Values `(n,)` of the grid `values` (z, y, x) at `points` `(n, 3)` (x, y, z)."""
    operator = cubic_operator(values.shape, margins, points)
    nodes = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))
    return np.asarray(operator.values(nodes[None])[0].numpy())


def node_coordinates(nodes: int, margin: float) -> np.ndarray:
    """Coordinates of the nodes of an axis; one node stands in the middle."""
    if nodes == 1:
        return np.array([0.5])
    return margin + np.arange(nodes) * ((1 - 2 * margin) / (nodes - 1))


def resize_cubic(
    values: np.ndarray, margins: Sequence[float], shape: Sequence[int]
) -> tuple[np.ndarray, tuple[float, ...]]:
    """The grid on other nodes: its values at their coordinates, and its new margins (x, y, z).

    A centred axis (margin of half a node spacing) stays centred, any other keeps its margin. An
    axis that keeps its length keeps its nodes exactly.
    """
    new_margins = tuple(
        _resized_margin(float(margin), old, new)
        for margin, old, new in zip(margins, values.shape[::-1], tuple(shape)[::-1], strict=True)
    )
    axes = [
        node_coordinates(size, margin)
        for size, margin in zip(shape, new_margins[::-1], strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    return evaluate_cubic(values, margins, points).reshape(tuple(shape)), new_margins


def _resized_margin(margin: float, old: int, new: int) -> float:
    centred = margin > 0 and abs(margin - 0.5 / old) < CENTRED_TOLERANCE
    if old == new or not centred:
        return margin
    return 0.0 if new == 1 else 0.5 / new


def _axis_weights(coordinates: np.ndarray, *, nodes: int, margin: float) -> AxisWeights:
    count = coordinates.shape[0]
    if nodes == 1:
        zero = np.zeros((count, 1), dtype=np.int64)
        return AxisWeights(columns=zero, weights=np.ones((count, 1)), nodes=1)
    u = (coordinates - margin) * ((nodes - 1) / (1 - 2 * margin))
    nearest = np.clip(np.rint(u), 0, nodes - 1)
    if (np.abs(u - nearest) <= NODE_TOLERANCE).all():
        return AxisWeights(
            columns=nearest.astype(np.int64)[:, None], weights=np.ones((count, 1)), nodes=nodes
        )
    if nodes == 2:
        columns = np.tile(np.arange(2), (count, 1))
        return AxisWeights(columns=columns, weights=np.stack([1 - u, u], axis=1), nodes=2)
    first = np.clip(np.floor(u), 0, nodes - 2).astype(np.int64)
    basis = _basis(u - first)
    prefilter = _prefilter(nodes)
    if nodes > FOLDED_NODES_MAX:
        columns = first[:, None] + np.arange(4)
        return AxisWeights(columns=columns, weights=basis, nodes=nodes, prefilter=prefilter)
    rows = first[:, None] + np.arange(4)
    return AxisWeights(
        columns=np.tile(np.arange(nodes), (count, 1)),
        weights=np.einsum("nk,nkm->nm", basis, prefilter[rows]),
        nodes=nodes,
    )


def _basis(t: np.ndarray) -> np.ndarray:
    """The four uniform cubic B-spline pieces `(n, 4)` at `t`, docs/math/grids.md eq. 2."""
    s = 1 - t
    return (
        np.stack([s**3, (3 * t - 6) * t * t + 4, ((-3 * t + 3) * t + 3) * t + 1, t**3], axis=1) / 6
    )


@cache
def _prefilter(nodes: int) -> np.ndarray:
    """Coefficients of an interpolating natural spline: `(nodes + 2, nodes)`, eq. 3."""
    system = np.zeros((nodes + 2, nodes + 2))
    for row in range(nodes):
        system[row + 1, row : row + 3] = (1 / 6, 4 / 6, 1 / 6)
    system[0, :3] = (1, -2, 1)
    system[-1, -3:] = (1, -2, 1)
    inverse = np.linalg.inv(system)[:, 1:-1].copy()
    inverse.flags.writeable = False
    return inverse
