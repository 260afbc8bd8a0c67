"""The correction of gridding: less bias where weights rise steeply, no more noise elsewhere."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.gridding import divide_damping, gridding_profile, low_shells_corrected
from mgit.maps.masks import soft_sphere
from mgit.maps.reconstruction import ReconstructionSettings, reconstruct
from mgit.maps.shells import shell_means
from tests.maps.phantom import handed_phantom, random_rotations

BOX = 32


def curve(sums, phantom, **changed):
    found = reconstruct(*sums, box=BOX, settings=ReconstructionSettings(**changed))
    mask = soft_sphere(BOX, diameter_voxel=16, edge_voxel=2)
    return fourier_shell_correlation(found, phantom.density(BOX), mask=mask)


def test_the_first_rise_of_the_weight_no_longer_biases_low_shells(slice_sums):
    phantom = handed_phantom(reach=5.0, width=(1.3, 1.6))
    sums = slice_sums(phantom, random_rotations(400), box=BOX)
    lost = 1 - curve(sums, phantom, gridding_steps=0)
    left = 1 - curve(sums, phantom)
    assert lost[1:3].max() > 1e-4
    assert left[1:3].max() < 0.7 * lost[1:3].max()


@pytest.mark.parametrize("oversampling", [1, 2])
@pytest.mark.parametrize("images", [60, 400])
def test_noise_does_not_grow(slice_sums, oversampling, images):
    phantom = handed_phantom(reach=6.0)
    options = {"box": BOX, "oversampling": oversampling, "noise": 25.0}
    sums = slice_sums(phantom, random_rotations(images), **options)
    plain = curve(sums, phantom, gridding_steps=0)
    corrected = curve(sums, phantom)
    assert plain[13] < 0.95
    assert (corrected - plain)[1:14].min() > -0.005


def test_a_direction_that_all_images_share_does_not_run_away(slice_sums):
    """Slices about one axis pile their weights up on it, as those of tilt series do."""
    angle = np.linspace(-1.0, 1.0, 31)
    c, s = np.cos(angle), np.sin(angle)
    zero, one = np.zeros_like(c), np.ones_like(c)
    rotations = np.moveaxis(np.array([[c, zero, s], [zero, one, zero], [-s, zero, c]]), 2, 0)
    sums = slice_sums(handed_phantom(), rotations, box=BOX, noise=5.0)
    plain, found = (
        reconstruct(*sums, box=BOX, settings=ReconstructionSettings(gridding_steps=steps))
        for steps in (0, 50)
    )
    assert np.linalg.norm(found) < 1.5 * np.linalg.norm(plain)


def test_only_shells_before_the_largest_weight_change(slice_sums):
    sums = slice_sums(handed_phantom(), random_rotations(200), box=BOX, noise=5.0)
    peak = int(np.argmax(shell_means(sums[1])[1:])) + 1
    assert peak > 1
    whole = {"sphere_edge_voxel": 0}
    plain, found = (
        np.fft.rfftn(
            reconstruct(*sums, box=BOX, settings=ReconstructionSettings(gridding_steps=n, **whole))
        )
        for n in (0, 2)
    )
    k = np.fft.fftfreq(BOX, 1 / BOX)
    radii = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k[None, None, : BOX // 2 + 1] ** 2)
    change = np.abs(found - plain)
    assert change[radii < peak].max() > 100 * change[radii > peak + 1].max()


def test_weights_that_only_fall_leave_the_map_alone(rng):
    k = np.fft.fftfreq(16, 1 / 16)
    radii = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k[None, None, :9] ** 2)
    weight = (1 / (1 + radii)).astype(np.float32)
    density = rng.normal(size=(16,) * 3).astype(np.float32)
    data = rng.normal(size=weight.shape).astype(np.complex64)
    found = low_shells_corrected(density, data, weight, steps=3)
    assert np.array_equal(found, density)


def test_the_damping_is_divided_out(rng):
    density = rng.normal(size=(12,) * 3)
    profile = gridding_profile(12, 12)
    trilinear = profile[:, None, None] * profile[:, None] * profile
    damped = density * trilinear * (0.25 + 0.75 * trilinear)
    divide_damping(damped, profile, shares=[0.75])
    assert np.allclose(damped, density)


def test_steps_are_not_negative():
    with pytest.raises(InvalidInput, match="steps"):
        ReconstructionSettings(gridding_steps=-1)
