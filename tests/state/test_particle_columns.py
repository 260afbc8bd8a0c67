from dataclasses import replace

import numpy as np
import pytest

from mgit.digest import RawDigest, particle_ids
from mgit.errors import InvalidState, NotFound
from mgit.state.particle_columns import (
    build_particles,
    concatenate_particles,
    empty_particles,
    id_order,
    rows_in_source_order,
)
from mgit.state.strings import StringColumn

from .conftest import TABLE, table


def test_ids_are_those_of_the_table_and_its_rows():
    made = table(count=5)
    raw = particle_ids(TABLE, 5)
    expected = {raw[16 * row : 16 * row + 16]: row for row in range(5)}
    found = {made.id[i].tobytes(): int(made.source_row[i]) for i in range(5)}
    assert found == expected


def test_rows_ascend_by_the_bytes_of_their_ids():
    ids = [row.tobytes() for row in table(count=50).id]
    assert ids == sorted(ids)


def test_every_column_follows_its_row():
    positions = np.arange(30.0).reshape(10, 1, 3)
    made = table(
        positions=positions,
        angles=positions * 2,
        trajectories=positions * 3,
        half_sets=np.arange(10) % 2 + 1,
        item_ids=[f"{row:032x}" for row in range(10)],
        passthrough={"number": np.arange(10), "text": [f"p{row}" for row in range(10)]},
    )
    rows = made.source_row
    np.testing.assert_array_equal(made.positions, positions[rows])
    np.testing.assert_array_equal(made.angles, 2 * positions[rows])
    np.testing.assert_array_equal(made.trajectory, 3 * positions[rows])
    np.testing.assert_array_equal(made.half_set, rows % 2 + 1)
    np.testing.assert_array_equal(made.passthrough["number"], rows)
    assert made.item.values() == tuple(f"{row:032x}" for row in rows)
    assert made.passthrough["text"].values() == tuple(f"p{row}" for row in rows)
    assert made.source_table.values() == (str(TABLE),) * 10


def test_rows_that_were_left_out_do_not_change_the_ids_of_others():
    kept = np.array([1, 4, 7])
    some = table(count=3, source_rows=kept)
    whole = {row.tobytes(): int(at) for row, at in zip(table().id, table().source_row, strict=True)}
    assert sorted(whole[row.tobytes()] for row in some.id) == kept.tolist()


def test_ids_that_a_file_carries_are_kept():
    ids = np.arange(32, dtype=np.uint8).reshape(2, 16)[::-1]
    made = table(count=2, ids=ids)
    np.testing.assert_array_equal(made.id, ids[::-1])
    assert made.source_row.tolist() == [1, 0]


def test_the_order_of_ids_is_bytewise():
    ids = np.array([[0] * 15 + [255], [1] + [0] * 15, [0] * 15 + [1]], np.uint8)
    assert id_order(ids).tolist() == [2, 0, 1]


def test_the_files_order_comes_back():
    made = table(count=20)
    rows = rows_in_source_order(made, TABLE)
    np.testing.assert_array_equal(made.source_row[rows], np.arange(20))
    assert rows_in_source_order(made, str(TABLE)).tolist() == rows.tolist()
    with pytest.raises(NotFound, match="no particle came from this table"):
        rows_in_source_order(made, RawDigest.of(b"other"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"half_sets": np.zeros(10, np.uint8)}, "neither 1 nor 2"),
        ({"half_sets": np.full(10, 257)}, "neither 1 nor 2"),
        ({"half_sets": np.full(10, 1.5)}, "neither 1 nor 2"),
        ({"half_sets": np.ones(9, np.uint8)}, "9 rows instead of 10"),
        ({"item_ids": ["a"] * 11}, "11 rows instead of 10"),
        ({"source_rows": np.arange(9)}, "9 rows instead of 10"),
        ({"trajectories": np.zeros((9, 1, 3))}, "9 rows instead of 10"),
        ({"angles": np.full((10, 1, 3), np.nan)}, "not finite"),
        ({"trajectories": np.full((10, 2, 3), np.inf)}, "not finite"),
        ({"positions": np.zeros((10, 1, 2))}, "not float64"),
        ({"positions": np.zeros((10, 3))}, "not float64"),
        ({"positions": np.zeros((10, 0, 3))}, "temporal sample"),
        ({"passthrough": {"x": np.zeros(9)}}, "9 rows instead of 10"),
        ({"ids": np.zeros((10, 16), np.uint8)}, "same id"),
        ({"ids": np.zeros((10, 8), np.uint8)}, "not uint8"),
    ],
)
def test_a_table_is_valid_from_birth(change, message):
    with pytest.raises(InvalidState, match=message):
        table(**change)


def test_the_row_of_a_bad_value_is_named():
    made = table()
    positions = made.positions.copy()
    positions[7, 0, 1] = np.nan
    with pytest.raises(InvalidState) as refused:
        replace(made, positions=positions)
    assert refused.value.fields == {"column": "position", "row": 7}


def test_rows_out_of_order_are_refused():
    made = table(count=2)
    with pytest.raises(InvalidState, match="not sorted"):
        replace(made, id=made.id[::-1])


def test_mean_positions_are_means_over_the_exposure():
    made = table(count=1, positions=np.array([[[0.0, 0, 0], [2, 4, 6]]]))
    assert made.mean_positions.tolist() == [[1, 2, 3]]


def test_columns_leave_out_a_trajectory_that_is_absent():
    assert "trajectory" not in table().columns()
    assert "trajectory" in table(trajectories=np.zeros((10, 2, 3))).columns()


@pytest.mark.parametrize("rows", [np.array([1, 4]), np.isin(np.arange(10), [1, 4])])
def test_taking_rows_takes_every_column(rows):
    made = table(
        items=("a" * 32, "b" * 32),
        passthrough={"t": list("abcdefghij")},
        trajectories=np.ones((10, 2, 3)),
    )
    some = made.take(rows)
    assert len(some) == 2
    for name, column in some.columns().items():
        whole = made.columns()[name]
        if isinstance(column, StringColumn):
            assert column.values() == tuple(whole.values()[row] for row in (1, 4))
        else:
            np.testing.assert_array_equal(column, whole[[1, 4]])
    assert len(some.passthrough["t"].dictionary) == 2


def test_an_empty_table_is_a_table():
    assert len(empty_particles()) == 0
    assert len(table(count=0)) == 0
    assert len(concatenate_particles([])) == 0


def test_tables_are_joined_in_the_order_of_ids():
    other = build_particles(
        RawDigest.of(b"other.star"),
        positions=np.zeros((3, 1, 3)),
        angles=np.zeros((3, 1, 3)),
        half_sets=np.ones(3, np.uint8),
        item_ids=["b" * 32] * 3,
        passthrough={"rlnScore": np.full(3, 9.0), "only": np.zeros(3)},
    )
    joined = concatenate_particles([table(), other])
    assert len(joined) == 13
    assert set(joined.passthrough) == {"rlnScore"}
    mine = joined.take(np.array(joined.item.values()) == "b" * 32)
    assert (mine.passthrough["rlnScore"] == 9.0).all()
    np.testing.assert_array_equal(mine.id, other.id)


def test_a_particle_cannot_be_joined_with_itself():
    with pytest.raises(InvalidState, match="same id"):
        concatenate_particles([table(), table()])


def test_tables_of_unequal_samples_are_not_joined():
    with pytest.raises(InvalidState, match="temporal samples"):
        concatenate_particles([table(), table(positions=np.zeros((10, 2, 3)))])


def test_text_and_numbers_are_not_joined():
    texts = table(passthrough={"rlnScore": list("abcdefghij")})
    with pytest.raises(InvalidState, match="text in one table"):
        concatenate_particles([table(), texts])
