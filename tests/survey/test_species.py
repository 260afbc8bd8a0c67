"""Summaries of species."""

import numpy as np
import pytest

from mgit.state.species import read_species, set_metrics, update_species_attributes
from mgit.survey.species import species_summary
from tests.survey.populations import SPECIES, commit


def summary(repository):
    return species_summary(read_species(repository.snapshot("HEAD"), SPECIES))


def test_particles_half_sets_and_series_are_counted(repository):
    found = summary(repository)
    assert (found.particles, found.half_sets, found.items) == (10, (5, 5), 2)
    assert (found.box_px, found.pixel_size_angstrom) == (4, 5.0)
    assert found.maps == ("half_map_1", "half_map_2", "mask")
    assert [each.path for each in found.documents] == ["particles.star"]


def test_the_resolution_comes_from_the_attribute_then_the_metric_then_the_curve(repository):
    measured = summary(repository).resolution
    assert measured.origin == "fsc"
    assert 1 / 0.1 < measured.angstrom < 1 / 0.05
    metric = {"resolution_angstrom": (np.array(8.5), {})}
    commit(repository, lambda writer: set_metrics(writer, SPECIES, metric))
    assert (summary(repository).resolution.angstrom, summary(repository).resolution.origin) == (
        8.5,
        "metric",
    )
    stated = {"resolution_angstrom": "7.25"}
    commit(repository, lambda writer: update_species_attributes(writer, SPECIES, stated))
    assert summary(repository).resolution.angstrom == 7.25


@pytest.mark.parametrize("flag", ["needs_reconstruction", "needs_refinement"])
def test_flags_that_are_set_are_listed(repository, flag):
    assert summary(repository).flags == ()
    commit(repository, lambda writer: update_species_attributes(writer, SPECIES, {flag: True}))
    assert summary(repository).flags == (flag,)


def test_a_b_factor_among_the_metrics_is_told(repository):
    assert summary(repository).b_factor_angstrom2 is None
    for value, told in ((np.array(-87.25), -87.25), (np.array([-87.25]), None)):
        metric = {"b_factor_angstrom2": (value, {})}
        commit(repository, lambda writer, metric=metric: set_metrics(writer, SPECIES, metric))
        assert summary(repository).b_factor_angstrom2 == told
