import numpy as np
import pytest

from mgit.errors import Corrupt, InvalidState
from mgit.state.strings import StringColumn, is_strings, read_strings, write_strings
from mgit.testing.memory import MemoryTree

VALUES = ["b", "", "日本", "b", "a\nb\0c"]


@pytest.fixture
def written():
    tree = MemoryTree()
    write_strings(tree, "column", VALUES)
    return tree


def test_what_is_written_is_read(written):
    assert read_strings(written, "column").values() == tuple(VALUES)
    assert is_strings(written, "column")
    assert not is_strings(written, "column/codes")


def test_no_rows_are_a_column_too():
    tree = MemoryTree()
    write_strings(tree, "column", [])
    assert read_strings(tree, "column").values() == ()


def test_a_dictionary_with_unused_words_is_stored_without_them(written):
    plain = StringColumn.of(VALUES)
    wide = StringColumn(
        codes=plain.codes + np.uint32(1), dictionary=("", *[w + "!" for w in plain.dictionary])
    )
    tree = MemoryTree()
    write_strings(tree, "column", wide.take(np.arange(5)))
    assert read_strings(tree, "column").dictionary == tuple(w + "!" for w in plain.dictionary)


def test_taking_rows_keeps_their_strings():
    column = StringColumn.of(VALUES).take(np.array([2, 0]))
    assert column.values() == ("日本", "b")
    assert column.dictionary == ("b", "日本")


def test_equality_looks_at_strings_not_codes():
    plain = StringColumn.of(VALUES)
    wide = StringColumn(
        codes=plain.codes, dictionary=(*plain.dictionary, plain.dictionary[-1] + "z")
    )
    assert plain.equals(wide)
    assert not plain.equals(StringColumn.of(VALUES[::-1]))


@pytest.mark.parametrize(
    ("codes", "dictionary", "message"),
    [
        (np.zeros(1, np.int64), ("a",), "uint32"),
        (np.zeros((1, 1), np.uint32), ("a",), "uint32"),
        (np.zeros(1, np.uint32), ("b", "a"), "sorted"),
        (np.zeros(1, np.uint32), ("a", "a"), "distinct"),
        (np.ones(1, np.uint32), ("a",), "outside"),
    ],
)
def test_a_column_is_valid_from_birth(codes, dictionary, message):
    with pytest.raises(InvalidState, match=message):
        StringColumn(codes=codes, dictionary=dictionary)


def test_a_lone_surrogate_is_refused_before_anything_is_written():
    tree = MemoryTree()
    with pytest.raises(InvalidState, match="UTF-8"):
        write_strings(tree, "column", ["\udc80"])
    assert not tree.exists("column")


@pytest.mark.parametrize(
    "offsets", [[0, 1], [1, 5], [0, 3, 2, 5], []], ids=["short", "late", "falling", "none"]
)
def test_offsets_that_do_not_cover_the_bytes_are_corrupt(offsets):
    tree = MemoryTree()
    write_strings(tree, "column", ["abcde"])
    tree.set_array("column/offsets", np.array(offsets, np.int64))
    with pytest.raises(Corrupt, match="offsets"):
        read_strings(tree, "column")


def test_bytes_that_are_not_utf8_are_corrupt():
    tree = MemoryTree()
    write_strings(tree, "column", ["ab"])
    tree.set_array("column/strings", np.array([0xC3, 0x28], np.uint8))
    with pytest.raises(Corrupt, match="not UTF-8"):
        read_strings(tree, "column")


def test_a_code_outside_the_dictionary_is_corrupt(written):
    written.set_array("column/codes", np.array([9], np.uint32))
    with pytest.raises(Corrupt, match="outside"):
        read_strings(written, "column")
