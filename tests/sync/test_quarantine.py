import os

import pytest

from mgit.errors import Corrupt, InvalidInput, NotFound
from mgit.history.packfile import encode_pack
from mgit.sync import quarantine as module
from mgit.sync.quarantine import Quarantine
from tests.history.histories import begin, commit


@pytest.fixture
def ours(tmp_path):
    made = begin(tmp_path / "ours")
    commit(made)
    return made


@pytest.fixture
def theirs(tmp_path):
    return begin(tmp_path / "theirs")


def segment_of(repository):
    (name,) = repository.chunks.segments()
    return f"{name.hex}.seg", repository.files.read(repository.chunks.catalogue.segment_path(name))


def test_only_digests_come_in_and_only_once(theirs):
    kept = Quarantine(theirs)
    with pytest.raises(InvalidInput):
        kept.write("segment", "../x", [b"x"])
    name = f"{1:064x}.seg"
    kept.write("segment", name, [b"ab", b"c"])
    kept.write("segment", name, iter([b"another"]))
    assert kept.names("segment") == {name: 3}
    assert kept.names("pack") == {}


def test_a_checked_segment_is_linked_in_with_an_index(ours, theirs):
    kept = Quarantine(theirs)
    name, content = segment_of(ours)
    kept.write("segment", name, [content])
    tables = kept.check_segments([name])
    assert theirs.chunks.segments() == []
    kept.link_segments(tables)
    assert theirs.chunks.segments() == ours.chunks.segments()
    assert len(theirs.chunks.catalogue.index_names()) == 1
    assert kept.names("segment") == {}


def test_a_damaged_segment_is_removed(ours, theirs):
    kept = Quarantine(theirs)
    name, content = segment_of(ours)
    kept.write("segment", name, [content[:-1]])
    with pytest.raises(Corrupt):
        kept.check_segments([name])
    assert kept.names("segment") == {}
    with pytest.raises(NotFound):
        kept.check_segments([name])


def test_what_another_process_linked_in_meanwhile_is_fine(ours, theirs):
    kept = Quarantine(theirs)
    name, content = segment_of(ours)
    kept.write("segment", name, [content])
    tables = kept.check_segments([name])
    kept.link_segments(tables)
    assert kept.check_segments([name]) == {}
    kept.link_segments(tables)
    pack, body, _ = encode_pack([("blob", b"x")])
    kept.write("pack", f"{pack}.pack", [body])
    packs = kept.check_packs([f"{pack}.pack"])
    kept.link_packs(packs)
    kept.link_packs(packs)
    assert kept.check_packs([f"{pack}.pack"]) == []


def test_tidy_removes_what_is_linked_in_and_nothing_else(ours, theirs):
    kept = Quarantine(theirs)
    name, content = segment_of(ours)
    kept.write("segment", name, [content])
    kept.link_segments(kept.check_segments([name]))
    kept.write("segment", name, [content])
    other = f"{2:064x}.seg"
    kept.write("segment", other, [b"waiting"])
    kept.tidy()
    assert list(kept.names("segment")) == [other]


def test_a_pack_longer_than_any_is_not_read(theirs, monkeypatch):
    monkeypatch.setattr(module, "PACK_BYTES_MAX", 50)
    kept = Quarantine(theirs)
    pack, body, _ = encode_pack([("blob", os.urandom(100))])
    kept.write("pack", f"{pack}.pack", [body])
    with pytest.raises(Corrupt, match="longer"):
        kept.check_packs([f"{pack}.pack"])
    assert kept.names("pack") == {}


def test_an_uploaded_pack_gets_an_index_of_the_receivers_making(theirs):
    kept = Quarantine(theirs)
    pack, body, index = encode_pack([("blob", b"x")])
    kept.overwrite("pack-index", f"{pack}.idx", b"hostile")
    kept.write("pack", f"{pack}.pack", [body])
    kept.check_packs([f"{pack}.pack"])
    assert theirs.files.read(kept.path(f"{pack}.idx")) == index


def test_a_foreign_pack_with_a_bad_index_is_removed(theirs):
    kept = Quarantine(theirs)
    pack, body, index = encode_pack([("blob", b"x")])
    kept.write("pack", f"{pack}.pack", [body])
    kept.overwrite("pack-index", f"{pack}.idx", index[:-1] + b"?")
    with pytest.raises(Corrupt):
        kept.check_foreign_packs([pack])
    assert kept.names("pack") == kept.names("pack-index") == {}


def test_a_pack_that_was_not_uploaded_is_not_found(theirs):
    with pytest.raises(NotFound, match="not uploaded"):
        Quarantine(theirs).check_packs([f"pack-{'0' * 40}.pack"])


def test_what_another_process_removed_first_is_gone_all_the_same(theirs, monkeypatch):
    kept = Quarantine(theirs)
    name = f"{2:064x}.seg"
    kept.write("segment", name, [b"waiting"])
    exists = theirs.files.exists

    def removed_after_the_look(path):
        there = exists(path)
        if there:
            os.remove(path)
        return there

    monkeypatch.setattr(theirs.files, "exists", removed_after_the_look)
    kept.drop([name])
    assert kept.names("segment") == {}
