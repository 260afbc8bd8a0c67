import os

import pytest

from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage
from mgit.verify.graph import GraphAudit
from mgit.verify.storage import check_presence, check_stored_bytes, check_structure
from tests.verify.populations import flip, reopened


@pytest.fixture
def ledger():
    return DamageLedger()


def kinds(ledger):
    return [each.kind for each in ledger.findings()]


def segment_path(repository):
    return repository.chunks.catalogue.segment_path(repository.chunks.segments()[0])


def test_a_sound_store_is_hashed_whole(repository, ledger):
    seen = Coverage()
    done = []
    check_structure(repository.chunks, ledger)
    check_stored_bytes(repository.chunks, ledger, seen, advance=done.append)
    assert kinds(ledger) == []
    paths = [repository.chunks.catalogue.segment_path(s) for s in repository.chunks.segments()]
    assert seen.bytes_read == sum(done) == sum(os.path.getsize(path) for path in paths)


@pytest.mark.parametrize(
    ("offset", "kind"), [(2, "segment-footer"), (9, "record-header"), (-3, "segment-footer")]
)
def test_damage_of_a_segment_is_named_once(repository, ledger, offset, kind):
    path = segment_path(repository)
    flip(path, offset % os.path.getsize(path))
    store = reopened(repository).chunks
    check_structure(store, ledger)
    check_stored_bytes(store, ledger, Coverage(), advance=lambda _: None)
    assert kinds(ledger) == [kind]


def test_a_damaged_index_is_suspect_and_says_how_to_mend_it(repository, ledger):
    name = repository.chunks.catalogue.index_names()[0]
    flip(repository.chunks.catalogue.index_path(name), 60)
    check_structure(reopened(repository).chunks, ledger)
    (found,) = ledger.findings()
    assert (found.kind, found.severity) == ("index-unreadable", "suspect")
    assert "fsck --repair" in found.hint


def test_every_chunk_is_looked_for_once(repository, ledger):
    graph = GraphAudit(repository, ledger, Coverage())
    graph.walk([(repository.resolve("HEAD"), "HEAD", ())])
    arrays = list(graph.arrays.values())
    seen = Coverage()
    check_presence(repository.chunks, arrays + arrays, ledger, seen)
    named = {chunk for manifest, _ in arrays for _, chunk in manifest.stored()}
    assert seen.chunks == len(named)
    assert kinds(ledger) == []


def test_chunks_of_a_missing_segment_are_named_with_all_arrays_that_need_them(repository, ledger):
    graph = GraphAudit(repository, ledger, Coverage())
    graph.walk([(repository.resolve("HEAD"), "HEAD", ())])
    os.unlink(segment_path(repository))
    arrays = list(graph.arrays.values())
    check_presence(reopened(repository).chunks, arrays + arrays, ledger, Coverage())
    assert set(kinds(ledger)) == {"chunk-missing"}
    assert all(each.consequences for each in ledger.findings())
