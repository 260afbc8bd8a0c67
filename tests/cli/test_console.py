"""Output is aligned text or exactly one JSON document, never both."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.console import Console
from mgit.cli.progress import Progress
from mgit.errors import NotFound


def console(**options):
    made = Console(io.StringIO(), io.StringIO(), **options)
    return made, made._stdout, made._stderr


def test_text_mode_writes_text_and_no_document():
    made, out, _ = console()
    made.out("a line")
    made.json({"a": 1})
    assert out.getvalue() == "a line\n"


def test_json_mode_writes_one_document_and_no_text():
    made, out, _ = console(wants_json=True)
    made.out("a line")
    made.table(["a"], [[1]])
    made.json({"a": [1.5, float("nan"), float("-inf")]})
    assert json.loads(out.getvalue()) == {"a": [1.5, None, None]}


def test_notes_are_silent_when_quiet_and_warnings_are_not():
    made, _, err = console(quiet=True)
    made.note("by the way")
    made.warning("look out")
    assert err.getvalue() == "warning: look out\n"


def test_a_table_aligns_its_columns():
    made, out, _ = console()
    made.table(["name", "items"], [["hiv", 5], ["apoferritin", 1200]], align="lr")
    assert out.getvalue() == "name         items\nhiv              5\napoferritin   1200\n"


def test_an_absent_value_is_a_dash():
    made, out, _ = console()
    made.table(["a", "b"], [[None, "x"]])
    assert out.getvalue().splitlines()[1] == "-  x"


cells = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=90)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_no_cell_is_ever_cut_or_wrapped(rows):
    """An identifier that lost its end would still look like one, whatever the width."""
    made, out, _ = console(width=20)
    made.table(["first", "second"], rows)
    lines = out.getvalue().split("\n")[1:-1]
    assert [tuple(line.split()) for line in lines] == rows


def test_colour_only_where_it_is_wanted():
    plain, _, _ = console()
    assert plain.styled("x", "red") == "x"
    coloured, _, _ = console(colour=True)
    assert coloured.styled("x", "red") == "\x1b[31mx\x1b[0m"


def test_an_error_shows_its_fields_and_its_hint():
    made, out, err = console()
    made.error(NotFound("no such species", species_name="ribo", hint="there is 'ribosome'"))
    assert out.getvalue() == ""
    assert err.getvalue().splitlines() == [
        "error: no such species",
        "  species name: ribo",
        "hint: there is 'ribosome'",
    ]


@pytest.mark.parametrize("wants_json", [True, False])
def test_a_bug_is_called_one(wants_json):
    made, out, err = console(wants_json=wants_json)
    made.bug(KeyError("x"))
    assert "this is a bug in mgit: KeyError: 'x'" in err.getvalue()
    if wants_json:
        assert json.loads(out.getvalue())["error"]["kind"] == "bug"


def test_progress_is_silent_when_quiet():
    made, _, err = console(quiet=True)
    with made.progress("hashing", total=2) as bar:
        bar.advance(2)
    assert err.getvalue() == ""
    assert isinstance(bar, Progress)
