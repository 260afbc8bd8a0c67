import os

import pytest

from mgit.errors import RefMoved
from mgit.history import branches
from mgit.history.operation_audit import differences
from tests.history.histories import ADA, commit

MAIN = "refs/heads/main"


@pytest.fixture
def log(repository):
    """A log of five operations on two branches."""
    commit(repository, value=1)
    branches.create(repository, "b", who=ADA)
    branches.switch(repository, "b", who=ADA)
    commit(repository, value=2)
    return repository.operations


def kinds(log):
    return [finding.kind for finding in log.check()]


def path_of(log, number):
    return os.path.join(log._path, log.names()[number])


def move(repository, name, new):
    """What a foreign hand does: it writes the ref's file."""
    with open(os.path.join(repository.layout.git, *name.split("/")), "w") as stream:
        stream.write(new + "\n")


def test_a_log_and_its_refs_agree(log):
    assert log.check() == []
    assert len(log.names()) == 5


@pytest.mark.parametrize("number", range(5))
def test_a_damaged_entry_is_found(log, number):
    path = path_of(log, number)
    with open(path, "r+b") as stream:
        stream.seek(30)
        stream.write(b"~")
    assert "damaged" in kinds(log)


@pytest.mark.parametrize("number", range(5))
def test_a_removed_entry_is_found(log, number):
    os.unlink(path_of(log, number))
    assert "missing" in kinds(log)


def test_an_exchanged_entry_breaks_the_chain(log, repository, tmp_path):
    from tests.history.histories import begin

    other = begin(tmp_path / "other")
    branches.create(other, "b", who=ADA)
    with open(path_of(other.operations, 1), "rb") as theirs, open(path_of(log, 1), "wb") as ours:
        ours.write(theirs.read())
    assert "chain" in kinds(log)


def test_a_removed_log_is_found(log):
    for number in reversed(range(5)):
        os.unlink(path_of(log, number))
    assert "missing" in kinds(log)
    os.unlink(os.path.join(log._path, "confirmed"))
    assert kinds(log) == ["moved-outside", "moved-outside"]


def test_a_ref_that_was_moved_without_mgit_is_found(log, repository):
    move(repository, MAIN, repository.resolve("b"))
    (finding,) = log.check()
    assert finding.kind == "moved-outside"
    assert MAIN in finding.message


def test_a_ref_that_was_moved_back_to_the_value_before_the_last_change_is_found(log, repository):
    move(repository, "refs/heads/b", repository.resolve("b~1"))
    assert kinds(log) == ["moved-outside"]


def test_a_made_and_a_deleted_ref_are_found(log, repository):
    move(repository, "refs/heads/foreign", repository.resolve("b"))
    os.unlink(os.path.join(repository.layout.git, "refs", "heads", "main"))
    assert kinds(log) == ["moved-outside", "moved-outside"]


def test_a_head_that_points_elsewhere_is_found(log, repository):
    move(repository, "HEAD", "ref: refs/heads/main")
    (finding,) = log.check()
    assert "HEAD" in finding.message


def test_a_move_without_mgit_stays_visible_after_further_operations(log, repository):
    move(repository, "refs/heads/b", repository.resolve("main"))
    commit(repository, value=3)
    assert kinds(log) == ["moved-outside"]
    move(repository, "HEAD", "ref: refs/heads/main")
    commit(repository, value=4)
    assert kinds(log) == ["moved-outside", "moved-outside"]


def test_an_unreadable_ref_is_a_finding(log, repository):
    move(repository, MAIN, "nonsense")
    assert kinds(log) == ["unreadable-ref"]


def test_a_damaged_confirmation_is_a_finding(log):
    with open(os.path.join(log._path, "confirmed"), "wb") as stream:
        stream.write(b"x")
    assert "damaged" in kinds(log)


def test_what_happened_without_mgit_can_be_adopted(log, repository):
    assert differences(log, repository.refs) is None
    first = repository.resolve("main~1")
    move(repository, MAIN, first)
    move(repository, "refs/heads/foreign", first)
    move(repository, "HEAD", "ref: refs/heads/main")
    change = differences(log, repository.refs)
    assert set(change.refs) == {MAIN, "refs/heads/foreign"}
    assert change.head == ("ref: refs/heads/b", "ref: refs/heads/main")
    before = repository.refs.all()
    entry = log.adopt(change, message="as git did", who=ADA)
    assert (entry.verb, repository.refs.all()) == ("adopt", before)
    assert log.check() == []
    commit(repository, value=8)
    assert log.check() == []


def test_only_what_is_there_can_be_adopted(log, repository):
    move(repository, MAIN, repository.resolve("main~1"))
    change = differences(log, repository.refs)
    with pytest.raises(RefMoved):
        log.adopt(change.reversed(), message="m", who=ADA)
    assert kinds(log) == ["moved-outside"]


@pytest.mark.parametrize("number", range(5))
def test_a_damaged_entry_is_one_finding_and_not_two(log, number):
    path = path_of(log, number)
    with open(path, "r+b") as stream:
        stream.seek(30)
        stream.write(b"~")
    assert kinds(log) == ["damaged"]


def test_a_confirmation_that_lags_by_more_than_a_crash_can_make_it_is_found(log):
    for number, expected in (("4", []), ("3", ["damaged"]), ("x", ["damaged"])):
        with open(os.path.join(log._path, "confirmed"), "w") as stream:
            stream.write(number)
        assert kinds(log) == expected


def test_every_ref_that_cannot_be_read_is_named(log, repository):
    move(repository, MAIN, "nonsense")
    move(repository, "refs/heads/b", "nonsense")
    found = log.check()
    assert [(each.kind, each.name) for each in found] == [
        ("unreadable-ref", "refs/heads/b"),
        ("unreadable-ref", MAIN),
    ]


def test_a_finding_about_a_ref_says_what_the_log_told_and_what_is_there(log, repository):
    told, found = repository.resolve("main"), repository.resolve("b")
    move(repository, MAIN, found)
    (finding,) = log.check()
    assert (finding.name, finding.told, finding.found) == (MAIN, told, found)
