"""Git trees under mgit's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import Corrupt
from mgit.history.git_tree import Entry, format_tree, parse_tree
from mgit.history.paths import name_fault

ID = bytes(range(20))
FILE = Entry(is_tree=False, name=ID.hex())
FOLDER = Entry(is_tree=True, name=ID.hex())


def line(mode, name):
    return mode + b" " + name + b"\0" + ID


NAMES = st.text("abcXYZ019._-", min_size=1, max_size=8).filter(lambda name: not name_fault(name))


@given(st.dictionaries(NAMES, st.sampled_from([FILE, FOLDER]), max_size=8))
def test_a_tree_is_read_back_as_it_was_written(entries):
    distinct = {name.lower(): (name, entry) for name, entry in entries.items()}
    entries = dict(distinct.values())
    assert parse_tree(format_tree(entries), "t") == entries


def test_directories_sort_as_git_sorts_them():
    names = parse_tree(format_tree({"a": FOLDER, "a.b": FILE, "a-b": FILE, "a0": FILE}), "t")
    assert list(names) == ["a-b", "a.b", "a", "a0"]


@pytest.mark.parametrize(
    "raw",
    [
        line(b"100755", b"a"),
        line(b"120000", b"a"),
        line(b"160000", b"a"),
        line(b"040000", b"a"),
        line(b"100644", b".."),
        line(b"100644", b".git"),
        line(b"100644", b"a b"),
        line(b"100644", b"caf\xc3\xa9"),
        line(b"100644", b""),
        line(b"100644", b"nul"),
        line(b"100644", b"x" * 65),
        line(b"100644", b"b") + line(b"100644", b"a"),
        line(b"100644", b"a") + line(b"100644", b"a"),
        line(b"100644", b"a") + line(b"40000", b"a"),
        line(b"100644", b"A") + line(b"100644", b"a"),
        line(b"100644", b"a")[:-1],
        line(b"100644", b"ZARR.json"),
        line(b"40000", b"zarr.json"),
        line(b"40000", b"chunks"),
        b"100644 a",
        b"100644",
        b"\0" * 40,
    ],
)
def test_a_tree_from_a_stranger_is_checked(raw):
    with pytest.raises(Corrupt):
        parse_tree(raw, "t")


def test_the_directory_of_an_array_is_parsed_like_any_other():
    chunks, metadata = Entry(is_tree=False, name="1" * 40), Entry(is_tree=False, name="2" * 40)
    raw = format_tree({"zarr.json": metadata, "chunks": chunks})
    assert list(parse_tree(raw, "t").items()) == [("chunks", chunks), ("zarr.json", metadata)]
    for old, new in (
        (b"zarr.json", b"zarr.jsoN"),
        (b"100644 z", b"100755 z"),
        (b"chunks", b"CHUNKS"),
    ):
        with pytest.raises(Corrupt):
            parse_tree(raw.replace(old, new), "t")
    assert list(parse_tree(raw.replace(b"zarr.json", b"zarr.jpeg"), "t")) == ["chunks", "zarr.jpeg"]
    assert list(parse_tree(raw.replace(b"chunks", b"chunka"), "t")) == ["chunka", "zarr.json"]
