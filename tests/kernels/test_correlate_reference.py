"""The normative reference: finite differences, physics, edges."""

import numpy as np
import pytest
import torch

from kernels import correlate_reference
from kernels.packing import pack, packing
from tests.kernels.problems import correlation_in_torch, make_problem, rotations, torch_of

STEP = 1e-5


def terms_of(volume, images, batch):
    return correlate_reference.correlate(volume, images, **batch)


def central_difference(problem, argument, index):
    """Derivative of every image's terms by one number of `argument`, in float64: (n, 3)."""
    volume, images, batch = problem.in_torch(double=True)
    ends = []
    for step in (STEP, -STEP):
        moved = batch[argument].clone()
        moved[(slice(None), *index)] += step
        ends.append(terms_of(volume, images, {**batch, argument: moved}))
    return ((ends[0] - ends[1]) / (2 * STEP)).numpy()


@pytest.mark.parametrize("columns", [2, 3])
def test_every_derivative_agrees_with_finite_differences(columns):
    """Interpolation has kinks at voxels, which a few differences straddle: quantiles are judged."""
    problem = make_problem(24, 40, columns=columns)
    exact = correlation_in_torch(problem, double=True)
    errors = []
    for axis in range(2):
        found = central_difference(problem, "shifts", (axis,))[:, 0]
        errors.append((found - exact.d_shift[:, axis]) / np.std(exact.d_shift))
    for row in range(3):
        for column in range(columns):
            found = central_difference(problem, "matrices", (row, column))
            for term, derivative in enumerate((exact.d_numerator, exact.d_power)):
                wanted = derivative[:, row, column]
                errors.append((found[:, term] - wanted) / np.std(derivative[:, :, column]))
    errors = np.abs(np.concatenate(errors))
    assert np.median(errors) < 1e-6
    assert np.quantile(errors, 0.95) < 1e-4


@pytest.mark.parametrize("columns", [2, 3])
def test_one_pass_gives_the_derivatives_of_autograd(columns):
    problem = make_problem(16, 6, columns=columns)
    problem = problem.with_(radius=np.array([7, 7, 5, 3, 0, 7], np.int32))
    exact = correlation_in_torch(problem, double=True)
    volume, images, batch = problem.in_torch(double=True)
    found = correlate_reference.correlate_one_pass(volume, images, **batch)
    for ours, theirs in zip(
        found, (exact.terms, exact.d_shift, exact.d_numerator, exact.d_power), strict=True
    ):
        assert np.allclose(ours.numpy(), theirs, rtol=1e-10, atol=1e-10 * np.abs(theirs).max())


def test_autograd_checks_volume_images_and_weights_too():
    problem = make_problem(8, 2)
    volume, images, batch = problem.in_torch(double=True)
    weights = batch.pop("weights")

    def by_linear_arguments(volume, images, weights):
        return correlate_reference.correlate(volume, images, weights=weights, **batch)

    arguments = [each.requires_grad_() for each in (volume, images, weights)]
    assert torch.autograd.gradcheck(by_linear_arguments, arguments, fast_mode=True)


def gaussian_problem(image_box, count, *, sigma, offset):
    """A Gaussian `offset` voxels (x, y, z) off the centre, and its projection's transform."""
    rng = np.random.default_rng(3)
    box, disc = 2 * image_box, packing(image_box // 2 - 1)
    axis = np.fft.fftfreq(box, 1 / box)
    half = np.arange(box // 2 + 1)
    kz, ky, kx = np.meshgrid(axis, axis, half, indexing="ij", sparse=True)
    spread = np.exp(-2 * (np.pi * sigma / box) ** 2 * (kx**2 + ky**2 + kz**2))
    phase = np.exp(-2j * np.pi / box * (kx * offset[0] + ky * offset[1] + kz * offset[2]))
    turns = rotations(count, rng)
    k = disc.frequencies.astype(float)
    at = (turns @ offset)[:, :2] / image_box
    wanted = np.exp(-2 * (np.pi * sigma / image_box) ** 2 * (k**2).sum(1)) * np.exp(
        -2j * np.pi * at @ k.T
    )
    return disc, spread * phase, 2 * turns.transpose(0, 2, 1)[:, :, :2], wanted


def test_a_slice_is_the_transform_of_the_projection():
    """Particle to image is x_image = R x, so a slice is taken at R^T k."""
    offset = np.array([1.5, -1.0, 0.5])
    disc, volume, matrices, wanted = gaussian_problem(32, 5, sigma=1.2, offset=offset)
    found = correlate_reference.project(torch_of(volume), torch_of(matrices), disc=disc)
    assert np.abs(found.numpy() - wanted).max() < 0.01


def test_a_shift_moves_the_reference_by_a_fraction_of_the_box():
    box, disc = 32, packing(15)
    image = np.random.default_rng(0).standard_normal((box, box))
    still, moved = (
        torch_of(pack(np.fft.rfft2(each), disc))[None]
        for each in (image, np.roll(image, (3, -2), axis=(0, 1)))
    )
    phase = correlate_reference._phase(torch.tensor([[-2 / box, 3 / box]]).double(), disc)
    assert torch.allclose(still * phase, moved)


def test_curvature_lifts_a_sample_by_its_squared_frequency():
    """On a volume that is kz itself, a slice reads the height of its samples."""
    box, disc = 32, packing(7)
    height = np.fft.fftfreq(box, 1 / box)[:, None, None] * np.ones((1, box, box // 2 + 1))
    matrices = torch.zeros(1, 3, 3, dtype=torch.float64)
    matrices[0, 0, 0] = matrices[0, 1, 1] = 2.0
    matrices[0, 2, 2] = 0.25
    found = correlate_reference.project(torch_of(height.astype(complex)), matrices, disc=disc)
    k = disc.frequencies.astype(float)
    assert np.allclose(found[0].real.numpy(), 0.25 * (k**2).sum(1))


def test_points_outside_the_volume_are_zero_and_the_last_plane_inside_is_not():
    disc = packing(7)
    volume = torch.ones(16, 16, 9, dtype=torch.complex128)
    matrices = torch.eye(3, dtype=torch.float64)[None, :, :2]
    assert (correlate_reference.project(volume, matrices, disc=disc) == 1).all()
    found = correlate_reference.project(volume, 1.001 * matrices, disc=disc)[0]
    edge = np.abs(disc.frequencies).max(axis=1) == 7
    assert np.array_equal(found.numpy() == 0, edge)


def test_an_empty_batch_has_no_terms():
    problem = make_problem(8, 0)
    volume, images, batch = problem.in_torch(double=True)
    assert terms_of(volume, images, batch).shape == (0, 3)
