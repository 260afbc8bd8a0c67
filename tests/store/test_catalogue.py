"""The catalogue: index files first, footers where these fail, news on request."""

import os

import pytest

from mgit.digest import ChunkId, SegmentId
from mgit.store.catalogue import Catalogue
from mgit.store.chunks import ChunkStore
from mgit.store.files import Files


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "store")


def add(root, data):
    with ChunkStore(root, Files()).writer() as writer:
        return writer.put(data, 1).raw


def remove_indexes(root):
    for name in os.listdir(os.path.join(root, "index")):
        os.remove(os.path.join(root, "index", name))


def test_an_absent_store_is_empty(root):
    catalogue = Catalogue(root, Files())
    assert catalogue.segments() == []
    assert catalogue.index_names() == []
    assert not catalogue.knows(b"\0" * 32)


def test_index_and_footers_give_the_same_places(root):
    chunks = [add(root, b"one"), add(root, b"two")]
    indexed = [Catalogue(root, Files()).find(chunk) for chunk in chunks]
    remove_indexes(root)
    from_footers = [Catalogue(root, Files()).find(chunk) for chunk in chunks]
    assert indexed == from_footers
    assert all(len(places) == 1 for places in indexed)


def test_news_is_seen_after_refresh_and_not_before(root):
    catalogue = Catalogue(root, Files())
    assert catalogue.segments() == []
    chunk = add(root, b"news")
    assert not catalogue.knows(chunk)
    catalogue.refresh()
    assert catalogue.knows(chunk)


def test_a_removed_segment_is_forgotten_though_the_index_names_it(root):
    catalogue = Catalogue(root, Files())
    chunk = add(root, b"swept")
    catalogue.refresh()
    (name,) = catalogue.segments()
    os.remove(catalogue.segment_path(name))
    catalogue.refresh()
    assert not catalogue.knows(chunk)
    assert catalogue.find(chunk) == []


def test_a_removed_index_is_replaced_by_the_footer_in_a_running_process(root):
    catalogue = Catalogue(root, Files())
    chunk = add(root, b"data")
    catalogue.refresh()
    before = catalogue.find(chunk)
    remove_indexes(root)
    catalogue.refresh()
    assert catalogue.find(chunk) == before


def test_a_segment_that_is_garbage_hides_nothing_else(root):
    chunk = add(root, b"data")
    garbage = SegmentId(b"\3" * 32)
    with open(Catalogue(root, Files()).segment_path(garbage), "wb") as stream:
        stream.write(b"garbage" * 10)
    catalogue = Catalogue(root, Files())
    assert catalogue.knows(chunk)
    assert garbage in catalogue.segments()
    catalogue.rebuild()
    assert Catalogue(root, Files()).knows(chunk)
    assert not catalogue.knows(ChunkId.of(b"garbage").raw)


def test_merging_starts_above_the_cap(root, monkeypatch):
    monkeypatch.setattr("mgit.store.catalogue.INDEX_FILES_MAX", 2)
    chunks = [add(root, b"%d" % number) for number in range(3)]
    catalogue = Catalogue(root, Files())
    assert len(catalogue.index_names()) == 1
    assert all(catalogue.knows(chunk) for chunk in chunks)
