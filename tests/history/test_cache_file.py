"""Throw-away files: damage costs entries, never gives wrong ones."""

import os
from multiprocessing import get_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.history.cache_file import append, entries, unreadable_bytes

PAYLOADS = [b"first", b"", b"\xf7mgC looks like an entry", bytes(300)]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "cache" / "file")


def test_entries_come_back_in_order(path):
    assert append(path, PAYLOADS[:2])
    assert append(path, PAYLOADS[2:])
    assert list(entries(path)) == PAYLOADS


def test_no_file_is_an_empty_cache(path):
    assert list(entries(path)) == []
    assert append(path, [])
    assert not os.path.exists(path)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "cache").write_bytes(b"a file where a folder is wanted")
    assert not append(str(tmp_path / "cache" / "file"), [b"x"])
    assert list(entries(str(tmp_path / "cache" / "file"))) == []


@given(st.data())
def test_damage_loses_entries_and_invents_none(data):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        append(path, PAYLOADS)
        with open(path, "rb") as file:
            whole = bytearray(file.read())
        place = data.draw(st.integers(0, len(whole) - 1))
        if data.draw(st.booleans()):
            del whole[place:]
        else:
            whole[place] ^= data.draw(st.integers(1, 255))
        with open(path, "wb") as file:
            file.write(whole)
        append(path, [b"after the damage"])
        found = list(entries(path))
    assert set(found) <= {*PAYLOADS, b"after the damage"}
    # A damaged length may swallow the magic that follows, but never the end of the file.
    assert found[-1] == b"after the damage"


def test_only_the_newest_part_is_read_on_request(path):
    append(path, [bytes([number]) * 100 for number in range(50)])
    newest = list(entries(path, newest_bytes=1000))
    assert 1 < len(newest) < 10
    assert newest[-1] == bytes([49]) * 100


def _append_many(path, mark):
    for _ in range(200):
        append(path, [mark * 500])


def test_writers_in_several_processes_interleave_whole_entries(path):
    append(path, [b"0"])
    processes = [
        get_context("fork").Process(target=_append_many, args=(path, mark)) for mark in (b"a", b"b")
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = list(entries(path))
    assert sorted(found) == sorted([b"0"] + [b"a" * 500] * 200 + [b"b" * 500] * 200)


def test_bytes_of_no_whole_entry_are_counted(tmp_path):
    path = str(tmp_path / "cache")
    assert unreadable_bytes(path) == 0
    append(path, [b"one", b"three"])
    assert unreadable_bytes(path) == 0
    with open(path, "ab") as stream:
        stream.write(b"torn")
    assert unreadable_bytes(path) == 4
