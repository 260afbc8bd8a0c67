"""What changing verbs share: committing, staging, dry runs, signing without a key."""

import argparse

import pytest

from mgit.cli.changes import begin, change_options, finish, signer_of
from mgit.cli.console import Console
from mgit.errors import Refused
from mgit.history.commits import Signature
from mgit.history.repository import Repository


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Ada Test")
    monkeypatch.setenv("MGIT_AUTHOR_EMAIL", "ada@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    who = Signature("Ada", "ada@example.org", 1_750_000_000, 0)
    return Repository.init(str(tmp_path / "population"), name="p", who=who)


def change(repository, *words, value="1"):
    parser = argparse.ArgumentParser()
    change_options(parser)
    arguments = parser.parse_args(list(words))
    with begin(repository, arguments, verb="test") as transaction:
        transaction.draft.set_attributes("", {"format": 1, "name": f"renamed {value}"})
        return finish(
            transaction,
            repository,
            arguments,
            Console(quiet=True),
            message="Set x",
            provenance={},
        )


def test_a_change_becomes_a_commit_with_the_default_or_the_given_message(repository, capsys):
    facts = change(repository)
    assert facts["commit"] == repository.resolve("HEAD")
    assert repository.commit("HEAD").subject == "Set x"
    change(repository, "-m", "mine", value="2")
    assert repository.commit("HEAD").subject == "mine"
    assert "] mine" in capsys.readouterr().out


def test_a_dry_run_records_nothing(repository):
    before = repository.resolve("HEAD")
    assert change(repository, "--dry-run")["dry_run"]
    assert repository.resolve("HEAD") == before
    assert repository.stage.read() is None


def test_staged_changes_add_up(repository):
    before = repository.resolve("HEAD")
    change(repository, "--no-commit")
    change(repository, "--no-commit", "-m", "again", value="2")
    assert repository.resolve("HEAD") == before
    assert repository.stage.read().messages == ("Set x", "again")


def test_signing_without_a_key_says_how_to_name_one(repository):
    with pytest.raises(Refused) as caught:
        signer_of(argparse.Namespace(sign=True), repository)
    assert "user.signingkey" in caught.value.hint
    assert signer_of(argparse.Namespace(sign=False), repository) is None
