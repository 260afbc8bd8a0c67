"""Masks: exact distances, edges, and a particle found in noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.maps.masks import (
    AutomaticMask,
    automatic_mask,
    binary_mask,
    otsu_threshold,
    protein_volume_angstrom3,
    soft_edged,
    soft_sphere,
    threshold_of_volume,
)
from tests.maps.phantom import handed_phantom

BOX = 40


def radii(box):
    at = np.arange(box) - box // 2
    return np.sqrt(at[:, None, None] ** 2 + at[:, None] ** 2 + at**2)


def half_maps(level, *, seed=0):
    truth = handed_phantom(count=40, reach=8.0, width=(1.0, 1.4)).density(BOX)
    rng = np.random.default_rng(seed)
    return truth, *(truth + level * rng.normal(size=truth.shape) for _ in range(2))


@given(st.floats(0, 20), st.floats(0.5, 10))
def test_a_sphere_is_one_inside_and_falls_as_half_a_cosine(diameter, edge):
    box = 16
    sphere = soft_sphere(box, diameter_voxel=diameter, edge_voxel=edge)
    beyond = np.clip((radii(box) - diameter / 2) / edge, 0, 1)
    assert np.allclose(sphere, (1 + np.cos(np.pi * beyond)) / 2, atol=1e-6)
    assert sphere.dtype == np.float32


def test_a_sphere_without_an_edge_is_hard():
    sphere = soft_sphere(16, diameter_voxel=10, edge_voxel=0)
    assert np.array_equal(sphere == 1, radii(16) <= 5)
    assert set(np.unique(sphere)) == {0, 1}


def test_a_grown_point_is_a_soft_sphere():
    point = np.zeros((16,) * 3, bool)
    point[8, 8, 8] = True
    grown = soft_edged(point, grow_voxel=3, edge_voxel=4)
    assert np.allclose(grown, soft_sphere(16, diameter_voxel=6, edge_voxel=4), atol=1e-6)


@given(st.integers(0, 50))
def test_distances_are_exact(seed):
    inside = np.random.default_rng(seed).uniform(size=(8, 8, 8)) < 0.02
    inside[3, 4, 5] = True
    places = np.argwhere(inside)
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), -1)
    nearest = np.sqrt(((grid[..., None, :] - places) ** 2).sum(-1)).min(-1)
    found = soft_edged(inside, grow_voxel=1.5, edge_voxel=3)
    expected = (1 + np.cos(np.pi * np.clip((nearest - 1.5) / 3, 0, 1))) / 2
    assert np.allclose(found, expected, atol=1e-6)


def test_an_empty_mask_is_refused():
    with pytest.raises(InvalidInput, match="no voxel"):
        soft_edged(np.zeros((8, 8, 8), bool), grow_voxel=1, edge_voxel=1)


def test_a_resampled_mask_is_inside_from_a_quarter():
    assert binary_mask(np.array([-0.1, 0.2, 0.25, 1.0])).tolist() == [False, False, True, True]


@given(st.integers(1, 500))
def test_as_many_voxels_reach_the_threshold_as_the_volume_has(volume):
    density = np.random.default_rng(3).normal(size=(10, 10, 10))
    within = radii(10) <= 5
    threshold = threshold_of_volume(density, volume_voxel=volume, within=within)
    assert ((density >= threshold) & within).sum() == volume


def test_a_volume_beyond_the_box_is_refused():
    with pytest.raises(InvalidInput, match="volume"):
        threshold_of_volume(np.zeros((4, 4, 4)), volume_voxel=99, within=np.ones((4, 4, 4), bool))


def test_the_volume_of_apoferritin():
    assert protein_volume_angstrom3(450e3) == pytest.approx(545e3, rel=0.01)


@given(st.floats(-5, 5), st.floats(2, 100))
def test_two_separate_classes_are_parted_between_them(low, gap):
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(size=300), rng.normal(size=900) + gap * 5]) + low
    threshold = otsu_threshold(values)
    assert values[:300].max() <= threshold + gap * 5 * 0.02
    assert threshold < values[300:].min() + gap * 5 * 0.02


def test_a_flat_map_has_no_threshold():
    with pytest.raises(InvalidInput, match="flat"):
        otsu_threshold(np.ones(10))


@pytest.mark.parametrize("mass", [None, 8e3])
def test_a_mask_finds_the_particle_in_noise(mass):
    truth, first, second = half_maps(0.4)
    mask = automatic_mask(
        first,
        second,
        pixel_size_angstrom=2.0,
        diameter_angstrom=56,
        settings=AutomaticMask(low_pass_angstrom=10, mass_dalton=mass),
    )
    share = (mask * truth).sum() / truth.sum()
    assert share > 0.97
    assert 0.03 < (mask > 0.5).mean() < 0.35
    assert mask.min() >= 0
    assert mask.max() == 1


def test_specks_of_noise_are_left_out():
    truth, _, _ = half_maps(0)
    truth[4:6, 20, 20] = truth.max()
    settings = AutomaticMask(
        low_pass_angstrom=4.1, mass_dalton=10e3, grow_angstrom=0, edge_angstrom=0
    )
    options = {"pixel_size_angstrom": 2.0, "diameter_angstrom": 70, "settings": settings}
    mask = automatic_mask(truth, truth, **options)
    assert mask[5, 20, 20] == 0
    assert mask[truth == truth.max()].max() == 1
    assert mask.sum() > 500


def test_half_maps_of_other_shapes_are_refused():
    with pytest.raises(InvalidInput, match="shape"):
        automatic_mask(
            np.ones((8,) * 3), np.ones((6,) * 3), pixel_size_angstrom=1, diameter_angstrom=4
        )


@pytest.mark.parametrize(
    "changed", [{"low_pass_angstrom": 0}, {"mass_dalton": -1}, {"edge_angstrom": -1}]
)
def test_settings_that_mean_nothing_are_refused(changed):
    with pytest.raises(InvalidInput):
        AutomaticMask(**changed)


def blobs(*parts):
    """A sum of balls `(centre, radius, height)` about the box's centre."""
    at = np.stack(np.meshgrid(*[np.arange(BOX) - BOX // 2] * 3, indexing="ij"))
    density = np.zeros((BOX,) * 3)
    for centre, radius, height in parts:
        away = at - np.reshape(centre, (3, 1, 1, 1))
        density += height * ((away**2).sum(axis=0) <= radius**2)
    return density


@pytest.mark.parametrize(
    "faint",
    [((9, 0, 0), 3.5, 0.5), ((12, 0, 0), 2.5, 1.0)],
    ids=["a faint lobe that touches the core", "a small piece that stands apart"],
)
def test_faint_and_small_parts_of_a_particle_are_kept(faint):
    truth = blobs(((0, 0, 0), 7, 1.0), faint)
    random = np.random.default_rng(1)
    halves = [truth + 0.05 * random.normal(size=truth.shape) for _ in range(2)]
    settings = AutomaticMask(low_pass_angstrom=3.0, grow_angstrom=0.0, edge_angstrom=0.0)
    mask = automatic_mask(*halves, pixel_size_angstrom=1.0, diameter_angstrom=32, settings=settings)
    part = blobs(faint) > 0
    assert mask[part].mean() > 0.8
    assert mask.sum() < 1.5 * (truth > 0).sum()
