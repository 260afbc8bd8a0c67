import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.exchange.star import parse_star


def column(*values):
    content = "data_t\nloop_\n_x\n_y\n" + "".join(f"{value} 0\n" for value in values)
    return parse_star(content.encode(), name="t.star").table("t").values("x")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1", "-2", "30"), "i"),
        (("1", "2.5"), "f"),
        (("1e3", "-2.E-4"), "f"),
    ],
)
def test_numbers_take_the_narrowest_type(values, kind):
    found = column(*values)
    assert isinstance(found, np.ndarray)
    assert found.dtype.kind == kind
    assert found.tolist() == [float(value) for value in values]


@pytest.mark.parametrize(
    "values",
    [
        ("a", "1"),
        ("001", "002"),
        ("+1", "2"),
        ("2021-05-31", "1"),
        ("-", "1"),
        ("[1,2]", "[3]"),
        ("123456789012345678901", "1"),
        ("9" * 80, "1"),
    ],
)
def test_what_would_lose_characters_as_a_number_stays_text(values):
    assert column(*values) == values


def test_quotes_do_not_belong_to_a_value():
    assert column('"a b"', "'c'") == ("a b", "c")


def test_not_a_number_is_a_number():
    content = b"data_t\nloop_\n_x\nnan\n-inf\n1\n"
    found = parse_star(content, name="t").table("t").floats("x")
    assert np.isnan(found[0])
    assert found[1] == -np.inf


def test_a_column_that_must_be_finite_names_its_row():
    table = parse_star(b"data_t\nloop_\n_x\n1\ninf\n", name="t.star").table("t")
    with pytest.raises(InvalidInput, match="not finite") as caught:
        table.finite("x", hint="remove the row")
    assert (caught.value.fields["line"], caught.value.hint) == (5, "remove the row")


def test_single_values_equal_whole_columns():
    content = b"data_t\nloop_\n_x\n_y\n1.25 'a b'\n-3 c\n"
    table = parse_star(content, name="t").table("t")
    assert [table.number("x", row) for row in range(2)] == table.floats("x").tolist()
    assert tuple(table.text("y", row) for row in range(2)) == table.strings("y")
    assert table.token("y", 0) == b"'a b'"
    assert [table.line(row) for row in range(2)] == [5, 6]
    assert "x" in table
    assert "z" not in table
