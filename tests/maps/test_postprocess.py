"""Filtering and sharpening against maps whose spectrum and correlation are known."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.maps.postprocess import BFactor, fitted_b_factor, map_filter, on_shells

BOX, PIXEL = 64, 1.5
NOISE = 3e-4
"""Per voxel of a half: coefficients have the power NOISE^2 BOX^3, 2 % of the truth's at s = 0."""


def radii():
    axes = np.fft.fftfreq(BOX, PIXEL), np.fft.fftfreq(BOX, PIXEL), np.fft.rfftfreq(BOX, PIXEL)
    return np.sqrt(sum(each**2 for each in np.meshgrid(*axes, indexing="ij")))


def decaying(b_factor, seed=0):
    """White noise of unit amplitude times exp(-b s^2 / 4), from the definition of a B factor."""
    noise = np.fft.rfftn(np.random.default_rng(seed).normal(size=(BOX,) * 3))
    amplitude = np.exp(-b_factor * radii() ** 2 / 4)
    return np.fft.irfftn(noise / np.abs(noise) * amplitude, s=(BOX,) * 3, axes=(0, 1, 2))


def slope(density, first, last):
    """Four times the slope of ln|F| against s^2 over single coefficients, not shells."""
    s = radii()
    inside = (s >= 1 / first) & (s <= 1 / last)
    return 4 * np.polyfit(s[inside] ** 2, np.log(np.abs(np.fft.rfftn(density))[inside]), 1)[0]


@pytest.mark.parametrize("b_factor", [40.0, 150.0])
def test_the_fit_finds_the_decay_that_was_put_in(b_factor):
    found = fitted_b_factor(
        decaying(b_factor),
        np.ones(BOX // 2),
        mask=None,
        pixel_size_angstrom=PIXEL,
        resolution_angstrom=4.0,
    )
    assert found.angstrom2 == pytest.approx(-b_factor, abs=1.0)
    assert found.range_angstrom == (pytest.approx(9.6), pytest.approx(4.0))


def test_sharpening_by_the_fitted_factor_makes_the_spectrum_flat():
    density = decaying(80.0)
    curve = np.ones(BOX // 2)
    chosen = map_filter(curve, pixel_size_angstrom=PIXEL, resolution_angstrom=4.0)
    factor = fitted_b_factor(
        density, curve, mask=None, pixel_size_angstrom=PIXEL, resolution_angstrom=4.0
    )
    assert slope(chosen.applied(density), 10.0, 4.5) == pytest.approx(-80, abs=2)
    assert slope(chosen.applied(density, b_factor=factor), 10.0, 4.5) == pytest.approx(0, abs=2)
    twice = BFactor(angstrom2=2 * factor.angstrom2)
    assert slope(chosen.applied(density, b_factor=twice), 10.0, 4.5) == pytest.approx(80, abs=3)


def test_a_noisy_mean_of_halves_is_weighted_towards_the_truth():
    truth = decaying(150.0)
    halves = [truth + NOISE * np.random.default_rng(n).normal(size=truth.shape) for n in (1, 2)]
    power = np.exp(-150.0 * (np.arange(BOX // 2) / (BOX * PIXEL)) ** 2 / 2)
    curve = power / (power + NOISE**2 * BOX**3)  # FSC = S / (S + N) of one half
    mean = (halves[0] + halves[1]) / 2
    chosen = map_filter(curve, pixel_size_angstrom=PIXEL)
    error = [np.abs(each - truth).std() for each in (mean, chosen.applied(mean))]
    assert error[1] < 0.5 * error[0]
    # 0.143 is reached where S/N is 1/6: -150 s^2/2 = ln(N/6).
    s = np.sqrt(-2 / 150.0 * np.log(NOISE**2 * BOX**3 * 0.143 / 0.857))
    assert chosen.resolution_angstrom == pytest.approx(1 / s, rel=0.02)


def test_the_spectrum_is_that_of_the_map_inside_the_mask():
    density, mask = decaying(80.0), np.zeros((BOX,) * 3)
    mask[16:48, 16:48, 16:48] = 1
    outside = 5 * np.random.default_rng(3).normal(size=mask.shape) * (1 - mask)
    inputs = {"pixel_size_angstrom": PIXEL, "resolution_angstrom": 4.0}
    curve = np.ones(BOX // 2)
    clean = fitted_b_factor(density, curve, mask=mask, **inputs)
    noisy = fitted_b_factor(density + outside, curve, mask=mask, **inputs)
    assert noisy.angstrom2 == pytest.approx(clean.angstrom2, abs=1e-6)


def test_a_low_resolution_allows_no_fit():
    with pytest.raises(InvalidInput, match="too few shells"):
        fitted_b_factor(
            decaying(80.0),
            np.ones(BOX // 2),
            mask=None,
            pixel_size_angstrom=PIXEL,
            resolution_angstrom=9.5,
        )


def test_curves_of_other_boxes_are_put_on_the_shells():
    frequency, curve = np.array([0.0, 0.1, 0.2]), np.array([1.0, 0.8, 0.4])
    found = on_shells(frequency, curve, box=20, pixel_size_angstrom=1.0)
    assert found[:5].tolist() == pytest.approx([1.0, 0.9, 0.8, 0.6, 0.4])
    assert not found[5:].any()


@pytest.mark.parametrize("wrong", [{"pixel_size_angstrom": 0.0}, {"resolution_angstrom": -1.0}])
def test_lengths_are_positive(wrong):
    with pytest.raises(InvalidInput, match="positive"):
        map_filter(np.ones(8), **{"pixel_size_angstrom": 1.0, "resolution_angstrom": 4.0, **wrong})
