"""The object database: durable packs, checked reads, and whatever plain Git does to it."""

import os
import subprocess

import pytest

from mgit.errors import Corrupt, NotFound, Refused, Unsupported
from mgit.history.commits import Signature, commit_id, format_commit, object_id
from mgit.history.git_tree import Entry, format_tree
from mgit.history.objects import GitObjects, PendingObjects
from mgit.store.files import Files
from mgit.testing.faults import crash_points
from mgit.testing.storage import ScratchStorage

BLOB = b"content"
TREE = format_tree({"a": Entry(is_tree=False, name=object_id("blob", BLOB))})
WHO = Signature("Ada", "ada@example.org", 1_700_000_000, 0)


def chain(length):
    made, parents = [], []
    for number in range(length):
        raw = format_commit(
            tree=object_id("tree", TREE), parents=parents, author=WHO, committer=WHO,
            message=f"Commit {number}", trailers={},
        )  # fmt: skip
        parents = [commit_id(raw)]
        made.append(raw)
    return made


@pytest.fixture
def storage(tmp_path):
    return ScratchStorage.new(tmp_path)


@pytest.fixture
def commits(storage):
    """Five commits in five packs, the last one called main."""
    made = chain(5)
    for raw in made:
        storage.objects.write_pack([("blob", BLOB), ("tree", TREE), ("commit", raw)])
    git(storage, "update-ref", "refs/heads/main", commit_id(made[-1]))
    return made


def git(storage, *arguments, data=None):
    done = subprocess.run(
        ["git", "-C", storage.git_dir, *arguments], input=data, capture_output=True, check=True
    )
    return done.stdout


def afresh(storage):
    return ScratchStorage.open(storage.directory).objects


def test_what_was_written_is_read_by_everybody(storage, commits):
    for objects in (storage.objects, afresh(storage)):
        assert objects.read(object_id("blob", BLOB)) == ("blob", BLOB)
        assert objects.read_as("tree", object_id("tree", TREE)) == TREE
        assert [objects.read_commit(commit_id(raw)) for raw in commits] == commits
    assert git(storage, "cat-file", "blob", object_id("blob", BLOB)) == BLOB
    assert git(storage, "cat-file", "commit", commit_id(commits[2])) == commits[2]


def test_git_finds_no_fault(storage, commits):
    done = subprocess.run(
        ["git", "-C", storage.git_dir, "fsck", "--strict", "--full"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert git(storage, "log", "--format=%s").decode().split("\n")[0] == "Commit 4"


def test_git_may_repack_under_an_open_reader(storage, commits):
    objects = afresh(storage)
    assert objects.read(object_id("blob", BLOB))[0] == "blob"
    git(storage, "gc", "-q", "--aggressive", "--prune=now")
    assert len(objects.packs()) == 1
    assert [objects.read_as("commit", commit_id(raw)) for raw in commits] == commits


def test_loose_objects_are_read(storage):
    name = git(storage, "hash-object", "-w", "--stdin", data=b"loose").decode().strip()
    assert storage.objects.read(name) == ("blob", b"loose")
    assert name in storage.objects
    assert list(storage.objects.all_ids()) == [name]
    assert storage.objects.resolve_prefix(name[:6]) == name


def test_objects_of_other_processes_appear(storage):
    reader = afresh(storage)
    name = object_id("blob", b"later")
    assert name not in reader
    storage.objects.write_pack([("blob", b"later")])
    assert name in reader
    assert reader.read(name) == ("blob", b"later")


def test_what_is_absent_is_not_found(storage, commits):
    with pytest.raises(NotFound):
        storage.objects.read("0" * 40)
    with pytest.raises(NotFound):
        storage.objects.read("main")
    assert "0" * 40 not in storage.objects


def test_an_object_of_another_kind_is_corrupt(storage, commits):
    with pytest.raises(Corrupt, match="tree where a commit"):
        storage.objects.read_as("commit", object_id("tree", TREE))


def test_a_changed_loose_object_is_corrupt_by_name(storage):
    name = git(storage, "hash-object", "-w", "--stdin", data=b"loose").decode().strip()
    other = git(storage, "hash-object", "-w", "--stdin", data=b"other").decode().strip()
    path = os.path.join(storage.git_dir, "objects", name[:2], name[2:])
    os.chmod(path, 0o644)
    with open(os.path.join(storage.git_dir, "objects", other[:2], other[2:]), "rb") as file:
        exchanged = file.read()
    for content in (exchanged, b"no zlib", b""):
        with open(path, "wb") as file:
            file.write(content)
        with pytest.raises(Corrupt, match=name):
            storage.objects.read(name)


def test_a_prefix_names_one_object(storage, commits):
    name = commit_id(commits[0])
    assert storage.objects.resolve_prefix(name[:7].upper()) == name
    assert storage.objects.resolve_prefix(name) == name
    for bad in ("abc", "wxyz", "0" * 39, ""):
        with pytest.raises(NotFound):
            storage.objects.resolve_prefix(bad)


def test_an_ambiguous_prefix_is_refused_with_its_candidates(storage):
    by_prefix = {}
    for number in range(2000):  # 16^4 prefixes: some 30 pairs share four digits
        content = b"%d" % number
        by_prefix.setdefault(object_id("blob", content)[:4], []).append(content)
    prefix, pair = next((p, found) for p, found in by_prefix.items() if len(found) > 1)
    storage.objects.write_pack([("blob", content) for content in pair])
    names = [object_id("blob", content) for content in pair]
    with pytest.raises(Refused) as caught:
        storage.objects.resolve_prefix(prefix)
    assert all(name[:8] in str(caught.value) for name in names)
    with pytest.raises(NotFound):
        storage.objects.resolve_prefix(prefix, kind="commit")


def test_all_ids_lists_each_object_once(storage, commits):
    expected = {object_id("blob", BLOB), object_id("tree", TREE), *map(commit_id, commits)}
    assert list(storage.objects.all_ids()) == sorted(expected)


def test_nothing_makes_no_pack(storage):
    assert storage.objects.write_pack([]) is None
    assert storage.objects.packs() == ()


def test_the_same_pack_may_be_written_twice(storage):
    first = storage.objects.write_pack([("blob", BLOB)])
    assert storage.objects.write_pack([("blob", BLOB)]) == first
    assert len(storage.objects.packs()) == 1


def test_the_pack_is_in_place_before_its_index(storage):
    placed = []

    class Watched(Files):
        def write_new(self, path, parts):
            placed.append(os.path.splitext(path)[1])
            super().write_new(path, parts)

    GitObjects(storage.git_dir, Watched(), storage.directory).write_pack([("blob", BLOB)])
    assert placed == [".pack", ".idx"]


def test_walking_commits_opens_no_pack_and_needs_no_cache(storage, commits):
    import shutil

    shutil.rmtree(os.path.join(storage.directory, "cache"))
    objects = afresh(storage)
    assert [objects.read_commit(commit_id(raw)) for raw in commits] == commits
    shutil.rmtree(os.path.join(storage.git_dir, "objects", "pack"))
    objects = afresh(storage)
    assert [objects.read_commit(commit_id(raw)) for raw in commits] == commits
    with pytest.raises(NotFound):
        objects.read(commit_id(commits[0]))


def test_pending_objects_are_read_before_they_are_stored(storage):
    pending = PendingObjects(storage.objects, [("blob", b"new")])
    assert pending.read(object_id("blob", b"new")) == ("blob", b"new")
    assert pending.read_as("blob", object_id("blob", b"new")) == b"new"
    with pytest.raises(NotFound):
        pending.read(object_id("blob", BLOB))
    storage.objects.write_pack([("blob", BLOB)])
    assert pending.read(object_id("blob", BLOB)) == ("blob", BLOB)


@pytest.mark.parametrize("fault", ["crash", "torn", "full", "read-only"])
def test_a_fault_at_any_point_leaves_the_old_or_the_new_objects_whole(tmp_path, fault):
    new = [("blob", b"new %d" % number) for number in range(3)]

    def write(files):
        folder = tmp_path / str(len(os.listdir(tmp_path)))
        folder.mkdir()
        storage = ScratchStorage.new(folder)
        storage.objects.write_pack([("blob", BLOB)])
        write.last = folder
        GitObjects(storage.git_dir, files, storage.objects.cache_dir).write_pack(new)

    for _ in crash_points(write, faults=(fault,)):
        storage = ScratchStorage.open(write.last)
        assert storage.objects.read(object_id("blob", BLOB)) == ("blob", BLOB)
        held = [object_id(*each) in storage.objects for each in new]
        assert all(held) or not any(held)
        for pack in storage.objects.packs():
            pack.check()
        # Trying again after the fault succeeds and gives the new objects.
        storage.objects.write_pack(new)
        assert storage.objects.read(object_id(*new[0])) == new[0]


def test_a_damaged_index_hides_the_objects_of_its_own_pack_only(storage, commits):
    pack, _ = storage.objects._locate(commit_id(commits[0]))
    with open(f"{pack.path}.idx", "r+b") as file:
        file.write(b"nonsense")
    fresh = afresh(storage)
    for raw in commits[1:]:
        assert fresh.read_as("commit", commit_id(raw)) == raw
    with pytest.raises((Corrupt, Unsupported)) as caught:
        fresh.read(commit_id(commits[0]))
    assert caught.value.fields["pack"] == pack.path
    assert caught.value.fields["object"] == commit_id(commits[0])


def test_an_object_that_does_not_inflate_is_named(storage, commits):
    pack, offset = storage.objects._locate(commit_id(commits[2]))
    with open(f"{pack.path}.pack", "r+b") as file:
        file.seek(offset + 8)
        file.write(b"\xff\xff\xff")
    with pytest.raises(Corrupt) as caught:
        afresh(storage).read(commit_id(commits[2]))
    assert caught.value.fields["object"] == commit_id(commits[2])
