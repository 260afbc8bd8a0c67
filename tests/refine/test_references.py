"""How far the maps of a species are believed, and the references that they become."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.maps.fsc import half_map_fsc
from mgit.maps.masks import soft_sphere
from mgit.refine.reconstruct_species import FSC_SEED
from mgit.refine.references import (
    REFERENCE_ANGSTROM,
    Density,
    known_resolution,
    reference_set,
)
from tests.maps.phantom import handed_phantom

BOX, PIXEL = 24, 5.0


def density(*, noise=1.0, box=BOX, external=False, seed=0):
    """Two half-maps of a phantom with noise of their own."""
    random = np.random.default_rng(seed)
    map_ = handed_phantom(reach=4.0).density(BOX)
    first, second = (
        (map_ + noise * map_.std() * random.normal(size=map_.shape)).astype(np.float32)
        for _ in range(2)
    )
    return Density(
        species="made",
        first=first,
        second=first if external else second,
        mask=soft_sphere(BOX, diameter_voxel=14, edge_voxel=4),
        pixel_size_angstrom=PIXEL,
        diameter_angstrom=60.0,
        box=box,
        external=external,
    )


def test_half_maps_are_believed_as_far_as_their_fsc_says_and_shells_by_its_value():
    halves = density()
    fsc = half_map_fsc(halves.first, halves.second, mask=halves.mask, seed=FSC_SEED)
    known = known_resolution(halves)
    assert known.resolution_angstrom == fsc.resolution_angstrom(PIXEL)
    assert 2 * PIXEL < known.resolution_angstrom < BOX * PIXEL
    assert np.array_equal(known.profile, np.maximum(0, fsc.corrected))
    assert known_resolution(density(noise=3.0)).resolution_angstrom > known.resolution_angstrom


@pytest.mark.parametrize(
    ("override", "limit", "expected"),
    [(17.0, None, 17.0), (None, 60.0, 60.0), (17.0, 30.0, 30.0), (1.0, None, 2 * PIXEL)],
)
def test_an_override_replaces_and_a_limit_coarsens_but_nothing_passes_nyquist(
    override, limit, expected
):
    known = known_resolution(density(), override=override, limit=limit)
    assert known.resolution_angstrom == expected


@pytest.mark.parametrize(
    ("override", "limit", "expected"),
    [(None, None, REFERENCE_ANGSTROM), (None, 25.0, 25.0), (12.0, None, 12.0), (12.0, 30.0, 30.0)],
)
def test_one_imported_map_says_nothing_of_itself(override, limit, expected):
    known = known_resolution(density(external=True), override=override, limit=limit)
    assert known.resolution_angstrom == expected
    assert known.profile is None


def test_references_have_nyquist_where_the_maps_are_believed():
    halves = density()
    known = known_resolution(halves, limit=24.0)
    found = reference_set(halves, known)
    assert found.species == "made"
    assert found.references.pixel_size_angstrom == pytest.approx(12.0, rel=0.2)
    assert found.box_angstrom == pytest.approx(BOX * PIXEL, rel=0.01)
    assert not np.array_equal(found.half(1), found.half(2))


def test_a_larger_box_samples_the_same_reference_more_finely():
    small, large = density(), density(box=2 * BOX)
    known = known_resolution(small, limit=20.0)
    a, b = (reference_set(each, known).references for each in (small, large))
    assert b.box * b.pixel_size_angstrom == pytest.approx(2 * BOX * PIXEL, rel=0.01)
    coarse, fine = np.abs(a.first[0, 0, :6]), np.abs(b.first[0, 0, :12:2])
    # Both are the transform of one density at the same frequencies, but for resampling.
    assert np.corrcoef(coarse, fine)[0, 1] > 0.99


def test_shells_of_noise_are_weighed_down():
    halves = density(noise=2.0)
    known = known_resolution(halves, override=2 * PIXEL)
    weighed = reference_set(halves, known).references.first
    plain = reference_set(halves, replace(known, profile=None)).references.first
    edge, middle = (np.s_[0, 0, 2 * BOX // 2 - 6 :], np.s_[0, 0, 1:4])
    kept = [np.abs(weighed[at]).sum() / np.abs(plain[at]).sum() for at in (edge, middle)]
    assert kept[0] < 0.5 * kept[1]
