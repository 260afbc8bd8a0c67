import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.state.half_sets import half_set_overlaps, new_split
from mgit.state.strings import StringColumn

from .conftest import table

FAR_APART = np.arange(30.0).reshape(10, 1, 3) * 100
ONE_ITEM = np.zeros(10, int)


def test_without_neighbours_halves_alternate_in_file_order():
    halves = new_split(FAR_APART, ONE_ITEM, radius_angstrom=10)
    assert halves.tolist() == [1, 2] * 5
    assert halves.dtype == np.uint8
    np.testing.assert_array_equal(halves, new_split(FAR_APART, ONE_ITEM))


def test_neighbours_share_a_half():
    """Rows 0, 4, 9 stand 5 A apart in a row, as symmetry mates of one filament do."""
    positions = FAR_APART.copy()
    positions[[0, 4, 9], 0] = [[0.0, 0, 0], [5, 0, 0], [10, 0, 0]]
    halves = new_split(positions, ONE_ITEM, radius_angstrom=6)
    assert len(set(halves[[0, 4, 9]].tolist())) == 1
    assert abs(int((halves == 1).sum()) - 5) <= 1


def test_neighbours_in_different_items_are_none():
    positions = np.zeros((4, 1, 3))
    halves = new_split(positions, np.arange(4), radius_angstrom=10)
    assert halves.tolist() == [1, 2, 1, 2]


def test_a_large_group_is_balanced_by_the_ones_after_it():
    positions = np.concatenate([np.zeros((4, 1, 3)), FAR_APART[1:5]])
    halves = new_split(positions, np.zeros(8, int), radius_angstrom=10)
    assert halves.tolist() == [1, 1, 1, 1, 2, 2, 2, 2]


def test_present_halves_are_kept_and_passed_to_neighbours():
    positions = FAR_APART.copy()
    positions[7] = positions[2] + 1
    present = np.zeros(10, np.uint8)
    present[[0, 2]] = 2
    halves = new_split(positions, ONE_ITEM, radius_angstrom=5, present=present)
    assert halves[[0, 2, 7]].tolist() == [2, 2, 2]
    assert (halves == 1).sum() == (halves == 2).sum() == 5


def test_present_halves_that_disagree_are_not_changed():
    present = np.array([1, 2, 0], np.uint8)
    halves = new_split(np.zeros((3, 3)), np.zeros(3, int), radius_angstrom=1, present=present)
    assert halves.tolist() == [1, 2, 1]


def test_a_present_half_is_0_1_or_2():
    with pytest.raises(InvalidState, match="none of 0, 1 and 2"):
        new_split(FAR_APART, ONE_ITEM, present=np.full(10, 3))


def test_no_particles_need_no_halves():
    assert new_split(np.empty((0, 1, 3)), np.empty(0, int), radius_angstrom=1).tolist() == []


def split_table(positions, halves, items=("a" * 32,)):
    ids = np.arange(len(positions) * 16, dtype=np.uint8).reshape(-1, 16)
    return table(
        count=len(positions),
        positions=positions,
        angles=np.zeros_like(positions),
        half_sets=np.array(halves, np.uint8),
        items=items,
        ids=ids,
    )


def test_a_duplicate_across_halves_is_found():
    positions = FAR_APART.copy()
    positions[6] = positions[1] + 2
    halves = [1, 2, 1, 1, 1, 1, 1, 2, 2, 2]
    made = split_table(positions, halves)
    assert half_set_overlaps(made, 5.0).tolist() == [[1, 6]]
    assert half_set_overlaps(made, 1.0).tolist() == []


def test_duplicates_within_a_half_or_in_other_items_are_allowed():
    positions = np.zeros((4, 1, 3))
    made = split_table(positions, [1, 1, 2, 2], items=("a" * 32, "b" * 32))
    assert half_set_overlaps(made, 1.0).tolist() == [[0, 2], [1, 3]]
    apart = split_table(positions, [1, 2, 1, 2], items=("a" * 32, "b" * 32))
    assert half_set_overlaps(apart, 1.0).tolist() == []


def test_a_new_split_has_no_overlaps_within_its_radius():
    random = np.random.default_rng(3)
    positions = random.uniform(0, 300, (200, 1, 3))
    codes = random.integers(0, 3, 200)
    halves = new_split(positions, codes, radius_angstrom=30)
    made = table(
        count=200,
        positions=positions,
        angles=positions,
        half_sets=halves,
        item_ids=StringColumn(codes=codes.astype(np.uint32), dictionary=("a", "b", "c")),
        passthrough={},
    )
    assert half_set_overlaps(made, 30.0).shape == (0, 2)
    assert len(half_set_overlaps(made, 60.0)) > 0


def test_parent_and_child_are_compared_row_against_row():
    parent = split_table(FAR_APART, [1, 2] * 5)
    child = split_table(FAR_APART[:2] + 1, [2, 2])
    assert half_set_overlaps(parent, 5.0, other=child).tolist() == [[0, 0]]
