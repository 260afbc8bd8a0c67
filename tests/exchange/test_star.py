import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.exchange.star import parse_star
from mgit.exchange.star_format import quote_text, write_star

RELION = b"""
# version 50001

data_general

_rlnTomoSubTomosAre2DStacks                       1
_rlnTomoTrajectoriesFile            ""


data_particles

loop_
_rlnTomoName #1
_rlnAngleRot #2
_rlnTomoVisibleFrames #3
   TS_01    12.500000 [1,0,1]
   TS_02    -3.25e+01 [0,1,1]   # excluded by hand

"""


def starfile_tables(path):
    starfile = pytest.importorskip("starfile")
    return starfile.read(path, always_dict=True, parse_as_string=None)


def test_a_list_and_a_loop_are_read():
    document = parse_star(RELION, name="x.star")
    assert list(document.tables) == ["general", "particles"]
    general, particles = document.table("general"), document.table("particles")
    assert general.text("rlnTomoTrajectoriesFile") == ""
    assert particles.strings("rlnTomoName") == ("TS_01", "TS_02")
    assert particles.floats("rlnAngleRot").tolist() == [12.5, -32.5]
    assert [v.tolist() for v in particles.vectors("rlnTomoVisibleFrames")] == [[1, 0, 1], [0, 1, 1]]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content.lstrip(),
        lambda content: content.rstrip(),
        lambda content: content.replace(b"   ", b"\t"),
        lambda content: content.replace(b"#1", b"").replace(b"#2", b""),
        lambda content: content.replace(b"loop_", b"LOOP_"),
    ],
)
def test_dialects_say_the_same(change):
    plain = parse_star(RELION, name="x").table("particles")
    other = parse_star(change(RELION), name="x").table("particles")
    assert other.columns == plain.columns
    for column in plain.columns:
        assert other.strings(column) == plain.strings(column)


def test_an_empty_loop_has_no_rows():
    table = parse_star(b"data_\nloop_\n_a #1\n_b #2\n", name="x").table("")
    assert table.row_count == 0
    assert table.floats("a").shape == (0,)
    assert table.strings("b") == ()


def test_an_empty_block_is_a_table_without_columns():
    assert parse_star(b"data_a\n\ndata_b\n_x 1\n", name="x").table("a").columns == ()


def test_a_first_value_may_look_like_a_heading():
    content = b"data_a\nloop_\n_x\n_y\ndata_1/mic.mrc 2\nloop_/b.mrc 3\n"
    assert parse_star(content, name="x").table("a").strings("x") == (
        "data_1/mic.mrc",
        "loop_/b.mrc",
    )


MALFORMED = {
    "cut off in a row": (b"data_a\nloop_\n_x\n_y\n1 2\n3", "looks cut off", "3"),
    "too many values": (b"data_a\nloop_\n_x\n_y\n1 2 9\n3 4\n", "quote values", None),
    "too few values": (b"data_a\nloop_\n_x\n_y\n1\n3 4\n", "quote values", None),
    "duplicate column": (b"data_a\nloop_\n_x\n_x\n1 2\n", "rename", None),
    "duplicate label": (b"data_a\n_x 1\n_x 2\n", "rename", None),
    "duplicate block": (b"data_a\n_x 1\n\ndata_a\n_x 2\n", "rename", None),
    "no block": (b"just some text\n", "STAR file", None),
    "nothing": (b"", "STAR file", None),
    "only a comment": (b"# nothing here\n", "STAR file", None),
    "value before a block": (b"1 2\ndata_a\n_x 1\n", "STAR file", None),
    "open quote": (b'data_a\n_x "one\n', "close the quote", None),
    "open quote in a row": (b"data_a\nloop_\n_x\n_y\n'a 1\n", "close the quote", None),
    "label without value": (b"data_a\n_x\n_y 1\n", "quote a value", None),
    "label with two values": (b"data_a\n_x 1 2\n", "quote a value", None),
    "value without label": (b"data_a\n_x 1\n2 3\n", "loop_", None),
    "label among rows": (b"data_a\nloop_\n_x\n1\n_y\n2\n", "quote values", None),
    "loop without labels": (b"data_a\nloop_\n1 2\n", "data_", None),
    "two loops": (b"data_a\nloop_\n_x\n1\nloop_\n_y\n2\n", "of its own", None),
    "loop after a list": (b"data_a\n_x 1\nloop_\n_y\n2\n", "of its own", None),
    "labelled value in a loop": (b"data_a\nloop_\n_x\n_y 3\n1 2\n", "remove the value", None),
    "utf-16": ("data_a\n_x 1\n".encode("utf-16"), "iconv", None),
    "nul bytes": (b"data_a\n_x 1\n\0\0\0\0", "copy it again", None),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files_are_refused_with_place_and_remedy(case):
    content, remedy, _ = MALFORMED[case]
    with pytest.raises(InvalidInput) as caught:
        parse_star(content, name="bad.star")
    assert caught.value.fields["file"] == "bad.star"
    assert remedy in caught.value.hint


def test_a_truncated_row_names_line_and_column():
    with pytest.raises(InvalidInput) as caught:
        parse_star(b"# v\ndata_p\n\nloop_\n_x\n_y\n\n1 2\n3", name="bad.star")
    fields = caught.value.fields
    assert (fields["block"], fields["line"], fields["column"]) == ("p", 9, "y")


@pytest.mark.parametrize("value", [b"one", b"1.2.3", b"0x10", b"1_000", b'""', b"[1,2]", b"-"])
def test_a_value_that_is_no_number_names_its_line(value):
    content = b"data_p\nloop_\n_x\n_y\n1 2\n" + value + b" 3\n"
    table = parse_star(content, name="bad.star").table("p")
    with pytest.raises(InvalidInput, match="is not a number") as caught:
        table.floats("x")
    assert caught.value.fields["line"] == 6
    with pytest.raises(InvalidInput):
        table.number("x", 1)


def test_fractions_vectors_and_latin_1_are_refused_where_they_do_not_fit():
    table = parse_star(b"data_p\nloop_\n_x\n_y\n1.5 [1,b]\n", name="x").table("p")
    with pytest.raises(InvalidInput, match="whole number"):
        table.integers("x")
    with pytest.raises(InvalidInput, match="vector"):
        table.vectors("y")
    latin = parse_star("data_p\n_x ä\n".encode("latin-1"), name="x").table("p")
    with pytest.raises(InvalidInput, match="UTF-8"):
        latin.strings("x")
    with pytest.raises(InvalidInput, match="UTF-8"):
        latin.text("x")


def test_a_missing_column_or_block_is_named():
    document = parse_star(RELION, name="x.star")
    with pytest.raises(InvalidInput, match="column is missing") as caught:
        document.table("particles").floats("rlnAnglePsi")
    assert caught.value.fields["column"] == "rlnAnglePsi"
    with pytest.raises(InvalidInput, match="data_optics"):
        document.table("optics")


def test_every_star_file_of_the_test_data_equals_what_starfile_reads(shared_data):
    """Cell by cell: our text equals the text that the `starfile` package gives."""
    starfile = pytest.importorskip("starfile")
    seen = 0
    for path in sorted(shared_data.rglob("*.star")):
        document = parse_star(path.read_bytes(), name=path.name)
        if path.stat().st_size > 3_000_000 or path.stem == "job":
            continue  # the largest one is compared below, on some columns; job files hold quotes
        every = sorted({c for table in document.tables.values() for c in table.columns})
        other = starfile.read(path, always_dict=True, parse_as_string=every)
        assert list(other) == list(document.tables), path
        for table in document.tables.values():
            frame = other[table.block]
            for column in table.columns:
                values = [frame[column]] if isinstance(frame, dict) else list(frame[column])
                ours = list(table.strings(column))
                assert [str(value) for value in values] == ours, (path, column)
                seen += len(ours)
    assert seen > 100_000


def test_the_numbers_of_a_large_table_equal_starfiles(shared_data):
    starfile = pytest.importorskip("starfile")
    path = shared_data / "relion5_hiv_project/Refine3D/job023/run_data.star"
    table = parse_star(path.read_bytes(), name=path.name).table("particles")
    frame = starfile.read(path)["particles"]
    assert table.row_count == len(frame) == 9442
    for column in frame.select_dtypes("number").columns:
        assert np.array_equal(table.floats(column), frame[column].to_numpy(np.float64)), column


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\"'"), max_size=8
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), min_size=1)
    )
)
def test_any_texts_that_are_written_are_read_back(rows):
    columns = {f"c{at}": [quote_text(row[at]) for row in rows] for at in range(len(rows[0]))}
    content = write_star([("t", columns, True)], comment="made by a test")
    table = parse_star(content, name="x").table("t")
    for at in range(len(rows[0])):
        assert table.strings(f"c{at}") == tuple(row[at] for row in rows)


@given(st.lists(NUMBERS, min_size=1))
def test_any_numbers_that_are_written_are_read_back_to_the_last_bit(values):
    content = write_star([("t", {"x": [repr(value) for value in values]}, True)], comment="test")
    assert parse_star(content, name="x").table("t").floats("x").tolist() == values
