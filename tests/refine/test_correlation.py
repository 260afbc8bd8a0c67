"""The compiled operator inside autograd: the same terms and slopes as the reference."""

import numpy as np
import pytest
import torch

from mgit.refine.correlation import BlockCorrelation
from mgit.refine.preparation import limited
from tests.refine.problems import simulated


def tasks(dtype, radius=15):
    problem = simulated()
    model, prepared = problem.prepared(dtype=dtype)
    block = limited(prepared, radius).blocks[0]
    count = len(block.particle)
    views = model.views()
    rotation = views.rotation[block.particle, block.tilt]
    matrices = prepared.plan.scale * rotation[:, :2].transpose(-1, -2)
    random = np.random.default_rng(0)
    shifts = torch.from_numpy(random.uniform(-0.01, 0.01, (count, 2)))
    volume = problem.reference.half(block.half_set)
    task = BlockCorrelation(block=block, volume=volume, threads=1)
    return task, matrices.contiguous(), shifts


@pytest.mark.parametrize("radius", [15, 8])
def test_terms_and_slopes_are_those_of_the_reference(radius):
    found = []
    for dtype in (torch.float32, torch.float64):
        task, matrices, shifts = tasks(dtype, radius)
        matrices.requires_grad_()
        shifts.requires_grad_()
        terms = task.terms(matrices, shifts)
        weights = torch.linspace(0.5, 2, terms.numel(), dtype=torch.float64).reshape(terms.shape)
        found.append(
            (terms.detach(), *torch.autograd.grad((terms * weights).sum(), (matrices, shifts)))
        )
    for kernel, reference in zip(*found, strict=True):
        scale = float(reference.abs().max())
        error = (kernel - reference).abs()
        assert float(error.median()) < 1e-5 * scale
        assert float(error.quantile(0.95)) < 1e-3 * scale


def test_values_alone_are_the_same():
    task, matrices, shifts = tasks(torch.float32)
    alone = task.terms(matrices, shifts)
    with_slopes = task.terms(matrices.requires_grad_(), shifts)
    assert not alone.requires_grad
    assert torch.allclose(alone, with_slopes.detach(), rtol=1e-5)


def test_threads_do_not_change_a_bit():
    task, matrices, shifts = tasks(torch.float32)
    two = BlockCorrelation(block=task.block, volume=task.volume, threads=2)
    assert torch.equal(task.terms(matrices, shifts), two.terms(matrices, shifts))
