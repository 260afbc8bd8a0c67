"""How the mean map of a species is filtered."""

import numpy as np
import pytest

from mgit.curate.filtered_maps import prepared
from mgit.curate.species_maps import SpeciesMaps
from mgit.errors import InvalidInput, InvalidState
from mgit.state.species import set_maps, set_metrics, update_species_attributes
from tests.curate.species_tables import rows_of, species_of, write_source, write_species

BOX, PIXEL = 32, 3.0


def halves(seed=0):
    """A blob at two places with noise of its own in each half, 1 % of its peak."""
    random = np.random.default_rng(seed)
    z, y, x = np.indices((BOX,) * 3) - BOX // 2
    blob = np.exp(-(x**2 + (y - 2) ** 2 + z**2) / 8) + np.exp(-((x - 3) ** 2 + y**2 + z**2) / 3)
    return tuple((blob + 0.01 * random.normal(size=blob.shape)).astype(np.float32) for _ in "12")


@pytest.fixture
def filled(tree):
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, rows_of(4), maps=SpeciesMaps(half_maps=halves(), pixel_size_angstrom=PIXEL))
    return tree


def made(tree, b_factor=None):
    return prepared(species_of(tree), b_factor_angstrom2=b_factor)


def test_without_curves_they_are_measured_in_an_automatic_mask(filled):
    found = made(filled)
    assert found.measured
    assert len(found.curves.corrected) == len(found.curves.phase_randomised) == BOX // 2
    assert found.curves.frequency[-1] == pytest.approx((BOX // 2 - 1) / (BOX * PIXEL))
    assert not np.array_equal(found.curves.masked, found.curves.unmasked)


def test_a_mask_of_the_species_is_used(filled):
    automatic = made(filled).curves
    mask = np.zeros((BOX,) * 3, np.float32)
    mask[8:24, 8:24, 8:24] = 1
    set_maps(filled, species_of(filled).path, mask=mask)
    own = made(filled).curves
    assert np.array_equal(own.unmasked, automatic.unmasked)
    assert not np.array_equal(own.masked, automatic.masked)


def test_kept_curves_and_the_recorded_resolution_are_taken(filled):
    path = species_of(filled).path
    set_metrics(filled, path, {"fsc": (np.linspace(1, 0, BOX // 2), {})})
    update_species_attributes(filled, path, {"resolution_angstrom": "12.0"})
    found = made(filled)
    assert not found.measured
    assert found.description == "FSC-weighted, low-passed at 12.00 A"
    update_species_attributes(filled, path, {"resolution_angstrom": None})
    assert made(filled).low_pass.resolution_angstrom == pytest.approx(
        BOX * PIXEL / ((1 - 0.143) * (BOX // 2 - 1))
    )


def test_a_given_factor_is_stated_and_a_fit_that_fails_says_why(filled):
    update_species_attributes(filled, species_of(filled).path, {"resolution_angstrom": "20.0"})
    set_metrics(filled, species_of(filled).path, {"fsc": (np.ones(BOX // 2), {})})
    assert made(filled, -100.0).sharpening_description == "B factor -100.0 A^2, as given"
    found = made(filled)
    assert found.b_factor is None
    assert found.sharpening_description.startswith("not sharpened: too few shells")


def test_filtering_removes_what_the_halves_do_not_share(filled):
    first, second = halves()
    found = made(filled)
    filtered = found.filtered((first + second) / 2)
    noise = (first - second) / 2
    corner = (slice(0, 6),) * 3
    assert filtered[corner].std() < 0.5 * noise[corner].std()
    assert filtered.max() == pytest.approx(((first + second) / 2).max(), rel=0.15)


def test_what_cannot_be_filtered_is_refused(filled):
    path = species_of(filled).path
    update_species_attributes(filled, path, {"pixel_size_angstrom": None})
    with pytest.raises(InvalidState, match="known pixel size"):
        made(filled)
    update_species_attributes(filled, path, {"pixel_size_angstrom": "3.0"})
    odd = np.zeros((7, 7, 7), np.float32)
    set_maps(filled, path, half_maps=(odd, odd))
    with pytest.raises(InvalidInput):
        made(filled)
