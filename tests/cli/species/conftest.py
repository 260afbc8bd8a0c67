"""A session in a real population with two tilt series, and files to feed it with."""

from pathlib import Path

import pytest

from mgit.cli.main import main
from mgit.history.repository import Repository
from tests.cli.sessions import Session
from tests.curate.species_tables import cube, rows_of, source, table_bytes, write_map


class Lab(Session):
    """A session beside which tables and maps are written; knows their paths."""

    def table(self, rows, name="run_data.star", without=()):
        """Write a particle table; its path."""
        file = Path(self.directory).parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(table_bytes(rows, without))
        return str(file)

    def map(self, name, seed=0, edge=8, pixel=2.0):
        """Write a map of noise; its path."""
        file = Path(self.directory).parent / name
        return str(write_map(file, cube(edge, seed), pixel))

    def species(self, name="capsid", revision="HEAD"):
        """A species as a revision has it."""
        from mgit.state.population import Population

        return Population(self.repository.snapshot(revision)).one_species(name)


@pytest.fixture
def lab(tmp_path, monkeypatch, capsys):
    """A population with the source 'grid' of TS_01 and TS_02, and no species."""
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["init", str(tmp_path / "population")]) == 0
    repository = Repository.open(str(tmp_path / "population"))
    with repository.transaction(verb="test") as transaction:
        from mgit.cli.context import signature
        from mgit.curate.sources import add_source

        add_source(transaction.draft, "grid", source("TS_01", "TS_02"), digest_of=lambda raw: None)
        transaction.commit(message="grid", who=signature(repository.layout.control), provenance={})
    return Lab(tmp_path / "population", capsys)


@pytest.fixture
def capsid(lab):
    """The same with the species 'capsid' of eight particles."""
    assert lab("species", "add", "capsid", "--diameter", "100", "--particles",
               lab.table(rows_of(8))) == 0, lab.err  # fmt: skip
    return lab
