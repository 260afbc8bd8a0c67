"""The ten-evaluation scheme that exact gradients are measured against: it finds the same slopes."""

import numpy as np
import pytest
import torch

from benchmarks import gpu_physics, refine_scheme
from benchmarks.refine_scheme import ten_evaluations
from mgit.refine import correlation
from tests.refine.problems import SMALL, simulated


def test_ten_evaluations_give_the_gradient_of_the_target_within_their_step():
    problem = simulated(SMALL)
    exact = gpu_physics._gradient(problem, device="cpu", double=False)
    with ten_evaluations():
        differences = gpu_physics._gradient(problem, device="cpu", double=False)
    assert not np.array_equal(exact, differences)
    assert np.corrcoef(exact, differences)[0, 1] > 0.999
    assert np.linalg.norm(differences) == pytest.approx(np.linalg.norm(exact), rel=0.02)


def test_a_gradient_costs_eleven_passes_of_values(monkeypatch):
    calls = []
    values = correlation.BlockCorrelation.values
    monkeypatch.setattr(
        correlation.BlockCorrelation,
        "values",
        lambda task, *poses: calls.append(task) or values(task, *poses),
    )
    _, prepared = simulated(SMALL).prepared()
    task = correlation.BlockCorrelation(
        block=prepared.blocks[0], volume=prepared.reference.half(1), threads=1
    )
    count = len(task.block.images)
    turned = torch.eye(3, dtype=torch.float64)[:, :2].expand(count, 3, 2)
    poses = (2 * turned).requires_grad_(), torch.zeros((count, 2), dtype=torch.float64)
    with ten_evaluations():
        torch.autograd.grad(task.terms(*poses).sum(), poses[0])
    assert len(calls) == 11


def test_exact_gradients_come_back_afterwards():
    before = correlation._Correlate
    with ten_evaluations():
        assert correlation._Correlate is refine_scheme.TenEvaluations
    assert correlation._Correlate is before
