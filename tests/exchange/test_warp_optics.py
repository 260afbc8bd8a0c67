import numpy as np
import pytest

from mgit.errors import InvalidInput, InvalidState, Unsupported
from mgit.exchange.records import GridValues
from mgit.exchange.warp_fields import Scope
from mgit.exchange.warp_optics import (
    CtfCoefficients,
    CtfConstant,
    CtfNumber,
    Magnification,
    parameters,
)
from mgit.exchange.xml_document import parse_xml


def scope(magnification="1, 0, 0, 1", **values):
    inner = "".join(f'<Param Name="{name}" Value="{value}"/>' for name, value in values.items())
    text = f'<T MagnificationCorrection="{magnification}"><CTF>{inner}</CTF></T>'
    return Scope(document=parse_xml(text.encode(), "t.xml"))


def rewritten(field, before, value):
    content = before.document.apply(field.write(before, {field.names[0]: value}))
    return Scope(document=parse_xml(content, "t.xml")), content


def test_numbers_and_constants_are_read_and_written():
    before = scope(Cs="2.70", Phase="0.5")
    number, constant = CtfNumber("Cs", "cs"), CtfConstant("Phase", "phase", factor=180)
    assert number.read(before) == {"cs": "2.7"}
    assert constant.read(before)["phase"].values.tolist() == [90.0]
    after, content = rewritten(number, before, "0.01")
    assert number.read(after) == {"cs": "0.01"}
    assert b'Value="0.5"' in content
    after, _ = rewritten(constant, before, GridValues(values=np.array([1 / 3])))
    assert constant.read(after)["phase"].values.tolist() == [1 / 3]
    with pytest.raises(InvalidState):
        number.write(before, {})
    with pytest.raises(InvalidInput, match="missing"):
        CtfNumber("Cc", "cc").read(before)


def test_coefficients_keep_the_text_of_what_did_not_change():
    before = scope(Z="1.50;0;-2")
    field = CtfCoefficients("Z", "z", length=3)
    _, content = rewritten(field, before, GridValues(values=np.array([1.5, 0.25, -2.0])))
    assert b'"1.50;0.25;-2"' in content


def test_an_empty_list_is_no_aberration():
    field = CtfCoefficients("Z", "z", length=2)
    assert field.read(scope(Z="")) == {}
    after, _ = rewritten(field, scope(Z=""), GridValues(values=np.array([0.0, 1.0])))
    assert field.read(after)["z"].values.tolist() == [0.0, 1.0]
    content = scope(Z="1;2").document.apply(field.write(scope(Z="1;2"), {}))
    assert b'"0;0"' in content


def test_short_lists_and_higher_orders_are_refused():
    field = CtfCoefficients("Z", "z", length=2)
    with pytest.raises(InvalidInput):
        field.read(scope(Z="1"))
    with pytest.raises(Unsupported):
        field.read(scope(Z="0;0;1"))
    assert field.read(scope(Z="1;2;0"))["z"].values.tolist() == [1.0, 2.0]


def test_the_magnification_is_stored_by_columns():
    field = Magnification()
    matrix = field.read(scope("1, 2, 3, 4"))["magnification"].values
    assert matrix.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    changed = GridValues(values=np.array([[1.0, 3.0], [2.5, 4.0]]))
    _, content = rewritten(field, scope("1, 2, 3, 4"), changed)
    assert b'"1, 2.5, 3, 4"' in content


def test_the_three_numbers_of_warp_1_are_an_identity_or_refused():
    field = Magnification()
    assert field.read(scope("1, 1, 0"))["magnification"].values.tolist() == np.eye(2).tolist()
    changed = GridValues(values=np.array([[1.0, 0.5], [0.0, 1.0]]))
    after, content = rewritten(field, scope("1, 1, 0"), changed)
    assert field.read(after)["magnification"].values.tolist() == changed.values.tolist()
    assert b'"1, 0, 0.5, 1"' in content
    with pytest.raises(Unsupported):
        field.read(scope("1.01, 1, 0"))
    with pytest.raises(InvalidInput):
        field.read(scope("1, 1"))
    with pytest.raises(InvalidState):
        field.write(scope(), {"magnification": GridValues(values=np.eye(3))})


def test_a_parameter_may_not_repeat():
    text = b"<T><CTF><Param Name='A' Value='1'/><Param Name='A' Value='1'/></CTF></T>"
    document = parse_xml(text, "t.xml")
    with pytest.raises(InvalidInput, match="twice"):
        parameters(document, document.root.children[0])
