"""Filters that depend on the radius, on maps with known spectra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.maps.filters import (
    amplitude_spectrum,
    filtered,
    fsc_weights,
    guinier_fit,
    low_pass_profile,
    sharpening_profile,
    whitening_profile,
)
from mgit.maps.shells import plane_radii

BOX = 32
PIXEL = 1.5


def with_spectrum(profile):
    """A real map whose amplitude at radius r is interpolated from a profile over shells."""
    noise = np.fft.rfftn(np.random.default_rng(1).normal(size=(BOX,) * 3))
    radii = np.stack([plane_radii(BOX, plane) for plane in range(BOX)])
    transform = noise / np.abs(noise) * np.interp(radii, np.arange(len(profile)), profile)
    return np.fft.irfftn(transform, s=(BOX,) * 3, axes=(0, 1, 2))


@given(st.lists(st.floats(-0.2, 1), min_size=1, max_size=20))
def test_weights_estimate_the_correlation_of_the_mean_map_with_the_truth(values):
    curve = np.array([1.0, *values])
    weights = fsc_weights(curve)
    low = np.flatnonzero(curve < 1e-4)
    stop = low[0] if len(low) else len(curve)
    assert np.allclose(weights[:stop] ** 2 * (1 + curve[:stop]), 2 * curve[:stop])
    assert not weights[stop:].any()


def test_half_a_correlation_at_the_gold_standard_cut_off():
    assert fsc_weights(np.array([1, 1 / 7]))[1] == pytest.approx(0.5)


@given(st.floats(1, 14))
def test_a_low_pass_is_one_before_half_at_and_zero_after_the_cut_off(shell):
    profile = low_pass_profile(17, shell)
    at = np.arange(17)
    assert (profile[at <= shell - 1] == 1).all()
    assert (profile[at >= shell + 1] == 0).all()
    assert np.interp(shell, at, profile) == pytest.approx(0.5, abs=0.01 + 0.13)
    assert (np.diff(profile) <= 0).all()


def test_a_filter_multiplies_the_spectrum():
    density = with_spectrum(np.ones(BOX))
    profile = np.linspace(1, 0, BOX // 2)
    spectrum = amplitude_spectrum(filtered(density, profile))
    assert np.abs(spectrum - profile)[2:-1].max() < 0.03


def test_a_spectrum_is_the_mean_amplitude_of_a_shell():
    falling = np.exp(-np.arange(BOX) / 10)
    spectrum = amplitude_spectrum(with_spectrum(falling))
    assert np.abs(spectrum / falling[: BOX // 2] - 1)[2:-1].max() < 0.02


def test_a_mask_takes_part_in_the_spectrum():
    density = with_spectrum(np.ones(BOX))
    assert not amplitude_spectrum(density, mask=np.zeros(density.shape)).any()


@pytest.mark.parametrize("b_factor", [-150.0, -60.0, 40.0])
def test_the_b_factor_of_a_map_is_found_and_undone(b_factor):
    box_angstrom = BOX * PIXEL
    square = (np.arange(BOX) / box_angstrom) ** 2
    density = with_spectrum(np.exp(b_factor * square / 4))
    weights = np.ones(BOX // 2)
    options = {"box_angstrom": box_angstrom, "resolution_angstrom": 3.2}
    fit = guinier_fit(amplitude_spectrum(density), weights, **options)
    assert fit.b_factor_angstrom2 == pytest.approx(b_factor, abs=4)
    assert fit.intercept == pytest.approx(0, abs=0.06)
    assert fit.shells == (5, 15)
    sharpening = sharpening_profile(
        BOX // 2, b_factor_angstrom2=fit.b_factor_angstrom2, box_angstrom=box_angstrom
    )
    spectrum = amplitude_spectrum(filtered(density, sharpening))
    assert np.abs(spectrum - 1)[3:-1].max() < 0.06


def test_shells_without_weight_take_no_part_in_the_fit():
    spectrum = np.exp(-np.arange(16) / 8)
    weights = np.where(np.arange(16) < 12, 1.0, 0.0)
    spectrum[12:] = 1e6
    fit = guinier_fit(spectrum, weights, box_angstrom=48, resolution_angstrom=3)
    assert fit.shells == (5, 11)
    assert fit.b_factor_angstrom2 < 0


def test_a_map_that_does_not_reach_beyond_ten_angstrom_has_no_b_factor():
    with pytest.raises(InvalidInput, match="few shells"):
        guinier_fit(np.ones(16), np.ones(16), box_angstrom=48, resolution_angstrom=9)


def test_sharpening_never_overflows():
    profile = sharpening_profile(100, b_factor_angstrom2=-1e9, box_angstrom=50)
    assert np.isfinite(profile).all()
    assert profile[0] == 1


def test_a_whitened_map_is_flat_beyond_ten_angstrom():
    box_angstrom = BOX * PIXEL
    falling = np.exp(-np.arange(BOX) / 6)
    density = with_spectrum(falling)
    profile = whitening_profile(amplitude_spectrum(density), box_angstrom=box_angstrom)
    spectrum = amplitude_spectrum(filtered(density, profile))
    assert np.abs(spectrum[6:-1] / spectrum[6] - 1).max() < 0.05
    assert np.allclose(profile[:5], 1)


def test_maps_that_cannot_be_whitened_are_refused():
    with pytest.raises(InvalidInput, match="beyond 10 A"):
        whitening_profile(np.ones(16), box_angstrom=200)
    with pytest.raises(InvalidInput, match="empty"):
        whitening_profile(np.append(np.ones(15), 0), box_angstrom=48)
