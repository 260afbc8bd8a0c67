"""Death, full and read-only storage at every primitive of init, commit, undo and their like.

Whatever happens, the old state or the new one is there, whole, the audit finds nothing, and the
next commit works. The primitives are those of mgit.store.files.
"""

import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from mgit.errors import MgitError
from mgit.history import branches, lease, tags
from mgit.history.repository import Repository
from mgit.history.undo import undo
from mgit.store.checks import check_store
from mgit.store.files import Files
from mgit.testing.faults import FaultyFiles, crash_points
from mgit.verify.audit import Request, verify
from mgit.verify.findings import Level
from tests.history.histories import ADA, begin, commit, value_at

DEATHS = ("crash", "torn")
REFUSALS = ("full", "read-only")


@pytest.fixture(autouse=True)
def deaths_are_seen(monkeypatch):
    """What a test runs counts as another process, which has ended by the time of the check."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = replace(lease.this_process(), pid=child.pid)
    monkeypatch.setattr(lease, "this_process", lambda: gone)
    monkeypatch.setattr(lease, "TORN_EXPIRES_S", -1)
    # A death in the same kernel loses nothing that was written; the calls are counted all the same.
    monkeypatch.setattr(Files, "_fsync", lambda self, descriptor: None)
    monkeypatch.setattr(Files, "_fsync_directory", lambda self, path: None)


def state(repository):
    return repository.refs.all(), repository.refs.head().text


def check_whole(repository):
    """Everything that refs reach is readable, and log, packs and segments are sound."""
    assert repository.operations.check() == []
    for pack in repository.objects.packs():
        pack.check()
    assert list(check_store(repository.chunks)) == []
    for ref in repository.refs.all():
        for record in repository.walk(ref):
            snapshot = repository.snapshot(record.id)
            assert snapshot.blob("provenance.json")
            if snapshot.exists("notes"):
                assert all(
                    value_at(snapshot, f"notes/{name}") for name in snapshot.children("notes")
                )
    audit = verify(repository, Request(level=Level.CONTENT, domain=True))
    assert audit.clean, audit.findings


def stage_one(repository):
    with repository.transaction(verb="set", continue_stage=True) as transaction:
        transaction.draft.set_attributes("staged", {"value": 1})
        transaction.stage(message="staged")


def commit_stage(repository):
    with repository.transaction(verb="commit", continue_stage=True) as transaction:
        transaction.commit(message="staged", who=ADA, provenance={})


def prepare(directory):
    repository = begin(directory)
    commit(repository, "notes/a", 1)
    commit(repository, "notes/a", 2)
    return repository


def prepare_stage(directory):
    repository = prepare(directory)
    stage_one(repository)
    return repository


OPERATIONS = {
    "commit": (prepare, lambda repository: commit(repository, "notes/a", 3)),
    "undo": (prepare, lambda repository: undo(repository, who=ADA)),
    "rename": (prepare, lambda repository: branches.rename(repository, "main", "trunk", who=ADA)),
    "tag": (prepare, lambda repository: tags.create(repository, "v", message="v", who=ADA)),
    "stage": (prepare, stage_one),
    "commit-stage": (prepare_stage, commit_stage),
}
POINTS_MIN = {"commit": 40, "undo": 20, "rename": 30, "tag": 25, "stage": 15, "commit-stage": 35}


def some_slow(*always):
    """Every operation; all but `always` run with the slow tests only."""
    return [
        name if name in always else pytest.param(name, marks=pytest.mark.slow)
        for name in OPERATIONS
    ]


class Runs:
    """Runs one operation in fresh copies of a prepared repository, one after the other."""

    def __init__(self, name, folder):
        prepare_it, self.operate = OPERATIONS[name]
        self.folder = folder
        self.template = prepare_it(folder / "template")
        self.old = state(self.template)
        self.numbers = itertools.count()
        self.directory = None
        self(Files())
        self.new = state(Repository.open(self.directory))

    def __call__(self, files):
        if self.directory is not None:
            shutil.rmtree(self.directory)
        self.directory = str(self.folder / f"run{next(self.numbers)}")
        shutil.copytree(self.template.root, self.directory)
        self.operate(Repository.open(self.directory, files=files))


@pytest.mark.parametrize("name", some_slow("commit", "undo", "rename"))
def test_after_a_death_the_old_or_the_new_state_is_there_whole(name, tmp_path):
    runs = Runs(name, tmp_path)
    points = 0
    for _ in crash_points(runs, faults=DEATHS):
        points += 1
        repository = Repository.open(runs.directory)
        found = state(repository)
        # A rename names two refs and HEAD: it may be found half done, and the next change ends it.
        assert found in (runs.old, runs.new) or name == "rename"
        assert repository.refs.head().commit is not None
        check_whole(repository)
        finish(repository)
        check_whole(repository)
        assert os.listdir(repository.layout.locks) == []
    assert points >= 2 * POINTS_MIN[name]


def finish(repository):
    """The next commit, with what is staged or without."""
    if repository.stage.read() is not None:
        with repository.transaction(verb="next", continue_stage=True) as transaction:
            transaction.draft.set_attributes("next", {})
            made = transaction.commit(message="next", who=ADA, provenance={})
    else:
        made = commit(repository, "notes/next", 9)
    assert repository.resolve("HEAD") == made.id


@pytest.mark.parametrize("name", some_slow("commit"))
def test_full_or_read_only_storage_is_a_clean_error_and_nothing_changes(name, tmp_path):
    runs = Runs(name, tmp_path)
    for files in crash_points(runs, faults=REFUSALS):
        repository = Repository.open(runs.directory)
        found = state(repository)
        if "rename" not in files.performed[: files.at]:
            assert found == runs.old
        assert found in (runs.old, runs.new) or name == "rename"
        check_whole(repository)
        finish(repository)
        check_whole(repository)


class Inits:
    """Makes a population in a fresh directory, one after the other."""

    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count()
        self.directory = None

    def __call__(self, files):
        if self.directory is not None:
            shutil.rmtree(self.directory)
        self.directory = self.folder / f"init{next(self.numbers)}"
        self.directory.mkdir()
        begin(self.directory, files=files)


def test_a_death_during_init_leaves_no_repository_or_a_whole_one(tmp_path):
    inits = Inits(tmp_path)
    points = 0
    for _ in crash_points(inits, faults=DEATHS):
        points += 1
        if not (inits.directory / ".mgit").exists():
            begin(inits.directory)
        repository = Repository.open(str(inits.directory))
        check_whole(repository)
        finish(repository)
    assert points >= 150


def test_init_on_full_or_read_only_storage_leaves_nothing(tmp_path):
    inits = Inits(tmp_path)
    for files in crash_points(inits, faults=REFUSALS):
        if files.performed[files.at] != "fsync_directory" or files.at < len(files.performed) - 1:
            assert os.listdir(inits.directory) in ([], [".mgit"])
        if (inits.directory / ".mgit").exists():
            check_whole(Repository.open(str(inits.directory)))


def test_an_error_on_full_storage_says_that_nothing_was_changed(tmp_path):
    runs = Runs("commit", tmp_path)
    with pytest.raises(MgitError) as caught:
        runs(FaultyFiles("full", at=0))
    assert caught.value.kind == "disk-full"
    assert "nothing that existed was changed" in caught.value.hint
