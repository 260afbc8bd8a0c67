"""Deformation grids, evaluated by SciPy's splines: written apart from mgit.geometry on purpose."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

__all__ = ["natural_cubic", "piecewise_linear"]


def natural_cubic(
    values: np.ndarray, points: np.ndarray, *, margins: Sequence[float] = (0.0, 0.0, 0.0)
) -> np.ndarray:
    """Tensor product of natural cubic splines through the nodes `(depth, height, width)`.

    points: `(n, 3)` x y z, nodes of an axis equally spaced from its margin to 1 - margin. An axis
    with one node is constant; outside, the end segments' polynomials go on.
    """
    along_z, along_y, along_x = (
        _axis_weights(points[:, axis], values.shape[2 - axis], margins[axis]) for axis in (2, 1, 0)
    )
    return np.asarray(np.einsum("nz,ny,nx,zyx->n", along_z, along_y, along_x, values))


def _axis_weights(at: np.ndarray, nodes: int, margin: float) -> np.ndarray:
    """`(n, nodes)`: how much each node counts at each place."""
    if nodes == 1:
        return np.ones((len(at), 1))
    if nodes == 2:
        share = (at - margin) / (1 - 2 * margin)
        return np.stack([1 - share, share], axis=1)
    return np.asarray(_node_splines(nodes, margin)(at))


@lru_cache(maxsize=64)
def _node_splines(nodes: int, margin: float) -> CubicSpline:
    """The splines that are 1 at one node and 0 at all others."""
    places = np.linspace(margin, 1 - margin, nodes)
    return CubicSpline(places, np.eye(nodes), bc_type="natural")


def piecewise_linear(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Linear interpolation between nodes `(duration, depth, height, width)` on [0, 1] per axis.

    points: `(n, 4)` x y z w. Below 0 the first segment goes on, from 1 upwards the last node holds.
    """
    result = np.zeros(len(points))
    corners = [_segments(points[:, axis], values.shape[3 - axis]) for axis in range(4)]
    for choice in np.ndindex(2, 2, 2, 2):
        index = [corners[axis][choice[axis]] for axis in range(4)]
        share = np.ones(len(points))
        for axis in range(4):
            fraction = corners[axis][2]
            share = share * (fraction if choice[axis] else 1 - fraction)
        result += share * values[index[3], index[2], index[1], index[0]]
    return result


def _segments(at: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower node, upper node and fraction between them."""
    place = at * (nodes - 1)
    lower = np.clip(np.trunc(place).astype(int), 0, nodes - 1)
    return lower, np.minimum(lower + 1, nodes - 1), place - lower
