import re

import pytest

from mgit.errors import InvalidInput, InvalidState, NotFound
from mgit.state import names

GRAMMAR = re.compile(r"[A-Za-z0-9._-]{1,64}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TS_01", "TS_01-3e48ae5b"),
        ("grid 1", "grid_1-89629472"),
        ("ribosome/70S", "ribosome_70S"),
        ("..", "_-"),
        ("日本", "_-"),
        ("-rf", "rf-"),
        (".git", "git-"),
        ("aux.mrc", "_aux.mrc-"),
        (".COM1.xml", "_COM1.xml-"),
        ("auxiliary.mrc", "auxiliary.mrc-"),
    ],
)
def test_a_component_is_a_readable_slug_with_a_hash(name, expected):
    component = names.component(name)
    assert component.startswith(expected)
    assert GRAMMAR.fullmatch(component)


def test_the_component_of_a_name_is_a_promise():
    """BLAKE3 of the UTF-8 name, first eight digits; a change would orphan every stored item."""
    assert names.component("TS_01") == "TS_01-3e48ae5b"


def test_names_of_66_characters_that_differ_at_the_end_stay_apart():
    stem = "FoilHole_30513428_Data_30496421_4_20240506_170254_fractions_tiff_"
    assert len(stem) == 65
    first, second = names.component(stem + "1"), names.component(stem + "2")
    assert first != second
    assert len(first) == len(second) == 64


def test_names_that_differ_in_case_or_unsafe_characters_only_stay_apart():
    written = {names.component(name) for name in ("a b", "a_b", "a/b", "A b", "a  b", "a\nb")}
    assert len(written) == 6
    assert len({each.lower() for each in written}) == 6


@pytest.mark.parametrize("name", ["", "\ud800"])
def test_an_empty_or_unencodable_name_is_refused(name):
    with pytest.raises(InvalidState):
        names.component(name)


@pytest.mark.parametrize("name", ["two\nlines", "a\tb", "\x1b[31mred", "\x9b"])
def test_a_name_that_would_break_a_listing_is_not_taken_from_a_person(name):
    with pytest.raises(InvalidInput, match="control character"):
        names.check_given_name(name)


@pytest.mark.parametrize("name", ["日本 é", "a/b", "x" * 66])
def test_a_person_may_give_any_other_name(name):
    names.check_given_name(name)


def test_the_fan_out_of_an_item_is_the_start_of_its_hash():
    assert names.item_path("g", "TS_01").split("/")[2:] == ["items", "3e", "TS_01-3e48ae5b"]


@pytest.mark.parametrize("text", ["", "..", ".", "a/b", "a b", "x" * 65, "ü"])
def test_what_breaks_the_grammar_is_no_component(text):
    with pytest.raises(InvalidState, match="grammar"):
        names.check_component(text)


def test_what_keeps_the_grammar_is_returned():
    assert names.check_component("encoder.0.weight") == "encoder.0.weight"


def test_documents_of_one_path_and_two_roles_stand_apart():
    assert names.document_component("warp_xml", "a.xml") != names.document_component("m", "a.xml")


@pytest.mark.parametrize("role", ["", "Warp", "a:b"])
def test_a_documents_role_is_a_plain_word(role):
    with pytest.raises(InvalidState, match="role"):
        names.document_component(role, "a.xml")


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("species/r-1/half_map_1", "species/r-1"),
        ("species/r-1", "species/r-1"),
        ("species/r-1/particles/columns/x", "species/r-1"),
        ("sources/g-1/items/ab/t-1/use", "sources/g-1/items/ab/t-1"),
        ("sources/g-1/items/ab/t-1", "sources/g-1/items/ab/t-1"),
        ("sources/g-1/documents/d", None),
        ("sources/g-1/items/ab", None),
        ("species", None),
        ("provenance.json", None),
        ("", None),
    ],
)
def test_a_path_belongs_to_at_most_one_item_or_species(path, owner):
    assert names.owner_of(path) == owner


def test_things_are_found_by_name(tree, species_path):
    assert names.find_source(tree, "grid") == names.source_path("grid")
    assert names.find_species(tree, "ribosome") == species_path
    assert names.find_item(tree, "grid", "TS_02") == names.item_path("grid", "TS_02")


def test_an_item_is_found_by_its_alias(tree):
    assert names.find_item(tree, "grid", "TS_01.tomostar") == names.item_path("grid", "TS_01")


def test_an_alias_of_two_items_finds_neither(tree):
    for name in ("TS_01", "TS_02"):
        path = names.item_path("grid", name)
        tree.set_attributes(path, {**tree.attributes(path), "aliases": ["both"]})
    with pytest.raises(NotFound, match="2 items go by this name"):
        names.find_item(tree, "grid", "both")


def test_a_misspelt_name_gets_the_close_ones_as_hint(tree, species_path):
    with pytest.raises(NotFound) as missing:
        names.find_item(tree, "grid", "TS_O1")
    assert "did you mean 'TS_01'" in missing.value.hint
    with pytest.raises(NotFound) as missing:
        names.find_species(tree, "Ribosom")
    assert missing.value.hint == "did you mean 'ribosome'?"


def test_an_unlike_name_gets_what_there_is_as_hint(tree):
    with pytest.raises(NotFound) as missing:
        names.find_source(tree, "xyz")
    assert missing.value.hint == "there is 'grid'"
    with pytest.raises(NotFound) as missing:
        names.find_species(tree, "xyz")
    assert missing.value.hint == "there are none yet"


def test_item_paths_are_listed_without_reading_items(tree):
    paths = list(names.item_paths(tree, names.source_path("grid")))
    assert sorted(paths) == sorted(names.item_path("grid", name) for name in ("TS_01", "TS_02"))
    assert list(names.item_paths(tree, "sources/none-00000000")) == []
