"""What tests of verbs share: a session in a population with one source and one species."""

import pytest

from tests.cli.lab import Lab
from tests.cli.sessions import Session
from tests.survey.populations import populate


@pytest.fixture
def toy(tmp_path, monkeypatch, capsys):
    """A session in the population of tests.survey.populations, with a fixed author and clock."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("MGIT_AUTHOR_DATE", "1750000060 +0000")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    populate(tmp_path / "population")
    return Session(tmp_path / "population", capsys)


@pytest.fixture
def lab(toy, capsys):
    """A shared directory, and a population that knows it."""
    return Lab(toy, capsys)
