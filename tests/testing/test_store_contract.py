"""The contract can fail: a store that breaks a promise does not pass."""

import inspect

import pytest

from mgit.store.chunks import ChunkStore
from mgit.store.files import Files
from mgit.testing.store_contract import ChunkStoreContract


class Forgetful(ChunkStore):
    def get(self, chunk):
        return super().get(chunk)[:-1]


class Careless(ChunkStore):
    def __contains__(self, chunk):
        return True


def contract_of(kind):
    class Contract(ChunkStoreContract):
        def make_store(self, place):
            return kind(str(place / "store"), Files())

    return Contract()


def test_the_contract_needs_a_factory():
    assert inspect.isabstract(ChunkStoreContract)


def test_a_store_that_cuts_chunks_fails(tmp_path):
    with pytest.raises(AssertionError):
        contract_of(Forgetful).test_a_chunk_reads_back_after_seal(tmp_path)


def test_a_store_that_claims_everything_fails(tmp_path):
    with pytest.raises(AssertionError):
        contract_of(Careless).test_nothing_is_readable_before_seal(tmp_path)
