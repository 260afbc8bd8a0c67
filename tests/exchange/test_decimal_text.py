import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.exchange.decimal_text import attribute_text, to_float, to_text

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200)


@given(FINITE, st.sampled_from([1, 180, 10_000]))
def test_what_is_written_is_read_back_to_the_last_bit(value, factor):
    assert struct.pack("d", to_float(to_text(value, factor), factor)) == struct.pack("d", value)


@given(FINITE)
def test_numbers_are_written_without_exponent(value):
    assert "e" not in to_text(value).lower()


def test_units_are_converted_exactly():
    assert to_float("0.1", 10_000) == 1000.0
    assert to_float("0.5", 180) == 90.0
    assert to_text(15701.942, 10_000) == "1.5701942"


def test_a_decimal_comma_is_a_point():
    assert to_float("-85,60053") == -85.60053


@pytest.mark.parametrize(
    "text",
    ["", "NaN", "inf", "-Infinity", "1_000", "0x10", "1.2.3", "1,000.5", "1,2,3", "1e999", "∞"],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"number|float64"):
        to_float(text)


def test_what_is_not_finite_cannot_be_written():
    with pytest.raises(ValueError, match="finite"):
        to_text(float("nan"))


@given(FINITE)
def test_attributes_hold_the_float64(value):
    assert float(attribute_text(value)) == value
