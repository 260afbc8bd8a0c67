"""A RELION project through import, branches, a merge and back, with real metadata."""

import pytest

from tests.cli.sessions import Session


@pytest.fixture
def hiv(shared_data, tmp_path, monkeypatch, capsys):
    """The HIV capsid project: three stages of its tilt series, and its particles."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = shared_data / "relion5_hiv_project"
    session = Session(tmp_path, capsys)
    table = str(project / "Refine3D" / "job023" / "run_data.star")
    for words in (
        ["init", "--name", "hiv"],
        ["source", "add", "hiv", "--relion", str(project / "Tomograms/job006/tomograms.star")],
        ["source", "update", "hiv", "--relion", str(project / "CtfRefine/job027/tomograms.star")],
        ["branch", "polished"],
        ["species", "add", "capsid", "--particles", table, "--diameter", "230"],
        ["switch", "polished"],
        ["source", "update", "hiv", "--relion", str(project / "Polish/job030/tomograms.star")],
        ["switch", "main"],
    ):
        assert session(*words) == 0, session.err
    return session


def test_a_real_project_is_looked_at_merged_and_taken_back(hiv, shared_data):
    assert "9442 particles" in "".join(hiv.lines("status"))
    (row,) = [line for line in hiv.lines("source", "show", "hiv") if line.startswith("TS_43")]
    assert row.split()[1:5] == ["41/41", "-60.0..60.0", "0.0..120.0", "2.49..2.74"]
    changes = hiv.json("diff", "main...polished")["sources"][0]["items"]
    assert len(changes) == 5
    names = {array["name"] for item in changes for array in item["difference"]["arrays"]}
    assert names == {
        "axis_angle",
        "axis_offset_x",
        "axis_offset_y",
        "level_angle_x",
        "tilt_angle",
    }

    before = hiv.tip()
    merged = hiv.json("merge", "polished")
    assert merged["taken"] == ["source 'hiv'", "5 series of source 'hiv'"]
    assert merged["stale"] == ["capsid"]
    assert hiv.lines("diff", "polished", "HEAD", "sources") == ["no difference"]
    assert hiv.json("species", "show", "capsid")["flags"] == [
        "needs_reconstruction",
        "needs_refinement",
    ]

    assert hiv("undo") == 0
    assert hiv.tip() == before
    place = ":species/capsid/documents/run_data.star"
    assert hiv("show", place, "--raw") == 0
    table = shared_data / "relion5_hiv_project" / "Refine3D" / "job023" / "run_data.star"
    assert hiv.out == table.read_text()
