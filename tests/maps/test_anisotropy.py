"""Resolution by direction on maps with noise that has a direction."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.maps.anisotropy import directional_resolution, hemisphere, information_threshold

BOX = 64


def half_maps(blur, *, seed=1):
    """White signal and noise; the noise grows with frequency, faster along z by `blur`."""
    rng = np.random.default_rng(seed)
    k = np.fft.fftfreq(BOX, 1 / BOX)
    square = (blur * k[:, None, None]) ** 2 + k[:, None] ** 2 + np.fft.rfftfreq(BOX, 1 / BOX) ** 2
    level = np.exp(square / (2 * 13.0**2)) / 4
    truth = rng.normal(size=(BOX,) * 3)
    halves = []
    for _ in range(2):
        noise = np.fft.rfftn(rng.normal(size=(BOX,) * 3)) * level
        halves.append(truth + np.fft.irfftn(noise, s=(BOX,) * 3, axes=(0, 1, 2)))
    return halves


def resolutions(halves, **changed):
    options = {
        "mask": np.ones((BOX,) * 3),
        "pixel_size_angstrom": 2.0,
        "global_shell": 20.0,
        "count": 40,
        **changed,
    }
    return directional_resolution(*halves, **options)


def test_directions_cover_the_hemisphere_evenly():
    directions = hemisphere(96)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    assert directions[:, 2].min() > 0
    dots = np.abs(directions @ directions.T) - 2 * np.eye(96)
    apart = np.rad2deg(np.arccos(np.clip(dots.max(1), -1, 1)))
    assert apart.min() > 6
    assert apart.max() < 16


def test_an_isotropic_map_resolves_alike_in_all_directions():
    found = resolutions(half_maps(1.0))
    assert found.spread < 1.25
    assert np.median(found.resolution_angstrom) == pytest.approx(BOX * 2.0 / 20, rel=0.05)


def test_a_map_that_is_blurred_along_z_resolves_worst_there():
    found = resolutions(half_maps(1.7))
    order = np.argsort(found.resolution_angstrom)
    tilt = np.abs(found.directions[:, 2])
    assert found.spread > 1.3
    assert tilt[order[-5:]].min() > 0.7
    assert tilt[order[:5]].max() < 0.5


def test_the_threshold_falls_to_the_gold_standard_with_many_samples():
    thresholds = information_threshold(np.array([1.0, 10.0, 100.0, 1e9]))
    assert (np.diff(thresholds) < 0).all()
    assert thresholds[-1] == pytest.approx(0.143, abs=1e-6)
    assert thresholds[0] <= 0.95


def test_what_does_not_fit_is_refused():
    halves = half_maps(1.0)
    with pytest.raises(InvalidInput):
        resolutions(halves, global_shell=0.0)
    with pytest.raises(InvalidInput):
        resolutions(halves, mask=np.ones((8, 8, 8)))
