"""Shells of a half-complex transform, against the full transform."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.maps.shells import (
    checked_cube,
    checked_half_complex,
    plane_radii,
    scaled_by_radius,
    shell_means,
    shell_sums,
)


def full_radii(box):
    k = np.fft.fftfreq(box, 1 / box)
    return np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)


@pytest.mark.parametrize("box", [2, 8, 10])
def test_planes_hold_the_radii_of_the_half_transform(box):
    radii = np.stack([plane_radii(box, plane) for plane in range(box)])
    assert np.allclose(radii, full_radii(box)[..., : box // 2 + 1])


def test_sums_over_half_a_transform_are_those_over_all_of_it(rng):
    box = 12
    power = np.abs(np.fft.fftn(rng.normal(size=(box,) * 3))) ** 2
    radii = full_radii(box)
    half = power[..., : box // 2 + 1]
    sums = shell_sums(lambda z: (half[z],), box=box)
    for shell in range(box // 2):
        share = np.clip(1 - np.abs(radii - shell), 0, None) * (radii < box / 2)
        assert sums[0, shell] == pytest.approx((share * power).sum())
        assert sums[1, shell] == pytest.approx(share.sum())


def test_relions_rule_counts_stored_samples_once_in_the_nearest_shell(rng):
    box = 12
    values = rng.normal(size=(box, box, box // 2 + 1))
    nearest = np.floor(full_radii(box)[..., : box // 2 + 1] + 0.5)
    sums = shell_sums(lambda z: (values[z],), box=box, rule="relion")
    expected = [values[nearest == shell].sum() for shell in range(box // 2)]
    assert np.allclose(sums[0], expected)


def test_the_mean_of_a_constant_is_the_constant():
    assert np.allclose(shell_means(np.full((8, 8, 5), 3.0)), 3.0)


def test_a_function_linear_in_the_radius_has_its_value_as_mean_at_interior_shells():
    box = 32
    radii = np.stack([plane_radii(box, plane) for plane in range(box)])
    means = shell_means(radii)
    assert np.abs(means - np.arange(box // 2))[5:-1].max() < 0.1


def test_a_profile_multiplies_by_radius_and_empties_what_is_beyond_it(rng):
    box = 10
    transform = np.fft.rfftn(rng.normal(size=(box,) * 3))
    scaled = scaled_by_radius(transform, np.array([1.0, 2.0, 3.0]), spacing=2.0)
    radii = full_radii(box)[..., : box // 2 + 1]
    expected = transform * np.where(radii <= 4, 1 + radii / 2, 0)
    assert np.allclose(scaled, expected)


def test_scaling_keeps_the_precision(rng):
    transform = np.fft.rfftn(rng.normal(size=(8, 8, 8)).astype(np.float32))
    assert scaled_by_radius(transform, np.ones(9)).dtype == np.complex64


@pytest.mark.parametrize("shape", [(8, 8, 8), (7, 7, 4), (8, 8), (8, 6, 5)])
def test_a_transform_of_another_shape_is_refused(shape):
    with pytest.raises(InvalidInput, match="half-complex"):
        checked_half_complex(np.zeros(shape))


@pytest.mark.parametrize("shape", [(8, 8, 6), (7, 7, 7), (8, 8)])
def test_a_map_that_is_no_even_cube_is_refused(shape):
    with pytest.raises(InvalidInput, match="cube"):
        checked_cube(np.zeros(shape))


def test_a_map_with_nan_is_refused():
    density = np.zeros((4, 4, 4))
    density[1, 2, 3] = np.nan
    with pytest.raises(InvalidInput, match="finite"):
        checked_cube(density)
