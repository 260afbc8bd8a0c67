"""Binding items to raw files: digests are added, never silently replaced."""

from pathlib import Path

import pytest

from mgit.curate.binding import bind_files
from mgit.curate.raw_digests import FileDigest
from mgit.curate.sources import add_source
from mgit.errors import InvalidInput
from mgit.state.population import Population
from tests.curate.conftest import make_series, make_source

ONE, TWO = "b3:" + "1" * 64, "b3:" + "2" * 64


@pytest.fixture
def bound(tree):
    record = make_source(make_series("A", raw=("a.mrc", "b.mrc")), make_series("B", raw=("c.mrc",)))
    add_source(tree, "hiv", record, digest_of=lambda _raw: None)
    return tree


def bind(tree, *, full=ONE, quick=ONE, names=("a.mrc", "b.mrc")):
    places = {name: Path("/data") / name for name in names}
    digest = FileDigest(size_bytes=3, quick=quick, full=full)
    return bind_files(tree, "hiv", places=places, digests=dict.fromkeys(places.values(), digest))


def test_files_that_are_here_bind_their_items_and_the_others_are_listed(bound):
    report = bind(bound)
    assert report.bindings == {"unbound": 1, "quick": 0, "full": 1}
    assert report.changed == 1
    assert report.absent == ("c.mrc",)


def test_binding_again_with_the_same_files_changes_nothing(bound):
    bind(bound)
    assert bind(bound).changed == 0


def test_a_full_digest_completes_a_quick_one(bound):
    bind(bound, full=None, quick=TWO)
    assert {item.name: item.binding for item in Population(bound).source("hiv").items()} == {
        "A": "quick",
        "B": "unbound",
    }
    bind(bound, full=ONE, quick=TWO)
    item = next(each for each in Population(bound).source("hiv").items() if each.name == "A")
    assert item.binding == "full"
    assert item.raw[0].quick == TWO


def test_another_file_under_the_same_name_is_refused_by_name(bound):
    bind(bound, full=ONE)
    with pytest.raises(InvalidInput, match=r"a\.mrc"):
        bind(bound, full=TWO, quick=TWO)
