from dataclasses import FrozenInstanceError

import pytest

from mgit.exchange.records import Document
from mgit.exchange.report import FieldReport, PatchedDocument


def test_a_report_is_a_value():
    line = FieldReport(document="a.xml", field="Dose", verdict="patched", count=2)
    same = FieldReport(document="a.xml", field="Dose", verdict="patched", count=2)
    assert {line, same} == {line}
    with pytest.raises(FrozenInstanceError):
        line.count = 3


def test_a_patched_document_keeps_its_report_beside_it():
    document = Document(role="r", path="a.xml", content=b"x")
    patched = PatchedDocument(document=document, report=())
    assert (patched.document.content, patched.report) == (b"x", ())
