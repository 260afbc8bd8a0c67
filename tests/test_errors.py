"""Errors carry a kind, data and a hint; kinds are unique and documented."""

import inspect

import pytest

from mgit import errors
from mgit.errors import InvalidInput, MgitError, NotFound

CLASSES = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, MgitError) and each is not MgitError
]


def test_every_error_is_offered_and_has_a_kind_of_its_own():
    assert {each.__name__ for each in CLASSES} | {"MgitError"} == set(errors.__all__)
    kinds = [each.kind for each in CLASSES]
    assert len(set(kinds)) == len(kinds)
    assert all(kind == kind.lower() and " " not in kind for kind in kinds)


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_is_no_builtin_that_callers_catch_for_other_reasons(error):
    assert not issubclass(error, (ValueError, KeyError, OSError))
    assert error.__doc__


def test_fields_without_a_value_are_left_out_and_shown_otherwise():
    error = InvalidInput("a column is missing", file="x.star", row=None, hint="add it")
    assert error.fields == {"file": "x.star"}
    assert str(error) == "a column is missing (file 'x.star')"
    assert error.hint == "add it"


def test_a_hint_of_one_error_does_not_leak_into_another():
    NotFound("no such thing", hint="look elsewhere")
    assert NotFound("no such thing").hint is None
    assert str(NotFound("no such thing")) == "no such thing"
