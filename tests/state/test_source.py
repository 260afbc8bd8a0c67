import pytest

from mgit.errors import Corrupt, InvalidState
from mgit.state.documents import read_documents
from mgit.state.source import count_items, items, read_source, update_source, write_source

from .conftest import Foreign


@pytest.fixture
def path(tree):
    return write_source(tree, "grid", kind="tilt_series")


def test_a_source_is_read_as_it_was_written(tree):
    path = write_source(
        tree,
        "second grid",
        kind="frame_series",
        attributes={"pixel_size_angstrom": "0.5", "format": "warp"},
        documents=[Foreign("settings", "a.settings", b"<Settings/>")],
    )
    source = read_source(tree, path)
    assert (source.name, source.kind) == ("second grid", "frame_series")
    assert source.attributes["pixel_size_angstrom"] == "0.5"
    assert [each.path for each in read_documents(tree, path)] == ["a.settings"]
    assert source.item_count() == 0
    assert list(source.items()) == []


def test_items_are_counted_and_iterated(tree, path):
    assert count_items(tree, path) == read_source(tree, path).item_count() == 2
    assert sorted(item.name for item in items(tree, path)) == ["TS_01", "TS_02"]


def test_counting_reads_no_item(tree, path, item_path):
    tree.set_attributes(item_path, {})
    assert count_items(tree, path) == 2
    with pytest.raises(Corrupt):
        list(items(tree, path))


def test_writing_a_source_again_keeps_its_items(tree, path):
    write_source(tree, "grid", kind="tilt_series", attributes={"format": "relion"})
    assert read_source(tree, path).attributes["format"] == "relion"
    assert count_items(tree, path) == 2


def test_attributes_are_replaced_and_removed(tree, path):
    update_source(tree, path, {"voltage_kilovolt": "300"})
    assert read_source(tree, path).attributes["voltage_kilovolt"] == "300.0"
    update_source(tree, path, {"voltage_kilovolt": None})
    assert "voltage_kilovolt" not in read_source(tree, path).attributes


@pytest.mark.parametrize("change", [{"name": "x"}, {"kind": "frame_series"}, {"colour": "red"}])
def test_what_may_not_be_changed_is_refused(tree, path, change):
    with pytest.raises(InvalidState):
        update_source(tree, path, change)


def test_another_name_at_the_same_path_is_refused(tree, path):
    tree.set_attributes(path, {"name": "impostor", "kind": "tilt_series"})
    with pytest.raises(InvalidState, match="same path"):
        write_source(tree, "grid", kind="tilt_series")


def test_a_source_without_kind_is_corrupt(tree, path):
    tree.set_attributes(path, {"name": "grid"})
    with pytest.raises(Corrupt):
        read_source(tree, path)
