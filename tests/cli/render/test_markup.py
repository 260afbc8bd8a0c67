"""Escaping: whatever a name is, it stays text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.render.markup import Markup, element, joined, name_of, text
from tests.cli.render.pages import Page

HOSTILE = ("</p><script>alert(1)</script>", '" onload="x', "&lt;", "<!--", "]]>", "a\x00b\x1b[31m")


@given(st.text(), st.text())
def test_any_text_is_read_back_as_text_and_makes_no_element(child, attribute):
    page = Page(element("p", child, title=attribute))
    expected = text(child)
    assert page.tags() == {"p"}
    assert Page(f"<p>{expected}</p>").text == page.text
    clean = all(each.isprintable() for each in child + attribute)
    if clean:
        assert page.text == child
        assert page.elements == [("p", {"title": attribute})]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_names_stay_names(value):
    page = Page(element("main", name_of(value), title=value))
    assert page.tags() == {"main", "bdi"}
    assert page.text == value.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")


def test_lone_surrogates_can_be_encoded():
    assert text("a\udcff").encode("utf-8").decode() == "a\ufffd"


def test_markup_is_not_escaped_twice():
    inner = element("b", "a & b")
    assert joined(inner, "<") == "<b>a &amp; b</b>&lt;"
    assert isinstance(joined(inner), Markup)


def test_names_of_attributes_are_those_of_html():
    made = element("img", class_="x", data_name="1", alt=None, viewBox="0 0 1 1")
    assert made == '<img class="x" data-name="1" viewBox="0 0 1 1">'
