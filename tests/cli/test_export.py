"""`mgit export`: files for other programs, refusals, reports."""

import json

import pytest

from tests.cli.sessions import Session
from tests.curate.foreign_projects import relion_files
from tests.curate.species_tables import rows_of, table_bytes

TABLE = "Refine3D/job001/run_data.star"


@pytest.fixture
def session(tmp_path, monkeypatch, capsys):
    """A session in a population with one source and one species of a made-up RELION project."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    files = {**relion_files(), TABLE: table_bytes(rows_of(6))}
    for path, content in files.items():
        (tmp_path / "project" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / path).write_bytes(content)
    (tmp_path / "population").mkdir()
    mgit = Session(tmp_path / "population", capsys)
    project = tmp_path / "project"
    mgit.lines("init")
    mgit.lines("source", "add", "grid", "--relion", str(project / "Job/job001/tomograms.star"))
    mgit.lines(
        *("species", "add", "capsid", "--particles", str(project / TABLE), "--diameter", "100")
    )
    mgit.files = files
    return mgit


def contents(directory):
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


def test_documents_come_back_byte_for_byte(session, tmp_path):
    lines = session.lines("export", str(tmp_path / "out"))
    assert contents(tmp_path / "out") == session.files
    assert lines[0].split() == ["file", "as", "imported", "kept", "patched", "added", "dropped"]
    assert lines[-2].startswith("wrote 4 files of ")


@pytest.mark.parametrize("order", ["front", "middle", "back"])
def test_a_revision_and_options_may_stand_in_any_order(session, tmp_path, order):
    out, option = str(tmp_path / "out"), ["--source", "grid"]
    words = {
        "front": [*option, "HEAD~1", out],
        "middle": ["HEAD~1", *option, out],
        "back": ["HEAD~1", out, *option],
    }[order]
    assert session("export", *words) == 0, session.err
    assert contents(tmp_path / "out") == {
        path: content for path, content in session.files.items() if path != TABLE
    }


def test_an_earlier_revision_is_exported_as_it_was(session, tmp_path):
    session.lines("source", "exclude", "grid", "TS_01")
    session.lines("export", "HEAD~1", str(tmp_path / "before"))
    session.lines("export", str(tmp_path / "after"))
    assert contents(tmp_path / "before") == session.files
    after = (tmp_path / "after" / "Job/job001/tomograms.star").read_bytes()
    assert b"TS_02" in after
    assert b"\nTS_01" not in after


def test_what_is_there_is_never_replaced(session, tmp_path):
    session.lines("export", str(tmp_path / "out"))
    assert session("export", str(tmp_path / "out")) == 1
    assert "is there already" in session.err
    assert contents(tmp_path / "out") == session.files


def test_a_dry_run_writes_nothing(session, tmp_path):
    assert "would write 4 files" in "".join(
        session.lines("export", "--dry-run", str(tmp_path / "out"))
    )
    assert not (tmp_path / "out").exists()


def test_the_report_on_screen_lists_every_column(session, tmp_path):
    lines = session.lines("export", "--species", "capsid", str(tmp_path / "out"), "--report")
    fields = [line.split()[1] for line in lines if line.startswith(TABLE)]
    assert "data_particles/_rlnAngleRot" in fields
    assert "data_optics/_rlnOpticsGroup" in fields
    assert len(fields) == 11


def test_the_report_as_a_file_is_what_json_says(session, tmp_path):
    report = tmp_path / "report.json"
    facts = session.json("export", f"--report={report}", str(tmp_path / "out"))
    written = json.loads(report.read_text())
    assert written == {name: facts[name] for name in written}
    assert {file["path"] for file in written["files"]} == set(session.files)


def test_mistakes_are_told_with_a_remedy(session, tmp_path):
    out = str(tmp_path / "out")
    assert session("export", "no-such-revision", out) == 5
    assert session("export", "--species", "capsit", out) == 5
    assert "capsid" in session.err
    assert session("export", "--to", "mrc", out) == 1
    assert "maps" in session.err
    assert session("export", "--b-factor", "-90", out) == 1
    assert "--to mrc" in session.err
    assert session("export", "--to", "mrc", "--b-factor", "nan", out) == 1
    assert session("export", "a", "b", "c") == 1
    assert session("export", "--to", "cif", out) == 2
    assert session("export") == 2
    assert session("export", "HEAD") == 1
    assert "one directory is needed" in session.err
    assert not (tmp_path / "out").exists()


def test_a_species_without_the_series_of_its_poses_is_warned_of(session, tmp_path):
    words = ("export", "--to", "relion", "--species", "capsid", "--dry-run", str(tmp_path / "out"))
    assert session(*words) == 0
    assert "'--source NAME' adds them" in session.err
    assert session(*words, "--source", "grid") == 0
    assert "adds them" not in session.err
    assert session("export", "--to", "star", "--species", "capsid", str(tmp_path / "star")) == 0
    assert "adds them" not in session.err
