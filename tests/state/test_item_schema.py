import pytest

from mgit.state.item_schema import ITEM_ARRAYS, ITEM_ATTRIBUTES, SOURCE_ATTRIBUTES

UNCOVERED_ATTRIBUTES = {
    "name",
    "id",
    "aliases",
    "state",
    "exclusion_reason",
    "optics_group",
    "exposure_per_tilt",
}


@pytest.mark.parametrize("table", [ITEM_ARRAYS, ITEM_ATTRIBUTES, SOURCE_ATTRIBUTES])
def test_names_are_unique(table):
    names = [each.name for each in table]
    assert len(names) == len(set(names))


def test_every_array_of_an_item_is_covered_by_its_digest():
    assert [each.name for each in ITEM_ARRAYS if not each.in_state_digest] == []


def test_attributes_are_covered_but_for_names_and_bookkeeping():
    uncovered = {each.name for each in ITEM_ATTRIBUTES if not each.in_state_digest}
    assert uncovered == UNCOVERED_ATTRIBUTES


def test_no_attribute_of_a_source_is_covered():
    """A source has no digest: items repeat what counts, so one is computed from the item alone."""
    assert [each.name for each in SOURCE_ATTRIBUTES if each.in_state_digest] == []


def test_every_entry_says_what_it_means():
    assert all(each.meaning for each in (*ITEM_ARRAYS, *ITEM_ATTRIBUTES, *SOURCE_ATTRIBUTES))


def test_parameters_are_double_precision():
    assert {each.dtype for each in ITEM_ARRAYS} == {"float64", "bool"}


def test_no_array_has_the_name_of_a_fixed_child():
    assert not {"documents", "zarr.json"} & {each.name for each in ITEM_ARRAYS}
