import numpy as np
import pytest

from mgit.digest import RawDigest, StateDigest
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.digests import set_inputs
from mgit.state.documents import read_documents
from mgit.state.names import item_path as path_of
from mgit.state.raw import RawEntry
from mgit.state.series import (
    derive_item_id,
    parse_state,
    read_item,
    set_excluded,
    set_raw,
    set_use,
    update_item_arrays,
    update_item_attributes,
    write_item,
)

from .conftest import TILTS, Foreign, item_arrays


def write(tree, name="TS_09", **changes):
    fields = {
        "kind": "tilt_series",
        "attributes": {"pixel_size_angstrom": "1.35"},
        "arrays": item_arrays(),
        "documents": [Foreign("warp_tilt_series_xml", "TS.xml", b"document")],
    }
    return write_item(tree, "grid", name=name, **{**fields, **changes})


def test_an_item_is_read_as_it_was_written(tree, item_path):
    item = read_item(tree, item_path)
    assert (item.name, item.kind, item.path) == ("TS_01", "tilt_series", item_path)
    assert item.attributes["pixel_size_angstrom"] == "1.35"
    assert item.aliases == ("TS_01.tomostar",)
    assert [entry.path for entry in item.raw] == [f"TS_01_{tilt}.eer" for tilt in range(TILTS)]
    assert item.binding == "unbound"
    assert item.inputs == ()
    assert item.state is None
    assert not item.excluded
    assert item.array_names() == ("exposure", "image_warp_x", "tilt_angle", "use")
    for name, (values, attributes) in item_arrays().items():
        np.testing.assert_array_equal(item.array(name).read(), values)
        assert dict(item.array(name).attributes) == attributes


def test_documents_are_kept_and_are_no_arrays(tree, item_path):
    assert [each.content() for each in read_documents(tree, item_path)] == [b"TS_01"]
    assert "documents" not in read_item(tree, item_path).arrays()


def test_an_array_that_is_not_there_is_named(tree, item_path):
    with pytest.raises(NotFound) as missing:
        read_item(tree, item_path).array("doming")
    assert missing.value.fields == {"item": "TS_01", "array": "doming"}


def test_two_laboratories_derive_the_same_id_from_the_same_document():
    first = derive_item_id("TS_01", b"document")
    assert first == derive_item_id("TS_01", b"document")
    assert len(bytes.fromhex(first)) == 16
    assert first != derive_item_id("TS_02", b"document")
    assert first != derive_item_id("TS_01", b"other")


def test_an_item_keeps_its_id_when_it_is_imported_again(tree):
    path = write(tree)
    before = read_item(tree, path).id
    assert before == derive_item_id("TS_09", b"document")
    write(tree, documents=[Foreign("warp_tilt_series_xml", "TS.xml", b"changed")])
    assert read_item(tree, path).id == before


def test_an_id_can_be_given(tree):
    assert read_item(tree, write(tree, item_id="f" * 32)).id == "f" * 32


def test_writing_an_item_again_leaves_nothing_of_the_old_one(tree):
    path = write(tree)
    set_inputs(tree, path, [StateDigest.of(b"species")])
    write(tree, arrays={"tilt_angle": (np.zeros(7), {})})
    item = read_item(tree, path)
    assert item.array_names() == ("tilt_angle",)
    assert item.inputs == ()


def test_an_item_needs_its_source(tree):
    with pytest.raises(NotFound, match="no such source"):
        write_item(tree, "other", name="a", kind="tilt_series", attributes={}, arrays={})


@pytest.mark.parametrize(
    "changes",
    [
        {"arrays": {"tilt_angle": (np.array([np.nan]), {})}},
        {"attributes": {"pixel_size": "1"}},
        {"kind": "movie"},
    ],
)
def test_bad_input_changes_nothing(tree, changes):
    with pytest.raises(InvalidState):
        write(tree, **changes)
    assert not tree.exists(path_of("grid", "TS_09"))


def test_another_name_at_the_same_path_is_refused(tree, item_path):
    tree.set_attributes(item_path, {**tree.attributes(item_path), "name": "impostor"})
    with pytest.raises(InvalidState, match="same path"):
        write(tree, name="TS_01")


def test_an_alias_equal_to_the_name_is_none(tree):
    path = write(tree, aliases=("TS_09", "b", "a", "b"))
    assert read_item(tree, path).aliases == ("a", "b")


def test_arrays_are_replaced_added_and_removed_one_by_one(tree, item_path):
    update_item_arrays(
        tree,
        item_path,
        {
            "tilt_angle": (np.ones(TILTS), {}),
            "defocus": (np.full(TILTS, 3e4), {}),
            "image_warp_x": None,
            "image_warp_y": None,
        },
    )
    item = read_item(tree, item_path)
    assert item.array_names() == ("defocus", "exposure", "tilt_angle", "use")
    np.testing.assert_array_equal(item.array("tilt_angle").read(), np.ones(TILTS))


def test_an_update_that_would_break_the_item_changes_nothing(tree, item_path):
    with pytest.raises(InvalidState, match="tilts"):
        update_item_arrays(tree, item_path, {"tilt_angle": (np.ones(9), {}), "image_warp_x": None})
    item = read_item(tree, item_path)
    assert item.array("tilt_angle").shape == (TILTS,)
    assert "image_warp_x" in item.array_names()


def test_all_tilts_may_change_together(tree, item_path):
    update_item_arrays(tree, item_path, item_arrays(tilts=2))
    assert read_item(tree, item_path).array("use").shape == (2,)


def test_attributes_are_replaced_and_removed(tree, item_path):
    update_item_attributes(tree, item_path, {"hand": None, "voltage_kilovolt": "200"})
    attributes = read_item(tree, item_path).attributes
    assert "hand" not in attributes
    assert attributes["voltage_kilovolt"] == "200.0"


@pytest.mark.parametrize("name", ["id", "inputs", "kind", "name", "raw", "state"])
def test_identity_is_not_set_directly(tree, item_path, name):
    with pytest.raises(InvalidState, match="directly"):
        update_item_attributes(tree, item_path, {name: None})


def test_binding_follows_the_raw_manifest(tree, item_path):
    digest = str(RawDigest.of(b"movie"))
    set_raw(tree, item_path, [RawEntry(role="movie", path="a.eer", quick=digest)])
    assert read_item(tree, item_path).binding == "quick"
    set_raw(tree, item_path, [RawEntry(role="movie", path="a.eer", digest=digest, size=5)])
    item = read_item(tree, item_path)
    assert item.binding == "full"
    assert item.raw == (RawEntry(role="movie", path="a.eer", digest=digest, size=5),)


def test_an_exclusion_has_a_reason_and_an_end(tree, item_path):
    set_excluded(tree, item_path, excluded=True, reason="ice")
    item = read_item(tree, item_path)
    assert item.excluded
    assert item.attributes["exclusion_reason"] == "ice"
    set_excluded(tree, item_path, excluded=False)
    item = read_item(tree, item_path)
    assert not item.excluded
    assert "exclusion_reason" not in item.attributes


def test_tilts_are_taken_out_by_flags(tree, item_path):
    use = np.array([True, False, True, True])
    set_use(tree, item_path, use)
    np.testing.assert_array_equal(read_item(tree, item_path).array("use").read(), use)
    with pytest.raises(InvalidState, match="tilts"):
        set_use(tree, item_path, use[:2])


@pytest.mark.parametrize(
    "change", [{"id": None}, {"state": "b3:zz"}, {"inputs": [7]}, {"raw": [{"role": "x"}]}]
)
def test_malformed_attributes_are_corrupt(tree, item_path, change):
    record = {**tree.attributes(item_path), **change}
    tree.set_attributes(item_path, {k: v for k, v in record.items() if v is not None})
    with pytest.raises(Corrupt):
        read_item(tree, item_path)


def test_a_state_digest_is_parsed_or_corrupt():
    digest = StateDigest.of(b"")
    assert parse_state(str(digest), path="p") == digest
    with pytest.raises(Corrupt):
        parse_state(None, path="p")
