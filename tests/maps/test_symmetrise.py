"""Symmetry imposed on sums in Fourier space."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.maps.symmetrise import interpolated_share, symmetrised
from mgit.maps.symmetry import Helix, helical_operators, point_group
from tests.maps.phantom import Phantom, handed_phantom

BOX = 24


def sums_of(phantom, box=BOX):
    transform = np.fft.rfftn(np.fft.ifftshift(phantom.density(box).astype(np.float64)))
    return transform, np.ones(transform.shape)


def as_map(transform, box=BOX):
    return np.fft.fftshift(np.fft.irfftn(transform, s=(box,) * 3, axes=(0, 1, 2)))


def turned_phantom(phantom, operator, shift=(0, 0, 0)):
    return Phantom(
        centres=phantom.centres @ operator.T + np.asarray(shift),
        amplitudes=phantom.amplitudes,
        widths=phantom.widths,
    )


def test_the_identity_leaves_sums_as_they_are_inside_the_radius():
    numerator, weight = sums_of(handed_phantom())
    found, found_weight = symmetrised(numerator, weight, operators=point_group("C1"))
    inside = found_weight > 0
    assert np.array_equal(found[inside], numerator[inside])
    assert not found[~inside].any()
    assert inside.sum() > 0.35 * inside.size


def test_operators_that_keep_the_grid_move_the_map_exactly():
    phantom = handed_phantom(reach=4.0, width=(1.3, 1.6))
    for operator in point_group("O")[1:6]:
        found, _ = symmetrised(*sums_of(phantom), operators=operator[None])
        expected, _ = sums_of(turned_phantom(phantom, operator))
        kept = np.abs(found) > 0
        assert np.abs((found - expected)[kept]).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["C3", "C5", "T"])
def test_other_operators_move_the_map_in_the_same_direction(name):
    phantom = handed_phantom(reach=4.0, width=(1.3, 1.6))
    operator = point_group(name)[1]
    found, _ = symmetrised(*sums_of(phantom), operators=operator[None])
    expected = turned_phantom(phantom, operator).density(BOX)
    opposite = turned_phantom(phantom, operator.T).density(BOX)
    alike = np.corrcoef(as_map(found).ravel(), expected.ravel())[0, 1]
    assert alike > 0.98
    assert np.corrcoef(as_map(found).ravel(), opposite.ravel())[0, 1] < alike - 0.1


def test_a_helix_moves_units_along_its_axis():
    phantom = handed_phantom(reach=3.0, width=(1.3, 1.6))
    rotations, shifts = helical_operators(Helix(twist_degrees=90, rise_angstrom=3.0, units=3))
    found, weight = symmetrised(*sums_of(phantom), operators=rotations, shifts_voxel=shifts)
    mates = zip(rotations, shifts, strict=True)
    expected = sum(turned_phantom(phantom, r, t).density(BOX) for r, t in mates)
    assert np.corrcoef(as_map(found).ravel(), expected.ravel())[0, 1] > 0.999
    assert weight[0, 0, 0] == 3


def test_imposing_a_symmetry_twice_only_multiplies():
    phantom = handed_phantom()
    once = symmetrised(*sums_of(phantom), operators=point_group("D2"))
    twice = symmetrised(*once, operators=point_group("D2"))
    assert np.allclose(twice[0], 4 * once[0])
    assert np.allclose(twice[1], 4 * once[1])


def test_the_number_of_threads_does_not_change_a_bit():
    sums = sums_of(handed_phantom())
    one = symmetrised(*sums, operators=point_group("T"))
    many = symmetrised(*sums, operators=point_group("T"), threads=5)
    assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


def test_shares_count_the_operators_off_the_grid():
    assert interpolated_share(point_group("O")) == 0
    assert interpolated_share(point_group("C3")) == pytest.approx(2 / 3)


def test_shapes_that_do_not_fit_are_refused():
    numerator, weight = sums_of(handed_phantom())
    with pytest.raises(InvalidInput):
        symmetrised(numerator, weight[:-1], operators=point_group("C2"))
    with pytest.raises(InvalidInput, match="shift"):
        symmetrised(numerator, weight, operators=point_group("C2"), shifts_voxel=np.zeros((1, 3)))
