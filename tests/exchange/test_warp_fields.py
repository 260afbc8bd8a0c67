import numpy as np
import pytest

from mgit.errors import InvalidInput, InvalidState, Unsupported
from mgit.exchange.records import GridValues
from mgit.exchange.warp_fields import (
    Flag,
    NumberAttribute,
    NumberListAttribute,
    Scope,
    SeriesGrid,
    TiltFlags,
    TiltGrid,
    TiltList,
)
from mgit.exchange.xml_document import parse_xml

CONTENT = (
    b'<T W="0.50" D="1, 2, 3" Z="0, 0, 0" F="True"><L>1\n 2.0 \n3</L><U>True\nfalse\nTRUE</U>'
    b'<G Width="1" Height="1" Depth="3" MarginX="0" MarginY="0" MarginZ="0">'
    b'<Node X="0" Y="0" Z="0" Value="1.0"/><Node X="0" Y="0" Z="1" Value="2"/>'
    b'<Node X="0" Y="0" Z="2" Value="3"/></G>'
    b'<N Width="1" Height="1" Depth="1"><Node X="0" Y="0" Z="0" Value="1"/></N></T>'
)
FIELDS = [
    (TiltList("L", "l"), "l", [1.0, 2.0, 3.0]),
    (TiltFlags("U", "u"), "u", [True, False, True]),
    (TiltGrid("G", "g"), "g", [1.0, 2.0, 3.0]),
    (TiltGrid("N", "n", factor=180), "n", [180.0] * 3),
]


def scope(content=CONTENT):
    return Scope(document=parse_xml(content, "t.xml"), tilts=3)


@pytest.mark.parametrize(("field", "name", "expected"), FIELDS)
def test_a_field_reads_one_value_per_tilt(field, name, expected):
    assert field.read(scope())[name].values.tolist() == expected


@pytest.mark.parametrize(("field", "name", "_"), FIELDS)
def test_what_a_field_writes_it_reads(field, name, _):
    values = np.array([True, True, False]) if name == "u" else np.array([1.0, -2.25, 3.0])
    before = scope()
    edits = field.write(before, {name: GridValues(values=values)})
    after = scope(before.document.apply(edits))
    assert field.read(after)[name].values.tolist() == values.tolist()


@pytest.mark.parametrize(("field", "name", "_"), FIELDS)
def test_a_field_without_change_makes_no_edit(field, name, _):
    assert field.write(scope(), field.read(scope())) == []


@pytest.mark.parametrize(("field", "name", "_"), FIELDS)
def test_another_number_of_tilts_is_refused(field, name, _):
    for values in ({}, {name: GridValues(values=np.zeros(4))}, {name: "1"}):
        with pytest.raises(InvalidState):
            field.write(scope(), values)


def test_white_space_around_a_changed_line_stays():
    before = scope()
    edits = TiltList("L", "l").write(before, {"l": GridValues(values=np.array([1.0, 5.0, 3.0]))})
    assert b"<L>1\n 5 \n3</L>" in before.document.apply(edits)


def test_attributes_are_decimal_strings():
    assert NumberAttribute("W", "w").read(scope()) == {"w": "0.5"}
    assert NumberListAttribute("D", "d", length=3).read(scope()) == {"d": ["1.0", "2.0", "3.0"]}
    assert NumberListAttribute("Z", "d", length=3).read(scope()) == {}
    assert Flag("F", "f", when_true=-1, when_false=1).read(scope()) == {"f": -1}
    with pytest.raises(InvalidInput, match="2 numbers"):
        NumberListAttribute("D", "d", length=2).read(scope())
    with pytest.raises(InvalidInput, match="missing"):
        Flag("X", "f", when_true=-1, when_false=1).read(scope())


def test_attributes_are_written():
    before = scope()
    edits = NumberAttribute("W", "w").write(before, {"w": "1e-05"})
    edits += NumberListAttribute("D", "d", length=3).write(before, {"d": ["4.0", "5.0", "6.5"]})
    edits += Flag("F", "f", when_true=-1, when_false=1).write(before, {"f": 1})
    head = before.document.apply(edits).split(b">")[0]
    assert head == b'<T W="0.00001" D="4, 5, 6.5" Z="0, 0, 0" F="False"'
    for field in (NumberAttribute("W", "w"), NumberListAttribute("D", "w", length=3)):
        with pytest.raises(InvalidState):
            field.write(before, {"w": 1})


def test_a_lone_node_means_what_the_field_says():
    assert SeriesGrid("N", "n", neutral=1.0).read(scope()) == {}
    assert SeriesGrid("N", "n").read(scope())["n"].values.tolist() == [[[1.0]]]
    assert SeriesGrid("N", "n", lone_node="superseded").read(scope()) == {}
    with pytest.raises(Unsupported):
        SeriesGrid("N", "n", lone_node="ignored").read(scope())
    assert SeriesGrid("X", "x", required=False).read(scope()) == {}
    with pytest.raises(InvalidInput):
        SeriesGrid("X", "x").read(scope())


def test_grids_of_other_axes_are_not_written():
    with pytest.raises(InvalidState, match="axes"):
        SeriesGrid("N", "n").write(scope(), {"n": GridValues(values=np.zeros((1, 1)))})
