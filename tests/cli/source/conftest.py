"""A population with one made-up source, and a way to run verbs in it."""

import json

import pytest

from mgit.cli.main import main
from mgit.simulate.made_project import make_project


@pytest.fixture
def made(tmp_path):
    """The made-up RELION project, with tilt images of a few bytes."""
    project = make_project(tmp_path / "relion", particles_per_series=4)
    tilts = project.directory / "tilts"
    tilts.mkdir()
    for series in ("TS_01", "TS_02"):
        for number in range(41):
            (tilts / f"{series}_{number:03d}.mrc").write_bytes(f"{series} {number}".encode())
    return project


@pytest.fixture
def verb(tmp_path, monkeypatch, capsys):
    """`verb(*words)` runs a verb in the population and returns (code, stdout, stderr)."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    population = tmp_path / "population"

    def run(*words):
        code = main(["-C", str(population), *map(str, words), "--quiet"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    assert main(["init", str(population), "--quiet"]) == 0
    capsys.readouterr()
    return run


@pytest.fixture
def added(verb, made):
    """The population with the source 'lam' in it."""
    code, _, errors = verb("source", "add", "lam", "--relion", made.tomograms)
    assert code == 0, errors
    return verb


@pytest.fixture
def tip(verb):
    """`tip()` gives the subject of the last commit."""

    def read():
        return json.loads(verb("log", "-n", "1", "--json")[1])[0]["subject"]

    return read


@pytest.fixture
def shown(verb):
    """`shown()` gives the items of 'lam' by name, as `source show --json` tells them."""

    def read():
        document = json.loads(verb("source", "show", "lam", "--json")[1])
        return {item["name"]: item for item in document["items"]}

    return read
