"""FSC curves: where they fall, what their axis is."""

import numpy as np
import pytest

from mgit.state.species import read_species, set_metrics
from mgit.survey.curves import FscCurve, crossing, fsc_curve
from tests.survey.populations import SPECIES, commit


def test_the_crossing_is_interpolated_between_shells():
    frequency = np.array([0.0, 0.1, 0.2])
    assert crossing(frequency, np.array([1.0, 0.643, 0.143 - 0.5]), 0.143) == pytest.approx(0.15)


def test_a_curve_that_never_falls_or_starts_below_has_no_crossing():
    frequency = np.array([0.0, 0.1])
    assert crossing(frequency, np.array([1.0, 0.9]), 0.143) is None
    assert crossing(frequency, np.array([0.0, 0.0]), 0.143) is None


def test_the_resolution_is_the_inverse_of_the_crossing():
    curve = FscCurve(frequency=np.array([0.0, 0.1, 0.2]), correlation=np.array([1.0, 0.143, 0.0]))
    assert curve.resolution_angstrom() == pytest.approx(10.0)


def test_shells_count_from_box_and_pixel_size(repository):
    curve = fsc_curve(read_species(repository.snapshot("HEAD"), SPECIES))
    assert curve.frequency.tolist() == [0.0, 0.05, 0.1]


def test_an_axis_of_its_own_goes_first(repository):
    def edit(writer):
        axis = np.array([0.0, 0.2, 0.4])
        set_metrics(writer, SPECIES, {"fsc": (axis[::-1].copy(), {}), "fsc_frequency": (axis, {})})

    commit(repository, edit)
    assert fsc_curve(read_species(repository.snapshot("HEAD"), SPECIES)).frequency[-1] == 0.4


def test_without_a_curve_there_is_none(repository):
    commit(repository, lambda writer: set_metrics(writer, SPECIES, {}))
    assert fsc_curve(read_species(repository.snapshot("HEAD"), SPECIES)) is None
