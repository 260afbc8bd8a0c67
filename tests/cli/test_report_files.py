"""Where the report goes and what it may replace."""

from pathlib import Path

import pytest

from mgit.cli import report_files
from mgit.cli.report_files import open_in_browser, report_path, save_report
from mgit.errors import Refused

COMMIT = "0123456789abcdef" * 2 + "01234567"
PAGE = '<!doctype html><html><head><meta name="generator" content="mgit report">ä</html>'


def path(toy, output, name="toy"):
    return report_path(toy.repository, output, name=name, commit=COMMIT)


def test_without_an_output_the_page_is_in_the_cache(toy):
    place = path(toy, None)
    assert place.name == "toy-0123456789.html"
    assert place.parts[-4:-1] == (".mgit", "cache", "reports")


def test_an_output_is_a_file_or_a_directory(toy, tmp_path):
    assert path(toy, str(tmp_path / "r.html")) == tmp_path / "r.html"
    assert path(toy, str(tmp_path / "R.HTM")) == tmp_path / "R.HTM"
    assert path(toy, str(tmp_path / "out")) == tmp_path / "out" / "toy-0123456789.html"
    (tmp_path / "d.html").mkdir()
    assert path(toy, str(tmp_path / "d.html")).parent == tmp_path / "d.html"


@pytest.mark.parametrize("name", ["../../etc/x", "", "a/b", "名前", "x" * 300])
def test_names_of_populations_make_safe_file_names(toy, tmp_path, name):
    place = path(toy, str(tmp_path / "out"), name=name)
    assert place.parent == tmp_path / "out"
    assert len(place.name) < 100


def test_a_report_replaces_a_report_and_nothing_else(toy, tmp_path):
    place = tmp_path / "new" / "r.html"
    save_report(toy.repository, place, PAGE)
    save_report(toy.repository, place, PAGE + "2")
    assert place.read_text("utf-8") == PAGE + "2"
    assert [each.name for each in place.parent.iterdir()] == ["r.html"]
    other = tmp_path / "thesis.html"
    other.write_text("<html>my thesis</html>")
    with pytest.raises(Refused, match="no report"):
        save_report(toy.repository, other, PAGE)
    assert other.read_text() == "<html>my thesis</html>"
    link = tmp_path / "link.html"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refused):
        save_report(toy.repository, link, PAGE)


def test_the_browser_is_asked_for_a_local_file(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(report_files.webbrowser, "open", lambda uri: asked.append(uri) or True)
    assert open_in_browser(Path(tmp_path / "a b.html"))
    assert asked == [f"file://{tmp_path}/a%20b.html"]
