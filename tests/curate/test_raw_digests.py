"""Raw-file digests: what a stranger computes, what quick means, what the cache may do."""

import os
from pathlib import Path

import blake3
import pytest

from mgit.curate import raw_digests
from mgit.curate.raw_digests import (
    MEBIBYTE,
    READ_BYTES,
    DigestCache,
    digest_file,
    digest_files,
)
from mgit.errors import NotFound, StorageFailed
from mgit.store.files import Files


@pytest.fixture
def cache(tmp_path):
    return DigestCache(tmp_path / "cache.json", Files())


def test_a_full_digest_is_plain_blake3_of_the_file(tmp_path):
    file = tmp_path / "movie"
    file.write_bytes(b"x" * 100_001)
    found = digest_file(file, complete=True)
    assert found.full == "b3:" + blake3.blake3(b"x" * 100_001).hexdigest()
    assert found.size_bytes == 100_001


def test_small_files_are_known_fully_at_once_also_when_only_quick_was_asked(tmp_path):
    file = tmp_path / "image"
    file.write_bytes(b"small")
    found = digest_file(file, complete=False)
    assert found.full == found.quick == "b3:" + blake3.blake3(b"small").hexdigest()


@pytest.fixture
def large(tmp_path):
    """A sparse file above the limit of small files."""
    file = tmp_path / "large"
    with file.open("wb") as stream:
        stream.truncate(raw_digests.QUICK_BYTES_MIN + 3 * MEBIBYTE)
    return file


@pytest.mark.parametrize("where", ["head", "tail", "size"])
def test_a_quick_digest_sees_head_tail_and_size(large, where):
    before = digest_file(large, complete=False)
    assert before.full is None
    if where == "size":
        os.truncate(large, before.size_bytes + 1)
    else:
        with large.open("r+b") as stream:
            stream.seek(
                0 if where == "head" else -1, os.SEEK_SET if where == "head" else os.SEEK_END
            )
            stream.write(b"!")
    assert digest_file(large, complete=False).quick != before.quick


def test_a_quick_digest_reads_no_more_than_its_samples(large):
    os.truncate(large, 500 * MEBIBYTE)
    read = []
    digest_file(large, complete=False, advance=read.append)
    assert sum(read) == 66 * MEBIBYTE


def test_the_cache_is_used_until_the_file_changes(tmp_path, cache):
    file = tmp_path / "movie"
    file.write_bytes(b"one")
    first = digest_files([file], cache, complete=True)[file]
    read = []
    again = DigestCache(tmp_path / "cache.json", Files())
    assert digest_files([file], again, complete=True, advance=read.append)[file] == first
    assert read == []
    file.write_bytes(b"two, longer")
    changed = digest_files([file], again, complete=True, advance=read.append)[file]
    assert changed != first
    assert read == [11]


def test_asking_again_ignores_the_cache(tmp_path, cache):
    file = tmp_path / "movie"
    file.write_bytes(b"one")
    digest_files([file], cache, complete=True)
    stamp = file.stat()
    file.write_bytes(b"eno")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    found = digest_files([file], cache, complete=True, again=True)[file]
    assert found.full == "b3:" + blake3.blake3(b"eno").hexdigest()


def test_a_damaged_cache_costs_nothing_but_time(tmp_path):
    (tmp_path / "cache.json").write_bytes(b"{not json")
    file = tmp_path / "movie"
    file.write_bytes(b"one")
    cache = DigestCache(tmp_path / "cache.json", Files())
    assert digest_files([file], cache, complete=True)[file].size_bytes == 3


def test_a_flipped_bit_of_the_cache_is_never_taken_for_a_digest(tmp_path, cache):
    file = tmp_path / "movie"
    file.write_bytes(b"one")
    digest_files([file], cache, complete=True)
    stored = (tmp_path / "cache.json").read_bytes()
    for position in range(len(stored)):
        damaged = bytearray(stored)
        damaged[position] ^= 1
        (tmp_path / "cache.json").write_bytes(damaged)
        assert DigestCache(tmp_path / "cache.json", Files()).find(file) is None


def test_an_interruption_does_not_wait_for_the_files_that_are_left(tmp_path, cache):
    paths = []
    for at in range(6):
        path = tmp_path / f"{at}.tif"
        path.touch()
        os.truncate(path, 40 * READ_BYTES)  # sparse: no disk is used
        paths.append(path)
    read = []

    def advance(size_bytes):
        read.append(size_bytes)
        if len(read) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        digest_files(paths, cache, complete=True, advance=advance)
    assert len(read) < 40


def test_a_file_that_changed_after_it_was_read_is_not_taken_from_the_cache(tmp_path, cache):
    path = tmp_path / "a.tif"
    path.write_bytes(b"before")
    digest = digest_file(path, complete=True)
    path.write_bytes(b"behind")
    cache.remember(path, digest)
    assert cache.find(path) is None


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StorageFailed, match="cannot be read") as caught:
        digest_file(tmp_path / "a.tif", complete=True)
    assert caught.value.fields["reason"] == "Permission denied"


def test_what_was_digested_before_a_failure_is_kept(tmp_path, cache):
    good = tmp_path / "good"
    good.write_bytes(b"good")
    with pytest.raises(NotFound, match="gone"):
        digest_files([good, tmp_path / "gone"], cache, complete=True, threads=1)
    assert DigestCache(tmp_path / "cache.json", Files()).find(good) is not None
