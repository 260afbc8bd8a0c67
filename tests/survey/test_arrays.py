"""Statistics of arrays."""

import numpy as np
import pytest

from mgit.survey.arrays import array_summary, unit_of
from mgit.testing.memory import MemoryTree


def summary(values, path="notes/numbers", **attributes):
    tree = MemoryTree()
    tree.set_array(path, values, attributes=attributes)
    return array_summary(path, tree.array(path))


def test_numbers_have_statistics():
    found = summary(np.array([3.0, -1.0, 1.0, 1.0]))
    assert (found.minimum, found.maximum, found.mean) == (-1.0, 3.0, 1.0)
    assert found.rms == pytest.approx(3**0.5)
    assert not found.constant
    assert summary(np.ones(3)).constant


def test_an_empty_array_has_none():
    assert summary(np.zeros((0, 3))).minimum is None


def test_the_schema_gives_unit_and_meaning():
    found = summary(np.zeros(4), path="x/defocus")
    assert found.unit == "angstrom"
    assert "underfocus" in found.meaning


def test_a_unit_may_be_an_attribute_and_a_pure_number_has_none():
    tree = MemoryTree()
    tree.set_array("image_deformation", np.zeros((2, 4)), attributes={"unit": "angstrom"})
    tree.set_array("ctf_scale", np.zeros(2))
    assert unit_of("image_deformation", tree.array("image_deformation")) == "angstrom"
    assert unit_of("ctf_scale", tree.array("ctf_scale")) == ""
