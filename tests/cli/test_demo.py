"""The demo runs every command that it prints, and refuses to write over anything."""

import json

import pytest

from mgit.cli.main import main


@pytest.fixture(autouse=True)
def _identity(monkeypatch, tmp_path):
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.chdir(tmp_path)


def test_the_demo_ends_with_a_verified_population(capsys, tmp_path):
    assert main(["demo", "here", "--kind", "metadata"]) == 0
    shown = capsys.readouterr().out
    commands = [line.split()[2] for line in shown.splitlines() if line.startswith("$ mgit")]
    assert commands[0] == "init"
    assert commands[-1] == "verify"
    assert "consistent: yes" in shown
    assert (tmp_path / "here" / "exported").is_dir()


def test_in_json_mode_the_demo_prints_one_document(capsys):
    assert main(["demo", "here", "--kind", "metadata", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {command["exit_code"] for command in document["commands"]} == {0}


def test_the_demo_does_not_touch_a_directory_that_exists(capsys, tmp_path):
    (tmp_path / "mine").mkdir()
    assert main(["demo", "mine"]) == 1
    assert "name a new one" in capsys.readouterr().err
    assert list((tmp_path / "mine").iterdir()) == []
