"""Weights of tilts and of places in the specimen."""

from dataclasses import replace

import numpy as np
import pytest

from kernels.packing import packing
from mgit.errors import InvalidState
from mgit.refine.exposure import (
    disc_frequencies,
    location_b_factors,
    location_shares,
    tilt_terms,
    weight_discs,
)
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


def test_b_factors_of_places_are_read_half_way_through_the_specimen():
    grid = np.zeros((3, 1, 2))
    grid[1, 0] = [-10.0, -30.0]
    data = series(location_b_factor=grid)
    width = data.geometry.volume_dimensions_angstrom[0]
    positions = np.array([[0.0, 50, 5], [width / 2, 50, 90]])
    assert location_b_factors(data, positions) == pytest.approx([-10, -20])
    assert location_b_factors(simulated().data, positions) == pytest.approx([0, 0])


def test_a_place_in_a_volume_of_unknown_size_is_refused_by_name():
    data = series(location_weight=np.full((1, 1, 2), 0.5))
    unknown = replace(data.geometry, volume_dimensions_angstrom=None)
    with pytest.raises(InvalidState) as error:
        location_shares(replace(data, geometry=unknown), np.zeros((1, 3)))
    assert error.value.fields["array"] == "location_weight"


def test_weights_are_those_of_frequencies_in_the_specimen():
    disc, stretch = packing(10), np.array([[1.1, 0.02], [0.0, 0.9]])
    terms = tilt_terms(simulated().data)
    found = weight_discs(terms, disc, box_angstrom=192.0, magnification=stretch)
    k = disc_frequencies(disc, 192.0).numpy() @ stretch.T
    decay = np.exp(0.25 * terms.b_factor.numpy()[:, None] * (k**2).sum(1))
    assert np.allclose(found, terms.scale.numpy()[:, None] * decay)
