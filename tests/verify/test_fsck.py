import os

import pytest

from mgit.history.repository import Repository
from mgit.verify.audit import Request, verify
from mgit.verify.findings import Level
from mgit.verify.fsck import check_files, repair
from tests.verify.populations import flip, reopened


def kinds(report):
    return [finding.kind for finding in report.findings]


def contents(repository, *, without=()):
    found = {}
    for folder, _, names in os.walk(repository.layout.control):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, repository.layout.control)
            if not relative.startswith(tuple(without)):
                with open(path, "rb") as stream:
                    found[relative] = stream.read()
    return found


def test_sound_files_are_counted(repository):
    report = check_files(repository)
    assert report.clean
    assert (report.orphans, report.locks) == ((), ())
    assert report.files == len(contents(repository))
    assert report.size_bytes == sum(map(len, contents(repository).values()))


def test_a_damaged_index_is_made_again_and_nothing_else_changes(repository):
    before = contents(repository)
    name = repository.chunks.catalogue.index_names()[0]
    flip(repository.chunks.catalogue.index_path(name), 70)
    fresh = reopened(repository)
    assert kinds(check_files(fresh)) == ["index-unreadable"]
    done = repair(fresh)
    assert any("footers" in each for each in done)
    again = reopened(repository)
    assert check_files(again).clean
    changeable = ("store/index", "cache")
    kept = {path: data for path, data in before.items() if not path.startswith(changeable)}
    assert contents(again, without=changeable) == kept
    assert verify(again, Request(level=Level.CONTENT, domain=True)).clean


def test_repairing_what_is_sound_breaks_nothing(repository):
    repair(repository)
    assert check_files(reopened(repository)).clean
    assert repository.commit("HEAD")


def test_what_lies_about_is_listed_and_stays(repository):
    control = repository.layout.control
    names = {"store/segments/.tmp-dead", "git/objects/pack/pack-0.pack", "operations/.tmp-x"}
    for name in names:
        with open(os.path.join(control, name), "wb") as stream:
            stream.write(b"left")
    report = check_files(reopened(repository))
    assert set(report.orphans) == names
    assert report.clean, "a crash leaves such files and loses nothing"
    repair(reopened(repository))
    assert set(check_files(reopened(repository)).orphans) == names


def test_locks_say_who_holds_them(repository):
    lease = repository.leases.acquire("refine", purpose={})
    with open(os.path.join(repository.layout.git, "refs/heads/main.lock"), "w") as stream:
        stream.write("")
    with open(os.path.join(repository.layout.locks, "torn"), "w") as stream:
        stream.write("{")
    locks = dict(check_files(repository).locks)
    assert str(os.getpid()) in locks["locks/refine"]
    assert "cannot be read" in locks["locks/torn"]
    assert "git/refs/heads/main.lock" in locks
    lease.release()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("git/HEAD", "ref-unreadable"),
        ("operations/0000000001", "operation-damaged"),
        ("index", "stage"),
    ],
)
def test_damage_of_small_files_is_named(repository, name, kind):
    with open(os.path.join(repository.layout.control, name), "wb") as stream:
        stream.write(b"nonsense")
    assert kinds(check_files(Repository.open(repository.root))) == [kind]


def test_damage_of_packs_and_segments_is_named(repository):
    pack = repository.objects.packs()[0].path
    flip(f"{pack}.pack", -1 % os.path.getsize(f"{pack}.pack"))
    path = repository.chunks.catalogue.segment_path(repository.chunks.segments()[0])
    flip(path, 10)
    assert kinds(check_files(reopened(repository))) == ["pack", "record-header"]


def test_a_damaged_cache_is_a_note_and_goes_when_repaired(repository):
    flip(os.path.join(repository.layout.cache, "roots"), 20)
    report = check_files(repository)
    assert kinds(report) == ["cache"]
    assert report.clean
    repair(repository)
    assert kinds(check_files(repository)) == []


def test_a_repository_that_was_never_finished_is_listed(repository):
    os.mkdir(os.path.join(repository.root, ".mgit-init-0123456789abcdef"))
    assert check_files(repository).orphans == ("../.mgit-init-0123456789abcdef",)


def test_what_arrives_from_outside_is_listed(repository):
    repository.files.make_directory(repository.layout.incoming)
    name = f"{1:064x}.seg"
    repository.files.write_new(os.path.join(repository.layout.incoming, name), [b"half a push"])
    report = check_files(repository)
    assert report.clean
    assert f"incoming/{name}" in report.orphans
