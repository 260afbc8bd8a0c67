"""FSC curves among the metrics of a species."""

import numpy as np

from mgit.state.fsc_metrics import read_fsc
from mgit.state.species import read_species, set_metrics, update_species_attributes

CURVE = np.array([1.0, 0.5])


def metrics(tree, path, **arrays):
    set_metrics(tree, path, {name: (np.asarray(each), {}) for name, each in arrays.items()})
    return read_fsc(read_species(tree, path))


def test_without_an_axis_shells_are_those_of_the_maps(tree, species_path):
    found = metrics(tree, species_path, fsc=CURVE)  # box 4, 5 A
    assert found.frequency.tolist() == [0.0, 1 / 20]
    assert found.corrected.tolist() == CURVE.tolist()
    assert found.unmasked is found.masked is found.phase_randomised is None


def test_all_curves_are_read_and_one_of_another_length_is_left_out(tree, species_path):
    found = metrics(
        tree,
        species_path,
        fsc=CURVE,
        fsc_frequency=[0.0, 0.25],
        fsc_unmasked=CURVE / 2,
        fsc_masked=[1.0, 0.5, 0.25],
        fsc_phase_randomised=CURVE / 4,
    )
    assert found.frequency.tolist() == [0.0, 0.25]
    assert found.unmasked.tolist() == [0.5, 0.25]
    assert found.masked is None
    assert found.phase_randomised.tolist() == [0.25, 0.125]


def test_no_curve_without_points_or_axis(tree, species_path):
    assert metrics(tree, species_path) is None
    assert metrics(tree, species_path, fsc=[1.0]) is None
    assert metrics(tree, species_path, fsc=np.ones((2, 2))) is None
    update_species_attributes(tree, species_path, {"pixel_size_angstrom": None})
    assert metrics(tree, species_path, fsc=CURVE) is None
