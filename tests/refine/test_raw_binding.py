"""A raw file takes part only with the content that was recorded."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mgit.errors import InvalidInput, InvalidState, NotFound
from mgit.refine.raw_binding import check_calibration, checked_file


@dataclass
class Entry:
    path: str = "a.mrc"
    digest: str | None = None
    quick: str | None = None


@dataclass
class Digests:
    quick: str
    full: str | None = None


class Disk:
    def __init__(self, digests):
        self._digests = digests
        self.asked = []

    def locate(self, source, path):
        return None if self._digests is None else Path("/data", path)

    def digests(self, place, *, complete):
        self.asked.append(complete)
        return self._digests


def check(entry, digests):
    disk = Disk(digests)
    return checked_file(entry, disk, source="s", item="TS_1"), disk.asked


def test_the_recorded_content_is_taken():
    place, asked = check(Entry(digest="F", quick="Q"), Digests("Q", "F"))
    assert place == Path("/data/a.mrc")
    assert asked == [False]


def test_a_quick_digest_is_enough_where_it_is_recorded():
    assert check(Entry(digest="F", quick="Q"), Digests("Q"))[0]


def test_a_file_known_by_its_full_digest_alone_is_read_whole():
    _, asked = check(Entry(digest="F"), Digests("Q", "F"))
    assert asked == [True]


@pytest.mark.parametrize("found", [Digests("X", "F"), Digests("Q", "X"), Digests("X")])
def test_another_content_is_refused_by_item_and_file(found):
    with pytest.raises(InvalidInput, match="not the one") as error:
        check(Entry(digest="F", quick="Q"), found)
    assert error.value.fields == {"item": "TS_1", "file": "/data/a.mrc"}


def test_a_gain_with_another_content_is_refused_by_item_and_file():
    disk = Disk(Digests("X", "X"))
    entry = Entry("gain.mrc", digest="F", quick="Q")
    with pytest.raises(InvalidInput, match="gain") as error:
        check_calibration(entry, disk, source="s", item="TS_1")
    assert error.value.fields == {"item": "TS_1", "file": "/data/gain.mrc"}


@pytest.mark.parametrize(
    ("entry", "digests"),
    [
        (Entry("gain.mrc", digest="F", quick="Q"), Digests("Q", "F")),
        (Entry("gain.mrc", digest="F"), None),
        (Entry("gain.mrc"), Digests("X", "X")),
    ],
)
def test_a_gain_that_is_absent_or_unknown_stops_nothing(entry, digests):
    check_calibration(entry, Disk(digests), source="s", item="TS_1")


def test_an_absent_file_is_refused_with_the_way_to_link_it():
    with pytest.raises(NotFound, match="not here") as error:
        check(Entry(digest="F"), None)
    assert "source link s" in error.value.hint


def test_a_file_that_was_never_digested_is_refused():
    with pytest.raises(InvalidState, match="never bound"):
        check(Entry(), Digests("Q", "F"))
