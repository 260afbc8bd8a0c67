import os

import pytest

from mgit.errors import Corrupt, Refused, StorageFailed
from mgit.history import branches, tags
from mgit.history.repository import Repository
from mgit.history.undo import undo
from mgit.sync.clone import clone
from mgit.sync.remotes import read_remotes
from tests.history.histories import ADA, value_at
from tests.sync.exchanges import bare, begin, check_whole, cloned, commit, sent
from tests.sync.test_fetch import Interrupted, big
from tests.verify.populations import flip


def test_a_clone_has_branches_tags_and_where_it_came_from(tmp_path):
    ours = begin(tmp_path / "ours")
    commit(ours)
    branches.create(ours, "side", who=ADA)
    tags.create(ours, "v1", message="v", who=ADA)
    made = cloned(ours.root, tmp_path / "clone")
    assert made.resolve("HEAD") == ours.resolve("HEAD")
    assert made.refs.head().branch == "main"
    assert made.resolve("origin/side") == ours.resolve("side")
    assert made.refs.get("refs/heads/side") is None
    assert made.refs.get("refs/tags/v1") == ours.refs.get("refs/tags/v1")
    assert read_remotes(made) == {"origin": ours.root}
    assert value_at(made.snapshot("HEAD")) == 1
    check_whole(made)
    assert sorted(os.listdir(made.root)) == [".mgit"]


def test_a_clone_begins_on_the_branch_of_the_remotes_head(tmp_path):
    ours = begin(tmp_path / "ours")
    branches.rename(ours, "main", "trunk", who=ADA)
    made = cloned(ours.root, tmp_path / "clone")
    assert made.refs.head().branch == "trunk"
    check_whole(made)
    with pytest.raises(Refused):
        undo(made, who=ADA)
    commit(made)
    check_whole(made)


def test_local_settings_and_links_are_not_cloned(tmp_path):
    ours = begin(tmp_path / "ours")
    for name in ("links.json", "config.json"):
        ours.files.replace(os.path.join(ours.layout.local, name), b"{}")
    made = cloned(ours.root, tmp_path / "clone")
    assert os.listdir(made.layout.local) == ["remotes.json"]


def test_an_empty_remote_cannot_be_cloned(tmp_path):
    there = bare(tmp_path / "bare")
    with pytest.raises(Refused, match="no branch"):
        cloned(there, tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


def test_a_directory_with_a_population_is_refused(tmp_path):
    _, there, made = sent(tmp_path)
    with pytest.raises(Refused, match="already"):
        cloned(there, made.root)
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="no directory"):
        cloned(there, tmp_path / "file")


def test_an_interrupted_clone_goes_on_where_it_was(tmp_path):
    ours = begin(tmp_path / "ours")
    for number in range(4):
        big(ours, f"part{number}", number)
    remote = Interrupted(ours.root)
    remote.left = 650_000
    target = str(tmp_path / "clone")
    with pytest.raises(StorageFailed):
        clone(remote, target, url=ours.root, who=ADA)
    assert not os.path.exists(os.path.join(target, ".mgit"))
    remote.left = 1 << 30
    made, found = clone(remote, target, url=ours.root, who=ADA)
    assert found.traffic.skipped_bytes >= 2 << 18
    check_whole(made)
    assert os.listdir(target) == [".mgit"]
    assert os.listdir(made.layout.locks) == []


def test_a_damaged_remote_is_not_cloned(tmp_path):
    _, there, _ = sent(tmp_path)
    segments = os.path.join(there, ".mgit", "store", "segments")
    flip(os.path.join(segments, os.listdir(segments)[0]), 90)
    with pytest.raises(Corrupt):
        cloned(there, tmp_path / "second")
    assert not (tmp_path / "second" / ".mgit").exists()


def test_a_clone_can_be_cloned(tmp_path):
    _, _, made = sent(tmp_path)
    again = cloned(made.root, tmp_path / "again")
    assert again.commit("HEAD").root == made.commit("HEAD").root
    assert Repository.open(again.root).chunks.segments() == made.chunks.segments()
