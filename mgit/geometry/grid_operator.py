"""Tensor-product grids as operators: per-axis weights combined into one sparse matrix.

An axis says, for every point, which few coefficients count and how much; some axes turn their
nodes into coefficients first (the spline's prefilter). `value = S (P_z x P_y x P_x) nodes` with S
sparse, docs/math/grids.md eq. 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.sparse_operator import SparseOperator, sparse_operator

__all__ = ["AxisWeights", "GridOperator", "combine_axes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisWeights:
    """How values along one axis follow from its coefficients.

    columns, weights: `(points, k)`; columns ascend within a row.
    prefilter: `(coefficients, nodes)`, or None where coefficients are the nodes.
    """

    columns: np.ndarray
    weights: np.ndarray
    nodes: int
    prefilter: np.ndarray | None = None

    @property
    def coefficients(self) -> int:
        """Number of coefficients of the axis."""
        return self.nodes if self.prefilter is None else int(self.prefilter.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridOperator:
    """Values of a grid at fixed points, linear in its nodes and differentiable.

    shape: of the nodes, slowest axis first.
    """

    shape: tuple[int, ...]
    prefilters: tuple[Tensor | None, ...]
    sparse: SparseOperator

    @property
    def points(self) -> int:
        """How many points the operator evaluates."""
        return self.sparse.rows

    def values(self, nodes: Tensor) -> Tensor:
        """Values `(channels, points)` of nodes `(channels, *shape)`; differentiable.

        Channels are grids of the same shape, such as the x and y of one deformation.
        Raises InvalidState for nodes of another shape.
        """
        if tuple(nodes.shape[1:]) != self.shape:
            raise InvalidState(
                "the nodes of a grid do not have the shape of its operator",
                expected=self.shape,
                given=tuple(nodes.shape[1:]),
            )
        coefficients = nodes
        for axis, prefilter in enumerate(self.prefilters):
            if prefilter is not None:
                coefficients = _along(coefficients, axis + 1, prefilter)
        return self.sparse.apply(coefficients.flatten(1).T).T

    def adjoint(self, values: Tensor) -> Tensor:
        """Nodes `(channels, *shape)` of values `(channels, points)`: the transposed map."""
        sizes = [
            size if prefilter is None else prefilter.shape[0]
            for size, prefilter in zip(self.shape, self.prefilters, strict=True)
        ]
        nodes = self.sparse.adjoint(values.T).T.reshape(-1, *sizes)
        for axis, prefilter in enumerate(self.prefilters):
            if prefilter is not None:
                nodes = _along(nodes, axis + 1, prefilter.T)
        return nodes

    def to(self, dtype: torch.dtype) -> "GridOperator":
        """The operator in another precision."""
        return GridOperator(
            shape=self.shape,
            prefilters=tuple(None if p is None else p.to(dtype) for p in self.prefilters),
            sparse=self.sparse.to(dtype),
        )


def combine_axes(axes: Sequence[AxisWeights]) -> GridOperator:
    """The operator of a tensor product; axes slowest first, each with the same points."""
    points = axes[0].columns.shape[0]
    columns = np.zeros((points, 1), dtype=np.int64)
    weights = np.ones((points, 1))
    for axis in axes:
        columns = columns[:, :, None] * axis.coefficients + axis.columns[:, None, :]
        weights = weights[:, :, None] * axis.weights[:, None, :]
        columns, weights = columns.reshape(points, -1), weights.reshape(points, -1)
    count = int(np.prod([axis.coefficients for axis in axes]))
    return GridOperator(
        shape=tuple(axis.nodes for axis in axes),
        prefilters=tuple(
            None if axis.prefilter is None else torch.tensor(axis.prefilter) for axis in axes
        ),
        sparse=sparse_operator(columns, weights, count),
    )


def _along(values: Tensor, axis: int, matrix: Tensor) -> Tensor:
    """`matrix` applied along one axis of `values`."""
    moved = torch.movedim(values, axis, -1) @ matrix.T.to(values.dtype)
    return torch.movedim(moved, -1, axis)
