"""Links to raw data: by trailing path parts, local, and never guessed from a damaged file."""

import pytest

from mgit.curate.links import RawLinks
from mgit.errors import Corrupt, InvalidInput
from mgit.store.files import Files


@pytest.fixture
def links(tmp_path):
    return RawLinks(tmp_path / "local" / "links.json", Files())


def test_a_link_is_remembered_and_forgotten(links, tmp_path):
    links.link("hiv", tmp_path)
    assert links.directory("hiv") == tmp_path
    links.unlink("hiv")
    links.unlink("hiv")
    assert links.directory("hiv") is None


def test_files_are_found_by_the_longest_trailing_part_of_their_path(links, tmp_path):
    for place in ("frames/a.mrc", "b/frames/a.mrc"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"")
    links.link("hiv", tmp_path)
    assert links.locate("hiv", "/old/project/b/frames/a.mrc") == tmp_path / "b/frames/a.mrc"
    assert links.locate("hiv", "../x/frames/a.mrc") == tmp_path / "frames/a.mrc"
    assert links.locate("hiv", "000007@frames/a.mrc") == tmp_path / "frames/a.mrc"
    assert links.locate("hiv", "elsewhere/missing.mrc") is None
    assert links.locate("unlinked", "frames/a.mrc") is None


def test_a_link_must_lead_to_a_directory(links, tmp_path):
    with pytest.raises(InvalidInput, match="nowhere"):
        links.link("hiv", tmp_path / "nowhere")
    assert links.all() == {}


@pytest.mark.parametrize("content", [b"{", b"[1]"])
def test_a_damaged_file_of_links_is_named_with_a_remedy(content, links, tmp_path):
    links.link("hiv", tmp_path)
    (tmp_path / "local" / "links.json").write_bytes(content)
    with pytest.raises(Corrupt) as caught:
        links.directory("hiv")
    assert "source link" in str(caught.value.hint)
