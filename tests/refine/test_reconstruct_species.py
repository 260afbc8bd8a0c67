"""Sums to maps: grids, symmetry, masks, curves and what is refused."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.refine.reconstruct_item import HalfSums, MapGrid
from mgit.refine.reconstruct_species import Shape, finished, map_grid

GRID = MapGrid(box=24, padded=24, pixel_size_angstrom=5.0, diameter_angstrom=60.0)


def sums_with(noise=0.0, halves=(1, 2)):
    """Sums of full coverage of a smooth, lopsided particle, with noise of each half."""
    z, y, x = np.indices((24,) * 3) - 12
    density = np.exp(-(x**2 + 2 * y**2 + (z - 2) ** 2) / 12) + 0.5 * np.exp(
        -((x - 3) ** 2 + (y + 2) ** 2 + z**2) / 4
    )
    sums = HalfSums(GRID, images_max=100)
    random = np.random.default_rng(3)
    for half in halves:
        noisy = density + noise * random.normal(size=density.shape)
        transform = np.fft.rfftn(np.fft.ifftshift(noisy)) / GRID.box
        target = sums.halves[half - 1]
        parts = (transform.real, transform.imag, np.ones(transform.shape))
        for channel, part in enumerate(parts):
            target.sums[..., channel] = np.rint(part / target.quantum).astype(np.int64)
    return sums


def test_the_grid_is_twice_the_diameter_unless_maps_exist():
    assert map_grid(diameter_angstrom=100, pixel_size_angstrom=4).box == 50
    given = map_grid(diameter_angstrom=100, pixel_size_angstrom=4, box=32)
    assert (given.box, given.padded) == (32, 50)
    assert map_grid(diameter_angstrom=100, pixel_size_angstrom=4, box=64).padded == 64


@pytest.mark.parametrize("box", [31, 24])
def test_a_box_that_is_odd_or_too_small_is_refused(box):
    with pytest.raises(InvalidInput, match="odd or smaller"):
        map_grid(diameter_angstrom=100, pixel_size_angstrom=4, box=box)


def test_equal_halves_reach_nyquist_and_noise_lowers_the_resolution():
    clean = finished(sums_with(), Shape(symmetry="C1"), species="s", mask=None)
    noisy = finished(sums_with(0.3), Shape(symmetry="C1"), species="s", mask=None)
    assert clean.masked_by == "automatic mask"
    assert clean.fsc.unmasked[1:10].min() > 0.999
    assert noisy.resolution_angstrom > clean.resolution_angstrom
    assert noisy.unmasked_at(60.0) > noisy.unmasked_at(15.0)


def test_the_curves_are_kept_by_the_names_that_others_read():
    found = finished(sums_with(0.1), Shape(symmetry="C1"), species="s", mask=None).metrics()
    assert sorted(found) == [
        "fsc",
        "fsc_frequency",
        "fsc_masked",
        "fsc_phase_randomised",
        "fsc_unmasked",
    ]
    assert found["fsc_frequency"][0][1] == pytest.approx(1 / (24 * 5.0))


def test_the_b_factor_of_a_gaussian_is_kept_where_the_map_reaches_far_enough():
    """exp(-r^2 / 2 w^2) has amplitudes exp(-2 pi^2 w^2 s^2): B is 8 pi^2 w^2."""
    grid = MapGrid(box=48, padded=48, pixel_size_angstrom=1.5, diameter_angstrom=40.0)
    squares = ((np.indices((48,) * 3) - 24.0) ** 2).sum(axis=0)
    random = np.random.default_rng(0)
    sums = HalfSums(grid, images_max=100)
    for target in sums.halves:
        noisy = np.exp(-squares / 2) + 0.01 * random.normal(size=squares.shape)
        transform = np.fft.rfftn(np.fft.ifftshift(noisy)) / grid.box
        parts = (transform.real, transform.imag, np.ones(transform.shape))
        for channel, part in enumerate(parts):
            target.sums[..., channel] = np.rint(part / target.quantum).astype(np.int64)
    found = finished(sums, Shape(symmetry="C1"), species="s", mask=None)
    assert 3.2 < found.resolution_angstrom < 5
    assert found.b_factor_angstrom2 == pytest.approx(-8 * np.pi**2 * 1.5**2, rel=0.1)
    value, attributes = found.metrics()["b_factor_angstrom2"]
    assert (float(value), value.shape) == (found.b_factor_angstrom2, ())
    assert attributes == {"unit": "angstrom^2"}


def test_the_point_group_is_applied():
    found = finished(sums_with(), Shape(symmetry="C2"), species="s", mask=None)
    density = found.halves[0]
    turned = np.roll(density[:, ::-1, ::-1], (1, 1), axis=(1, 2))
    np.testing.assert_allclose(turned[1:, 1:, 1:], density[1:, 1:, 1:], atol=1e-3)


def test_threads_do_not_change_a_bit():
    shape = Shape(symmetry="C2")
    one = finished(sums_with(0.1), shape, species="s", mask=None, threads=1)
    two = finished(sums_with(0.1), shape, species="s", mask=None, threads=2)
    np.testing.assert_array_equal(one.halves, two.halves)
    np.testing.assert_array_equal(one.fsc.corrected, two.fsc.corrected)


def test_a_half_without_images_is_refused_by_species():
    with pytest.raises(InvalidInput, match="no image") as error:
        finished(sums_with(halves=(1,)), Shape(symmetry="C1"), species="s", mask=None)
    assert error.value.fields["species"] == "s"


def test_a_mask_of_another_box_is_refused_by_species():
    mask = np.ones((20,) * 3, np.float32)
    with pytest.raises(InvalidInput, match="another box"):
        finished(sums_with(), Shape(symmetry="C1"), species="s", mask=mask)
