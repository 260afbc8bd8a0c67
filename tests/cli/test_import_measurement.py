"""The check between a population on disk and its verdict."""

import pytest

from mgit.cli.console import Console
from mgit.cli.import_measurement import measured
from mgit.errors import NotFound
from mgit.refine.import_check import Outcome
from tests.refine.checked_populations import checked_population


def test_a_verdict_comes_with_what_can_be_set_in_its_sources(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    repository = checked_population(tmp_path)
    draft = repository.snapshot("HEAD")
    verdict, sources = measured(repository, draft, "made", (), Console())
    assert verdict.of("map_hand").outcome is Outcome.AGREES
    assert sources == {"sim": {"pixel_size_angstrom": 5.0, "hand": -1}}
    assert "checking the import" in capsys.readouterr().err


def test_a_file_that_is_gone_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    repository = checked_population(tmp_path)
    image = sorted((tmp_path / "data" / "images").iterdir())[0]
    image.unlink()
    with pytest.raises(NotFound) as missing:
        measured(repository, repository.snapshot("HEAD"), "made", (), Console(quiet=True))
    assert image.name in str(missing.value)
