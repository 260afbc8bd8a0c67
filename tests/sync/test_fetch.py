"""Fetch: what is new arrives, what is hostile does not, and an interrupted one goes on."""

import os
import subprocess

import numpy as np
import pytest

from mgit.errors import Corrupt, MgitError, NotFound, StorageFailed
from mgit.history import branches, tags
from mgit.history.repository import Repository
from mgit.sync.fetch import fetch
from mgit.sync.path_remote import PathRemote
from mgit.sync.remote import References
from tests.history.histories import ADA
from tests.sync.exchanges import begin, check_whole, cloned, commit, fetched, pushed, sent
from tests.verify.populations import flip


def big(repository, path, seed, count=4):
    """Commit some chunks of 64 KiB that no codec makes smaller."""
    random = np.random.default_rng(seed)
    with repository.transaction(verb="test") as transaction:
        for number in range(count):
            data = random.integers(0, 256, 1 << 16, dtype=np.uint8)
            transaction.draft.set_array(f"{path}/p{number}", data)
        return transaction.commit(message=path, who=ADA, provenance={})


def test_a_fetch_brings_commits_and_leaves_branches(tmp_path):
    ours, there, clone = sent(tmp_path)
    before = clone.resolve("HEAD")
    made = commit(ours, "notes/new", 5)
    pushed(ours, there)
    found = fetched(clone, there)
    assert found.moved == {"refs/remotes/origin/main": (before, made.id)}
    assert (clone.resolve("HEAD"), clone.resolve("origin/main")) == (before, made.id)
    assert found.traffic.commits == found.traffic.chunks == 1
    last = list(clone.operations.entries())[-1]
    assert last.verb == "fetch"
    check_whole(clone)
    again = fetched(clone, there)
    assert (dict(again.moved), again.traffic.total_bytes) == ({}, 0)


def test_tags_come_along_and_ours_are_kept(tmp_path):
    ours, there, clone = sent(tmp_path)
    tags.create(ours, "v1", message="theirs", who=ADA)
    tags.create(ours, "v2", message="theirs", who=ADA)
    pushed(ours, there, {"refs/tags/v1": "refs/tags/v1", "refs/tags/v2": "refs/tags/v2"})
    tags.create(clone, "v2", message="ours", who=ADA)
    mine = clone.refs.get("refs/tags/v2")
    found = fetched(clone, there)
    assert found.kept_tags == ("v2",)
    assert clone.refs.get("refs/tags/v2") == mine
    assert clone.refs.get("refs/tags/v1") == ours.refs.get("refs/tags/v1")
    check_whole(clone)


def test_prune_forgets_branches_and_makes_room(tmp_path):
    ours, there, clone = sent(tmp_path)
    branches.create(ours, "a", who=ADA)
    pushed(ours, there, {"refs/heads/a": "refs/heads/a"})
    fetched(clone, there)
    hub = Repository.open(there)
    branches.delete(hub, "a", who=ADA)
    branches.create(hub, "a/b", who=ADA)
    with pytest.raises(MgitError):
        fetched(clone, there)
    fetched(clone, there, prune=True)
    names = [ref for ref in clone.refs.all() if ref.startswith("refs/remotes/")]
    assert names == ["refs/remotes/origin/a/b", "refs/remotes/origin/main"]
    assert Repository.open(clone.root).operations.check() == []


def test_results_that_were_kept_aside_stay_where_they_are(tmp_path):
    ours, there, clone = sent(tmp_path)
    aside = commit(ours, "notes/aside", 8, branch="refs/mgit/refine/1")
    pushed(ours, there, {"refs/mgit/refine/1": "refs/mgit/refine/1"})
    fetched(clone, there)
    assert aside.id not in clone.objects


def test_most_of_a_segment_is_fetched_whole_and_less_of_it_in_ranges(tmp_path):
    ours = begin(tmp_path / "ours")
    big(ours, "first", 1, count=8)
    clone = cloned(ours.root, tmp_path / "clone")
    assert clone.chunks.segments() == ours.chunks.segments()
    # One commit of 8 new chunks of which the branch keeps 2: the remote's segment holds them all.
    with ours.transaction(verb="test", branch="refs/mgit/refine/x") as transaction:
        random = np.random.default_rng(5)
        for number in range(8):
            data = random.integers(0, 256, 1 << 16, dtype=np.uint8)
            transaction.draft.set_array(f"many/p{number}", data)
        transaction.commit(message="many", who=ADA, provenance={})
    with ours.transaction(verb="test") as transaction:
        source = ours.snapshot("refs/mgit/refine/x")
        for number in (2, 5):
            transaction.draft.take(f"few/p{number}", source, f"many/p{number}")
        transaction.commit(message="few", who=ADA, provenance={})
    traffic = fetched(clone, ours.root).traffic
    assert traffic.segments == 1
    assert 2 << 16 <= traffic.segment_bytes < 3 << 16
    assert np.array_equal(
        clone.snapshot("origin/main").array("few/p5").read(), source.array("many/p5").read()
    )
    check_whole(clone)


def test_a_remote_without_index_files_is_read_by_footers(tmp_path):
    _, there, _ = sent(tmp_path)
    index = os.path.join(there, ".mgit", "store", "index")
    for name in os.listdir(index):
        os.remove(os.path.join(index, name))
    check_whole(cloned(there, tmp_path / "second"))


def test_a_remote_that_plain_git_repacked_is_read(tmp_path):
    ours, there, clone = sent(tmp_path, commits=6)
    git = os.path.join(there, ".mgit", "git")
    command = ["git", "-C", git, "repack", "-adfq", "--depth=20", "--window=20"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("there is no git here")
    check_whole(cloned(there, tmp_path / "second"))
    assert fetched(clone, there).traffic.packs == 0
    commit(ours, "notes/after", 3)
    pushed(ours, there)
    fetched(clone, there)
    check_whole(clone)


class Interrupted(PathRemote):
    """The connection breaks after so many bytes of segments."""

    left = 0

    def read(self, kind, name, offset, length):
        if kind == "segment":
            self.left -= length
            if self.left < 0:
                raise StorageFailed("the connection broke")
        return super().read(kind, name, offset, length)


def test_segments_that_had_arrived_are_not_fetched_again(tmp_path):
    ours = begin(tmp_path / "ours")
    for number in range(4):
        big(ours, f"part{number}", number)
    remote = Interrupted(ours.root)
    remote.left = 650_000
    theirs = Repository.init(str(tmp_path / "theirs"), name="x", who=ADA, bare=True)
    with pytest.raises(StorageFailed):
        fetch(theirs, remote, name="origin", who=ADA)
    assert theirs.refs.all() == {}
    assert theirs.chunks.segments() == []
    traffic = fetched(theirs, ours.root).traffic
    assert traffic.skipped_bytes >= 2 << 18
    assert traffic.segments == 2
    check_whole(theirs)
    assert os.listdir(theirs.layout.incoming) == []


# --- hostile remotes -----------------------------------------------------------------------------


class Lying(PathRemote):
    """Says of its refs what the test wants."""

    said: References | None = None

    def references(self):
        return self.said or super().references()


def nothing_came(repository, before):
    assert (repository.refs.all(), repository.chunks.segments()) == before
    assert Repository.open(repository.root).operations.check() == []
    check_whole(repository)


def seen(repository):
    return repository.refs.all(), repository.chunks.segments()


def victim(tmp_path):
    """A remote with news for a clone, and what the clone looks like before."""
    ours, there, clone = sent(tmp_path)
    commit(ours, "notes/new", 5)
    pushed(ours, there)
    return there, clone, seen(clone)


@pytest.mark.parametrize("where", [0, 12, 40, 70, 100, 150, -30, -10, -1])
@pytest.mark.parametrize("indexed", [True, False])
def test_a_flipped_byte_in_a_segment_is_refused_or_does_not_arrive(tmp_path, where, indexed):
    there, clone, before = victim(tmp_path)
    store = os.path.join(there, ".mgit", "store")
    for name in os.listdir(os.path.join(store, "segments")):
        path = os.path.join(store, "segments", name)
        if not clone.files.exists(clone.chunks.catalogue.segment_directory + "/" + name):
            flip(path, where % os.path.getsize(path))
    if not indexed:
        for name in os.listdir(os.path.join(store, "index")):
            os.remove(os.path.join(store, "index", name))
    try:
        fetched(clone, there)
    except (Corrupt, NotFound):
        nothing_came(clone, before)
    else:  # The record alone was read, and what is wrong lies outside of it.
        assert not 8 <= where <= 70
        check_whole(clone)


def test_a_truncated_pack_is_refused_and_a_good_one_taken_afterwards(tmp_path):
    there, clone, before = victim(tmp_path)
    packs = os.path.join(there, ".mgit", "git", "objects", "pack")
    kept = {}
    for name in os.listdir(packs):
        if name.endswith(".pack"):
            path = os.path.join(packs, name)
            kept[path] = clone.files.read(path)
            os.truncate(path, len(kept[path]) - 7)
    with pytest.raises(Corrupt):
        fetched(clone, there)
    nothing_came(clone, before)
    for path, content in kept.items():
        with open(path, "wb") as stream:
            stream.write(content)
    fetched(clone, there)
    check_whole(clone)


@pytest.mark.parametrize("end", [".pack", ".idx"])
def test_a_flipped_byte_in_a_pack_or_its_index_is_refused(tmp_path, end):
    there, clone, before = victim(tmp_path)
    packs = os.path.join(there, ".mgit", "git", "objects", "pack")
    for name in os.listdir(packs):
        if name.endswith(end):
            flip(os.path.join(packs, name), os.path.getsize(os.path.join(packs, name)) // 2)
    with pytest.raises(MgitError):
        fetched(clone, there)
    nothing_came(clone, before)


@pytest.mark.parametrize(
    "refs",
    [
        {"refs/heads/main": "1" * 40},
        {"refs/tags/v": "tree"},
        {"refs/heads/-x": "tip"},
        {"refs/heads/HEAD": "tip"},
        {"refs/heads/Main": "tip", "refs/heads/x": "tip"},
    ],
)
def test_refs_that_lead_nowhere_or_nowhere_good_are_refused(tmp_path, refs):
    there, clone, before = victim(tmp_path)
    hub = Repository.open(there)
    values = {"tip": hub.resolve("HEAD"), "tree": hub.commit("HEAD").tree}
    remote = Lying(there)
    remote.said = References(refs={name: values.get(text, text) for name, text in refs.items()})
    with pytest.raises(MgitError):
        fetch(clone, remote, name="origin", who=ADA)
    assert clone.refs.all() == before[0]
    check_whole(clone)


@pytest.mark.parametrize("kind", ["segment", "pack", "pack-index"])
def test_a_symbolic_link_in_a_remote_is_refused(tmp_path, kind):
    there, clone, before = victim(tmp_path)
    remote = PathRemote(there)
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    for name in remote.files(kind):
        path = os.path.join(remote._directory(kind), name)
        os.remove(path)
        os.symlink(secret, path)
    with pytest.raises(Corrupt):
        fetched(clone, there)
    nothing_came(clone, before)


def test_a_file_that_is_impossibly_long_is_not_read(tmp_path):
    there, clone, before = victim(tmp_path)
    remote = PathRemote(there)
    for name in remote.files("segment"):
        os.truncate(os.path.join(remote._directory("segment"), name), 1 << 40)
    with pytest.raises(Corrupt, match="impossibly long"):
        fetched(clone, there)
    nothing_came(clone, before)
