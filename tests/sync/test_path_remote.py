"""The directory as a remote: the contract, and what a directory may have that is hostile."""

import os

import pytest

from mgit.errors import Corrupt, DirtyStage, InvalidInput, NotFound, Refused
from mgit.history.repository import Repository
from mgit.sync.path_remote import PathRemote, directory_of_url
from mgit.testing.remote_contract import RemoteContract
from tests.sync.exchanges import bare, begin, check_whole, commit, pushed, sent


class TestDirectory(RemoteContract):
    def make_remote(self, place):
        if not place.exists():
            bare(place)
        return PathRemote(str(place))


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("/a/b", "/a/b"),
        ("a b", "a b"),
        ("file:///a/b%20c", "/a/b c"),
        ("file://localhost/a", "/a"),
    ],
)
def test_a_path_or_a_file_url_names_a_directory(url, directory):
    assert directory_of_url(url) == directory


@pytest.mark.parametrize(
    "url", ["http://h/a", "ssh://h/a", "s3://b/a", "file://other/a", "file://"]
)
def test_other_urls_are_refused(url):
    with pytest.raises(Refused):
        directory_of_url(url)


def test_a_directory_inside_a_population_is_no_remote(tmp_path):
    begin(tmp_path / "ours")
    (tmp_path / "ours" / "inside").mkdir()
    with pytest.raises(NotFound):
        PathRemote(str(tmp_path / "ours" / "inside"))


@pytest.mark.parametrize("kind", ["segment", "index", "pack", "pack-index"])
@pytest.mark.parametrize("what", ["link", "pipe", "directory"])
def test_what_is_no_file_is_refused(tmp_path, kind, what):
    _, there, _ = sent(tmp_path)
    remote = PathRemote(there)
    (name, *_) = remote.files(kind)
    path = os.path.join(remote._directory(kind), name)
    os.rename(path, tmp_path / "moved")
    if what == "link":
        os.symlink(tmp_path / "moved", path)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        os.mkdir(path)
    with pytest.raises(Corrupt):
        remote.files(kind)
    with pytest.raises(Corrupt):
        remote.read(kind, name, 0, 1)


def test_a_file_whose_name_is_no_digest_is_refused(tmp_path):
    _, there, _ = sent(tmp_path)
    remote = PathRemote(there)
    with open(os.path.join(remote._directory("segment"), "..x.seg"), "wb"):
        pass
    with pytest.raises(InvalidInput):
        remote.files("segment")


def test_what_others_keep_beside_the_files_is_passed_over(tmp_path):
    _, there, _ = sent(tmp_path)
    remote = PathRemote(there)
    before = remote.files("pack")
    for name in ("pack-0.keep", "multi-pack-index", ".tmp-1-2"):
        with open(os.path.join(remote._directory("pack"), name), "wb"):
            pass
    assert remote.files("pack") == before


def test_a_branch_with_staged_changes_is_not_moved_from_outside(tmp_path):
    _, there, clone = sent(tmp_path)
    other = Repository.open(there)
    with other.transaction(verb="set", continue_stage=True) as transaction:
        transaction.draft.set_attributes("staged", {"value": 1})
        transaction.stage(message="staged")
    commit(clone, "notes/b", 5)
    with pytest.raises(DirtyStage):
        pushed(clone, there)
    pushed(clone, there, {"refs/heads/side": "refs/heads/main"})
    assert "refs/heads/side" in other.refs.all()


def test_a_push_is_an_entry_of_the_receivers_log(tmp_path):
    _, there, clone = sent(tmp_path)
    commit(clone, "notes/b", 5)
    pushed(clone, there)
    last = list(Repository.open(there).operations.entries())[-1]
    assert (last.verb, last.message) == ("push", "push refs/heads/main")
    assert last.author == "Ada Test <ada@example.org>"
    check_whole(Repository.open(there))


@pytest.mark.parametrize("name", ["HEAD", "packed-refs", "refs/heads/main", "refs/heads/new"])
@pytest.mark.parametrize("what", ["link", "pipe", "long"])
def test_refs_that_are_no_small_files_are_refused(tmp_path, name, what):
    _, there, _ = sent(tmp_path)
    path = os.path.join(there, ".mgit", "git", *name.split("/"))
    if os.path.exists(path):
        os.remove(path)
    if what == "link":
        (tmp_path / "secret").write_text("1" * 40)
        os.symlink(tmp_path / "secret", path)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        with open(path, "wb") as stream:
            stream.truncate(1 << 40)
    with pytest.raises(Corrupt):
        PathRemote(there).references()
