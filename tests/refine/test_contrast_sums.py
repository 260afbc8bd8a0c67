"""Sums over a tilt's images as functions of its optics: the CTF's own phase, and parity."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgit.optics.frequencies import image_frequencies
from mgit.refine.contrast_sums import STRIP, ContrastSums, _waves, phase_of_tilt
from mgit.refine.windows import Windows, contrast
from tests.refine.problems import simulated

EVEN = np.array([30.0, -8.0, 15.0, 100.0, -50.0, 20.0, 70.0, -30.0])
POINT = torch.tensor([250.0, -120.0, 90.0], dtype=torch.float64)


def series_with(*, even):
    data = simulated().data
    optics = {**data.optics, "phase_shift": np.full(5, 40.0)}
    return replace(data, optics={**optics, "zernike_even": EVEN} if even else optics)


def sums_of(dtype, *, size=48, even=True):
    """Products and powers that are as noisy as those of images, equal for both precisions."""
    random = np.random.default_rng(0)
    series = series_with(even=even)
    frequencies = image_frequencies(size, 3.0, dtype=dtype)
    shape = (7, frequencies.shape[:2].numel())
    return ContrastSums(
        phase=phase_of_tilt(frequencies, series, 2),
        product=torch.from_numpy(random.normal(size=shape)).to(dtype),
        power=torch.from_numpy(random.uniform(size=shape)).to(dtype),
        defocus=torch.from_numpy(random.normal(20_000, 500, size=7)),
    )


@pytest.mark.parametrize("even", [False, True])
def test_the_phase_is_that_of_the_ctf(even):
    series = series_with(even=even)
    frequencies = image_frequencies(48, 3.0)
    windows = Windows(transforms=torch.zeros(0), frequencies=frequencies)
    defocus = torch.tensor([19_000.0, 23_000.0], dtype=torch.float64)
    wanted = contrast(windows, series, 2, defocus=defocus, astigmatism=POINT[1:])
    phase = phase_of_tilt(frequencies, series, 2)
    change = torch.stack([defocus, *POINT[1:].expand(2, 2).T])
    found = -torch.sin(phase.fixed + change.T @ phase.slopes)
    assert torch.allclose(found.reshape(wanted.shape), wanted, atol=1e-9)


def test_images_that_carry_their_ctf_have_contrast_one_at_any_defocus():
    series = replace(series_with(even=True), ctf_multiplied=True)
    phase = phase_of_tilt(image_frequencies(16, 3.0), series, 0)
    assert torch.equal(-torch.sin(phase.fixed), torch.ones(16 * 9, dtype=torch.float64))
    assert not phase.slopes.any()


@pytest.mark.parametrize("size", [16, 48])
def test_sums_and_slopes_are_those_of_the_reference(size):
    found = []
    for dtype in (torch.float32, torch.float64):
        point = POINT.clone().requires_grad_()
        sums = sums_of(dtype, size=size).at(point)
        slopes = [torch.autograd.grad(each, point, retain_graph=True)[0] for each in sums]
        found.append((sums.detach(), *slopes))
    scale = float(sums_of(torch.float64, size=size).product.abs().sum())
    assert torch.allclose(found[0][0], found[1][0], atol=2e-6 * scale)
    for ours, exact in zip(found[0][1:], found[1][1:], strict=True):
        assert torch.allclose(ours, exact, rtol=2e-3, atol=1e-5 * float(exact.abs().max()))


def test_values_alone_are_those_beside_slopes():
    sums = sums_of(torch.float32)
    alone = sums.at(POINT)
    beside = sums.at(POINT.clone().requires_grad_())
    assert not alone.requires_grad
    assert torch.allclose(alone, beside.detach(), rtol=1e-9)


def test_a_phase_of_many_turns_keeps_its_sine():
    sums_of(torch.float32).at(POINT)  # compiled by a caller whose sums may be reordered
    phases = np.linspace(-900, 900, STRIP).astype(np.float32)
    sine, cosine = np.empty(STRIP, np.float32), np.empty(STRIP, np.float32)
    none = np.zeros((3, STRIP), np.float32)
    _waves(np.zeros(3, np.float32), phases, none, 0, STRIP, sine, cosine)
    assert np.abs(sine - np.sin(phases.astype(np.float64))).max() < 3e-7
    assert np.abs(cosine - np.cos(phases.astype(np.float64))).max() < 3e-7
