"""Raw files are looked up where the link or the caller says, and digested once."""

import contextlib

import pytest

from mgit.curate.raw_access import RawAccess
from mgit.curate.sources import add_source
from mgit.exchange.records import RawFile
from mgit.history.commits import Signature
from mgit.history.repository import Repository
from tests.curate.conftest import make_series, make_source


class Count(contextlib.AbstractContextManager):
    """A progress bar that counts."""

    def __init__(self):
        self.done = 0

    def __exit__(self, *_exception):
        return None

    def advance(self, amount):
        self.done += amount


@pytest.fixture
def access(tmp_path):
    who = Signature("Ada", "ada@example.org", 1_750_000_000, 0)
    repository = Repository.init(str(tmp_path / "population"), name="p", who=who)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.mrc").write_bytes(b"aaa")
    return RawAccess(repository, "hiv")


def test_digests_are_found_below_a_given_directory_without_a_link(access, tmp_path):
    series = make_series("A", raw=("frames/a.mrc", "frames/b.mrc"))
    look_up = access.digests([series], directory=tmp_path / "raw", complete=False)
    assert look_up(RawFile(role="movie", path="frames/a.mrc")).size_bytes == 3
    assert look_up(RawFile(role="movie", path="frames/b.mrc")) is None
    assert access.links.directory("hiv") is None


def test_manifests_are_digested_through_the_link_with_progress(access, tmp_path, tree):
    add_source(
        tree, "hiv", make_source(make_series("A", raw=("a.mrc",))), digest_of=lambda _raw: None
    )
    access.remember(tmp_path / "raw")
    bar, totals = Count(), []

    def progress(_title, *, total, unit):
        totals.append((total, unit))
        return bar

    places, digests = access.digest_manifests(
        tree, directory=None, complete=True, again=False, progress=progress
    )
    assert places == {"a.mrc": tmp_path / "raw" / "a.mrc"}
    assert digests[places["a.mrc"]].full is not None
    assert (bar.done, totals) == (3, [(3, "B")])
