"""`mgit view`: what it writes, opens and refuses."""

import sys
from pathlib import Path

import pytest

from mgit.cli import report_files
from tests.cli.render.pages import Page
from tests.survey.populations import add_species, commit


@pytest.fixture
def opened(monkeypatch):
    """Addresses that a browser was asked for; there is a display."""
    found = []
    monkeypatch.setattr(report_files.webbrowser, "open", lambda uri: found.append(uri) or True)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    return found


@pytest.fixture
def blind(monkeypatch):
    """No display."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_the_report_opens_in_the_browser(toy, opened):
    (line,) = toy.lines("view")
    place = Path(line.partition(": ")[2])
    assert opened == [place.as_uri()]
    assert toy.tip() in Page(place.read_text("utf-8")).text


def test_a_revision_and_a_file_are_chosen(toy, opened, tmp_path):
    commit(toy.repository, lambda writer: add_species(writer, "virus"))
    place = tmp_path / "r.html"
    record = toy.json("view", "--species", "virus", "--no-open", "--output", str(place))
    assert record == {
        "commit": toy.tip(),
        "species": ["virus"],
        "file": str(place),
        "opened": False,
    }
    assert opened == []
    assert "ribosome" not in Page(place.read_text("utf-8")).text
    assert toy.json("view", "HEAD~1", "--no-open")["species"] == ["ribosome"]


def test_without_a_display_the_file_is_named(toy, blind):
    assert toy("view") == 0
    assert "copy the file" in toy.err
    assert toy("view", "--with", "napari") in (1, 5)  # 5 where napari is not installed
    assert toy("view", "--with", "chimerax") in (1, 5)


def test_maps_for_chimerax_are_written_without_it(toy, blind, tmp_path):
    record = toy.json("view", "--with", "chimerax", "--no-open", "--output", str(tmp_path / "maps"))
    assert record["file"] == str(tmp_path / "maps" / "view.cxc")
    assert (tmp_path / "maps" / "half_map_1.mrc").is_file()


def test_chimerax_needs_a_display_and_its_program(toy, blind, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toy("view", "--with", "chimerax") == 5
    assert "chimerax" in toy.err
    program = tmp_path / "chimerax"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert toy("view", "--with", "chimerax") == 1
    assert "--no-open" in toy.err


def test_napari_is_told_how_to_be_got(toy, opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "napari", None)
    assert toy("view", "--with", "napari") == 5
    assert "pip install" in toy.err


def test_mistakes_are_told_with_a_remedy(toy, opened, tmp_path):
    other = tmp_path / "notes.html"
    other.write_text("notes")
    assert toy("view", "--output", str(other)) == 1
    assert toy("view", "--species", "ribosom") == 5
    assert "ribosome" in toy.err
    assert toy("view", "nowhere") == 5
    assert toy("view", "--with", "napari", "--no-open") == 1
    assert toy("view", "--with", "pymol") == 2
    assert opened == []
    assert other.read_text() == "notes"
