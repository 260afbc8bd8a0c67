"""The chunk store: identity, sharing between processes, survival of damage."""

import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.digest import ChunkId
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.store.chunks import ChunkStore
from mgit.store.files import Files
from mgit.testing.store_contract import ChunkStoreContract


class TestCompressedStore(ChunkStoreContract):
    def make_store(self, place):
        return ChunkStore(str(place / "store"), Files())


class TestRawStore(ChunkStoreContract):
    def make_store(self, place):
        return ChunkStore(str(place / "store"), Files(), codec="raw", threads=1)


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "store")


def store_at(root, **options):
    return ChunkStore(root, Files(), **options)


def fill(root, *payloads, **options):
    store = store_at(root, **options)
    with store.writer() as writer:
        return store, [writer.put(data, 1) for data in payloads]


def paths(root, kind):
    directory = os.path.join(root, kind)
    return [os.path.join(directory, name) for name in sorted(os.listdir(directory))]


def flip(path, offset):
    with open(path, "r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 1]))


@given(st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 255)), max_size=8))
def test_get_returns_what_was_put(tmp_path_factory, puts):
    root = str(tmp_path_factory.mktemp("put") / "store")
    store = store_at(root)
    with store.writer() as writer:
        ids = [writer.put(data, itemsize) for data, itemsize in puts]
    for reader in (store, store_at(root)):
        assert [reader.get(name) for name in ids] == [data for data, _ in puts]


def test_an_unknown_codec_is_refused(root):
    with pytest.raises(InvalidState):
        store_at(root, codec="lzma")


@pytest.mark.parametrize("harm", ["delete", "flip", "truncate", "empty", "strange name"])
def test_a_lost_or_damaged_index_loses_nothing(root, harm):
    _, ids = fill(root, b"one", b"two" * 1000)
    (path,) = paths(root, "index")
    if harm == "delete":
        os.remove(path)
    elif harm == "flip":
        flip(path, 60)
    elif harm == "strange name":
        os.rename(path, os.path.join(root, "index", "strange.idx"))
    else:
        os.truncate(path, 30 if harm == "truncate" else 0)
    assert [store_at(root).get(name) for name in ids] == [b"one", b"two" * 1000]


def test_the_index_rebuilt_from_footers_is_the_one_that_was_written(root):
    fill(root, b"one", b"two")
    (path,) = paths(root, "index")
    before = Files().read(path)
    os.remove(path)
    store_at(root).rebuild_index()
    assert [Files().read(name) for name in paths(root, "index")] == [before]


def test_many_index_files_are_merged_into_one(root):
    store = store_at(root)
    ids = []
    for number in range(40):
        with store.writer() as writer:
            ids.append(writer.put(b"%d" % number, 1))
    assert len(paths(root, "index")) == 40 - 32
    assert [store_at(root).get(name) for name in ids] == [b"%d" % n for n in range(40)]
    assert all(name in store for name in ids)


@pytest.mark.parametrize("cut", [1, 16, 17, 100, 150])
def test_records_before_a_torn_footer_are_still_readable(root, cut):
    _, ids = fill(root, b"one", b"two")
    (segment,) = paths(root, "segments")
    os.remove(paths(root, "index")[0])
    os.truncate(segment, os.path.getsize(segment) - cut)
    store = store_at(root)
    assert [store.get(name) for name in ids] == [b"one", b"two"]
    store.rebuild_index()
    assert [store_at(root).get(name) for name in ids] == [b"one", b"two"]


def test_damaged_bytes_are_never_returned(root):
    store, (name,) = fill(root, b"precious" * 100, codec="raw")
    flip(paths(root, "segments")[0], 8 + 48 + 5)
    with pytest.raises(Corrupt, match="stored bytes"):
        store.get(name)


def test_another_copy_stands_in_for_a_damaged_one(root, tmp_path):
    _, (name,) = fill(root, b"precious")
    other = str(tmp_path / "other")
    fill(other, b"precious", b"more")
    for kind in ("segments", "index"):
        for path in paths(other, kind):
            os.rename(path, os.path.join(root, kind, os.path.basename(path)))
    for victim in paths(root, "segments"):
        flip(victim, 8 + 48)
        assert store_at(root).get(name) == b"precious"
        flip(victim, 8 + 48)


def test_a_segment_removed_by_another_process_is_a_miss(root):
    store, (name,) = fill(root, b"swept")
    os.remove(paths(root, "segments")[0])
    assert name not in store_at(root)
    store.refresh()
    with pytest.raises(NotFound):
        store_at(root).get(name)


def test_foreign_files_in_the_store_do_no_harm(root):
    _, (name,) = fill(root, b"data")
    for kind in ("segments", "index"):
        for stranger in ("README", "00.seg", "zz" * 32 + ".seg", ".tmp-left", "x.idx"):
            with open(os.path.join(root, kind, stranger), "wb") as stream:
                stream.write(b"foreign")
    assert store_at(root).get(name) == b"data"
    assert len(store_at(root).segments()) == 1


def test_two_writers_at_once_both_succeed(root):
    first, second = store_at(root), store_at(root)
    ours, theirs = first.writer(), second.writer()
    shared = ours.put(b"shared", 1)
    assert theirs.put(b"shared", 1) == shared
    only = theirs.put(b"only theirs", 1)
    ours.seal()
    theirs.seal()
    assert first.get(only) == b"only theirs"
    assert second.get(shared) == b"shared"


def test_two_writers_of_the_same_chunks_write_the_same_file(root):
    first, second = store_at(root).writer(), store_at(root).writer()
    for writer in (first, second):
        writer.put(b"same", 1)
    first.seal()
    second.seal()
    assert len(paths(root, "segments")) == len(paths(root, "index")) == 1


def test_threads_may_read_while_another_writes(root):
    store, ids = fill(root, *(bytes([number]) * 1000 for number in range(50)))
    failures = []

    def read():
        for _ in range(5):
            for number, name in enumerate(ids):
                if store.get(name) != bytes([number]) * 1000:
                    failures.append(number)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for number in range(10):
        with store.writer() as writer:
            writer.put(b"more %d" % number, 1)
    for thread in readers:
        thread.join()
    assert failures == []


def test_more_segments_than_may_be_open_are_all_readable(root):
    store = store_at(root)
    ids = []
    for number in range(70):
        with store.writer() as writer:
            ids.append(writer.put(b"%d" % number, 1))
    for _ in range(2):
        assert [store.get(name) for name in ids] == [b"%d" % n for n in range(70)]


def test_using_chunks_loads_nothing_heavy():
    program = (
        "import sys, mgit.store.chunks; "
        "print([name for name in ('zarr', 'torch', 'dulwich', 'asyncio', 'concurrent.futures')"
        " if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_files_load_neither_numpy_nor_typing():
    program = (
        "import sys; before = set(sys.modules); import mgit.store.files; "
        "print({'numpy', 'typing', 'dataclasses', 'pathlib'} & (set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr


def test_a_zero_filled_id_is_only_found_if_stored(root):
    store, _ = fill(root, b"data")
    assert ChunkId(b"\0" * 32) not in store
