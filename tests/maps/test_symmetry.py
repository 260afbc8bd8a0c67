"""Point groups obey the group laws and have their axes where RELION has them."""

import re
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput, Unsupported
from mgit.maps.symmetry import Helix, distinct, helical_operators, is_on_grid, point_group

ORDERS = {
    **{f"C{n}": n for n in (1, 2, 3, 4, 7, 13)},
    **{f"D{n}": 2 * n for n in (1, 2, 3, 7)},
    "T": 12,
    "O": 24,
    "I": 60,
    "I1": 60,
    "I2": 60,
    "I3": 60,
    "I4": 60,
}
GOLDEN = (1 + 5**0.5) / 2

# (group, axis, order of the rotation about it): RELION's settings.
AXES = [
    ("C5", (0, 0, 1), 5),
    ("D5", (0, 0, 1), 5),
    ("D5", (1, 0, 0), 2),
    ("T", (0, 0, 1), 3),
    ("T", (0, 2**0.5, 1), 2),
    ("O", (0, 0, 1), 4),
    ("O", (1, 1, 1), 3),
    ("I1", (1, 0, 0), 2),
    ("I1", (GOLDEN, 0, -1), 5),
    ("I2", (0, 0, 1), 2),
    ("I2", (1, 0, GOLDEN), 5),
    ("I2", (0, 1, GOLDEN**2), 3),
    ("I3", (0, 0, 1), 5),
    ("I3", (-1, 0, GOLDEN), 2),
    ("I4", (1, 0, GOLDEN), 2),
    ("I4", (2, 0, 1), 5),
]


def same(a, b, tolerance=1e-12):
    """Whether two lists of operators are equal as sets."""
    apart = np.abs(a[:, None] - b[None]).max((2, 3))
    return len(a) == len(b) and apart.min(0).max() < tolerance and apart.min(1).max() < tolerance


def turned(axis, order):
    axis = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = 2 * np.pi / order
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_a_group_has_its_order_and_starts_with_the_identity(name, order):
    operators = point_group(name)
    assert operators.shape == (order, 3, 3)
    assert np.array_equal(operators[0], np.eye(3))
    assert len(distinct(operators)) == order


@pytest.mark.parametrize("name", ORDERS)
def test_operators_are_rotations(name):
    operators = point_group(name)
    assert np.abs(operators @ operators.transpose(0, 2, 1) - np.eye(3)).max() < 1e-14
    assert np.abs(np.linalg.det(operators) - 1).max() < 1e-14


@pytest.mark.parametrize("name", ORDERS)
def test_a_group_is_closed_and_holds_every_inverse(name):
    operators = point_group(name)
    assert same(operators.transpose(0, 2, 1), operators)
    for operator in operators[:7]:
        assert same(operator @ operators, operators)


@pytest.mark.parametrize(("name", "axis", "order"), AXES)
def test_axes_stand_where_relion_has_them(name, axis, order):
    operators = point_group(name)
    apart = np.abs(operators - turned(axis, order)).max((1, 2))
    assert apart.min() < 1e-12
    finer = np.abs(operators - turned(axis, 2 * order)).max((1, 2))
    assert finer.min() > 0.01


def test_the_four_icosahedral_settings_differ():
    settings = [point_group(f"I{n}") for n in (1, 2, 3, 4)]
    pairs = [(a, b) for a in range(4) for b in range(a)]
    assert not any(same(settings[a], settings[b], 1e-3) for a, b in pairs)
    assert same(point_group("I"), settings[1])


def test_names_may_be_in_any_case():
    assert np.array_equal(point_group("o"), point_group("O"))
    assert np.array_equal(point_group(" d7 "), point_group("D7"))


@pytest.mark.parametrize("name", ["", "C", "C0", "E3", "I5", "O2", "C1.5", "D-2", "C900"])
def test_a_name_that_is_no_group_is_refused(name):
    with pytest.raises(InvalidInput):
        point_group(name)


@pytest.mark.parametrize("name", ["CI", "CS", "C3V", "D2H", "TD", "TH", "OH", "IH", "I2H", "S4"])
def test_groups_with_mirrors_are_refused_by_name(name):
    with pytest.raises(Unsupported, match=name):
        point_group(name)


def test_only_operators_that_keep_the_grid_need_no_interpolation():
    assert all(map(is_on_grid, point_group("O")))
    assert [is_on_grid(operator) for operator in point_group("C8")] == [True, False] * 4
    assert sum(map(is_on_grid, point_group("I2"))) == 12


@given(st.floats(-180, 180), st.floats(-20, 20), st.integers(1, 12))
def test_units_of_a_helix_follow_each_other_by_twist_and_rise(twist, rise, units):
    rotations, shifts = helical_operators(
        Helix(twist_degrees=twist, rise_angstrom=rise, units=units)
    )
    assert len(rotations) == units
    assert np.array_equal(rotations[(units - 1) // 2], np.eye(3))
    step = np.deg2rad(twist)
    for before, after in pairwise(rotations):
        between = after @ before.T
        assert np.allclose(between[:2, 0], [np.cos(step), np.sin(step)], atol=1e-12)
    assert np.allclose(np.diff(shifts, axis=0), [0, 0, rise])


def test_a_helix_without_units_is_refused():
    with pytest.raises(InvalidInput):
        Helix(twist_degrees=30, rise_angstrom=5, units=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ORDERS)
def test_operators_equal_those_that_relion_prints(name):
    program = shutil.which("relion_refine")
    if program is None:
        pytest.skip("relion_refine is not installed")
    printed = subprocess.run(
        [program, "--sym", name, "--print_symmetry_ops"], capture_output=True, text=True, check=True
    ).stdout
    blocks = re.split(r"R\(\d+\)=", printed)[1:]
    rows = [[line.split() for line in block.strip().splitlines()[:3]] for block in blocks]
    # It prints six digits and builds on axes given to ten or fewer.
    assert same(np.array(rows, dtype=float), point_group(name), 1e-5)
