"""Series and tilts go out of use and come back; a source in use is not removed."""

import pytest

from mgit.curate.selection import remove_source, select_items, select_tilts, tilt_numbers
from mgit.curate.sources import add_source
from mgit.errors import InvalidInput, NotFound, Refused
from mgit.state.population import Population
from tests.curate.conftest import TILTS, make_series, make_source


@pytest.fixture
def source(tree):
    add_source(
        tree, "hiv", make_source(make_series("A"), make_series("B")), digest_of=lambda _raw: None
    )
    return tree


def test_series_are_excluded_with_a_reason_and_included_again(source):
    changed = select_items(source, "hiv", ("A",), excluded=True, reason="ice")
    assert changed.items == ("A",)
    item = Population(source).item("hiv", "A")
    assert item.excluded
    assert item.attributes["exclusion_reason"] == "ice"
    assert select_items(source, "hiv", (), excluded=False, reason=None).items == ("A",)
    assert not Population(source).item("hiv", "A").excluded


def test_series_may_be_called_by_an_alias_and_unknown_ones_are_named(source):
    assert select_items(source, "hiv", ("B.tomostar",), excluded=True, reason=None).items == ("B",)
    with pytest.raises(NotFound, match="TS_9"):
        select_items(source, "hiv", ("TS_9",), excluded=True, reason=None)
    with pytest.raises(Refused, match="no series is named"):
        select_items(source, "hiv", (), excluded=True, reason=None)


def test_tilts_count_from_one_and_come_back(source):
    assert select_tilts(source, "hiv", "A", (1, TILTS), use=False).tilts == 2
    flags = Population(source).item("hiv", "A").array("use").read()
    assert flags.tolist() == [False, True, True, True, False]
    assert select_tilts(source, "hiv", "A", (1,), use=True).tilts == 1
    assert select_tilts(source, "hiv", "A", (1,), use=True).items == ()


def test_a_tilt_beyond_the_series_and_the_last_tilt_are_refused(source):
    with pytest.raises(InvalidInput, match="5 tilts"):
        select_tilts(source, "hiv", "A", (TILTS + 1,), use=False)
    with pytest.raises(Refused, match="no tilt would remain"):
        select_tilts(source, "hiv", "A", tuple(range(1, TILTS + 1)), use=False)
    assert Population(source).item("hiv", "A").array("use").read().all()


@pytest.mark.parametrize("text", ["", "0", "3-1", "a", "1,,2", "-3", "1.5"])
def test_nonsense_is_no_list_of_tilts(text):
    with pytest.raises(InvalidInput, match="not a list of tilts"):
        tilt_numbers(text)


def test_lists_and_ranges_of_tilts_are_read():
    assert tilt_numbers("3, 7-9,8") == (3, 7, 8, 9)


def test_a_source_without_particles_is_removed_whole(source):
    assert remove_source(source, "hiv") == 2
    assert Population(source).sources() == ()
