"""The cache of commits gives the commit that was asked for or nothing."""

import os

import pytest

from mgit.history.cache_file import append
from mgit.history.commit_cache import CommitCache
from mgit.history.commits import commit_id

RAW = [b"tree 1\n\nfirst\n", b"tree 2\n\nsecond\n"]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "commits")


def test_commits_are_found_by_another_reader(path):
    CommitCache(path).add(RAW)
    cache = CommitCache(path)
    assert [cache.get(commit_id(raw)) for raw in RAW] == RAW
    assert cache.get("0" * 40) is None


def test_a_commit_is_kept_once(path):
    cache = CommitCache(path)
    assert cache.get(commit_id(RAW[0])) is None
    cache.add(RAW)
    size = os.path.getsize(path)
    cache.add(RAW)
    assert os.path.getsize(path) == size


def test_bytes_that_are_not_the_commit_are_not_handed_out(path):
    append(path, [RAW[0].replace(b"first", b"forged")])
    assert CommitCache(path).get(commit_id(RAW[0])) is None
