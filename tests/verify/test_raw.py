import os

import pytest

from mgit.state.raw import RawEntry
from mgit.state.series import set_raw
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Coverage
from mgit.verify.graph import GraphAudit
from mgit.verify.raw import check_raw
from tests.verify.populations import RawFolder, commit, flip, item_named


@pytest.fixture
def raw(repository, folder):
    def run():
        ledger, seen = DamageLedger(), Coverage()
        graph = GraphAudit(repository, ledger, seen)
        record = repository.commit("HEAD")
        graph.walk([(record.id, "HEAD", ())])
        check_raw(graph, [record, record], RawFolder(folder / "raw"), ledger, seen)
        return ledger.findings(), seen

    return run


def test_every_file_is_read_once_for_all_commits(raw):
    found, seen = raw()
    assert found == []
    assert (seen.raw_files, seen.raw_files_absent, seen.items_unbound) == (8, 0, 0)


def test_a_changed_file_is_named_with_item_and_source(raw, folder):
    path = str(folder / "raw" / "TS_01_2.mrc")
    flip(path, 5)
    ((found,), _) = raw()
    assert (found.kind, found.subject) == ("raw-file", path)
    assert "'TS_01' of source 'grid'" in found.message


def test_a_file_of_another_length_is_named_by_its_length(raw, folder):
    with open(folder / "raw" / "TS_01_2.mrc", "ab") as stream:
        stream.write(b"!")
    ((found,), _) = raw()
    assert "551 bytes, not 550" in found.message


def test_absent_files_are_counted_and_no_finding(raw, folder):
    os.unlink(folder / "raw" / "TS_01_2.mrc")
    found, seen = raw()
    assert found == []
    assert (seen.raw_files, seen.raw_files_absent) == (7, 1)


def test_an_unbound_item_is_noted_as_unverified(repository, raw):
    commit(
        repository,
        lambda draft: set_raw(
            draft, item_named(draft).path, [RawEntry(role="movie", path="TS_01_0.mrc")]
        ),
    )
    ((found,), seen) = raw()
    assert (found.kind, found.severity) == ("raw-unverified", "note")
    assert "TS_01" in found.message
    assert seen.raw_files == 4


def test_a_file_known_by_its_quick_digest_is_compared_by_it(repository, raw, folder):
    content = RawFolder(folder / "raw").read(folder / "raw" / "TS_01_0.mrc")

    def bind(quick):
        entry = RawEntry(role="movie", path="TS_01_0.mrc", quick=quick)
        commit(repository, lambda draft: set_raw(draft, item_named(draft).path, [entry]))

    bind(content.quick)
    assert raw()[0] == []
    bind("b3:" + "0" * 64)
    ((found,), _) = raw()
    assert "quick digest" in found.message


def test_a_file_that_cannot_be_read_is_suspect(raw, folder, monkeypatch):
    def fail(self, place):
        raise PermissionError(place)

    monkeypatch.setattr(RawFolder, "read", fail)
    found, _ = raw()
    assert {each.kind for each in found} == {"raw-unreadable"}
    assert len(found) == 8
