"""Particle images: sizes, centring, CTF, mask, scale of noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kernels.packing import packing
from mgit.errors import InvalidInput
from mgit.refine.windows import (
    BoxPlan,
    Windows,
    box_plan,
    contrast,
    half_plane_counts,
    masked_discs,
    masked_slices,
    window_transforms,
)
from tests.refine.problems import simulated

PLAN = BoxPlan(
    window=48,
    transformed=36,
    box=24,
    pixel_size_angstrom=8.0,
    raw_pixel_angstrom=6.0,
    diameter_angstrom=90.0,
    radius=11,
    scale=2.0,
)


def test_the_window_holds_what_the_ctf_spreads():
    problem = simulated()
    sizes = [
        box_plan(problem.data, problem.reference, defocus=np.array([each])).window
        for each in (5_000.0, 30_000.0, 90_000.0)
    ]
    assert sizes == sorted(sizes)
    assert sizes[2] > sizes[0]


def test_the_box_spans_what_the_references_span():
    problem = simulated()
    plan = box_plan(problem.data, problem.reference, defocus=np.array([20_000.0]))
    assert plan.box_angstrom == pytest.approx(problem.reference.box_angstrom, rel=0.05)
    assert plan.scale * plan.box_angstrom == pytest.approx(2 * problem.reference.box_angstrom)


def test_a_box_smaller_than_the_particle_is_refused():
    problem = simulated()
    wide = replace(problem.reference, diameter_angstrom=300.0)
    with pytest.raises(InvalidInput, match=r"TS_01.*molecule"):
        box_plan(problem.data, wide, defocus=np.array([20_000.0]))


def test_a_point_is_centred_between_pixels():
    # A Gaussian at a place between pixels, sampled exactly.
    centre = np.array([61.3, 70.8])
    y, x = np.mgrid[:128, :128]
    image = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 2.5**2))
    windows = window_transforms(
        image.astype(np.float64), centre[None] * 6.0, PLAN, series=simulated().data,
        dtype=torch.float64,
    )  # fmt: skip
    real = torch.fft.irfft2(windows.transforms, s=(36, 36))[0]
    assert torch.argmax(real) == 0
    # Centred at index 0, the picture is even in both axes.
    assert float((real - torch.roll(real.flip(0, 1), (1, 1), (0, 1))).abs().max()) < 1e-3 * float(
        real.max()
    )


def test_outside_of_the_image_is_zero():
    image = np.ones((32, 32), dtype=np.float32)
    windows = window_transforms(image, np.array([[-900.0, 0.0]]), PLAN, series=simulated().data)
    assert not windows.transforms.abs().any()


def test_white_noise_comes_out_with_power_one():
    random = np.random.default_rng(0)
    image = random.normal(size=(600, 600))
    centres = random.uniform(60, 540, size=(200, 2)) * 6.0
    windows = window_transforms(image, centres, PLAN, series=simulated().data)
    discs = masked_discs(windows.transforms, PLAN, packing(11))
    power = (discs.abs() ** 2)[:, 20:].mean()
    assert float(power) == pytest.approx(1, abs=0.08)


def test_masking_slices_is_the_adjoint_of_masking_images():
    random = np.random.default_rng(0)
    disc = packing(11)
    real = torch.from_numpy(random.normal(size=(3, 36, 36)))
    transforms = torch.fft.rfft2(real)
    transforms[:, 18] = 0
    transforms[..., 18] = 0
    grain = random.normal(size=(2, 3, disc.samples))
    slices = torch.from_numpy(grain[0] + 1j * grain[1])
    slices[:, disc.zero] = slices[:, disc.zero].real.to(slices.dtype)
    counts = torch.ones(disc.samples, dtype=torch.float64)
    counts[disc.zero] = 0.5
    one = ((masked_discs(transforms, PLAN, disc).conj() * slices).real * counts).sum()
    other = (transforms.conj() * masked_slices(slices, PLAN, disc)).real * half_plane_counts(36)
    assert float(one) == pytest.approx(float(other.sum()), rel=1e-10)


def test_the_mask_is_one_inside_and_zero_at_the_edge():
    mask = PLAN.mask(torch.float64)
    assert mask[0, 5] == 1
    assert mask[0, 12] < 0.02
    assert torch.equal(mask, mask.T)


def test_astigmatism_by_components_is_that_of_the_series():
    data = simulated().data
    windows = Windows(
        transforms=torch.zeros(0),
        frequencies=torch.rand(9, 6, 2, dtype=torch.float64, generator=torch.manual_seed(0)) / 12,
    )
    defocus = torch.tensor([18_000.0, 21_000.0], dtype=torch.float64)
    delta, angle = 700.0, 20.0
    optics = {**data.optics, "defocus_delta": np.full(5, delta), "defocus_angle": np.full(5, angle)}
    own = contrast(windows, replace(data, optics=optics), 1, defocus=defocus)
    double = np.radians(2 * angle)
    parts = torch.tensor([delta * np.cos(double), delta * np.sin(double)], dtype=torch.float64)
    assert torch.allclose(contrast(windows, data, 1, defocus=defocus, astigmatism=parts), own)


def test_images_that_carry_the_ctf_get_none():
    data = replace(simulated().data, ctf_multiplied=True)
    windows = Windows(transforms=torch.zeros(0), frequencies=torch.rand(4, 3, 2))
    assert contrast(windows, data, 0, defocus=torch.ones(2)) == 1
