import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.geometry.cubic_grid import cubic_operator
from mgit.geometry.grid_operator import AxisWeights, combine_axes
from mgit.geometry.linear_grid import linear_operator


def operators(rng):
    yield cubic_operator((6, 5, 7), (0.0, 0.1, 0.0), rng.uniform(-0.1, 1.1, (40, 3)))
    yield cubic_operator((3, 2, 4), (0.0, 0.0, 0.0), rng.uniform(0, 1, (40, 3)))
    yield cubic_operator((1, 1, 1), (0.0, 0.0, 0.0), rng.uniform(0, 1, (40, 3)))
    yield linear_operator((3, 2, 1, 4), rng.uniform(-0.2, 1.2, (40, 4)))


def test_the_adjoint_moves_the_operator_to_the_other_side_of_a_product(rng):
    for operator in operators(rng):
        nodes = torch.from_numpy(rng.normal(size=(2, *operator.shape)))
        values = torch.from_numpy(rng.normal(size=(2, operator.points)))
        left = (operator.values(nodes) * values).sum()
        right = (nodes * operator.adjoint(values)).sum()
        assert left == pytest.approx(float(right), rel=1e-12)


def test_the_derivative_is_the_adjoint(rng):
    for operator in operators(rng):
        nodes = torch.from_numpy(rng.normal(size=(1, *operator.shape))).requires_grad_()
        values = torch.from_numpy(rng.normal(size=(1, operator.points)))
        (gradient,) = torch.autograd.grad((operator.values(nodes) * values).sum(), nodes)
        assert torch.allclose(gradient, operator.adjoint(values), atol=1e-12)


def test_channels_do_not_mix(rng):
    for operator in operators(rng):
        nodes = torch.from_numpy(rng.normal(size=(3, *operator.shape)))
        together = operator.values(nodes)
        for channel in range(3):
            alone = operator.values(nodes[channel : channel + 1])[0]
            assert torch.allclose(together[channel], alone, atol=1e-14)


def test_weights_of_a_constant_are_one(rng):
    for operator in operators(rng):
        ones = torch.ones(1, *operator.shape, dtype=torch.float64)
        assert torch.allclose(operator.values(ones), torch.ones(1, 40).double(), atol=1e-12)


def test_single_precision_is_close(rng):
    for operator in operators(rng):
        nodes = torch.from_numpy(rng.normal(size=(1, *operator.shape)))
        single = operator.to(torch.float32).values(nodes.float())
        assert single.dtype == torch.float32
        assert torch.allclose(single.double(), operator.values(nodes), atol=1e-4)


def test_nodes_of_another_shape_are_refused(rng):
    operator = cubic_operator((2, 3, 4), (0, 0, 0), rng.uniform(0, 1, (5, 3)))
    with pytest.raises(InvalidState, match="do not have the shape"):
        operator.values(torch.zeros(1, 4, 3, 2))


def test_axes_combine_as_a_tensor_product():
    def axis(*rows):
        weights = np.array(rows, dtype=float)
        columns = np.tile(np.arange(weights.shape[1]), (len(rows), 1))
        return AxisWeights(columns=columns, weights=weights, nodes=weights.shape[1])

    operator = combine_axes([axis([1, 2]), axis([3, 4, 5])])
    nodes = torch.arange(6, dtype=torch.float64).reshape(1, 2, 3)
    expected = sum(
        a * b * n
        for (a, b), n in zip([(a, b) for a in (1, 2) for b in (3, 4, 5)], range(6), strict=True)
    )
    assert operator.values(nodes)[0, 0] == expected
