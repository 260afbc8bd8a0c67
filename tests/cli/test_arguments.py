"""Parsers: global options merge, errors are brief, help fits the terminal."""

import types

import pytest

from mgit.cli.arguments import closest, family_help, global_parser, overview, verb_parser
from mgit.cli.verbs import VERBS, find

MODULE = types.SimpleNamespace(
    DESCRIPTION="Look closely.\n\n  mgit look   an indented example stays as it is",
    configure=lambda parser: parser.add_argument("-n", type=int, help="how often " * 30),
)


def test_words_after_the_verb_are_left_alone():
    given = global_parser().parse_args(["-C", "x", "log", "--oneline", "--json"])
    assert given.rest == ["log", "--oneline", "--json"]
    assert given.directory == "x"
    assert not hasattr(given, "json")


def test_an_option_absent_after_the_verb_does_not_undo_one_before_it():
    parsed = verb_parser(["look"], MODULE).parse_args(["-n", "2"])
    assert not hasattr(parsed, "json")
    assert verb_parser(["look"], MODULE).parse_args(["--json"]).json


def test_a_wrong_value_names_the_option_and_exits_2(capsys):
    with pytest.raises(SystemExit) as ended:
        verb_parser(["look"], MODULE).parse_args(["-n", "many"])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: argument -n: invalid int value")
    assert lines[1] == "hint: run 'mgit look --help'"


def test_options_are_not_abbreviated():
    with pytest.raises(SystemExit):
        verb_parser(["look"], MODULE).parse_args(["--js"])


@pytest.mark.parametrize(("columns", "widest"), [("60", 60), ("400", 100)])
def test_help_fits_the_terminal(columns, widest, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    text = verb_parser(["look"], MODULE).format_help()
    assert "  mgit look   an indented example stays as it is" in text
    assert max(len(line) for line in text.splitlines()) <= widest


def test_the_overview_fits_eighty_columns():
    assert max(len(line) for line in overview().splitlines()) <= 90


def test_the_family_help_names_its_prefix():
    assert family_help(["source"], find("source")).startswith("usage: mgit source VERB ...")


def test_closest_finds_a_slip_and_not_nonsense():
    assert closest("swich", VERBS) == "switch"
    assert closest("zzzz", VERBS) is None
