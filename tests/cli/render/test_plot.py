"""FSC curves in block characters."""

import pytest

from mgit.cli.render.plot import LEFT, fsc_lines


def drawn(values, **options):
    frequency = [index / 10 for index in range(len(values))]
    return fsc_lines(frequency, values, **options)


def column(lines, position, height):
    return "".join(line.ljust(200)[LEFT + position] for line in lines[:height])


def test_one_fills_the_height_and_zero_leaves_it_empty():
    lines = drawn([1.0, 1.0, 0.0, 0.0], width=4, height=4)
    assert column(lines, 0, 4) == "████"
    assert "█" not in column(lines, 3, 4)


def test_the_criterion_is_dotted():
    lines = drawn([1.0, 0.0, 0.0, 0.0], width=8, height=8)
    (dotted,) = [line for line in lines if "·" in line]
    assert dotted.strip().startswith("0.143")


def test_values_outside_are_cut():
    lines = drawn([1.5, 1.5, -0.5, -0.5], width=4, height=2)
    assert column(lines, 0, 2) == "██"
    assert "█" not in column(lines, 3, 2)


def test_the_axis_is_in_inverse_angstrom_with_resolutions_below():
    *_, upper, lower = drawn([1.0, 0.5, 0.25, 0.1, 0.0], width=40)
    assert upper.split() == ["0", "0.1", "0.2", "0.3", "0.4", "1/A"]
    assert lower.split() == ["10", "5", "3.33", "2.5", "A"]


@pytest.mark.parametrize("shells", [2, 7, 300])
def test_any_number_of_shells_gives_the_same_size(shells):
    lines = drawn([1.0] * shells, width=20, height=5)
    assert len(lines) == 5 + 3
    assert column(lines, 19, 5) == "█████"
