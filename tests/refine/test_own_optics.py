"""Particles whose optics are not those of their series."""

import numpy as np
import pytest

from mgit.errors import InvalidState, Unsupported
from mgit.refine.own_optics import groups_with_own_terms, with_own_terms
from tests.refine.problems import simulated
from tests.refine.test_discs import with_optics

TILT = {"group": 2, "beam_tilt_x_milliradian": "0.4", "own_terms": ["beam_tilt_x_milliradian"]}
ROWS = np.array([1, 2, 4, 5])


class Species:
    name = "made"

    def __init__(self, *groups):
        self.attributes = {"optics_groups": groups}


class Columns:
    def __init__(self, *groups):
        self.passthrough = {"rlnOpticsGroup": np.array(groups, np.float64)} if groups else {}


def parts_of(species, columns):
    found = groups_with_own_terms(species, columns, ROWS)
    return [(rows.tolist(), dict(own)) for rows, own in found]


def test_without_own_terms_there_is_one_part():
    assert parts_of(Species({"group": 1}, {"group": 2}), Columns()) == [([1, 2, 4, 5], {})]


def test_particles_are_put_apart_by_their_groups_and_equal_terms_stay_together():
    species = Species({"group": 1}, TILT, {"group": 3})
    parts = parts_of(species, Columns(1, 2, 1, 3, 2, 1))
    assert parts == [([2, 5], {}), ([1, 4], {"beam_tilt_x_milliradian": "0.4"})]


def test_a_single_group_needs_no_column():
    assert parts_of(Species(TILT), Columns()) == [
        ([1, 2, 4, 5], {"beam_tilt_x_milliradian": "0.4"})
    ]


@pytest.mark.parametrize("columns", [Columns(), Columns(1, 7, 1, 1, 1, 1)])
def test_particles_of_unknown_groups_are_refused(columns):
    with pytest.raises(InvalidState, match="optics group"):
        parts_of(Species({"group": 1}, TILT), columns)


def test_every_term_replaces_that_of_the_series():
    series = simulated().data
    own = {
        "zernike_odd": ["0.5"] * 12,
        "zernike_even": ["0.25"] * 8,
        "magnification": ["1.01", "0.0", "0.0", "0.99"],
        "voltage_kilovolt": "200.0",
        "spherical_aberration_millimetre": "1.4",
        "amplitude_contrast": "0.1",
        "beam_tilt_y_milliradian": "-0.2",
        "phase_shift_degree": "30.0",
    }
    found = with_own_terms(series, own)
    assert found.optics["zernike_odd"].tolist() == [0.5] * 12
    assert found.optics["zernike_even"].tolist() == [0.25] * 8
    assert found.optics["magnification"].tolist() == [[1.01, 0], [0, 0.99]]
    assert found.microscope.voltage_kilovolt == 200
    assert found.microscope.spherical_aberration_millimetre == 1.4
    assert found.microscope.amplitude_contrast == 0.1
    assert found.beam_tilt_milliradian == (0.0, -0.2)
    assert found.optic("phase_shift").tolist() == [30.0] * 5
    assert with_own_terms(series, {}) is series


def test_a_phase_shift_that_may_be_counted_already_is_refused_by_name():
    series = with_optics(simulated().data, phase_shift=np.full(5, 20.0))
    with pytest.raises(Unsupported) as error:
        with_own_terms(series, {"phase_shift_degree": "30.0"})
    assert error.value.fields["term"] == "phase_shift_degree"
    with pytest.raises(Unsupported):
        with_own_terms(series, {"detector_distortion": "1"})
