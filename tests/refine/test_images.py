"""Whole tilt images: plane, band-pass, unit variance, sign, and refusals that name the tilt."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.refine.images import normalised_image, prepared_image
from tests.refine.problems import simulated, with_images


def noise(shape=(40, 64), seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_an_image_gets_mean_zero_and_deviation_one():
    image = normalised_image(300 + 7 * noise(), longest_px=40)
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(0, abs=1e-5)
    assert image.std() == pytest.approx(1, abs=1e-5)


def test_scale_offset_and_plane_do_not_matter():
    image = noise()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    sloped = 50 * image + 1000 + 3 * x - 2 * y
    expected = normalised_image(image, longest_px=30)
    assert np.allclose(normalised_image(sloped, longest_px=30), expected, atol=2e-4)


def test_slow_waves_are_removed_and_fast_ones_kept():
    x = np.arange(64)
    slow, fast = np.cos(2 * np.pi * x / 64), np.cos(2 * np.pi * x / 8)
    image = normalised_image(np.tile(2 * slow + fast, (64, 1)), longest_px=20)
    expected = np.tile(fast / fast.std(), (64, 1))
    assert np.corrcoef(image.ravel(), expected.ravel())[0, 1] > 0.98


def test_dark_protein_becomes_bright():
    problem = simulated()
    dark = prepared_image(problem.data, 0, longest_angstrom=400)
    turned = with_images(problem.data, lambda image: -image)
    assert np.allclose(prepared_image(turned, 0, longest_angstrom=400), -dark, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: 0 * image + 5, "flat"),
        (lambda image: np.where(image > image.mean(), image, np.nan), "not finite"),
        (lambda image: image[:-9], "size"),
        (lambda image: image[None], "size"),
    ],
)
def test_broken_images_are_refused_by_item_and_tilt(change, message):
    data = with_images(simulated().data, change)
    with pytest.raises(InvalidInput, match=rf"{message}.*TS_01.*tilt '4'"):
        prepared_image(data, 3, longest_angstrom=400)
