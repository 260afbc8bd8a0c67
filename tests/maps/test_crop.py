"""Cropping and padding keep the centre and undo each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.maps.crop import (
    crop_map,
    pad_map,
    resample_map,
    resize_transform,
    resized_map,
    unwrapped_map,
    wrapped_map,
)
from tests.maps.phantom import handed_phantom

boxes = st.integers(2, 8).map(lambda half: 2 * half)


def noise(box, seed=0):
    return np.random.default_rng(seed).normal(size=(box, box, box))


@given(boxes, boxes)
def test_padding_then_cropping_is_the_identity(first, second):
    small, large = sorted((first, second))
    density = noise(small)
    assert np.array_equal(crop_map(pad_map(density, large), small), density)


@given(boxes, boxes)
def test_the_centre_stays_at_half_the_box(first, second):
    density = np.zeros((first,) * 3)
    density[first // 2, first // 2, first // 2] = 1
    resized = resized_map(density, second)
    assert resized.shape == (second,) * 3
    assert np.argwhere(resized).tolist() == [[second // 2] * 3]


@given(boxes, boxes)
def test_fourier_padding_then_cropping_is_the_identity(first, second):
    small, large = sorted((first, second))
    density = noise(small)
    back = resample_map(resample_map(density, large), small)
    assert np.allclose(back, density, atol=1e-12)


@given(boxes, boxes)
def test_a_constant_keeps_its_value(first, second):
    assert np.allclose(resample_map(np.full((first,) * 3, 2.5), second), 2.5)


def test_resampling_a_band_limited_map_samples_the_same_function():
    phantom = handed_phantom(reach=3.0, width=(1.6, 2.0))
    fine = phantom.density(32)
    coarse = resample_map(fine, 16)
    assert np.abs(coarse - fine[::2, ::2, ::2]).max() < 0.02 * fine.max()
    assert np.abs(resample_map(coarse, 32) - fine).max() < 0.02 * fine.max()


@given(boxes, boxes)
def test_a_resized_transform_is_that_of_the_resampled_map(first, second):
    density = noise(first, seed=1)
    transform = resize_transform(np.fft.rfftn(density), second)
    as_map = np.fft.irfftn(transform, s=(second,) * 3, axes=(0, 1, 2))
    shifted = np.fft.ifftshift(resample_map(np.fft.fftshift(density), second))
    assert np.allclose(as_map * (second / first) ** 3, shifted, atol=1e-12)


def test_precision_is_kept():
    density = noise(8).astype(np.float32)
    assert resample_map(density, 12).dtype == np.float32
    assert pad_map(density, 12).dtype == np.float32


@pytest.mark.parametrize("function", [pad_map, crop_map, resample_map])
def test_odd_boxes_are_refused(function):
    with pytest.raises(InvalidInput):
        function(noise(8), 7)


def test_padding_down_and_cropping_up_are_refused():
    with pytest.raises(InvalidInput, match="smaller"):
        pad_map(noise(8), 6)
    with pytest.raises(InvalidInput, match="larger"):
        crop_map(noise(8), 10)


@pytest.mark.parametrize(("small", "large"), [(4, 4), (4, 10), (6, 8)])
def test_wrapping_moves_the_centre_to_index_zero(small, large):
    density = noise(small)
    wrapped = wrapped_map(density, large)
    assert np.array_equal(wrapped, np.fft.ifftshift(pad_map(density, large)))
    assert np.array_equal(unwrapped_map(wrapped, small), density)
    whole = noise(large)
    assert np.array_equal(unwrapped_map(whole, small), crop_map(np.fft.fftshift(whole), small))


@pytest.mark.parametrize(("function", "box"), [(wrapped_map, 6), (unwrapped_map, 10)])
def test_wrapping_down_and_unwrapping_up_are_refused(function, box):
    with pytest.raises(InvalidInput):
        function(noise(8), box)
