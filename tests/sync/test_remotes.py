import pytest

from mgit.errors import InvalidInput, NotFound, Refused
from mgit.history.repository import Repository
from mgit.sync.remotes import add, read_remotes, remove, url_of
from tests.history.histories import ADA, begin
from tests.sync.exchanges import sent


def test_remotes_are_kept_by_name(tmp_path):
    repository = begin(tmp_path)
    assert read_remotes(repository) == {}
    add(repository, "origin", "/a")
    add(repository, "ada", "/b")
    assert read_remotes(Repository.open(str(tmp_path))) == {"ada": "/b", "origin": "/a"}
    assert url_of(repository, "ada") == "/b"
    with pytest.raises(NotFound) as caught:
        url_of(repository, "ben")
    assert "ada, origin" in caught.value.hint


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", "a b", "a.lock", "x" * 65])
def test_a_name_that_cannot_be_part_of_a_ref_is_refused(tmp_path, name):
    with pytest.raises(InvalidInput):
        add(begin(tmp_path), name, "/a")


@pytest.mark.parametrize("name", ["origin", "Origin"])
def test_a_name_is_given_once(tmp_path, name):
    repository = begin(tmp_path)
    add(repository, "origin", "/a")
    with pytest.raises(Refused):
        add(repository, name, "/b")


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": 1}', b'{"a/b": "x"}'])
def test_a_file_that_is_not_ours_is_refused(tmp_path, content):
    repository = begin(tmp_path)
    repository.files.replace(repository.layout.local + "/remotes.json", content)
    with pytest.raises(InvalidInput):
        read_remotes(repository)


def test_removing_a_remote_forgets_its_branches(tmp_path):
    _, _, clone = sent(tmp_path)
    assert remove(clone, "origin", who=ADA) == 1
    assert read_remotes(clone) == {}
    assert list(clone.refs.all()) == ["refs/heads/main"]
    assert clone.operations.check() == []
