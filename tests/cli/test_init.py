"""`mgit init` makes an empty population, once."""

import json
import os

from mgit.cli.main import main
from mgit.history.repository import Repository


def test_an_empty_population_has_a_name_and_one_commit(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "init", "--name", "ribosomes"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"created the empty population 'ribosomes' in {tmp_path}/.mgit\n"
    assert "next:" in captured.err
    repository = Repository.open(str(tmp_path))
    assert repository.snapshot("HEAD").attributes("")["name"] == "ribosomes"
    assert repository.commit("HEAD").parents == ()


def test_the_directory_is_made_and_gives_the_name(tmp_path):
    where = tmp_path / "a" / "apoferritin"
    assert main(["-C", str(tmp_path), "init", "a/apoferritin"]) == 0
    assert Repository.open(str(where)).snapshot("HEAD").attributes("")["name"] == "apoferritin"


def test_only_the_control_directory_is_written(tmp_path):
    assert main(["-C", str(tmp_path), "init"]) == 0
    assert os.listdir(tmp_path) == [".mgit"]


def test_a_population_is_not_made_twice(tmp_path, capsys):
    main(["-C", str(tmp_path), "init"])
    before = Repository.open(str(tmp_path)).resolve("HEAD")
    assert main(["-C", str(tmp_path), "init"]) == 1
    assert "holds a repository already" in capsys.readouterr().err
    assert main(["-C", str(tmp_path), "init", "--dry-run"]) == 1
    assert Repository.open(str(tmp_path)).resolve("HEAD") == before


def test_a_file_is_no_place_for_a_population(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["-C", str(tmp_path), "init", "file"]) == 1
    assert "is no directory" in capsys.readouterr().err


def test_a_dry_run_makes_nothing(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "--json", "init", "new", "--dry-run"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"directory": f"{tmp_path}/new", "name": "new", "created": False}
    assert os.listdir(tmp_path) == []


def test_a_bare_population_has_no_commit_and_no_name(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "--json", "init", "--bare", "hub"]) == 0
    assert json.loads(capsys.readouterr().out)["bare"] is True
    repository = Repository.open(str(tmp_path / "hub"))
    assert (repository.refs.all(), repository.refs.head().commit) == ({}, None)
    assert main(["-C", str(tmp_path / "hub"), "verify"]) == 0
    assert main(["-C", str(tmp_path), "init", "--bare", "other", "--name", "x"]) == 1
    assert "has no name" in capsys.readouterr().err
