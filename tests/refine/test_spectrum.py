"""The amplitude spectrum by which both sides of the target are whitened."""

import numpy as np
import pytest
import torch

from kernels.packing import packing
from mgit.errors import InvalidInput
from mgit.refine.spectrum import (
    PARTICLES_MAX,
    amplitude_spectrum,
    at_samples,
    chosen_rows,
    disc_power,
)


def discs(count=400, radius=9, seed=0):
    disc = packing(radius)
    random = np.random.default_rng(seed)
    grain = random.normal(size=(2, count, disc.samples)) / np.sqrt(2)
    return torch.from_numpy(grain[0] + 1j * grain[1]), disc


def measured(values, disc, **options):
    return amplitude_spectrum(disc_power(values).mean(0), disc, item="TS", tilt=0, **options)


def test_white_noise_has_a_flat_spectrum():
    values, disc = discs()
    assert np.allclose(measured(values, disc), 1, atol=0.05)


def test_dividing_by_the_spectrum_makes_coloured_noise_white():
    values, disc = discs()
    colour = torch.from_numpy(np.exp(-0.2 * np.hypot(*disc.frequencies.T)))
    coloured = values * colour
    spectrum = measured(coloured, disc)
    white = coloured / at_samples(spectrum, disc)
    again = measured(white, disc)
    assert np.allclose(again[1:], 1, atol=0.06)


def test_what_filters_took_away_is_not_missed():
    values, disc = discs()
    radius = torch.from_numpy(np.hypot(*disc.frequencies.T))
    filters = 0.4 + 0.4 * torch.sin(radius)
    found = measured(values * filters, disc, passed=filters.square())
    assert np.allclose(found, 1, atol=0.05)


def test_where_filters_let_nothing_through_noise_is_not_blown_up():
    values, disc = discs()
    found = measured(1e-6 * values, disc, passed=torch.full((disc.samples,), 1e-30))
    assert np.allclose(found, 1e-6 / np.sqrt(1e-3), rtol=0.05)


def test_the_mean_of_an_image_does_not_count():
    values, disc = discs()
    values[:, disc.zero] *= 1e6
    spectrum = measured(values, disc)
    assert spectrum[0] == spectrum[1] < 2


@pytest.mark.parametrize("factor", [0.0, np.nan])
def test_no_power_is_refused_by_item_and_tilt(factor):
    values, disc = discs(count=3)
    with pytest.raises(InvalidInput, match=r"TS_A.*tilt '5'"):
        amplitude_spectrum(disc_power(values * factor).mean(0), disc, item="TS_A", tilt=4)


def test_many_particles_are_sampled_evenly():
    assert chosen_rows(5).tolist() == [0, 1, 2, 3, 4]
    rows = chosen_rows(1000)
    assert len(rows) == PARTICLES_MAX == len(set(rows.tolist()))
    assert rows[0] == 0
    assert rows[-1] >= 980
