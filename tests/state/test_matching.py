from dataclasses import replace

import numpy as np
import pytest

from mgit.digest import RawDigest
from mgit.errors import InvalidState, NotFound
from mgit.state.matching import common_codes, match_rows, update_particles
from mgit.state.particle_columns import build_particles
from mgit.state.strings import StringColumn

from .conftest import table


def reimported(old, rows, *, shift=0.0, names=None):
    """`rows` of a table as another program would write them: new file, new order, no ids."""
    return build_particles(
        RawDigest.of(b"exported.star"),
        positions=old.positions[rows] + shift,
        angles=old.angles[rows],
        half_sets=old.half_set[rows],
        item_ids=old.item.take(rows),
        passthrough={} if names is None else {"rlnTomoParticleName": names},
    )


def test_rows_match_by_id_whatever_else_changed():
    old = table(count=12)
    new = replace(old, positions=old.positions + 500).take(np.arange(3, 12))
    match = match_rows(old, new, by="id")
    assert match.old.tolist() == list(range(3, 12))
    assert match.new.tolist() == list(range(9))
    assert match.missing_old.tolist() == [0, 1, 2]
    assert match.missing_new.tolist() == []
    assert not match.complete


def test_a_table_matches_itself_completely():
    old = table()
    for match in (
        match_rows(old, old, by="id"),
        match_rows(old, old, by="position", tolerance_angstrom=1),
    ):
        assert match.complete
        np.testing.assert_array_equal(match.old, match.new)


def test_tables_of_two_files_share_no_id():
    old = table()
    match = match_rows(old, reimported(old, np.arange(10)), by="id")
    assert len(match.old) == 0
    assert len(match.missing_old) == len(match.missing_new) == 10


def test_a_permutation_is_recovered_from_positions():
    old = table(count=40, items=("a" * 32, "b" * 32))
    rows = np.random.default_rng(1).permutation(40)
    new = reimported(old, rows, shift=0.3)
    match = match_rows(old, new, by="position", tolerance_angstrom=1.0)
    assert match.complete
    np.testing.assert_array_equal(rows[new.source_row[match.new]], match.old)
    np.testing.assert_allclose(match.distance, np.sqrt(3) * 0.3)


def test_positions_of_different_items_are_never_the_same():
    old = table(count=4, items=("a" * 32,))
    new = replace(old, item=StringColumn.of(["b" * 32] * 4))
    assert len(match_rows(old, new, by="position", tolerance_angstrom=5).old) == 0


def test_a_miss_beyond_the_tolerance_is_reported():
    old = table(positions=np.arange(30.0).reshape(10, 1, 3) * 100)
    positions = old.positions.copy()
    positions[4] += 10
    match = match_rows(old, replace(old, positions=positions), by="position", tolerance_angstrom=2)
    assert match.missing_old.tolist() == match.missing_new.tolist() == [4]


def test_only_mutual_nearest_neighbours_are_paired():
    """old at 0; new at 1 and at 2: both have old as nearest, only the nearer is the particle."""
    old = table(count=1, positions=np.zeros((1, 1, 3)))
    new = table(count=2, positions=np.array([[[2.0, 0, 0]], [[1.0, 0, 0]]]))
    match = match_rows(old, new, by="position", tolerance_angstrom=5)
    assert match.old.tolist() == [0]
    assert new.positions[match.new[0], 0, 0] == 1.0
    assert len(match.missing_new) == 1


def test_a_permutation_is_recovered_from_names():
    names = [f"tomo/{row}" for row in range(10)]
    old = table(passthrough={"rlnTomoParticleName": names})
    rows = np.random.default_rng(2).permutation(10)
    kept = old.passthrough["rlnTomoParticleName"].take(rows)
    new = reimported(old, rows, shift=1e4, names=kept)
    match = match_rows(old, new, by="name")
    assert match.complete
    np.testing.assert_array_equal(rows[new.source_row[match.new]], match.old)


def test_a_name_that_occurs_twice_matches_nothing():
    old = table(count=3, passthrough={"n": ["a", "b", "c"]})
    new = table(count=3, passthrough={"n": ["a", "a", "c"]})
    match = match_rows(old, new, by="name", column="n")
    assert [old.passthrough["n"].values()[row] for row in match.old] == ["c"]
    assert len(match.missing_old) == len(match.missing_new) == 2


@pytest.mark.parametrize("column", ["nothing", "rlnScore"])
def test_names_need_a_column_of_text(column):
    with pytest.raises(NotFound, match="no column of names"):
        match_rows(table(), table(), by="name", column=column)


def test_positions_need_a_tolerance():
    with pytest.raises(ValueError, match="tolerance"):
        match_rows(table(), table(), by="position")


def test_an_update_keeps_ids_and_takes_everything_else():
    old = table(count=6, trajectories=np.zeros((6, 2, 3)))
    rows = np.array([5, 3, 1, 0])
    new = reimported(old, rows, shift=0.5)
    match = match_rows(old, new, by="position", tolerance_angstrom=2)
    updated = update_particles(old, new, match)
    expected = {old.id[row].tobytes(): old.positions[row] + 0.5 for row in rows}
    found = {row.tobytes(): at for row, at in zip(updated.id, updated.positions, strict=True)}
    assert found.keys() == expected.keys()
    assert all((found[each] == expected[each]).all() for each in found)
    assert updated.trajectory is None


def test_unmatched_new_rows_are_new_particles():
    old = table(count=3, positions=np.zeros((3, 1, 3)) + np.arange(3)[:, None, None] * 50)
    new = table(count=4, seed=9, positions=np.zeros((4, 1, 3)) + 50 * np.arange(4)[:, None, None])
    new = reimported(new, np.arange(4))
    updated = update_particles(old, new, match_rows(old, new, by="position", tolerance_angstrom=1))
    mine = {row.tobytes() for row in old.id}
    assert len(updated) == 4
    assert len(mine & {row.tobytes() for row in updated.id}) == 3


def test_a_row_is_not_matched_twice():
    old = table()
    match = match_rows(old, old, by="id")
    with pytest.raises(InvalidState, match="twice"):
        update_particles(old, old, replace(match, old=np.zeros(10, int)))


def test_codes_of_two_columns_are_put_into_one_dictionary():
    first, second = common_codes(StringColumn.of(["b", "a"]), StringColumn.of(["c", "b"]))
    assert first.tolist() == [1, 0]
    assert second.tolist() == [2, 1]
