"""Whatever a stranger sends as part of a graph is read exactly or refused by an error of mgit."""

import os
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.digest import canonical_bytes
from mgit.errors import Corrupt, MgitError
from mgit.history.commits import CommitRecord, Signature, format_commit, object_id
from mgit.history.git_tree import Entry, format_tree, parse_tree
from mgit.history.packfile import KINDS, PackFile, encode_pack
from mgit.history.tree_view import group_metadata, parse_metadata
from mgit.testing.storage import ScratchStorage, fill_sample_tree

WHO = Signature("Ada", "ada@example.org", 1_700_000_000, 3600)
COMMIT = format_commit(
    tree="a" * 40,
    parents=["b" * 40],
    author=WHO,
    committer=WHO,
    message="Subject\n\nBody",
    trailers={"Mgit-State": "b3:" + "0a" * 32, "Mgit-Root": "b3:" + "0b" * 32},
)
TREE = format_tree(
    {
        "zarr.json": Entry(is_tree=False, name="a" * 40),
        "sources": Entry(is_tree=True, name="b" * 40),
        "x": Entry(is_tree=False, name="c" * 40),
    }
)
OBJECTS = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.binary(max_size=40)), max_size=20, unique=True
)


@st.composite
def damaged(draw, whole):
    """`whole` with one byte changed, a piece cut out, or a piece repeated."""
    start = draw(st.integers(0, len(whole) - 1))
    stop = draw(st.integers(start + 1, min(len(whole), start + 30)))
    how = draw(st.sampled_from(["change", "cut", "repeat", "end"]))
    if how == "change":
        changed = whole[start] ^ draw(st.integers(1, 255))
        return whole[:start] + bytes([changed]) + whole[start + 1 :]
    if how == "cut":
        return whole[:start] + whole[stop:]
    if how == "repeat":
        return whole[:stop] + whole[start:]
    return whole[:start]


@settings(max_examples=300)
@given(st.one_of(damaged(COMMIT), st.binary(max_size=200)))
def test_a_commit_is_parsed_or_corrupt(raw):
    try:
        record = CommitRecord.parse(raw)
    except Corrupt:
        return
    assert record.raw == raw
    assert record.id == object_id("commit", raw)
    assert record.tree in raw.decode("utf-8", "replace")
    assert all(each == "" or len(each) == 67 for each in (record.state, record.root))


@settings(max_examples=300)
@given(st.one_of(damaged(TREE), st.binary(max_size=200)))
def test_a_tree_is_parsed_exactly_or_corrupt(raw):
    """One tree has one spelling: what is accepted is what mgit itself would write."""
    try:
        entries = parse_tree(raw, "t")
    except Corrupt:
        return
    assert format_tree(entries) == raw


METADATA = group_metadata({"name": "x", "list": [1, {"a": None}], "state": "b3:" + "00" * 32})


@settings(max_examples=300)
@given(st.one_of(damaged(METADATA), st.binary(max_size=60)))
def test_metadata_is_canonical_or_corrupt(raw):
    try:
        record = parse_metadata(raw, "group", "p")
    except Corrupt:
        return
    assert canonical_bytes(record) == raw


def write(folder, pack, index):
    for ending, content in ((".pack", pack), (".idx", index)):
        with open(os.path.join(folder, "p" + ending), "wb") as file:
            file.write(content)
    return PackFile(os.path.join(folder, "p"))


@given(OBJECTS)
def test_a_pack_holds_exactly_what_was_put_into_it(objects):
    with tempfile.TemporaryDirectory() as folder:
        _, pack, index = encode_pack(objects)
        opened = write(folder, pack, index)
        opened.check()
        names = {object_id(*each): each for each in objects}
        assert list(opened.with_prefix("")) == sorted(names)
        for name, each in names.items():
            assert opened.read(opened.find(bytes.fromhex(name))) == each
            assert name in opened.with_prefix(name[:5])


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_pack_or_index_never_gives_a_wrong_object(data):
    """Reading ends, by an error of mgit or by bytes that the SHA-1 judges."""
    objects = data.draw(OBJECTS.filter(bool))
    _, pack, index = encode_pack(objects)
    if data.draw(st.booleans()):
        pack = data.draw(damaged(pack))
    else:
        index = data.draw(damaged(index))
    with tempfile.TemporaryDirectory() as folder:
        opened = write(folder, pack, index)
        for each in objects:
            name = object_id(*each)
            try:
                offset = opened.find(bytes.fromhex(name))
                found = None if offset is None else opened.read(offset)
            except MgitError:
                continue
            if found is not None and object_id(*found) == name:
                assert found == each


@settings(max_examples=40)
@given(st.data())
def test_a_damaged_object_in_a_repository_is_named_or_absent(data):
    """Every read of a tree whose pack was damaged gives the true content or an error of mgit."""
    with tempfile.TemporaryDirectory() as folder:
        storage = ScratchStorage.new(folder)
        draft = storage.draft()
        fill_sample_tree(draft)
        tree = storage.keep(draft).tree
        path = storage.objects.packs()[0].path + ".pack"
        with open(path, "rb") as file:
            whole = file.read()
        with open(path, "wb") as file:
            file.write(data.draw(damaged(whole)))
        again = ScratchStorage.open(folder).snapshot(tree)
        item = "sources/lab-0badcafe/items/7f/TS_01-7f0badca"
        for read in (
            lambda: again.attributes(item)["name"] == "TS_01",
            lambda: again.blob("provenance.json") == b'{"verb":"sample"}',
            lambda: again.array(f"{item}/weight").read() == 0.25,
            lambda: again.children("") == ("sources", "species"),
        ):
            try:
                assert read()
            except MgitError:
                continue
