import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.exchange.star import parse_star
from mgit.exchange.star_format import format_like, format_vector, quote_text, spell, write_star

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TOKENS = st.sampled_from([b"1", b"-3", b"0.000000", b"-56.99850", b"1.5e+05", b"2.", b"abc", b".5"])


@pytest.mark.parametrize(
    ("token", "value", "text"),
    [
        (b"1776.506664", 12.25, "12.250000"),
        (b"-56.99850", 3.0, "3.00000"),
        (b"7", 8.0, "8"),
        (b"7", 8.5, "8.5"),
        (b"1.234560e+05", 2.5e5, "2.500000e+05"),
        (b"0.000000", 1e-9, "1e-09"),
        (b"0.000000", -0.0, "0.000000"),
        (b"1.000", 1234.5678, "1234.5678"),
        (b"1.000", 0.12345, "0.12345"),
        (b"None", 0.5, "0.5"),
    ],
)
def test_a_number_takes_the_spelling_of_its_cell(token, value, text):
    assert format_like(token, value) == text


@given(TOKENS, FINITE)
def test_no_spelling_loses_a_bit(token, value):
    assert float(format_like(token, value)) == value


def test_what_is_not_finite_is_spelt_out():
    assert math.isnan(float(format_like(b"1.0", math.nan)))
    assert float(format_like(b"1", -math.inf)) == -math.inf


@given(st.lists(FINITE, min_size=1, max_size=5))
def test_vectors_are_read_back_exactly(values):
    content = f"data_t\n_v {format_vector(values)}\n".encode()
    assert parse_star(content, name="x").table("t").vectors("v")[0].tolist() == values


def test_whole_numbers_have_no_point():
    assert [spell(640.0), spell(-1.0), spell(0.5)] == ["640", "-1", "0.5"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("a b", '"a b"'), ("", '""'), ("_x", '"_x"'), ("data_1", '"data_1"'), ('a "b', "'a \"b'")],
)
def test_text_is_quoted_only_if_it_must_be(text, value):
    assert quote_text(text) == value
    assert quote_text("TS_01") == "TS_01"


@pytest.mark.parametrize("text", ["a\nb", 'it\'s "both"'])
def test_text_that_no_quote_can_hold_is_refused(text):
    with pytest.raises(InvalidInput, match="text value holds"):
        quote_text(text)


def test_lists_and_loops_are_written():
    content = write_star(
        [("", {"a": ["1"]}, False), ("t", {"x": ["1", "20"], "y": ["a", "b"]}, True)], comment="c"
    )
    document = parse_star(content, name="x")
    assert document.table("").text("a") == "1"
    assert document.table("t").floats("x").tolist() == [1, 20]


def test_a_block_name_with_a_blank_is_refused():
    with pytest.raises(InvalidInput, match="block's name"):
        write_star([("a b", {"x": ["1"]}, True)], comment="c")
