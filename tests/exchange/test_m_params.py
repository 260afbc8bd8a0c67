"""M's files are self-made after the documented layout; no program wrote them."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.exchange.m_params import guid, open_params, references, render

GUID = "01234567-89ab-cdef-0123-456789abcdef"
PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]))


@given(st.dictionaries(PRINTABLE.filter(bool), PRINTABLE, max_size=5))
def test_rendered_parameters_are_read_back(values):
    params = open_params(render("R", values, []), "r", "R")
    assert params.texts == values


def test_the_layout_is_the_documented_one():
    content = render("R", {"A": "1"}, [("Gs", "G", [{"GUID": GUID, "Path": "a&b"}])])
    root = ElementTree.fromstring(content)
    assert [child.tag for child in root] == ["Param", "Gs"]
    assert root.find("Gs/G").attrib == {"GUID": GUID, "Path": "a&b"}
    assert b'\n\t<Param Name="A" Value="1" />\n\t<Gs>\n\t\t<G ' in content


def test_values_have_types():
    values = {"N": "1.5", "I": "7", "F": "True", "V": "1,2,3", "GUID": GUID.upper()}
    params = open_params(render("R", values, []), "r", "R")
    assert (params.number("N"), params.integer("I"), params.flag("F")) == (1.5, 7, True)
    assert params.vector("V", (0.0, 0.0, 0.0)) == (1.0, 2.0, 3.0)
    assert guid(params) == GUID
    assert (params.number("X", 2.0), params.text("X", "y")) == (2.0, "y")
    assert params.vector("X", (1.0,)) == (1.0,)


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ({}, lambda p: p.text("N")),
        ({"N": "x"}, lambda p: p.number("N")),
        ({"N": "NaN"}, lambda p: p.number("N")),
        ({"N": "1.5"}, lambda p: p.integer("N")),
        ({"N": "1"}, lambda p: p.flag("N")),
        ({"N": "1,2"}, lambda p: p.vector("N", (0.0, 0.0, 0.0))),
        ({"GUID": "123"}, guid),
    ],
)
def test_wrong_values_are_refused_by_file(values, read):
    params = open_params(render("R", values, []), "some.file", "R")
    with pytest.raises(InvalidInput) as caught:
        read(params)
    assert caught.value.fields["file"] == "some.file"


@pytest.mark.parametrize(
    "content",
    [
        b"<R><Param Name='A' Value='1'/><Param Name='A' Value='2'/></R>",
        b"<R><Param Name='A'/></R>",
        b"<S/>",
        b"<R>",
    ],
)
def test_wrong_files_are_refused(content):
    with pytest.raises(InvalidInput):
        open_params(content, "r", "R")


@pytest.mark.parametrize(
    "inner",
    [
        "<G GUID='1' Path='a'/>",
        f"<G GUID='{GUID}'/>",
        f"<H GUID='{GUID}' Path='a'/>",
        f"<G GUID='{GUID}' Path='a'/><G GUID='{GUID}' Path='b'/>",
    ],
)
def test_wrong_references_are_refused(inner):
    params = open_params(f"<R><Gs>{inner}</Gs></R>".encode(), "r", "R")
    with pytest.raises(InvalidInput):
        references(params.document, "Gs", "G", "Path")


def test_control_characters_are_not_written():
    with pytest.raises(InvalidInput, match="characters"):
        render("R", {"A": "\x00"}, [])
