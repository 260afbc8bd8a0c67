"""Death at every primitive of push (both ends at once), pull and clone.

Whatever happens, each end has its old state or its new one, whole; the audit finds nothing on
either; and the same command, given again, finishes the work.
"""

import itertools
import os
import shutil

import pytest

from mgit.history.repository import Repository
from mgit.merge.join import course_of, fast_forward
from mgit.store.files import Files
from mgit.sync.fetch import fetch
from mgit.sync.path_remote import PathRemote
from mgit.testing.faults import crash_points
from tests.history.histories import ADA, commit
from tests.sync.exchanges import bare, begin, check_whole, cloned, pushed, sent

pytestmark = pytest.mark.usefixtures("deaths_are_seen")


def pull(repository, url):
    """Fetch, then move the branch."""
    fetch(repository, PathRemote(url), name="origin", who=ADA)
    course = course_of(repository, "origin/main")
    if course.kind == "fast-forward":
        fast_forward(repository, course, who=ADA, message="pull")


class Push:
    """A clone pushes two commits; both ends die together."""

    points_min = 75

    def prepare(self, folder):
        _, there, ours = sent(folder)
        os.rename(there, folder / "there")
        for number in (7, 8):
            commit(ours, f"notes/more{number}", number)
        os.rename(ours.root, folder / "here")

    def run(self, folder, files):
        here = Repository.open(str(folder / "here"), files=files)
        pushed(here, folder / "there", files=files)

    def ends(self, folder):
        return [folder / "here", folder / "there"]


class FirstPush(Push):
    """A population goes into an empty directory."""

    points_min = 75

    def prepare(self, folder):
        ours = begin(folder / "here")
        commit(ours, "notes/a", 1)
        bare(folder / "there")


class Pull(Push):
    """A clone takes over two commits."""

    points_min = 75

    def prepare(self, folder):
        ours, there, mine = sent(folder)
        for number in (7, 8):
            commit(ours, f"notes/more{number}", number)
        pushed(ours, there)
        os.rename(there, folder / "there")
        os.rename(mine.root, folder / "here")

    def run(self, folder, files):
        pull(Repository.open(str(folder / "here"), files=files), str(folder / "there"))


class Clone(Push):
    """A directory becomes a population."""

    points_min = 140

    def prepare(self, folder):
        _, there, _ = sent(folder)
        os.rename(there, folder / "there")

    def run(self, folder, files):
        cloned(folder / "there", folder / "here", files=files)


WORKS = {"push": Push, "first-push": FirstPush, "pull": Pull, "clone": Clone}


class Runs:
    """Runs one work in fresh copies of what was prepared, one after the other."""

    def __init__(self, name, folder):
        self.work = WORKS[name]()
        self.folder = folder
        self.numbers = itertools.count()
        (folder / "template").mkdir()
        self.work.prepare(folder / "template")
        self.place = None
        self.old = [state(end) for end in self.work.ends(folder / "template")]
        self(Files())
        self.new = [state(end) for end in self.work.ends(self.place)]

    def __call__(self, files):
        if self.place is not None:
            shutil.rmtree(self.place)
        self.place = self.folder / f"run{next(self.numbers)}"
        shutil.copytree(self.folder / "template", self.place)
        self.work.run(self.place, files)


def state(directory):
    """Refs and HEAD, None where there is no repository."""
    if not (directory / ".mgit").exists():
        return None
    repository = Repository.open(str(directory))
    return repository.refs.all(), repository.refs.head().text


def check(runs):
    """Both ends are whole, and the command given again reaches the new state."""
    ends = runs.work.ends(runs.place)
    for end in ends:
        if (end / ".mgit").exists():
            check_whole(Repository.open(str(end)))
    branches = [
        None if found is None else found[0].get("refs/heads/main") for found in map(state, ends)
    ]
    for found, old, new in zip(branches, runs.old, runs.new, strict=True):
        before = None if old is None else old[0].get("refs/heads/main")
        assert found in (before, new[0]["refs/heads/main"])
    if state(ends[0]) != runs.new[0] or state(ends[1]) != runs.new[1]:
        runs.work.run(runs.place, Files())
    for end, new in zip(ends, runs.new, strict=True):
        assert state(end) == new
        check_whole(Repository.open(str(end)))
        made = commit(Repository.open(str(end)), "notes/next", 9)
        assert Repository.open(str(end)).resolve("HEAD") == made.id
        assert os.listdir(end / ".mgit" / "locks") == []


@pytest.mark.parametrize("name", WORKS)
def test_after_a_death_both_ends_are_whole_and_the_command_finishes(name, tmp_path):
    runs = Runs(name, tmp_path)
    for _ in crash_points(runs, sample=15, seed=4):
        check(runs)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKS)
def test_every_point_of_death_leaves_both_ends_whole(name, tmp_path):
    runs = Runs(name, tmp_path)
    points = 0
    for _ in crash_points(runs):
        points += 1
        check(runs)
    assert points >= 2 * WORKS[name].points_min
