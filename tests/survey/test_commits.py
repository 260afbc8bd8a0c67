"""What commits say of themselves and of paths."""

import pytest

from mgit.errors import Corrupt
from mgit.survey.commits import commit_summary, last_change, provenance_of
from tests.survey.populations import FIRST, SECOND, SPECIES, commit, shift_defocus


def test_a_commit_is_compared_with_its_parent(repository):
    found = commit_summary(repository, "HEAD")
    assert found.provenance["verb"] == "test"
    assert [each.name for each in found.difference.species] == ["ribosome"]
    assert commit_summary(repository, "HEAD~2").difference is None


def test_the_last_change_of_a_path_is_found(repository):
    commit(repository, shift_defocus("TS_01"), "shift the first")
    assert last_change(repository, "HEAD", FIRST).commit.subject == "shift the first"
    assert last_change(repository, "HEAD", SECOND).commit.subject == "Add source grid"
    assert last_change(repository, "HEAD~1", FIRST).commit.subject == "Add source grid"
    assert last_change(repository, "HEAD~2", SPECIES) is None


@pytest.mark.parametrize("content", [b"{", b"[1]"])
def test_a_provenance_that_is_no_json_object_is_corrupt(content):
    from mgit.testing.memory import MemoryTree

    tree = MemoryTree()
    assert provenance_of(tree) == {}
    tree.set_blob("provenance.json", content)
    with pytest.raises(Corrupt):
        provenance_of(tree)
