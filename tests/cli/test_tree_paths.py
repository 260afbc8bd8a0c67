"""People write names; the tree has components."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.tree_paths import find_path, spellings
from mgit.errors import NotFound
from mgit.state.names import item_path, source_path, species_path
from mgit.testing.memory import MemoryTree


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("species/ribosome", species_path("ribosome")),
        ("/species/ribosome/", species_path("ribosome")),
        ("species/ribosome/half_map_1", species_path("ribosome") + "/half_map_1"),
        ("source/day one", source_path("day one")),
        ("sources/day one/items/TS_1", item_path("day one", "TS_1")),
        ("sources/day one/items/TS_1/defocus", item_path("day one", "TS_1") + "/defocus"),
        ("species", "species"),
        ("source", "sources"),
        ("provenance.json", "provenance.json"),
        ("", ""),
    ],
)
def test_names_become_components(text, path):
    assert spellings(text) == (path,)


names = st.text(st.sampled_from("abcXYZ019._-"), min_size=1, max_size=70).filter(
    lambda name: name != "."
)


@given(names, names)
def test_the_spelling_of_the_tree_is_accepted(source, item):
    """`git ls-tree` and error messages show components; pasting one back must work."""
    for path in (species_path(source), source_path(source), item_path(source, item) + "/use"):
        assert path in spellings(path)


@given(names, names)
def test_the_spelling_of_a_person_is_accepted(source, item):
    assert species_path(source) in spellings(f"species/{source}")
    assert item_path(source, item) in spellings(f"sources/{source}/items/{item}")


def test_a_name_that_looks_like_a_component_is_found():
    tree = MemoryTree()
    name = "copy-0123abcd"
    tree.set_attributes(species_path(name), {"name": name})
    assert find_path(tree, f"species/{name}") == species_path(name)
    assert find_path(tree, species_path(name)) == species_path(name)


def test_the_root_is_a_path():
    assert find_path(MemoryTree(), "") == ""


def test_a_missing_path_tells_what_there_is():
    tree = MemoryTree()
    tree.set_attributes(species_path("ribosome"), {"name": "ribosome"})
    with pytest.raises(NotFound) as caught:
        find_path(tree, "species/ribo")
    assert caught.value.hint == "species: ribosome"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("species/x", "species: ribosome"),
        ("sources/grid/items/TS_9", "series: TS_01, TS_02"),
        ("sources/grid/items/TS_01/volume_warp_x", "there is: defocus, documents, exposure"),
        ("nowhere", "paths begin with"),
    ],
)
def test_a_miss_lists_what_there_is(toy, text, hint):
    with pytest.raises(NotFound) as refusal:
        find_path(toy.repository.snapshot("HEAD"), text)
    assert refusal.value.hint.startswith(hint)
