"""Linear grids over x, y, z and exposure, docs/math/grids.md eq. 5.

Nodes span the unit interval of every axis. Below 0 the first segment continues linearly, above 1
the last node's value holds; both as Warp does, so that its volume warps mean the same here. An
axis of one node is constant.
"""

from collections.abc import Sequence

import numpy as np
import torch

from mgit.geometry.grid_operator import AxisWeights, GridOperator, combine_axes

__all__ = ["evaluate_linear", "linear_operator", "resize_linear"]


def linear_operator(shape: Sequence[int], points: np.ndarray) -> GridOperator:
    """The operator from nodes of `shape` (w, z, y, x) to values at `points` `(n, 4)` (x, y, z, w).

    Coordinates are in units of the axes' lengths. Any number of axes works, slowest first in
    `shape` and fastest first in `points`.
    """
    last = len(shape) - 1
    axes = [
        _axis_weights(points[:, last - place], nodes=int(size)) for place, size in enumerate(shape)
    ]
    return combine_axes(axes)


def evaluate_linear(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values `(n,)` of the grid `values` (w, z, y, x) at `points` `(n, 4)` (x, y, z, w)."""
    operator = linear_operator(values.shape, points)
    nodes = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))
    return np.asarray(operator.values(nodes[None])[0].numpy())


def resize_linear(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The grid on other nodes: its values at their coordinates; one node stands in the middle."""
    axes = [np.array([0.5]) if size == 1 else np.arange(size) / (size - 1) for size in shape]
    coordinates = np.meshgrid(*axes, indexing="ij")
    points = np.stack([axis.ravel() for axis in coordinates[::-1]], axis=1)
    return evaluate_linear(values, points).reshape(tuple(shape))


def _axis_weights(coordinates: np.ndarray, *, nodes: int) -> AxisWeights:
    count = coordinates.shape[0]
    if nodes == 1:
        zero = np.zeros((count, 1), dtype=np.int64)
        return AxisWeights(columns=zero, weights=np.ones((count, 1)), nodes=1)
    scaled = np.minimum(coordinates * (nodes - 1), nodes - 1)
    first = np.clip(np.floor(scaled), 0, nodes - 2).astype(np.int64)
    fraction = scaled - first
    return AxisWeights(
        columns=first[:, None] + np.arange(2),
        weights=np.stack([1 - fraction, fraction], axis=1),
        nodes=nodes,
    )
