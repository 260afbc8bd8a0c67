"""Least squares on a support: less noise where the CTF is near zero, nothing new elsewhere."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.masks import soft_sphere
from mgit.maps.reconstruction import ReconstructionSettings, reconstruct
from mgit.maps.support import fitted_on_support
from tests.maps.phantom import handed_phantom, random_rotations

BOX = 32


def curve(sums, phantom, **changed):
    found = reconstruct(*sums, box=BOX, settings=ReconstructionSettings(**changed))
    mask = soft_sphere(BOX, diameter_voxel=14, edge_voxel=3)
    return fourier_shell_correlation(found, phantom.density(BOX), mask=mask)


def test_noise_falls_with_the_support_where_few_samples_reach_a_voxel(slice_sums):
    phantom = handed_phantom(reach=6.0)
    sums = slice_sums(phantom, random_rotations(120), box=BOX, oversampling=2, noise=25.0)
    plain = curve(sums, phantom, support_steps=0)
    fitted = curve(sums, phantom, support_diameter_voxel=20)
    assert plain[13] < 0.9
    assert (fitted - plain)[2:14].min() > -0.001
    assert (fitted - plain)[6:14].mean() > 0.01


def test_little_is_lost_where_weights_are_even(slice_sums):
    phantom = handed_phantom(reach=6.0)
    sums = slice_sums(phantom, random_rotations(400), box=BOX, noise=25.0)
    plain = curve(sums, phantom, support_steps=0)
    fitted = curve(sums, phantom, support_diameter_voxel=20)
    assert (fitted - plain)[1:12].min() > -0.01


def test_a_quotient_that_fits_stays(slice_sums):
    phantom = handed_phantom(reach=4.0, width=(1.2, 1.4))
    sums = slice_sums(phantom, random_rotations(250), box=BOX, oversampling=2, with_ctf=False)
    plain, fitted = (
        reconstruct(
            *sums, box=BOX, settings=ReconstructionSettings(support_steps=steps, gridding_steps=0)
        )
        for steps in (0, 2)
    )
    assert np.abs(fitted - plain).max() < 0.03 * plain.max()


def test_nothing_is_found_outside_the_support(slice_sums):
    sums = slice_sums(handed_phantom(), random_rotations(60), box=BOX, noise=20.0)
    settings = ReconstructionSettings(support_diameter_voxel=20)
    found = reconstruct(*sums, box=BOX, settings=settings)
    outside = soft_sphere(BOX, diameter_voxel=20, edge_voxel=0) == 0
    assert not found[outside].any()
    assert found[~outside].any()


def test_every_step_brings_the_fit_nearer(rng):
    support = soft_sphere(12, diameter_voxel=8, edge_voxel=0) > 0
    truth = np.where(support, rng.normal(size=(12,) * 3), 0)
    # Weights of a real density are even, so that products with them stay transforms of one.
    weight = np.abs(np.fft.rfftn(rng.normal(size=(12,) * 3)))
    numerator = weight * np.fft.rfftn(np.fft.ifftshift(truth))
    options = {"support": support, "radius": 99.0, "floor": 0.0}
    errors = [
        np.abs(
            fitted_on_support(np.zeros((12,) * 3), numerator, weight, steps=steps, **options)
            - truth
        ).max()
        for steps in (0, 5, 20, 80)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * errors[0]


def test_a_fit_of_nothing_is_nothing():
    shape = (8, 8, 5)
    found = fitted_on_support(
        np.zeros((8,) * 3),
        np.zeros(shape, complex),
        np.ones(shape),
        support=np.ones((8,) * 3, bool),
        radius=3,
        floor=1e-3,
        steps=4,
    )
    assert not found.any()


def test_steps_are_not_negative():
    with pytest.raises(InvalidInput, match="steps"):
        ReconstructionSettings(support_steps=-1)
