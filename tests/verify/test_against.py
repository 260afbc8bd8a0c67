import shutil

import pytest

from mgit.history.repository import Repository
from mgit.verify.against import compare_clones
from mgit.verify.damage import DamageLedger
from tests.verify.populations import ADA, add_species, commit


@pytest.fixture
def clone(repository, tmp_path):
    shutil.copytree(repository.root, tmp_path / "clone")
    return Repository.open(str(tmp_path / "clone"))


def found(ours, theirs):
    ledger = DamageLedger()
    compare_clones(ours, theirs, ledger)
    return [(each.kind, each.subject, each.severity) for each in ledger.findings()], ledger


def grow(repository, name, *, message="grow", number=50, **options):
    return commit(
        repository,
        lambda draft: add_species(draft, name),
        message=message,
        number=number,
        **options,
    )


def test_equal_clones_do_not_differ(repository, clone):
    assert found(repository, clone)[0] == []


def test_one_that_went_on_is_ahead_of_the_other(repository, clone):
    grow(repository, "x")
    grow(repository, "y")
    assert found(repository, clone)[0] == [("ref-ahead", "refs/heads/main", "note")]
    ((kind, *_),), ledger = found(clone, repository)
    assert kind == "ref-behind"
    assert "2 commits behind" in ledger.findings()[0].message


def test_both_going_on_is_divergence(repository, clone):
    grow(repository, "x", message="mine")
    grow(clone, "y", message="theirs")
    assert found(repository, clone)[0] == [("ref-diverged", "refs/heads/main", "suspect")]


def test_a_history_that_was_hashed_anew_is_told_from_one_that_went_on(repository, clone):
    """The same author, time and message, other content: and everything above sealed again."""
    first = grow(repository, "x", message="round 1")
    second = commit(
        clone, lambda draft: add_species(draft, "x", ewald=True), message="round 1", number=50
    )
    grow(repository, "z")
    ((kind, subject, severity),), ledger = found(repository, clone)
    assert (kind, subject, severity) == ("history-rewritten", "refs/heads/main", "suspect")
    message = ledger.findings()[0].message
    assert first.id[:10] in message
    assert second.id[:10] in message


def test_populations_that_have_nothing_in_common_are_unrelated(repository, tmp_path):
    other = Repository.init(str(tmp_path / "other"), name="another", who=ADA)
    kinds = [kind for kind, _, _ in found(repository, other)[0]]
    assert kinds == ["history-unrelated"]


def test_a_clone_without_a_common_name_says_nothing_about_this_one(repository, tmp_path):
    import os

    other = Repository.init(str(tmp_path / "other"), name="another", who=ADA)
    os.rename(
        os.path.join(other.layout.git, "refs/heads/main"),
        os.path.join(other.layout.git, "refs/heads/trunk"),
    )
    assert [kind for kind, _, _ in found(repository, other)[0]] == ["clone-unrelated"]


def test_a_clone_that_cannot_be_read_is_a_finding(repository, clone):
    import os

    grow(clone, "x")
    pack, _ = clone.objects._locate(clone.resolve("HEAD"))
    os.unlink(f"{pack.path}.pack")
    shutil.rmtree(clone.layout.cache)
    fresh = Repository.open(clone.root)
    assert [kind for kind, _, _ in found(repository, fresh)[0]] == ["clone-unreadable"]
