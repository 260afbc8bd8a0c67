"""RELION's deformations of tilt images as operators, docs/math/geometry.md section 5.

Lengths are pixels of the raw images. A deformation moves a point p of the image to p + d(p), and d
is linear in the coefficients of the tilt:

* spline: bicubic Hermite patches between `gx x gy` nodes that span the image; per node the value,
  the slopes per cell along x and y and the twist; constant beyond the edges;
* linear: d = (axx rx, axy rx + ayy ry) with r from the middle of the image;
* fourier: cosine and sine amplitudes of frequencies (pi i / W, pi j / H), wrapped in y.
"""

import numpy as np
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.sparse_operator import SparseOperator, sparse_operator

__all__ = ["DeformationOperator", "deformation_operator"]

EDGE_MARGIN = 1e-10
"""How far inside the last node a point at the edge is taken, in cells."""
LINEAR_COEFFICIENTS = 3


class DeformationOperator:
    """Displacements of fixed points in every tilt, linear in the coefficients of the tilts."""

    def __init__(self, sparse: SparseOperator, shape: tuple[int, int, int]) -> None:
        self._sparse = sparse
        self._shape = shape

    def values(self, coefficients: Tensor) -> Tensor:
        """Displacements `(tilts, 2, points)` of coefficients `(tilts, k)`, pixels."""
        tilts, _, points = self._shape
        return self._sparse.apply(coefficients.reshape(-1, 1)).reshape(tilts, 2, points)


def deformation_operator(
    kind: str, grid: tuple[int, int], *, points_px: np.ndarray, image_size_px: tuple[float, float]
) -> DeformationOperator:
    """The operator of a deformation at `points_px` `(tilts, points, 2)`.

    Raises InvalidState for a grid that the kind does not allow.
    """
    if kind == "spline":
        basis = _spline_basis(points_px, grid, image_size_px)
    elif kind == "linear":
        return _linear(points_px, image_size_px)
    else:
        basis = _fourier_basis(points_px, grid, image_size_px)
    columns, weights, count = basis
    tilts, points = points_px.shape[:2]
    # One block of coefficients per tilt, x before y in it.
    shift = (2 * np.arange(tilts)[:, None] + np.arange(2)) * count
    rows = columns[:, None] + shift[:, :, None, None]
    values = np.broadcast_to(weights[:, None], rows.shape)
    width = columns.shape[-1]
    sparse = sparse_operator(rows.reshape(-1, width), values.reshape(-1, width), tilts * 2 * count)
    return DeformationOperator(sparse, (tilts, 2, points))


def _hermite(t: np.ndarray) -> np.ndarray:
    """Weights `(..., 2, 2)` of value and slope at the start and the end of a cell."""
    square, cube = t * t, t * t * t
    start = np.stack([1 - 3 * square + 2 * cube, t - 2 * square + cube], axis=-1)
    end = np.stack([3 * square - 2 * cube, cube - square], axis=-1)
    return np.stack([start, end], axis=-2)


def _spline_basis(
    points: np.ndarray, grid: tuple[int, int], size: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, int]:
    if min(grid) < 2:
        raise InvalidState("a spline deformation needs two nodes along each axis", grid=grid)
    cells, weights = [], []
    for axis in range(2):
        scaled = points[..., axis] * ((grid[axis] - 1) / size[axis])
        scaled = np.clip(scaled, 0.0, grid[axis] - 1 - EDGE_MARGIN)
        first = scaled.astype(np.int64)
        cells.append(first)
        weights.append(_hermite(scaled - first))
    columns, values = [], []
    for y in range(2):
        for x in range(2):
            node = ((cells[1] + y) * grid[0] + cells[0] + x) * 4
            for slot, (along_x, along_y) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
                columns.append(node + slot)
                values.append(weights[0][..., x, along_x] * weights[1][..., y, along_y])
    return np.stack(columns, axis=-1), np.stack(values, axis=-1), 4 * grid[0] * grid[1]


def _fourier_basis(
    points: np.ndarray, grid: tuple[int, int], size: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Frequencies in RELION's order: rows of y, the second half of them negative."""
    frequencies = []
    for row in range(grid[1]):
        lower = row < grid[1] // 2
        first = 0 if lower and row > 0 else 1
        wrapped = row if lower else row - grid[1]
        frequencies += [(column, wrapped) for column in range(first, grid[0] // 2 + 1)]
    if not frequencies:
        raise InvalidState("a Fourier deformation has no frequency", grid=grid)
    steps = np.pi * np.array(frequencies) / np.array(size)
    phase = points @ steps.T
    weights = np.stack([np.cos(phase), np.sin(phase)], axis=-1).reshape(*phase.shape[:-1], -1)
    count = 2 * len(frequencies)
    return np.broadcast_to(np.arange(count), weights.shape), weights, count


def _linear(points: np.ndarray, size: tuple[float, float]) -> DeformationOperator:
    tilts, count = points.shape[:2]
    r = points - np.array(size) / 2
    zero = np.zeros_like(r[..., 0])
    weights = np.stack(
        [
            np.stack([r[..., 0], zero, zero], axis=-1),
            np.stack([zero, r[..., 0], r[..., 1]], axis=-1),
        ],
        axis=1,
    )
    block = np.arange(tilts)[:, None, None, None] * LINEAR_COEFFICIENTS
    columns = np.broadcast_to(block + np.arange(LINEAR_COEFFICIENTS), weights.shape)
    sparse = sparse_operator(
        columns.reshape(-1, LINEAR_COEFFICIENTS),
        weights.reshape(-1, LINEAR_COEFFICIENTS),
        tilts * LINEAR_COEFFICIENTS,
    )
    return DeformationOperator(sparse, (tilts, 2, count))
