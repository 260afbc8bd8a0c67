import json

import pytest

from mgit.curate.export_files import ExportedFile
from mgit.curate.export_report import counts, report_document, report_table, write_report
from mgit.errors import Refused
from mgit.exchange.report import FieldReport


def line(field, verdict, count):
    return FieldReport(document="a.star", field=field, verdict=verdict, count=count)


FILE = ExportedFile(
    path="a.star",
    owner="source s",
    save=lambda place: None,
    report=(line("_x", "kept", 5), line("_y", "patched", 2), line("(row)", "dropped", 1)),
)


def test_values_are_counted_by_verdict():
    assert counts((FILE, FILE)) == {"kept": 10, "patched": 4, "added": 0, "dropped": 2}


def test_the_document_lists_every_field_of_every_file():
    document = report_document((FILE,), revision="abc")
    assert document["revision"] == "abc"
    assert document["files"][0]["fields"][1] == {"field": "_y", "verdict": "patched", "count": 2}
    assert document["counts"] == document["files"][0]["counts"] == counts((FILE,))


def test_a_report_is_written_as_json_or_as_a_table(tmp_path):
    write_report(str(tmp_path / "r.json"), (FILE,), revision="abc")
    written = json.loads((tmp_path / "r.json").read_text())
    assert written == report_document((FILE,), revision="abc")
    write_report(str(tmp_path / "r.tsv"), (FILE,), revision="abc")
    rows = [tuple(row.split("\t")) for row in (tmp_path / "r.tsv").read_text().splitlines()]
    assert rows[0] == ("file", "field", "verdict", "values")
    assert rows[1:] == [tuple(map(str, row)) for row in report_table((FILE,))]


def test_a_report_never_replaces_a_file(tmp_path):
    (tmp_path / "r.json").write_text("mine")
    with pytest.raises(Refused, match="there already"):
        write_report(str(tmp_path / "r.json"), (FILE,), revision="abc")
    assert (tmp_path / "r.json").read_text() == "mine"
