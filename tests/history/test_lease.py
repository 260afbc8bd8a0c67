import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from mgit.errors import InvalidInput, Leased
from mgit.history import lease as leases_module
from mgit.history.lease import Holder, LeaseDirectory, branch_lease, this_process
from mgit.store.files import Files


@pytest.fixture
def leases(tmp_path):
    return LeaseDirectory(str(tmp_path / "locks"), Files())


@pytest.fixture
def dead():
    """A process of this machine that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return replace(this_process(), pid=child.pid)


def of(process, path, **options):
    return LeaseDirectory(str(path / "locks"), Files(), process=process, **options)


def test_a_lease_is_held_by_one(leases):
    with leases.held("refs", purpose={}):
        with pytest.raises(Leased) as caught:
            leases.acquire("refs", purpose={}, wait_s=0)
        assert str(os.getpid()) in caught.value.message
        leases.acquire("other", purpose={}).release()
    leases.acquire("refs", purpose={}).release()
    assert leases.holder("refs") is None


def test_a_lease_is_given_back_when_the_work_fails(leases):
    with pytest.raises(KeyError), leases.held("refs", purpose={}):
        raise KeyError
    assert leases.holder("refs") is None


def test_waiting_ends_when_the_holder_is_done(leases):
    lease = leases.acquire("refs", purpose={})
    timer = threading.Timer(0.05, lease.release)
    timer.start()
    leases.acquire("refs", purpose={}, wait_s=10).release()
    timer.join()


def test_a_dead_process_loses_its_lease_and_leaves_its_purpose(tmp_path, leases, dead):
    lost = of(dead, tmp_path).acquire("refs", purpose={"refs": {"refs/heads/main": "x"}})
    with leases.held("refs", purpose={}):
        ((path, purpose),) = leases.broken("refs")
        assert path.endswith(lost.token)
        assert purpose == {"refs": {"refs/heads/main": "x"}}
        leases.forget(path)
        assert leases.broken("refs") == []
    assert os.listdir(tmp_path / "locks") == []


def test_a_process_with_the_number_of_a_dead_one_is_another_process(tmp_path, leases):
    if not this_process().started:
        pytest.skip("this system does not tell when a process started")
    of(replace(this_process(), started="1"), tmp_path).acquire("refs", purpose={})
    leases.acquire("refs", purpose={}, wait_s=0.5).release()


def test_a_holder_elsewhere_is_believed_until_its_heartbeat_expires(tmp_path, leases):
    elsewhere = replace(this_process(), host="elsewhere", boot="another")
    now = [1000.0]
    others = of(elsewhere, tmp_path, clock=lambda: now[0])
    mine = of(None, tmp_path, clock=lambda: now[0])
    lease = others.acquire("refs", purpose={})
    now[0] += 59
    with pytest.raises(Leased, match="elsewhere"):
        mine.acquire("refs", purpose={}, wait_s=0)
    lease.renew()
    now[0] += 59
    with pytest.raises(Leased):
        mine.acquire("refs", purpose={}, wait_s=0)
    now[0] += 2
    taken = mine.acquire("refs", purpose={}, wait_s=1)
    with pytest.raises(Leased, match="broken"):
        lease.renew()
    lease.release()
    assert mine.holder("refs").token == taken.token


def test_a_living_process_of_this_machine_keeps_its_lease_whatever_the_clock_says(tmp_path, leases):
    leases.acquire("refs", purpose={})
    later = of(None, tmp_path, clock=lambda: 4e9)
    with pytest.raises(Leased):
        later.acquire("refs", purpose={}, wait_s=0)


def test_a_torn_lease_file_is_broken_after_a_while(tmp_path, leases, monkeypatch):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "refs").write_bytes(b'{"format":1,"hos')
    with pytest.raises(Leased):
        leases.acquire("refs", purpose={}, wait_s=0)
    monkeypatch.setattr(leases_module, "TORN_EXPIRES_S", -1)
    leases.acquire("refs", purpose={}, wait_s=1).release()


def test_a_process_that_dies_while_breaking_a_lease_is_broken_too(tmp_path, leases, dead):
    others = of(dead, tmp_path)
    lost = others.acquire("refs", purpose={})
    others.acquire(f"refs.breaking-{lost.token}", purpose={})
    leases.acquire("refs", purpose={}, wait_s=1).release()


def test_many_breakers_of_one_dead_lease_never_hold_it_together(tmp_path, dead):
    of(dead, tmp_path).acquire("refs", purpose={})
    inside, most = [], []

    def work():
        for _ in range(5):
            with of(None, tmp_path).held("refs", purpose={}, wait_s=30):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 20
    assert max(most) == 1


def test_a_lease_file_is_read_back_as_written():
    holder = Holder(process=this_process(), token="t", heartbeat_s=5, purpose={"a": [1, "b"]})
    assert Holder.decode(holder.encode()) == holder
    assert Holder.decode(holder.encode()[:-1]) is None
    assert Holder.decode(b"[]") is None


@pytest.mark.parametrize("name", ["", ".x", "a/b", "a b"])
def test_a_lease_has_a_plain_name(leases, name):
    with pytest.raises(InvalidInput):
        leases.acquire(name, purpose={})


def test_every_branch_has_a_lease_of_its_own(leases):
    names = ["main", "Main", "a/b", "a-b", "größe"]
    held = [leases.acquire(branch_lease(name), purpose={"branch": name}) for name in names]
    for name in names:
        assert leases.holder(branch_lease(name)).purpose == {"branch": name}
    for lease in held:
        lease.release()
