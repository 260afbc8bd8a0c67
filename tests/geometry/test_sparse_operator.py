import numpy as np
import pytest
import torch

from mgit.geometry.sparse_operator import sparse_operator


@pytest.fixture
def example(rng):
    columns = np.sort(np.stack([rng.permutation(11)[:4] for _ in range(30)]), axis=1)
    weights = rng.normal(size=(30, 4))
    dense = np.zeros((30, 11))
    np.put_along_axis(dense, columns, weights, axis=1)
    return sparse_operator(columns, weights, 11), torch.from_numpy(dense)


def test_the_operator_is_its_matrix(example, rng):
    operator, dense = example
    coefficients = torch.from_numpy(rng.normal(size=(11, 3)))
    assert (operator.rows, operator.columns) == (30, 11)
    assert torch.allclose(operator.apply(coefficients), dense @ coefficients, atol=1e-14)


def test_the_adjoint_is_the_transposed_matrix(example, rng):
    operator, dense = example
    values = torch.from_numpy(rng.normal(size=(30, 2)))
    assert torch.allclose(operator.adjoint(values), dense.T @ values, atol=1e-14)


def test_first_and_second_derivatives_are_exact(example):
    operator, _ = example
    x = torch.randn(11, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(operator.apply, (x,))
    assert torch.autograd.gradgradcheck(lambda v: operator.apply(v) ** 2, (x,))


def test_columns_that_no_row_uses_get_no_gradient():
    operator = sparse_operator(np.array([[0], [2]]), np.array([[1.0], [2.0]]), 4)
    x = torch.ones(4, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(operator.apply(x).sum(), x)
    assert gradient[:, 0].tolist() == [1.0, 0.0, 2.0, 0.0]


def test_no_rows_give_no_values():
    operator = sparse_operator(np.zeros((0, 3), np.int64), np.zeros((0, 3)), 5)
    assert operator.apply(torch.ones(5, 2, dtype=torch.float64)).shape == (0, 2)


def test_single_precision_is_the_same_matrix_rounded(example, rng):
    operator, dense = example
    coefficients = torch.from_numpy(rng.normal(size=(11, 1))).float()
    result = operator.to(torch.float32).apply(coefficients)
    assert result.dtype == torch.float32
    assert torch.allclose(result, (dense.float() @ coefficients), atol=1e-5)


def test_the_sum_does_not_depend_on_threads(rng):
    columns = np.tile(np.arange(64), (2000, 1))
    operator = sparse_operator(columns, rng.normal(size=(2000, 64)), 64)
    values = torch.from_numpy(rng.normal(size=(2000, 2)))
    torch.set_num_threads(1)
    one = operator.adjoint(values)
    torch.set_num_threads(2)
    assert torch.equal(operator.adjoint(values), one)
