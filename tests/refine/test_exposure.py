"""Weights of tilts and of places in the specimen."""

from dataclasses import replace

import numpy as np
import pytest

from kernels.packing import packing
from mgit.refine.exposure import disc_frequencies, location_shares, tilt_terms, weight_discs
from tests.refine.problems import simulated


def series(**arrays):
    data = simulated().data
    margins = dict.fromkeys(arrays, (0.0, 0.0, 0.0))
    return replace(data, optics={**data.optics, **arrays}, margins=margins)


def test_unfitted_weights_are_cosine_and_four_times_the_exposure():
    data = simulated().data
    terms = tilt_terms(data)
    arrays = data.geometry.arrays
    assert np.allclose(terms.scale, np.cos(np.radians(arrays["tilt_angle"])))
    assert np.allclose(terms.b_factor, -4 * arrays["exposure"])


def test_fitted_grids_are_read_at_the_tilts_and_single_nodes_say_nothing():
    fitted = np.linspace(1, 2, 5).reshape(5, 1, 1)
    assert np.allclose(tilt_terms(series(exposure_weight=fitted)).scale, fitted.ravel())
    lone = tilt_terms(series(exposure_b_factor=np.full((1, 1, 1), -999.0)))
    assert np.allclose(lone.b_factor, tilt_terms(simulated().data).b_factor)


def test_weights_fall_with_exposure_and_frequency():
    disc = packing(10)
    weights = weight_discs(tilt_terms(simulated().data), disc, box_angstrom=192.0)
    assert weights.shape == (5, disc.samples)
    radius = np.hypot(*disc_frequencies(disc, 192.0).numpy().T)
    order = np.argsort(radius)
    assert (np.diff(weights[4].numpy()[order]) <= 1e-12).all()


def test_places_count_as_the_location_grid_says():
    data = series(location_weight=np.array([[[1.0, 3.0]]]))
    width = data.geometry.volume_dimensions_angstrom[0]
    positions = np.array([[0.0, 50, 50], [width / 2, 50, 50], [width, 50, 50]])
    assert location_shares(data, positions) == pytest.approx([1, 2, 3])
    assert location_shares(simulated().data, positions) == pytest.approx([1, 1, 1])
