import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.exchange.star import parse_star
from mgit.exchange.star_patch import StarPatch

RELION = b"""
# version 50001

data_optics

_rlnVoltage              300.000000

data_particles

loop_
_rlnTomoName #1
_rlnAngleRot #2
_rlnOriginXAngst #3
   TS_01    12.500000     1.000000
# between
   TS_02    -3.250000     2.000000

   TS_03     7.000000     3.000000
\t
# the end
"""
TABBED = (
    b"data_particles\nloop_\n_rlnTomoName\n_rlnAngleRot\n_rlnOriginXAngst\nA\t1.5\t2\nB\t2.5\t3"
)


def patched(content, **edits):
    patch = StarPatch(parse_star(content, name="x"))
    if "cell" in edits:
        row, column, value = edits["cell"]
        patch.set_numbers("particles", column, np.array([row]), values=np.array([value]))
    if "order" in edits:
        additions = edits.get("additions", ())
        patch.arrange_rows("particles", np.array(edits["order"]), additions=additions)
    return patch.finish()


def names(content):
    return parse_star(content, name="x").table("particles").strings("rlnTomoName")


@pytest.mark.parametrize("content", [RELION, TABBED, RELION.replace(b"\n", b"\r\n")])
def test_no_edit_gives_identical_bytes(content):
    assert patched(content) == content
    rows = len(names(content))
    assert patched(content, order=range(rows)) == content


def test_one_cell_changes_and_its_columns_stay_aligned():
    content = patched(RELION, cell=(1, "rlnAngleRot", 123.456789))
    assert content == RELION.replace(b"    -3.250000 ", b"   123.456789 ")


def test_a_longer_number_borrows_blanks_and_keeps_one():
    content = patched(RELION, cell=(0, "rlnAngleRot", 1.23456789e-7))
    assert b"TS_01 1.23456789e-07     1.000000\n" in content
    assert names(content) == names(RELION)


def test_a_tabbed_cell_is_replaced_in_place():
    assert patched(TABBED, cell=(1, "rlnAngleRot", 9.0)) == TABBED.replace(b"\t2.5\t", b"\t9.0\t")


@given(
    st.integers(0, 2),
    st.sampled_from(["rlnAngleRot", "rlnOriginXAngst"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([RELION, RELION.replace(b"\n", b"\r\n"), RELION.replace(b"   ", b" ")]),
)
def test_a_cell_patch_changes_that_cell_only(row, column, value, content):
    before = parse_star(content, name="x").table("particles")
    after = parse_star(patched(content, cell=(row, column, value)), name="x").table("particles")
    for other in before.columns:
        for at in range(before.row_count):
            if (at, other) != (row, column):
                assert after.token(other, at) == before.token(other, at)
    found = after.number(column, row)
    assert abs(found - value) <= 1e-6 * abs(value)


def test_rows_are_dropped_with_all_else_in_place():
    content = patched(RELION, order=[0, 2])
    assert content == RELION.replace(b"   TS_02    -3.250000     2.000000\n", b"")


def test_all_rows_may_be_dropped():
    content = patched(RELION, order=[])
    assert names(content) == ()
    assert b"# between\n" in content
    assert content.endswith(b"# the end\n")


@given(st.permutations([0, 1, 2]), st.integers(0, 3))
def test_rows_come_in_the_order_asked_for(order, count):
    chosen = order[:count]
    content = patched(RELION, order=chosen, cell=(1, "rlnAngleRot", 5.0))
    assert names(content) == tuple(f"TS_0{row + 1}" for row in chosen)
    angles = parse_star(content, name="x").table("particles").floats("rlnAngleRot").tolist()
    assert angles == [[12.5, 5.0, 7.0][row] for row in chosen]
    assert content.count(b"# between") == content.count(b"# the end") == 1


@pytest.mark.parametrize("content", [RELION, TABBED, RELION.replace(b"\n", b"\r\n")])
def test_new_rows_are_laid_out_like_the_last(content):
    new = {"rlnTomoName": "N", "rlnAngleRot": "1.0", "rlnOriginXAngst": "4.5"}
    rows = len(names(content))
    result = patched(content, order=[*range(rows), -1], additions=[new])
    assert names(result) == (*names(content), "N")
    assert result.startswith(content[: content.rfind(b"3") + 1])
    assert (b"\r\n" in result) == (b"\r\n" in content)


def test_rows_are_added_between_others_and_to_an_empty_loop():
    new = {"rlnTomoName": "N", "rlnAngleRot": "1.0", "rlnOriginXAngst": "4.5"}
    assert names(patched(RELION, order=[2, -1, 0], additions=[new])) == ("TS_03", "N", "TS_01")
    for empty in (TABBED[: TABBED.index(b"A\t")], TABBED[: TABBED.index(b"\nA\t")]):
        assert names(patched(empty, order=[-1], additions=[new])) == ("N",)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0], [1, -1]])
def test_a_column_is_added_to_every_row(order):
    patch = StarPatch(parse_star(RELION, name="x"))
    patch.add_column("particles", "rlnRandomSubset", texts=["1", "2", "1"])
    new = {"rlnTomoName": "N", "rlnAngleRot": "1", "rlnOriginXAngst": "2", "rlnRandomSubset": "2"}
    patch.arrange_rows("particles", np.array(order), additions=[new] * order.count(-1))
    table = parse_star(patch.finish(), name="x").table("particles")
    halves = [[1, 2, 1, 2][row] for row in order]
    assert table.integers("rlnRandomSubset").tolist() == halves


def test_a_list_gains_a_line():
    patch = StarPatch(parse_star(RELION, name="x"))
    patch.add_column("optics", "rlnHand", texts=["-1"])
    table = parse_star(patch.finish(), name="x").table("optics")
    assert table.columns == ("rlnVoltage", "rlnHand")


def test_text_is_replaced_as_given():
    patch = StarPatch(parse_star(RELION, name="x"))
    patch.set_texts("particles", "rlnTomoName", np.array([1]), texts=['"a b"'])
    assert names(patch.finish()) == ("TS_01", "a b", "TS_03")
