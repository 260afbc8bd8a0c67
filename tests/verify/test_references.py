import os

import pytest

from mgit.verify.damage import DamageLedger
from mgit.verify.references import check_references, starts_of
from tests.verify.populations import add_species, commit, flip


def found(repository):
    ledger = DamageLedger()
    check_references(repository, ledger)
    return [(each.kind, each.subject) for each in ledger.findings()]


def test_sound_references_have_no_findings(repository):
    assert found(repository) == []


def test_refs_head_log_and_stage_are_where_an_audit_starts(repository):
    with repository.transaction(verb="test") as transaction:
        add_species(transaction.draft, "staged")
        transaction.stage(message="staged")
    ledger = DamageLedger()
    starts = starts_of(repository, ledger)
    origins = {origin for _, origin, _ in starts}
    assert {"refs/heads/main", "refs/heads/side", "refs/tags/v1", "HEAD", "the stage"} <= origins
    assert {f"operation {number}" for number in range(1, 7)} <= origins
    assert (repository.stage.read().tree, "the stage", ()) in starts
    assert ledger.findings() == []


def test_a_damaged_entry_of_the_log_is_named_and_hides_nothing_else(repository):
    path = os.path.join(repository.layout.operations, repository.operations.names()[2])
    flip(path, 40)
    assert found(repository) == [("operation-damaged", "operations/0000000003")]
    origins = {origin for _, origin, _ in starts_of(repository, DamageLedger())}
    assert "operation 3" not in origins
    assert "operation 4" in origins


def test_a_confirmation_that_lags_too_far_behind_is_named(repository):
    with open(os.path.join(repository.layout.operations, "confirmed"), "w") as stream:
        stream.write("2\n")
    assert found(repository) == [("operation-damaged", "operations/confirmed")]


@pytest.mark.parametrize("name", ["refs/heads/side", "refs/heads/main", "refs/tags/v1"])
def test_a_ref_that_cannot_be_read_is_named_alone(repository, name):
    with open(os.path.join(repository.layout.git, *name.split("/")), "w") as stream:
        stream.write("not an id\n")
    assert found(repository) == [("ref-unreadable", name)]


def test_a_head_that_cannot_be_read_is_named(repository):
    with open(os.path.join(repository.layout.git, "HEAD"), "w") as stream:
        stream.write("ref: nonsense\n")
    assert found(repository) == [("ref-unreadable", "HEAD")]
    ledger = DamageLedger()
    check_references(repository, ledger)
    assert starts_of(repository, ledger)
    assert len(ledger.findings()) == 1


def test_packed_refs_that_cannot_be_read_are_named(repository):
    with open(os.path.join(repository.layout.git, "packed-refs"), "w") as stream:
        stream.write("nonsense refs/heads/x\n")
    assert ("ref-unreadable", "packed-refs") in found(repository)


def test_a_damaged_stage_is_named(repository):
    with open(repository.layout.stage, "w") as stream:
        stream.write("{}")
    ledger = DamageLedger()
    starts_of(repository, ledger)
    assert [each.kind for each in ledger.findings()] == ["stage"]


def test_a_change_during_the_look_is_looked_at_again(repository, monkeypatch):
    """Somebody commits between the reading of the log and that of the refs."""
    log = repository.operations
    inner = type(log).check
    looks = []

    def busy(self):
        looks.append(len(self.names()))
        found = inner(self)
        if len(looks) == 1:
            commit(repository, lambda draft: add_species(draft, "meanwhile", ewald=True))
            found = [*found, *moved]
        return found

    with open(os.path.join(repository.layout.git, "refs/heads/side"), "w") as stream:
        stream.write(repository.resolve("HEAD~2") + "\n")
    moved = inner(log)
    with open(os.path.join(repository.layout.git, "refs/heads/side"), "w") as stream:
        stream.write(moved[0].told + "\n")
    monkeypatch.setattr(type(log), "check", busy)
    assert found(repository) == []
    assert len(looks) == 2
