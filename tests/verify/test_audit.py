import os
import shutil

import pytest

from mgit.errors import NotFound
from mgit.history.repository import Repository
from mgit.verify.audit import Request, verify
from mgit.verify.findings import Level
from tests.verify.populations import add_species, commit, flip


class Recorder:
    """A progress display that remembers."""

    def __init__(self):
        self.bars = []

    def __call__(self, title, total, unit):
        self.bars.append([title, total, unit, 0])
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def advance(self, steps):
        self.bars[-1][3] += steps


def test_each_level_looks_deeper(repository):
    seen = [verify(repository, Request(level=Level(level))).coverage for level in range(4)]
    assert [each.commits for each in seen] == [4] * 4
    assert [each.chunks > 0 for each in seen] == [False, True, True, True]
    assert [each.bytes_read > 0 for each in seen] == [False, False, True, True]
    assert [each.arrays_decoded > 0 for each in seen] == [False, False, False, True]
    assert [each.particles for each in seen] == [0] * 4
    assert verify(repository, Request(domain=True)).coverage.particles == 24


def test_where_no_signature_was_looked_at_none_is_judged(repository):
    assert verify(repository, Request(level=Level.GRAPH)).signed == "not checked"
    assert verify(repository, Request()).signed == "unsigned"


def test_a_revision_limits_what_is_walked(repository):
    report = verify(repository, Request(revision="HEAD~2"))
    assert report.coverage.commits == 2
    with pytest.raises(NotFound):
        verify(repository, Request(revision="nobody"))


def test_what_only_the_operation_log_and_the_stage_name_is_checked(repository):
    made = commit(
        repository,
        lambda draft: add_species(draft, "x"),
        branch="gone",
        parents=(repository.resolve("HEAD"),),
    )
    from mgit.history import branches
    from tests.verify.populations import later

    branches.delete(repository, "gone", who=later(60))
    with repository.transaction(verb="test") as transaction:
        add_species(transaction.draft, "staged", ewald=True)
        transaction.stage(message="staged")
    assert verify(repository, Request()).coverage.commits == 5
    pack, offset = repository.objects._locate(made.tree)
    flip(f"{pack.path}.pack", offset + 12)
    assert not verify(Repository.open(repository.root), Request()).clean
    staged = repository.stage.read().tree
    pack, _ = repository.objects._locate(staged)
    os.unlink(f"{pack.path}.pack")
    subjects = [
        each.subject for each in verify(Repository.open(repository.root), Request()).findings
    ]
    assert any(staged in each for each in subjects)


def test_an_audit_changes_nothing_on_the_disk(repository):
    def listing():
        return {
            os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns
            for folder, _, names in os.walk(repository.root)
            for name in names
        }

    before = listing()
    verify(Repository.open(repository.root), Request(level=Level.CONTENT, domain=True))
    assert listing() == before


def test_damaged_caches_are_not_believed(repository):
    for name in ("commits", "roots", "states"):
        with open(os.path.join(repository.layout.cache, name), "wb") as stream:
            stream.write(b"\xf7mgC nonsense")
    assert verify(Repository.open(repository.root), Request(domain=True)).clean


def test_a_lost_repository_is_reported_and_nothing_raises(repository):
    for name in ("git/objects", "store", "operations"):
        shutil.rmtree(os.path.join(repository.layout.control, name))
    report = verify(Repository.open(repository.root), Request(level=Level.CONTENT, domain=True))
    assert not report.consistent
    assert {each.kind for each in report.findings} >= {"object-missing", "foreign-ref"}


def test_progress_counts_bytes_arrays_and_commits(repository):
    recorder = Recorder()
    verify(repository, Request(level=Level.CONTENT, domain=True), progress=recorder)
    assert [bar[2] for bar in recorder.bars] == ["B", "arrays", "commits"]
    assert all(total == done for _, total, _, done in recorder.bars)


def test_the_other_clone_is_compared(repository, tmp_path):
    shutil.copytree(repository.root, tmp_path / "clone")
    commit(repository, lambda draft: add_species(draft, "x"))
    report = verify(repository, Request(against=Repository.open(str(tmp_path / "clone"))))
    assert [each.kind for each in report.findings] == ["ref-ahead"]
    assert report.clean
