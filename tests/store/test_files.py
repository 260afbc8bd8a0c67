"""Durable operations: whole or not at all, and every failure named."""

import errno
import os
import stat

import pytest

from mgit.errors import Corrupt, DiskFull, NotFound, ReadOnlyStorage, StorageFailed
from mgit.store.files import TEMPORARY_PREFIX, Files, storage_error
from mgit.testing.faults import FaultyFiles, SimulatedCrash, crash_points


@pytest.fixture
def files():
    return Files()


def test_a_new_file_holds_all_parts(files, tmp_path):
    path = str(tmp_path / "new")
    files.write_new(path, [b"one", memoryview(b"two"), bytearray(b"")])
    assert files.read(path) == b"onetwo"
    assert os.listdir(tmp_path) == ["new"]


def test_writing_equal_content_again_succeeds_and_leaves_no_second_file(files, tmp_path):
    path = str(tmp_path / "named-by-content")
    files.write_new(path, [b"content"])
    files.write_new(path, [b"con", b"tent"])
    assert os.listdir(tmp_path) == ["named-by-content"]


def test_a_new_file_never_replaces_other_content(files, tmp_path):
    path = str(tmp_path / "taken")
    files.write_new(path, [b"old"])
    with pytest.raises(Corrupt, match="other bytes"):
        files.write_new(path, [b"new"])
    assert files.read(path) == b"old"
    assert os.listdir(tmp_path) == ["taken"]


class WithoutHardLinks(Files):
    def _link(self, old, new):
        raise OSError(errno.EOPNOTSUPP, "no hard links here")


def test_a_file_system_without_hard_links_serves_too(tmp_path):
    files = WithoutHardLinks()
    path = str(tmp_path / "new")
    files.write_new(path, [b"content"])
    files.write_new(path, [b"content"])
    with pytest.raises(Corrupt):
        files.write_new(path, [b"other"])
    assert files.read(path) == b"content"
    assert os.listdir(tmp_path) == ["new"]


def test_replace_puts_the_new_content_in_place(files, tmp_path):
    path = str(tmp_path / "head")
    files.replace(path, b"old")
    files.replace(path, b"new")
    assert files.read(path) == b"new"
    assert os.listdir(tmp_path) == ["head"]


def test_only_the_first_exclusive_creation_succeeds(files, tmp_path):
    path = str(tmp_path / "lock")
    assert files.create_exclusive(path, b"mine")
    assert not files.create_exclusive(path, b"theirs")
    assert files.read(path) == b"mine"


def test_rename_and_remove_do_what_they_say(files, tmp_path):
    old, new = str(tmp_path / "old"), str(tmp_path / "deep" / "new")
    files.make_directory(str(tmp_path / "deep"))
    files.replace(old, b"x")
    files.rename(old, new)
    assert not files.exists(old)
    assert files.exists(new)
    files.remove(new)
    assert not files.exists(new)
    with pytest.raises(NotFound):
        files.remove(new)


def test_directories_are_made_with_their_parents_and_may_exist(files, tmp_path):
    path = str(tmp_path / "a" / "b" / "c")
    files.make_directory(path)
    files.make_directory(path)
    assert os.path.isdir(path)


def test_a_file_in_the_way_of_a_directory_is_an_error(files, tmp_path):
    files.replace(str(tmp_path / "a"), b"")
    with pytest.raises(StorageFailed):
        files.make_directory(str(tmp_path / "a"))


def test_listings_are_sorted_and_hide_temporary_files(files, tmp_path):
    for name in ("b", "a", TEMPORARY_PREFIX + "left"):
        (tmp_path / name).write_bytes(b"")
    assert files.listing(str(tmp_path)) == ["a", "b"]
    assert files.temporaries(str(tmp_path)) == [TEMPORARY_PREFIX + "left"]
    assert files.listing(str(tmp_path / "absent")) == []


def test_a_missing_file_is_not_found_and_named(files, tmp_path):
    with pytest.raises(NotFound, match="absent"):
        files.read(str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, ReadOnlyStorage),
        (errno.EACCES, ReadOnlyStorage),
        (errno.EPERM, ReadOnlyStorage),
        (errno.ENOENT, NotFound),
        (errno.EIO, StorageFailed),
    ],
)
def test_system_errors_have_an_error_of_our_own(number, kind):
    error = storage_error(OSError(number, os.strerror(number)), "/some/file")
    assert type(error) is kind
    assert "/some/file" in str(error)


@pytest.mark.parametrize(("fault", "kind"), [("full", DiskFull), ("read-only", ReadOnlyStorage)])
def test_a_failed_write_changes_nothing_that_existed(fault, kind, tmp_path):
    path = str(tmp_path / "head")
    Files().replace(path, b"old")
    with pytest.raises(kind):
        FaultyFiles(fault, at=1).replace(path, b"new")
    assert Files().read(path) == b"old"
    if fault == "full":
        assert os.listdir(tmp_path) == ["head"]


def test_a_full_disk_leaves_no_torn_lock(tmp_path):
    path = str(tmp_path / "lock")
    with pytest.raises(DiskFull):
        FaultyFiles("full", at=1).create_exclusive(path, b"mine")
    assert not os.path.exists(path)


class ShortWrites(Files):
    def _write(self, descriptor, data):
        return super()._write(descriptor, data[:3])


def test_short_writes_are_continued(tmp_path):
    path = str(tmp_path / "long")
    ShortWrites().write_new(path, [b"0123456789" * 5])
    assert Files().read(path) == b"0123456789" * 5


def test_content_is_durable_before_its_name_and_the_name_before_return(tmp_path):
    files = FaultyFiles()
    files.write_new(str(tmp_path / "new"), [b"x"])
    assert files.performed == ["create", "write", "fsync", "link", "unlink", "fsync_directory"]
    files = FaultyFiles()
    files.replace(str(tmp_path / "new"), b"y")
    assert files.performed == ["create", "write", "fsync", "rename", "fsync_directory"]


def test_whenever_a_replacement_dies_the_old_or_the_new_content_is_there_whole(tmp_path):
    path = str(tmp_path / "head")

    def operation(files):
        Files().replace(path, b"old" * 100)
        files.replace(path, b"new" * 100)

    seen = set()
    for _ in crash_points(operation, faults=("crash", "torn", "full", "read-only")):
        seen.add(Files().read(path))
    assert seen == {b"old" * 100, b"new" * 100}


def test_after_its_death_a_process_changes_nothing(tmp_path):
    files = FaultyFiles(at=2)
    with pytest.raises(SimulatedCrash):
        files.write_new(str(tmp_path / "new"), [b"x"])
    assert len(files.temporaries(str(tmp_path))) == 1
    with pytest.raises(SimulatedCrash):
        files.replace(str(tmp_path / "other"), b"y")
    assert files.listing(str(tmp_path)) == []


def test_files_are_readable_for_others_as_the_umask_allows(files, tmp_path):
    path = str(tmp_path / "shared")
    files.write_new(path, [b"x"])
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666 & ~mask


def test_a_file_is_moved_to_its_name_once(files, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"x")
    files.move_new(str(old), str(new))
    assert (old.exists(), new.read_bytes()) == (False, b"x")
    files.move_new(str(old), str(new))  # another process has moved it meanwhile
    old.write_bytes(b"x")
    files.move_new(str(old), str(new))
    assert not old.exists()


def test_a_move_never_replaces_other_content(files, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"x")
    new.write_bytes(b"y")
    with pytest.raises(Corrupt):
        files.move_new(str(old), str(new))
    assert new.read_bytes() == b"y"
    with pytest.raises(NotFound):
        files.move_new(str(tmp_path / "nothing"), str(tmp_path / "nowhere"))
