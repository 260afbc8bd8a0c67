"""A fixed sparse matrix and its adjoint: what a deformation is while its points do not move.

Within a stage of refinement the points at which a grid is evaluated stay, so that a grid is a
matrix from node values to values. It is built once, applied thousands of times, and its exact
derivative is its transpose, which is stored beside it. Rows are summed in the order of their
columns, so results do not depend on threads.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["SparseOperator", "sparse_operator"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseOperator:
    """A real sparse matrix with its transpose, both in compressed rows."""

    matrix: Tensor
    """`(rows, columns)`, torch sparse CSR."""
    transpose: Tensor
    """`(columns, rows)`, torch sparse CSR."""

    @property
    def rows(self) -> int:
        """How many values the operator gives."""
        return int(self.matrix.shape[0])

    @property
    def columns(self) -> int:
        """How many coefficients the operator takes."""
        return int(self.matrix.shape[1])

    def apply(self, coefficients: Tensor) -> Tensor:
        """Values `(rows, channels)` of coefficients `(columns, channels)`; differentiable."""
        return _product(coefficients, self.matrix, self.transpose)

    def adjoint(self, values: Tensor) -> Tensor:
        """The transpose applied to values `(rows, channels)`; differentiable."""
        return _product(values, self.transpose, self.matrix)

    def to(self, dtype: torch.dtype) -> "SparseOperator":
        """The operator in another precision."""
        return SparseOperator(matrix=self.matrix.to(dtype), transpose=self.transpose.to(dtype))


def sparse_operator(columns: np.ndarray, weights: np.ndarray, count: int) -> SparseOperator:
    """The operator whose row r has `weights[r]` at `columns[r]`; both `(rows, k)`.

    columns: ascending within a row, each below `count`. Weights of zero take part in no sum.
    """
    rows, width = columns.shape
    matrix = _compressed(
        pointers=np.arange(0, rows * width + 1, width) if width else np.zeros(rows + 1, np.int64),
        columns=columns.reshape(-1),
        weights=weights.reshape(-1),
        shape=(rows, count),
    )
    # A stable sort by column leaves the rows of each column ascending.
    order = np.argsort(columns.reshape(-1), kind="stable")
    occupied = np.bincount(columns.reshape(-1), minlength=count)
    transpose = _compressed(
        pointers=np.concatenate([[0], np.cumsum(occupied)]),
        columns=np.repeat(np.arange(rows), width)[order],
        weights=weights.reshape(-1)[order],
        shape=(count, rows),
    )
    return SparseOperator(matrix=matrix, transpose=transpose)


def _compressed(
    *, pointers: np.ndarray, columns: np.ndarray, weights: np.ndarray, shape: tuple[int, int]
) -> Tensor:
    with warnings.catch_warnings():
        # At the first use torch announces that its compressed tensors may still change, and torch
        # 2.11 that it checks nothing, though it is told to.
        warnings.filterwarnings("ignore", message="Sparse ")
        return torch.sparse_csr_tensor(
            torch.from_numpy(np.ascontiguousarray(pointers, dtype=np.int64)),
            torch.from_numpy(np.ascontiguousarray(columns, dtype=np.int64)),
            torch.from_numpy(np.ascontiguousarray(weights, dtype=np.float64)),
            size=shape,
            check_invariants=columns.size > 0,  # torch 2.11 refuses empty indices
        )


class _Product(torch.autograd.Function):
    """Sparse times dense with the stored transpose as its derivative."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, matrix: Tensor, transpose: Tensor) -> Tensor:
        ctx.pair = (matrix, transpose)
        return matrix @ dense.to(matrix.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        matrix, transpose = ctx.pair
        return _product(gradients[0], transpose, matrix), None, None


def _product(dense: Tensor, matrix: Tensor, transpose: Tensor) -> Tensor:
    result: Tensor = _Product.apply(dense, matrix, transpose)  # type: ignore[no-untyped-call]
    return result
