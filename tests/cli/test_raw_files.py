"""Raw files by the links of this machine, with digests of what they hold now."""

from mgit.cli.raw_files import DigestedFiles, computing_versions
from mgit.curate.links import RawLinks
from mgit.history.commits import Signature
from mgit.history.repository import Repository

ADA = Signature("Ada Test", "ada@example.org", 1_750_000_000, 0)


def test_linked_files_are_found_and_digested_again_when_they_change(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.mrc").write_bytes(b"one")
    repository = Repository.init(str(tmp_path / "population"), name="toy", who=ADA)
    RawLinks(tmp_path / "population/.mgit/local/links.json", repository.files).link("s", raw)
    files = DigestedFiles(repository)
    assert files.locate("s", "b.mrc") is None
    place = files.locate("s", "a.mrc")
    before = files.digests(place, complete=False)
    assert files.digests(place, complete=False) == before
    (raw / "a.mrc").write_bytes(b"other")
    assert files.digests(place, complete=False).full != before.full


def test_the_libraries_that_compute_are_named():
    assert sorted(computing_versions()) == ["numba", "scipy", "torch"]
