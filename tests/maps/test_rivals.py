"""Rivals of a map: differences of agreement with their noise, hands and scales."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.masks import soft_sphere
from mgit.maps.rivals import (
    Difference,
    compared,
    independent_samples,
    informative_band,
    mirrored,
    parabola_peak,
    scaled,
)

BOX = 24
MASK = soft_sphere(BOX, diameter_voxel=12, edge_voxel=4)
BAND = (2, 9)


def blob(shift=(2.0, -1.0, 3.0), *, spread=2.0, stretch=1.0):
    """Three Gaussians that no mirror leaves alike; `stretch` scales them about the middle."""
    at = np.indices((BOX,) * 3) - BOX // 2
    density = np.zeros((BOX,) * 3)
    for centre, weight in ((shift, 1.0), ((-3.0, 2.0, 1.0), 0.7), ((0.0, 3.0, -3.0), 0.5)):
        offsets = [at[axis] / stretch - centre[axis] for axis in range(3)]
        density += weight * np.exp(-sum(each**2 for each in offsets) / 2 / spread**2)
    return density


def noise(rng):
    return rng.standard_normal((BOX,) * 3)


def test_rivals_of_pure_noise_differ_by_their_sigma():
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(150):
        common, ours = noise(rng), noise(rng)
        rival = ours + noise(rng)
        scores.append(compared(common, ours, rival, mask=MASK, band=BAND).significance)
    assert abs(np.mean(scores)) < 0.3
    assert 0.8 < np.std(scores) < 1.2


def test_rivals_that_share_a_signal_differ_by_their_sigma_too():
    rng = np.random.default_rng(1)
    signal = noise(rng)
    scores = []
    for _ in range(150):
        common, ours, rival = (signal + 0.7 * noise(rng) for _ in range(3))
        scores.append(compared(common, ours, rival, mask=MASK, band=BAND).significance)
    assert abs(np.mean(scores)) < 0.3
    assert 0.8 < np.std(scores) < 1.2


def test_the_truth_beats_a_noisy_copy_and_loses_the_other_way_round():
    rng = np.random.default_rng(2)
    truth = noise(rng)
    common = truth + noise(rng)
    won = compared(common, truth + noise(rng), truth, mask=MASK, band=BAND)
    assert won.gain > 0.1
    assert won.significance > 3
    assert compared(common, truth, truth + noise(rng), mask=MASK, band=BAND).significance < -3


def test_equal_rivals_have_no_significance():
    rng = np.random.default_rng(3)
    common, ours = noise(rng), noise(rng)
    same = compared(common, ours, ours, mask=MASK, band=BAND)
    assert same.gain == 0
    assert same.significance == pytest.approx(0)
    assert Difference(ours=0.5, rival=0.5, sigma=0.0).significance == 0


def test_a_full_mask_leaves_every_sample_and_a_small_one_few():
    full = independent_samples(np.ones((BOX,) * 3))
    assert full[5] == pytest.approx(4 * np.pi * 25, rel=0.1)
    assert (independent_samples(MASK)[4:] < 0.2 * full[4:]).all()


def test_the_band_ends_where_the_best_curve_falls():
    low = np.array([1, 0.9, 0.5, 0.1, 0.0, 0.0, 0.0, 0.0])
    high = np.array([1, 0.8, 0.6, 0.5, 0.4, 0.1, 0.9, 0.0])
    assert informative_band([low, high], first=1) == (1, 5)
    assert informative_band([low], first=3) == (3, 6)
    assert informative_band([np.ones(8)], first=2) == (2, 8)


def test_a_mirrored_map_is_its_own_again_when_mirrored_twice():
    density = blob()
    np.testing.assert_array_equal(mirrored(mirrored(density)), density)
    assert not np.array_equal(mirrored(density), density)
    assert mirrored(density)[BOX // 2, 3, 4] == density[BOX // 2, 3, 4]


@given(st.floats(0.93, 1.07))
def test_a_scaled_map_is_the_map_of_a_larger_particle(factor):
    np.testing.assert_allclose(scaled(blob(), factor), blob(stretch=factor), atol=0.02)


def test_a_scale_of_one_changes_nothing_and_a_scale_of_nothing_is_refused():
    density = blob().astype(np.float32)
    np.testing.assert_allclose(scaled(density, 1.0), density, atol=1e-6)
    assert scaled(density, 1.01).dtype == np.float32
    with pytest.raises(InvalidInput):
        scaled(density, 0.0)


def test_a_wrong_scale_is_found_by_its_peak():
    truth = blob(stretch=1.03, spread=1.2)
    factors = [1 + step / 100 for step in range(-6, 7)]
    given_map = blob(spread=1.2)
    scores = [
        fourier_shell_correlation(truth, scaled(given_map, each), mask=MASK)[2:9].mean()
        for each in factors
    ]
    assert parabola_peak(factors, scores) == pytest.approx(1.03, abs=0.002)


@given(st.floats(-0.9, 0.9), st.floats(0.1, 10))
def test_the_peak_of_a_parabola_is_found(top, curvature):
    at = [-1.0, -0.5, 0.0, 0.5, 1.0]
    values = [-curvature * (each - top) ** 2 for each in at]
    if abs(top) < 0.7:
        assert parabola_peak(at, values) == pytest.approx(top)


def test_a_peak_at_the_end_or_on_a_plateau_stays_there():
    assert parabola_peak([0.0, 1.0, 2.0], [3.0, 2.0, 1.0]) == 0
    assert parabola_peak([0.0, 1.0, 2.0], [1.0, 1.0, 1.0]) == 0
    assert parabola_peak([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 0.0]) == pytest.approx(1.5)
