import pytest

from mgit.cli.linked_files import LinkedFiles
from mgit.curate.links import RawLinks
from mgit.digest import RawDigest
from mgit.errors import NotFound
from tests.verify.populations import begin


def test_files_are_found_below_the_link_and_read_whole(tmp_path):
    repository = begin(str(tmp_path))
    assert LinkedFiles(repository).locate("grid", "frames/TS_01_0.mrc") is None
    links = RawLinks(tmp_path / "population" / ".mgit" / "local" / "links.json", repository.files)
    links.link("grid", tmp_path / "raw")
    found = LinkedFiles(repository)
    place = found.locate("grid", "frames/TS_01_0.mrc")
    assert place == str(tmp_path / "raw" / "TS_01_0.mrc")
    assert found.locate("grid", "frames/TS_09.mrc") is None
    content = (tmp_path / "raw" / "TS_01_0.mrc").read_bytes()
    assert found.read(place).full == str(RawDigest.of(content))
    with pytest.raises(NotFound):
        found.read(str(tmp_path / "raw" / "gone"))
