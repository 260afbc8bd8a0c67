"""Numbers with units."""

import pytest

from mgit.cli.render.numbers import byte_count, counted, quantity, range_text, rounded, symbol, word


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.23456, "1.23"),
        (40259.6, "40260"),
        (0.00123, "0.00123"),
        (-12.0, "-12"),
        (1e-7, "1.00e-07"),
        (2.5e9, "2.50e+09"),
    ],
)
def test_numbers_are_rounded_for_eyes(value, text):
    assert rounded(value) == text


def test_quantities_have_units():
    assert quantity(3.456, "angstrom") == "3.46 A"
    assert quantity(None, "angstrom") == "-"
    assert quantity(0.1, "1") == "0.1"
    assert symbol("furlong") == "furlong"


def test_ranges_collapse_when_both_ends_agree():
    assert range_text((13100.0, 15900.0), decimals=2, scale=1e4) == "1.31..1.59"
    assert range_text((2.0, 2.0), decimals=1) == "2.0"
    assert range_text((-0.0, 0.0), decimals=1) == "0.0"
    assert range_text(None, decimals=1) == "-"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1540000, "1.54 MB"), (999_999, "1 MB")],
)
def test_bytes_are_in_powers_of_a_thousand(count, text):
    assert byte_count(count) == text


def test_nouns_follow_their_count():
    assert counted(1, "image") == "1 image"
    assert counted(0, "image") == "0 images"
    assert counted(3, "series", "series") == "3 series"
    assert word("needs_reconstruction") == "needs reconstruction"
