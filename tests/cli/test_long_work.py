"""Long work: signals become one kind of stop, and the branch has one holder at a time."""

import signal
import threading
import time

import pytest

from mgit.cli import long_work
from mgit.cli.long_work import branch_held, stopping_signals
from mgit.errors import Leased
from mgit.history.commits import Signature
from mgit.history.lease import branch_lease
from mgit.history.repository import Repository


@pytest.fixture
def repository(tmp_path):
    who = Signature(name="Ada", email="a@b", time_s=1, zone_s=0)
    Repository.init(str(tmp_path), name="toy", who=who)
    return Repository.open(str(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_every_signal_interrupts_and_handlers_come_back(number):
    before = [signal.getsignal(each) for each in long_work.SIGNALS]
    with pytest.raises(KeyboardInterrupt), stopping_signals():
        signal.raise_signal(number)
    assert [signal.getsignal(each) for each in long_work.SIGNALS] == before


def test_outside_the_main_thread_nothing_is_changed():
    seen = []

    def work():
        with stopping_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_branch_has_one_holder_and_is_free_afterwards(repository, monkeypatch):
    monkeypatch.setattr(long_work, "LEASE_WAIT_S", 0.0)
    with branch_held(repository, "main", run="a"):
        with (
            pytest.raises(Leased, match="another refinement") as caught,
            branch_held(repository, "main", run="b"),
        ):
            pytest.fail("the branch has two holders")
        assert "--branch NEW" in caught.value.hint
        with branch_held(repository, "other", run="c"):
            pass
    with branch_held(repository, "main", run="d"):
        pass


def test_an_error_inside_frees_the_branch(repository):
    with pytest.raises(ZeroDivisionError), branch_held(repository, "main", run="a"):
        raise ZeroDivisionError
    assert repository.leases.holder(branch_lease("main")) is None


def test_the_lease_is_renewed_while_the_work_lasts(repository, monkeypatch):
    monkeypatch.setattr(long_work, "RENEW_S", 0.01)
    renewed = threading.Event()
    monkeypatch.setattr(long_work.Lease, "renew", lambda _lease: renewed.set())
    with branch_held(repository, "main", run="a"):
        assert renewed.wait(5)


def test_a_lease_that_was_broken_does_not_stop_the_work(repository, monkeypatch):
    monkeypatch.setattr(long_work, "RENEW_S", 0.01)
    tried = []

    def lost(_lease):
        tried.append(1)
        raise Leased("broken")

    monkeypatch.setattr(long_work.Lease, "renew", lost)
    with branch_held(repository, "main", run="a"):
        deadline = time.monotonic() + 5
        while not tried and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
    assert len(tried) == 1
