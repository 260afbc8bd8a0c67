import os
import subprocess
import sys

import pytest

from mgit.errors import InvalidState, NotFound, ReadOnlyStorage, Refused, Unsupported
from mgit.history.repository import Repository
from tests.history.histories import ADA, BEN, begin, commit, value_at


def git(repository, *arguments):
    command = ["git", "--git-dir", repository.layout.git, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_an_empty_population_is_one_commit_that_holds_its_name(repository):
    (first,) = repository.walk()
    assert first.parents == ()
    assert repository.snapshot("HEAD").attributes("") == {"format": 1, "name": "toy"}
    assert b'"verb":"init"' in repository.snapshot("HEAD").blob("provenance.json")
    assert first.state.startswith("b3:")
    assert first.root.startswith("b3:")
    assert repository.refs.head().branch == "main"
    assert [entry.verb for entry in repository.operations.entries()] == ["init"]


def test_nothing_but_the_repository_appears_in_the_directory(repository):
    assert os.listdir(repository.root) == [".mgit"]
    assert os.listdir(repository.layout.locks) == []


def test_a_second_init_is_refused_and_changes_nothing(repository):
    before = repository.resolve("HEAD")
    with pytest.raises(Refused):
        Repository.init(repository.root, name="other", who=ADA)
    assert repository.resolve("HEAD") == before
    assert os.listdir(repository.root) == [".mgit"]


def test_samples_of_hooks_are_laid_out(tmp_path):
    samples = {"pre-commit.sample": b"#!/bin/sh\n"}
    made = Repository.init(str(tmp_path), name="x", who=ADA, hooks=samples)
    assert os.listdir(made.layout.hooks) == ["pre-commit.sample"]


def test_an_init_that_is_refused_leaves_nothing(tmp_path):
    with pytest.raises(InvalidState):
        Repository.init(str(tmp_path), name=0.5, who=ADA)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(ReadOnlyStorage):
        begin(tmp_path / "x")


def test_a_reopened_repository_says_the_same(repository):
    made = commit(repository, value=5)
    again = Repository.open(os.path.join(repository.root, ".mgit"))
    assert again.commit("HEAD").raw == made.raw
    assert value_at(again.snapshot("main")) == 5
    assert [each.id for each in again.walk()] == [each.id for each in repository.walk()]


def test_a_later_format_is_refused(repository):
    with open(repository.layout.format, "wb") as stream:
        stream.write(b"mgit 2\n")
    with pytest.raises(Unsupported):
        Repository.open(repository.root)


def test_there_is_no_repository_elsewhere(tmp_path):
    with pytest.raises(NotFound):
        Repository.open(str(tmp_path))


def test_plain_git_reads_the_history(repository):
    made = commit(repository, "notes/a", 1, who=BEN)
    assert git(repository, "rev-parse", "HEAD").strip() == made.id
    assert git(repository, "log", "--format=%s").split("\n")[0] == made.subject
    assert '"name":"toy"' in git(repository, "show", "HEAD:zarr.json")
    assert git(repository, "fsck", "--strict", "--full") == ""


def test_plain_git_makes_a_branch_and_mgit_reads_it(repository):
    made = commit(repository)
    git(repository, "branch", "by-git", "HEAD~1")
    assert repository.resolve("by-git") == made.parents[0]
    git(repository, "gc", "--quiet")
    assert repository.resolve("by-git") == made.parents[0]
    commit(repository, value=2)
    assert [finding.where for finding in repository.operations.check()] == ["refs"]


LIGHT = """
import sys
import mgit.history.layout, mgit.history.refs, mgit.history.revisions, mgit.history.graph
heavy = {"numpy", "zarr", "torch", "dulwich", "typing", "dataclasses", "pathlib", "asyncio"}
print(sorted(heavy & set(sys.modules)))
"""


def test_what_every_verb_needs_is_light():
    result = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr


def test_opening_a_repository_and_undoing_need_no_arrays():
    modules = "mgit.history.repository, mgit.history.undo, mgit.history.branches"
    code = f"import sys, {modules}; print('numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr
