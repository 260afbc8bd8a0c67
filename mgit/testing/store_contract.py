"""What every chunk store must do, as tests that a backend's test class inherits.

class TestLocalStore(ChunkStoreContract):
    def make_store(self, place):
        return ChunkStore(str(place / "store"), Files())
"""

import abc
from pathlib import Path

import pytest

from mgit.digest import ChunkId
from mgit.errors import InvalidState, NotFound
from mgit.store.chunks import ChunkStore

__all__ = ["ChunkStoreContract"]

PAYLOADS = (b"", b"\0", b"one", bytes(range(256)) * 40, b"\0" * 100_000)


class ChunkStoreContract(abc.ABC):
    """Subclass as `Test...` and say how a store is opened."""

    @abc.abstractmethod
    def make_store(self, place: Path) -> ChunkStore:
        """Open the store that belongs to the directory `place`, another handle at every call."""

    def test_a_chunk_reads_back_after_seal(self, tmp_path: Path) -> None:
        """Put, then seal, then get is the identity."""
        store = self.make_store(tmp_path)
        with store.writer() as writer:
            names = [writer.put(data, 4) for data in PAYLOADS]
        assert [store.get(name) for name in names] == list(PAYLOADS)

    def test_a_chunk_is_named_by_its_logical_bytes(self, tmp_path: Path) -> None:
        """Neither the item size nor the store has a say."""
        with self.make_store(tmp_path).writer() as writer:
            assert {writer.put(b"logical bytes", size) for size in (1, 4, 255)} == {
                ChunkId.of(b"logical bytes")
            }

    def test_an_absent_chunk_is_not_found(self, tmp_path: Path) -> None:
        """Asking for its bytes or its size raises NotFound."""
        store = self.make_store(tmp_path)
        absent = ChunkId.of(b"never stored")
        assert absent not in store
        with pytest.raises(NotFound):
            store.get(absent)
        with pytest.raises(NotFound):
            store.size(absent)

    def test_nothing_is_readable_before_seal(self, tmp_path: Path) -> None:
        """A writer's chunks become visible together."""
        store = self.make_store(tmp_path)
        writer = store.writer()
        name = writer.put(b"early", 1)
        assert name not in store
        writer.seal()
        assert name in store

    def test_an_aborted_writer_leaves_nothing(self, tmp_path: Path) -> None:
        """No chunk and no segment."""
        store = self.make_store(tmp_path)
        with pytest.raises(InvalidState), store.writer() as writer:  # noqa: PT012
            name = writer.put(b"abandoned", 1)
            writer.put(b"no such item", 0)
        assert name not in store
        assert store.segments() == []

    def test_putting_twice_stores_once(self, tmp_path: Path) -> None:
        """Within one writer and across writers; a writer without news adds no segment."""
        store = self.make_store(tmp_path)
        for _ in range(2):
            with store.writer() as writer:
                assert writer.put(b"same" * 100, 4) == writer.put(b"same" * 100, 4)
        assert len(store.segments()) == 1

    def test_another_handle_sees_what_was_sealed(self, tmp_path: Path) -> None:
        """Even if it looked, and missed, before."""
        ours, theirs = self.make_store(tmp_path), self.make_store(tmp_path)
        name = ChunkId.of(b"news")
        assert name not in theirs
        with ours.writer() as writer:
            writer.put(b"news", 1)
        assert theirs.get(name) == b"news"

    def test_a_sealed_writer_takes_no_more(self, tmp_path: Path) -> None:
        """Its chunks could never become readable."""
        writer = self.make_store(tmp_path).writer()
        writer.seal()
        with pytest.raises(InvalidState):
            writer.put(b"late", 1)

    def test_size_tells_logical_and_stored_bytes(self, tmp_path: Path) -> None:
        """Stored bytes never exceed the logical ones."""
        store = self.make_store(tmp_path)
        with store.writer() as writer:
            names = [writer.put(data, 1) for data in PAYLOADS]
        for name, data in zip(names, PAYLOADS, strict=True):
            raw, stored = store.size(name)
            assert raw == len(data)
            assert stored <= raw
