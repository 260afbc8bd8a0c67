"""`mgit config` keeps the author's identity, here or for the user."""

import json
import os

import pytest

from mgit.cli.main import main


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("MGIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert main(["--quiet", "init"]) == 0


def printed(capsys, *words):
    capsys.readouterr()
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_a_setting_is_kept_for_this_repository(capsys):
    assert main(["config", "user.name", "Ada"]) == 0
    assert printed(capsys, "config", "user.name") == "Ada\n"
    assert main(["config", "--unset", "user.name"]) == 0
    assert main(["config", "user.name"]) == 5


def test_the_repository_goes_before_the_user(capsys):
    assert main(["config", "--global", "user.name", "Everywhere"]) == 0
    assert printed(capsys, "config", "user.name") == "Everywhere\n"
    assert main(["config", "user.name", "Here"]) == 0
    assert printed(capsys, "config", "user.name") == "Here\n"
    assert printed(capsys, "config", "--global", "user.name") == "Everywhere\n"


def test_all_settings_that_hold_are_listed(capsys):
    main(["config", "user.name", "Ada"])
    main(["config", "--global", "user.email", "ada@example.org"])
    assert printed(capsys, "config") == "user.name = Ada\nuser.email = ada@example.org\n"
    assert json.loads(printed(capsys, "--json", "config")) == {
        "user.name": "Ada",
        "user.email": "ada@example.org",
    }


def test_an_unknown_setting_is_refused_with_the_known_ones(capsys):
    assert main(["config", "user.nmae", "Ada"]) == 5
    assert "user.name" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(tmp_path):
    assert main(["config", "user.name", "Ada", "--dry-run"]) == 0
    assert not (tmp_path / ".mgit" / "local" / "config.json").exists()


def test_without_a_repository_a_setting_has_no_place(tmp_path, monkeypatch, capsys):
    outside = tmp_path.parent / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    assert main(["config", "user.name", "Ada"]) == 5
    assert "--global" in capsys.readouterr().err
    assert main(["config", "--global", "user.name", "Ada"]) == 0


def test_removing_what_is_not_set_is_an_error():
    assert main(["config", "--unset", "user.email"]) == 5
    assert main(["config", "--unset", "user.email", "x"]) == 1


def test_the_identity_signs_the_next_commit(tmp_path, capsys):
    main(["config", "--global", "user.name", "Ada"])
    main(["config", "--global", "user.email", "ada@example.org"])
    main(["init", "new", "--quiet"])
    assert "Author: Ada <ada@example.org>" in printed(capsys, "-C", "new", "log")
