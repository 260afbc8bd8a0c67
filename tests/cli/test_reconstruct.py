"""`mgit reconstruct` as users type it."""

import pytest

from tests.cli.sessions import Session
from tests.refine.populations import populated


@pytest.fixture
def simulated(tmp_path, monkeypatch, capsys):
    """A session in a population with one simulated series, and its raw directory."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    populated(tmp_path)
    return Session(tmp_path / "population", capsys), tmp_path / "data"


def test_maps_become_a_commit_and_threads_do_not_matter(simulated):
    session, _ = simulated
    before = session.tip()
    first = session.json("reconstruct", "-m", "Maps of the imported poses")
    assert first["species"][0]["box_px"] == 40
    assert first["message"] == "Maps of the imported poses"
    (shown,) = session.json("show", "HEAD")["difference"]["species"]
    assert shown["name"] == "made"
    assert session("undo") == 0
    assert session.tip() == before
    assert session.json("reconstruct", "--threads", "2")["state"] == first["state"]
    assert session("verify") == 0
    assert session("reconstruct") == 1
    assert "would change nothing" in session.err


def test_a_dry_run_prints_the_plan_and_reads_no_image(simulated):
    session, data = simulated
    (data / "images" / "TS_01_001.mrc").unlink()
    (line,) = session.lines("reconstruct", "--dry-run")
    assert line.startswith("made: 8 particles in 1 series, up to 40 images, box 40 px of 5 A")


def test_the_provenance_names_settings_versions_device_and_metrics(simulated):
    session, _ = simulated
    session.json("reconstruct")
    record = session.json("show", "HEAD")["provenance"]
    assert record["verb"] == "reconstruct"
    assert record["raw_level"] == "tilt_image"
    assert record["device"] == "cpu"
    assert "torch" in record["versions"]
    assert set(record["metrics"]["made"]) == {"masked_by", "resolution_angstrom"}


def test_an_earlier_commit_needs_a_branch_of_its_own(simulated):
    session, _ = simulated
    earlier = session.tip()
    assert session("species", "set", "made", "--mass", "50") == 0
    tip = session.tip()
    assert session("reconstruct", earlier) == 1
    assert "--branch NEW" in session.err
    assert session("reconstruct", earlier, "--branch", "before") == 0
    assert session.tip() == tip
    assert session.tip("before~1") == earlier


def test_another_raw_file_is_refused_and_nothing_is_committed(simulated):
    session, data = simulated
    before = session.tip()
    image = data / "images" / "TS_01_002.mrc"
    image.write_bytes((data / "images" / "TS_01_003.mrc").read_bytes())
    assert session("reconstruct") == 1
    assert "TS_01_002.mrc" in session.err
    assert "item: TS_01" in session.err
    assert session.tip() == before


def test_threads_below_one_are_refused(simulated):
    assert simulated[0]("reconstruct", "--threads", "0") == 1
