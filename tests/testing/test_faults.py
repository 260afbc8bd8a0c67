"""The simulated failures fail as promised."""

import pytest

from mgit.errors import DiskFull, ReadOnlyStorage
from mgit.store.files import Files
from mgit.testing.faults import FaultyFiles, SimulatedCrash, count_primitives, crash_points


def test_without_a_fault_everything_works_and_is_counted(tmp_path):
    assert count_primitives(lambda files: files.replace(str(tmp_path / "a"), b"x")) == 5
    assert Files().read(str(tmp_path / "a")) == b"x"


def test_a_torn_write_leaves_its_first_half(tmp_path):
    files = FaultyFiles("torn", at=1)
    with pytest.raises(SimulatedCrash):
        files.create_exclusive(str(tmp_path / "lock"), b"12345678")
    assert Files().read(str(tmp_path / "lock")) == b"1234"


def test_a_full_disk_still_removes_and_a_read_only_one_does_not(tmp_path):
    path = str(tmp_path / "a")
    Files().replace(path, b"x")
    with pytest.raises(DiskFull):
        FaultyFiles("full", at=0).replace(path, b"y")
    with pytest.raises(ReadOnlyStorage):
        FaultyFiles("read-only", at=0).remove(path)
    FaultyFiles("full", at=0).remove(path)
    assert not Files().exists(path)


def test_every_primitive_is_visited_once_per_fault(tmp_path):
    runs = crash_points(lambda files: files.replace(str(tmp_path / "a"), b"x"))
    assert [(faults.fault, faults.at) for faults in runs] == [
        (fault, at) for fault in ("crash", "torn") for at in range(5)
    ]


def fail_early(files):
    if files.at is not None:
        raise DiskFull("not from the fault")
    files.sync_directory("/")


def test_an_operation_that_fails_by_itself_is_not_taken_for_a_crash():
    with pytest.raises(AssertionError, match="before the fault"):
        next(crash_points(fail_early))


def test_a_sample_is_drawn_by_its_seed_and_holds_no_point_twice(tmp_path):
    def work(files):
        for number in range(9):
            files.replace(str(tmp_path / f"{number}"), b"x")

    def drawn(**options):
        return [faults.at for faults in crash_points(work, faults=("crash",), **options)]

    first = drawn(sample=5, seed=1)
    assert first == drawn(sample=5, seed=1) == sorted(set(first))
    assert len(first) == 5
    assert first != drawn(sample=5, seed=2)
    assert len(drawn(sample=10_000)) == len(drawn())
