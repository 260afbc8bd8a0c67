"""The writer: order, dedupe, threads, few files, and death at any moment."""

import os

import numpy as np
import pytest

from mgit.digest import ChunkId
from mgit.errors import DiskFull, InvalidState, ReadOnlyStorage
from mgit.store import writer as writer_module
from mgit.store.checks import check_store, orphans
from mgit.store.chunks import ChunkStore
from mgit.store.files import Files
from mgit.testing.faults import FaultyFiles, SimulatedCrash, count_primitives, crash_points

RANDOM = np.random.default_rng(7)


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "store")


def listing(root):
    return [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]


@pytest.mark.parametrize("itemsize", [0, 256, -1])
def test_an_item_has_1_to_255_bytes(root, itemsize):
    with pytest.raises(InvalidState), ChunkStore(root, Files()).writer() as writer:
        writer.put(b"data", itemsize)


def test_a_chunk_beyond_the_cap_is_refused(root):
    with pytest.raises(InvalidState), ChunkStore(root, Files()).writer() as writer:
        writer.put(bytes((64 << 20) + 1), 1)


def test_any_contiguous_buffer_is_taken(root):
    store = ChunkStore(root, Files())
    values = np.arange(12.0).reshape(3, 4)
    with store.writer() as writer:
        names = {writer.put(data, 8) for data in (values, values.tobytes(), values.data)}
        empty = writer.put(np.empty((0, 4)), 8)
    assert names == {ChunkId.of(values.tobytes())}
    assert store.get(empty) == b""


@pytest.mark.parametrize("size", [10, 1000, 100_000, 1 << 20])
@pytest.mark.parametrize("codec", ["zstd", "raw"])
def test_a_buffer_may_be_changed_after_put(root, size, codec):
    store = ChunkStore(root, Files(), codec=codec)
    buffer = bytearray(RANDOM.bytes(size))
    with store.writer() as writer:
        names = []
        for number in range(6):
            buffer[0] = number
            names.append(writer.put(buffer, 1))
            buffer[0] = 99
    assert [store.get(name)[0] for name in names] == list(range(6))


def test_the_segment_does_not_depend_on_the_number_of_threads(tmp_path):
    payloads = [RANDOM.normal(size=40_000).round(1) for _ in range(12)] + [np.zeros(10)] * 3
    contents = []
    for threads in (1, 2, 3):
        store = ChunkStore(str(tmp_path / str(threads)), Files(), threads=threads)
        with store.writer() as writer:
            writer.put(payloads[0], 8)
            writer.put_all([data.tobytes() for data in payloads], 8)
            writer.put(payloads[3], 8)
        contents.append((store.segments(), sorted(map(os.path.basename, listing(store.root)))))
    assert contents[0] == contents[1] == contents[2]


def test_put_all_returns_names_in_order_and_stores_repeats_once(root):
    store = ChunkStore(root, Files())
    payloads = [bytes([number % 3]) * 700_000 for number in range(9)]
    with store.writer() as writer:
        names = writer.put_all(iter(payloads), 1)
        assert writer.put_all([], 1) == []
    assert names == [ChunkId.of(data) for data in payloads]
    assert [store.get(name) for name in names] == payloads


def test_a_long_writer_makes_several_segments_and_few_files(root, monkeypatch):
    monkeypatch.setattr(writer_module, "SEGMENT_TARGET_BYTES", 1 << 20)
    store = ChunkStore(root, Files(), codec="raw")
    payloads = [RANDOM.bytes(300_000) for _ in range(10)]
    with store.writer() as writer:
        names = writer.put_all(payloads, 1)
        assert [writer.get(name) for name in names] == payloads
    assert len(store.segments()) == 3
    assert len(listing(root)) == 4
    assert [store.get(name) for name in names] == payloads
    assert list(check_store(store)) == []


def test_an_unsealed_chunk_is_readable_from_its_writer(root):
    store = ChunkStore(root, Files())
    with store.writer() as writer:
        name = writer.put(b"not yet sealed", 1)
        assert writer.get(name) == b"not yet sealed"
        assert writer.get(ChunkId.of(b"absent")) is None


def test_a_writer_without_news_writes_no_file(root):
    with ChunkStore(root, Files()).writer():
        pass
    assert not os.path.exists(root)


def test_sealing_one_chunk_syncs_each_file_and_directory_once(root):
    store = ChunkStore(root, Files())
    with store.writer() as writer:
        writer.put(b"makes the directories", 1)
    files = FaultyFiles()
    with ChunkStore(root, files).writer() as writer:
        writer.put(b"one small chunk", 1)
    segment = ["create", "write", "fsync", "link", "unlink", "fsync_directory"]
    index = ["create", "write", "fsync", "rename", "fsync_directory"]
    assert files.performed == segment + index


def test_a_full_disk_is_said_and_leaves_no_temporary_file(root):
    store = ChunkStore(root, FaultyFiles("full", at=6))
    with pytest.raises(DiskFull), store.writer() as writer:
        writer.put(b"data", 1)
    assert listing(root) == []


def test_read_only_storage_is_said(root):
    with (
        pytest.raises(ReadOnlyStorage),
        ChunkStore(root, FaultyFiles("read-only", at=0)).writer() as writer,
    ):
        writer.put(b"data", 1)


def test_a_failure_in_a_thread_reaches_the_caller(root, monkeypatch):
    def fail(*_):
        raise MemoryError("no room to compress")

    monkeypatch.setattr(writer_module, "encode", fail)
    with pytest.raises(MemoryError), ChunkStore(root, Files()).writer() as writer:
        writer.put_all([bytes(2 << 20)], 1)
    assert listing(root) == []


def test_death_at_any_primitive_leaves_the_old_chunks_and_a_clean_store(tmp_path, monkeypatch):
    """Every create, write, fsync, link, unlink and directory sync is a moment to die."""
    monkeypatch.setattr(writer_module, "SEGMENT_TARGET_BYTES", 1000)
    runs = iter(range(10_000))
    old, new = b"old" * 100, [bytes([number]) * 600 for number in range(3)]
    place = {}

    def operation(files):
        place["root"] = str(tmp_path / str(next(runs)))
        with ChunkStore(place["root"], Files(), codec="raw").writer() as writer:
            writer.put(old, 1)
        with ChunkStore(place["root"], files, codec="raw").writer() as writer:
            for data in new:
                writer.put(data, 1)

    assert count_primitives(operation) > 15
    outcomes = set()
    for faults in crash_points(operation, faults=("crash", "torn", "full", "read-only")):
        store = ChunkStore(place["root"], Files())
        assert store.get(ChunkId.of(old)) == old
        assert list(check_store(store)) == []
        readable = [ChunkId.of(data) in store for data in new]
        for data in new:
            if ChunkId.of(data) in store:
                assert store.get(ChunkId.of(data)) == data
        if faults.fault == "full":
            assert orphans(store) == []
        outcomes.add(all(readable))
        # Whatever was left, the same work can simply be repeated.
        with ChunkStore(place["root"], Files(), codec="raw").writer() as writer:
            names = [writer.put(data, 1) for data in new]
        assert [store.get(name) for name in names] == new
        assert list(check_store(store)) == []
    assert outcomes == {False, True}


def test_death_while_indexes_are_merged_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("mgit.store.catalogue.INDEX_FILES_MAX", 3)
    runs = iter(range(10_000))
    place = {}
    old = [b"old %d" % number for number in range(3)]

    def operation(files):
        place["root"] = str(tmp_path / str(next(runs)))
        for data in old:
            with ChunkStore(place["root"], Files()).writer() as writer:
                writer.put(data, 1)
        with ChunkStore(place["root"], files).writer() as writer:
            writer.put(b"new", 1)

    for _ in crash_points(operation):
        store = ChunkStore(place["root"], Files())
        assert [store.get(ChunkId.of(data)) for data in old] == old
        assert list(check_store(store)) == []


def test_a_dead_process_does_not_clean_up(root):
    files = FaultyFiles(at=6)
    with pytest.raises(SimulatedCrash), ChunkStore(root, files).writer() as writer:
        writer.put(b"data", 1)
    assert len(orphans(ChunkStore(root, Files()))) == 1
