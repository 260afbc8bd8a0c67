import json

import pytest

from tests.cli.sessions import Session


@pytest.fixture
def session(tmp_path, capsys):
    return Session(tmp_path, capsys)


def test_a_small_experiment_is_written(session, tmp_path):
    lines = session.lines("simulate", "data", "--preset", "tiny", "--seed", "4")
    assert lines[0].startswith("simulated 8 particles in 5 images of 128 px at 5 A")
    assert (tmp_path / "data/truth.json").is_file()
    assert len(list((tmp_path / "data/images").iterdir())) == 5


def test_options_change_the_preset(session, tmp_path):
    options = ("--particles", "3", "--tilts", "3", "--pixel-size", "6", "--snr", "inf")
    document = session.json("simulate", "data", "--preset", "tiny", *options, "--hand", "1")
    assert document["images"] == 3
    assert document["truth"].endswith("data/truth.json")
    settings = json.loads((tmp_path / "data/truth.json").read_bytes())["settings"]
    found = {name: settings[name] for name in ("particles", "pixel_size_angstrom", "snr", "hand")}
    assert found == {"particles": 3, "pixel_size_angstrom": 6.0, "snr": "inf", "hand": 1}


def test_an_impossible_setting_is_refused_before_anything_is_written(session, tmp_path):
    assert session("simulate", "data", "--preset", "tiny", "--snr", "-2") == 1
    assert "snr" in session.err
    assert not (tmp_path / "data").exists()


def test_an_atomic_model_is_found_beside_the_directory(session, tmp_path):
    row = "ATOM  {:5d}  C   GLY A{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00           C"
    rows = [row.format(i, i, 3 * i, i * i % 13, 5 * i % 7) for i in range(1, 8)]
    (tmp_path / "model.pdb").write_text("\n".join(rows))
    session.lines("simulate", "data", "--preset", "tiny", "--atoms", "model.pdb")
    truth = json.loads((tmp_path / "data/truth.json").read_bytes())
    assert truth["molecule"]["weights"] == [6.0] * 7
