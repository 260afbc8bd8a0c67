"""Reconstructions against the phantom whose exact slices they were made from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.gridding import gridding_profile
from mgit.maps.reconstruction import ReconstructionSettings, quotient, reconstruct
from mgit.maps.symmetry import Helix, helical_operators, point_group
from tests.maps.phantom import handed_phantom, random_rotations, symmetric_phantom

BOX = 32


def to_truth(found, phantom):
    return fourier_shell_correlation(found, phantom.density(found.shape[0]))


@pytest.mark.parametrize(("oversampling", "least"), [(1, 0.9965), (2, 0.9993)])
def test_a_map_agrees_with_the_truth_up_to_two_shells_below_nyquist(
    slice_sums, oversampling, least
):
    phantom = handed_phantom()
    sums = slice_sums(phantom, random_rotations(250), box=BOX, oversampling=oversampling)
    curve = to_truth(reconstruct(*sums, box=BOX), phantom)
    assert curve[:13].min() > least
    assert curve[13] > 0.99


@pytest.mark.parametrize("oversampling", [1, 2])
def test_densities_come_out_on_the_scale_of_the_images(slice_sums, oversampling):
    phantom = handed_phantom(width=(1.3, 1.6))
    sums = slice_sums(
        phantom, random_rotations(250), box=BOX, oversampling=oversampling, with_ctf=False
    )
    found, truth = reconstruct(*sums, box=BOX), phantom.density(BOX)
    assert (found * truth).sum() / (truth * truth).sum() == pytest.approx(1, abs=0.04)
    assert np.abs(found - truth).max() < 0.05 * truth.max()
    assert found.dtype == np.float32


def test_the_gridding_correction_is_what_makes_them_so_far_from_the_centre(slice_sums):
    phantom = handed_phantom(count=3, reach=9.0, width=(1.3, 1.6))
    sums = slice_sums(phantom, random_rotations(250), box=BOX, with_ctf=False)
    found, truth = reconstruct(*sums, box=BOX), phantom.density(BOX)
    profile = gridding_profile(BOX, BOX)
    damped = found * profile[:, None, None] * profile[:, None] * profile
    with_it = (found * truth).sum() / (truth * truth).sum()
    without = (damped * truth).sum() / (truth * truth).sum()
    assert abs(with_it - 1) < 0.02
    assert without < 0.9


@pytest.mark.parametrize("name", ["C3", "D3", "O", "I2"])
def test_symmetry_replaces_views(slice_sums, name):
    operators = point_group(name)
    phantom = symmetric_phantom(operators, count=2, reach=7.0, width=(1.0, 1.3))
    sums = slice_sums(phantom, random_rotations(24), box=BOX, oversampling=2, with_ctf=False)
    alone = to_truth(reconstruct(*sums, box=BOX), phantom)
    found = reconstruct(*sums, box=BOX, operators=operators)
    curve = to_truth(found, phantom)
    truth = phantom.density(BOX)
    assert curve[5:13].min() > 0.99
    assert curve[5:13].mean() > alone[5:13].mean()
    assert (found * truth).sum() / (truth * truth).sum() == pytest.approx(1, abs=0.04)


def test_a_helix_averages_its_units(slice_sums):
    rotations, shifts = helical_operators(Helix(twist_degrees=50, rise_angstrom=2.0, units=3))
    phantom = handed_phantom(count=4, reach=3.0, width=(1.3, 1.6))
    sums = slice_sums(phantom, random_rotations(200), box=BOX, with_ctf=False)
    found = reconstruct(*sums, box=BOX, helical=(rotations, shifts))
    mates = [
        type(phantom)(phantom.centres @ r.T + t, phantom.amplitudes / 3, phantom.widths)
        for r, t in zip(rotations, shifts, strict=True)
    ]
    truth = sum(mate.density(BOX) for mate in mates)
    assert fourier_shell_correlation(found, truth)[1:12].min() > 0.93
    assert fourier_shell_correlation(found, truth[::-1])[6:12].max() < 0.7


def test_noise_outside_the_slices_stays_bounded_by_the_floor(rng):
    shape = (16, 16, 9)
    weight = np.ones(shape)
    weight[:, :, 3:] = 1e-9
    numerator = rng.normal(size=shape) + 0j
    found = quotient(numerator, weight, floor=0.1, radius=7)
    assert np.abs(found).max() < np.abs(numerator).max() / 0.1 / 0.2


def test_nothing_is_left_beyond_the_radius(rng):
    shape = (16, 16, 9)
    found = quotient(rng.normal(size=shape) + 0j, np.ones(shape), floor=0.1, radius=5)
    k = np.fft.fftfreq(16, 1 / 16)
    radii = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + np.arange(9) ** 2)
    assert (found[radii < 5] != 0).all()
    assert not found[radii >= 5].any()


@settings(max_examples=10)
@given(st.floats(1e-6, 1e6))
def test_the_scale_of_weights_and_data_cancels(scale):
    rng = np.random.default_rng(1)
    shape = (12, 12, 7)
    numerator, weight = rng.normal(size=shape) + 0j, rng.uniform(size=shape)
    first = reconstruct(numerator, weight, box=12)
    second = reconstruct(numerator * scale, weight * scale, box=12)
    assert np.allclose(first, second, rtol=1e-4, atol=1e-5)


def test_the_wiener_option_shrinks_shells_of_little_signal(slice_sums):
    phantom = handed_phantom()
    sums = slice_sums(phantom, random_rotations(60), box=BOX, noise=30.0)
    plain = reconstruct(*sums, box=BOX)
    ssnr = 10.0 ** np.linspace(3, -2, BOX // 2)
    shrunk = reconstruct(*sums, box=BOX, wiener_ssnr=ssnr)
    powers = [np.abs(np.fft.rfftn(each)) for each in (plain, shrunk)]
    assert powers[1][1, 0, 0] == pytest.approx(powers[0][1, 0, 0], rel=0.2)
    assert powers[1][12, 0, 0] < 0.3 * powers[0][12, 0, 0]


def test_the_sphere_empties_the_corners_only(slice_sums):
    sums = slice_sums(handed_phantom(), random_rotations(50), box=BOX)
    damped, whole = (
        reconstruct(
            *sums,
            box=BOX,
            settings=ReconstructionSettings(sphere_edge_voxel=edge, support_steps=0),
        )
        for edge in (16, 0)
    )
    assert damped[0, 0, 0] == 0
    assert whole[0, 0, 0] != 0
    middle = slice(BOX // 2 - 5, BOX // 2 + 5)
    assert np.array_equal(damped[middle, middle, middle], whole[middle, middle, middle])


def test_sums_without_images_are_refused():
    shape = (8, 8, 5)
    with pytest.raises(InvalidInput, match="no image"):
        reconstruct(np.zeros(shape, complex), np.zeros(shape), box=8)


@pytest.mark.parametrize("box", [7, 10, 0])
def test_boxes_that_do_not_fit_the_sums_are_refused(box):
    shape = (8, 8, 5)
    with pytest.raises(InvalidInput):
        reconstruct(np.zeros(shape, complex), np.ones(shape), box=box)


@pytest.mark.parametrize("changed", [{"weight_floor": 0}, {"sphere_edge_voxel": -1}])
def test_settings_that_mean_nothing_are_refused(changed):
    with pytest.raises(InvalidInput):
        ReconstructionSettings(**changed)
