import os

import pytest

from mgit.errors import Corrupt, InvalidState, Leased, RefMoved, Unsupported
from mgit.history import lease
from mgit.history.operations import Change, Operation, OperationDigest
from mgit.history.repository import Repository
from mgit.store.files import Files
from mgit.testing.faults import SimulatedCrash
from tests.history.histories import ADA, BEN, commit
from tests.history.test_lease import dead  # noqa: F401  # a fixture

MAIN = "refs/heads/main"


def make_branch(repository, name, value=None, **options):
    value = value or repository.resolve("HEAD")
    change = Change(refs={f"refs/heads/{name}": (None, value)})
    return repository.operations.perform(
        change, verb="branch", message=f"create {name}", who=ADA, **options
    )


def test_an_operation_is_logged_with_what_it_did(repository):
    tip = repository.resolve("HEAD")
    entry = make_branch(repository, "b")
    *_, last = repository.operations.entries()
    assert last == entry
    assert (last.sequence, last.verb, last.message) == (2, "branch", "create b")
    assert last.change.refs == {"refs/heads/b": (None, tip)}
    assert last.head == "ref: refs/heads/main"
    assert (last.author, last.time_s) == (ADA.person, ADA.time_s)


def test_entries_are_chained(repository):
    make_branch(repository, "b")
    log = repository.operations
    first, second = log.entries()
    assert first.previous is None
    assert second.previous == OperationDigest.of(log.content(log.names()[0]))
    assert second.previous_applied


def test_a_change_of_a_moved_ref_leaves_no_entry(repository):
    make_branch(repository, "b")
    other = commit(repository).id
    with pytest.raises(RefMoved):
        make_branch(repository, "b", other)
    change = Change(head=("ref: refs/heads/x", "ref: refs/heads/b"))
    with pytest.raises(RefMoved):
        repository.operations.perform(change, verb="switch", message="", who=ADA)
    assert len(repository.operations.names()) == 3


def test_a_retry_after_a_lost_reply_returns_the_first_entry(repository):
    assert make_branch(repository, "b") == make_branch(repository, "b")
    assert len(repository.operations.names()) == 2


def test_a_change_that_moves_nothing_is_refused(repository):
    with pytest.raises(InvalidState):
        Change()
    with pytest.raises(InvalidState):
        Change(refs={MAIN: ("a" * 40, "a" * 40)})
    with pytest.raises(InvalidState):
        Change(head=("x", "x"))


def test_a_change_reversed_twice_is_itself():
    change = Change(refs={MAIN: (None, "a" * 40)}, head=("x", "y"))
    assert change.reversed().reversed() == change
    assert change.reversed().head == ("y", "x")


def test_an_entry_that_was_never_applied_is_told_by_the_next_one(repository):
    crashed = crash_after_the_entry(repository)
    log = repository.operations
    assert len(log.names()) == 2
    assert repository.refs.get("refs/heads/b") is None
    assert [entry.sequence for entry in log.applied()] == [1]
    assert log.check() == []
    make_branch(repository, "c")
    *_, unapplied, last = log.entries()
    assert unapplied.change.refs == crashed.refs
    assert not last.previous_applied
    assert [entry.sequence for entry in log.applied()] == [1, 3]
    assert log.check() == []


def crash_after_the_entry(repository, change=None):
    """Write the next entry as a process does that dies before it moves the ref."""
    change = change or Change(refs={"refs/heads/b": (None, repository.resolve("HEAD"))})
    log = repository.operations
    content = log.content(log.names()[-1])
    entry = Operation(
        sequence=len(log.names()) + 1,
        previous=OperationDigest.of(content),
        previous_applied=True,
        verb="branch",
        message="",
        change=change,
        head=repository.refs.head().text,
        author=ADA.person,
        time_s=0,
    )
    log._write(entry)
    return change


def test_an_operation_cut_in_two_is_completed_by_the_next(repository):
    tip = repository.resolve("HEAD")
    change = Change(refs={"refs/heads/b": (None, tip), "refs/heads/c": (None, tip)})
    crash_after_the_entry(repository, change)
    repository.refs.compare_and_swap("refs/heads/b", expected=None, new=tip)
    assert repository.operations.check() == []
    make_branch(repository, "d")
    assert repository.refs.get("refs/heads/c") == tip
    assert repository.operations.check() == []


def test_what_comes_into_being_comes_first_and_what_goes_goes_last(repository):
    tip = repository.resolve("HEAD")
    change = Change(
        refs={MAIN: (tip, None), "refs/heads/b": (None, tip)},
        head=("ref: refs/heads/main", "ref: refs/heads/b"),
    )
    seen = []
    swap, set_head = repository.refs.compare_and_swap, repository.refs.set_head
    repository.refs.compare_and_swap = lambda name, **to: (seen.append(name), swap(name, **to))
    repository.refs.set_head = lambda new, **to: (seen.append("HEAD"), set_head(new, **to))
    repository.operations.perform(change, verb="branch", message="rename", who=ADA)
    assert seen == ["refs/heads/b", "HEAD", MAIN]
    assert repository.refs.head().commit == tip


class DiesBeforeTheRefMoves(Files):
    """Files of a process that ends just before it renames the lock file of the branch 'b'."""

    ended = False

    def _rename(self, old, new):
        self.ended = self.ended or old.endswith("b.lock")
        self._unlink(old) if self.ended else super()._rename(old, new)

    def _unlink(self, path):
        if self.ended:
            raise SimulatedCrash(path)
        super()._unlink(path)


def test_a_ref_lock_of_a_dead_process_is_cleared(repository, dead, monkeypatch):  # noqa: F811
    lock = os.path.join(repository.layout.git, "refs", "heads", "b.lock")
    with monkeypatch.context() as patched:
        patched.setattr(lease, "this_process", lambda: dead)
        with pytest.raises(SimulatedCrash):
            make_branch(Repository(repository.layout, DiesBeforeTheRefMoves()), "b")
    assert os.path.exists(lock)
    make_branch(repository, "b")
    assert not os.path.exists(lock)
    assert repository.refs.get("refs/heads/b") is not None
    assert repository.operations.check() == []


def test_a_ref_lock_of_a_living_git_stops_the_operation(repository):
    lock = os.path.join(repository.layout.git, "refs", "heads", "b.lock")
    with open(lock, "wb"):
        pass
    with pytest.raises(Leased):
        make_branch(repository, "b")
    os.unlink(lock)
    make_branch(repository, "b")
    assert repository.operations.check() == []


def test_the_past_of_a_ref_is_its_values_the_latest_first(repository):
    first = repository.resolve("HEAD")
    second = commit(repository, who=BEN).id
    log = repository.operations
    assert log.past(MAIN) == [second, first]
    make_branch(repository, "b")
    assert log.past("HEAD") == [second, first]
    change = Change(head=("ref: refs/heads/main", first))
    log.perform(change, verb="switch", message="", who=ADA)
    assert log.past("HEAD") == [first, second, first]
    assert log.past("refs/heads/none") == []


def test_every_flipped_bit_of_an_entry_is_found(repository):
    log = repository.operations
    name = log.names()[0]
    content = log.content(name)
    assert Operation.decode(content, name).encode() == content
    for position in range(len(content)):
        for bit in (0x01, 0x20, 0x80):
            damaged = bytearray(content)
            damaged[position] ^= bit
            with pytest.raises(Corrupt):
                Operation.decode(bytes(damaged), name)


def test_an_entry_of_a_later_format_is_refused(repository):
    log = repository.operations
    line = log.content(log.names()[0]).partition(b"\n")[0].replace(b'"format":1', b'"format":2')
    content = line + b"\n" + str(OperationDigest.of(line)).encode() + b"\n"
    with pytest.raises(Unsupported):
        Operation.decode(content, "1")


def test_the_log_keeps_no_more_than_the_first_line_of_a_message(repository):
    change = Change(refs={"refs/heads/b": (None, repository.resolve("HEAD"))})
    entry = repository.operations.perform(change, verb="x", message="one\ntwo", who=ADA)
    assert entry.message == "one"
