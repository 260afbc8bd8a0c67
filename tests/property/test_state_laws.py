"""Laws of the state: names, ids, string columns, particle tables, and what a digest covers."""

import re
from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from mgit.digest import RawDigest
from mgit.state.diff import particle_difference, rotation_distance
from mgit.state.digests import item_state, species_state
from mgit.state.half_sets import half_set_overlaps, new_split
from mgit.state.matching import match_rows, update_particles
from mgit.state.names import component, document_component, item_path
from mgit.state.neighbours import connected_groups, neighbour_pairs
from mgit.state.particle_columns import (
    build_particles,
    concatenate_particles,
    rows_in_source_order,
)
from mgit.state.particle_table import read_particles, write_particles
from mgit.state.schema import decimal
from mgit.state.series import derive_item_id, update_item_attributes, write_item
from mgit.state.source import write_source
from mgit.state.species import write_species
from mgit.state.strings import StringColumn, read_strings, write_strings
from mgit.testing.memory import MemoryTree

GRAMMAR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*-[0-9a-f]{8}")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
NAMES = TEXT.filter(bool)
SEEDS = st.integers(0, 2**32 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def particles(count, seed, *, document=b"table", samples=1):
    """A random table of three items, rows in file order before they are sorted."""
    random = np.random.default_rng(seed)
    return build_particles(
        RawDigest.of(document),
        positions=random.uniform(0, 500, (count, samples, 3)),
        angles=random.uniform(-180, 180, (count, samples, 3)),
        half_sets=random.integers(1, 3, count),
        item_ids=[f"{item:032x}" for item in random.integers(0, 3, count)],
        passthrough={"row": np.arange(count), "name": [f"p{row}" for row in range(count)]},
    )


# --- names and ids -----------------------------------------------------------------------------


@given(NAMES)
def test_every_name_has_a_component_within_the_grammar(name):
    made = component(name)
    assert GRAMMAR.fullmatch(made)
    assert len(made) <= 64


@given(NAMES, NAMES)
def test_different_names_have_components_that_differ_without_regard_to_case(first, second):
    assume(first != second)
    assert component(first).lower() != component(second).lower()


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_different_items_of_a_source_have_different_paths(names):
    assert len({item_path("grid", name) for name in names}) == 2


@given(st.from_regex(r"[a-z0-9_]{1,10}", fullmatch=True), TEXT, TEXT)
def test_documents_are_told_apart_by_path(role, first, second):
    assert (document_component(role, first) == document_component(role, second)) == (
        first == second
    )


@given(NAMES, st.binary(max_size=100))
def test_an_items_id_depends_on_its_name_and_document_only(name, content):
    assert derive_item_id(name, content) == derive_item_id(name, bytes(content))
    assert derive_item_id(name, content) != derive_item_id(name + "x", content)
    assert derive_item_id(name, content) != derive_item_id(name, content + b"x")


@given(FINITE)
def test_a_decimal_keeps_every_bit_but_the_sign_of_zero(value):
    assert np.float64(decimal(value)) == np.float64(value)
    assert decimal(float(decimal(value))) == decimal(value)


# --- string columns ----------------------------------------------------------------------------


@given(st.lists(TEXT, max_size=20))
def test_a_string_column_returns_any_text(values):
    tree = MemoryTree()
    write_strings(tree, "column", values)
    assert read_strings(tree, "column").values() == tuple(values)


@given(st.lists(TEXT, max_size=10), st.lists(TEXT, max_size=10))
def test_equal_columns_have_one_form(values, unused):
    """A dictionary with words that no row uses is stored like one without."""
    direct, detour = MemoryTree(), MemoryTree()
    write_strings(direct, "column", values)
    wide = StringColumn.of([*values, *unused])
    narrowed = StringColumn(codes=wide.codes[: len(values)], dictionary=wide.dictionary)
    write_strings(detour, "column", narrowed)
    for name in ("codes", "offsets", "strings"):
        path = f"column/{name}"
        assert direct.array(path).content == detour.array(path).content


# --- particle tables ---------------------------------------------------------------------------


@given(st.integers(0, 60), SEEDS)
def test_importing_a_file_twice_gives_the_same_ids_and_the_same_rows(count, seed):
    first, second = particles(count, seed), particles(count, seed)
    np.testing.assert_array_equal(first.id, second.id)
    assert not particle_difference(first, second)


@given(st.integers(0, 60), SEEDS)
def test_a_table_written_and_read_is_the_same_table(count, seed):
    table = particles(count, seed, samples=2)
    tree = MemoryTree()
    write_particles(tree, "species/s", table)
    loaded = read_particles(tree, "species/s").load()
    assert not particle_difference(table, loaded)
    np.testing.assert_array_equal(table.source_row, loaded.source_row)
    np.testing.assert_array_equal(table.passthrough["row"], loaded.passthrough["row"])
    assert table.passthrough["name"].equals(loaded.passthrough["name"])


@given(st.integers(1, 60), SEEDS)
def test_the_files_order_comes_back_after_sorting(count, seed):
    table = particles(count, seed)
    rows = rows_in_source_order(table, RawDigest.of(b"table"))
    assert table.passthrough["row"][rows].tolist() == list(range(count))


@given(st.integers(0, 40), SEEDS)
def test_splitting_a_table_and_joining_it_again_is_identity(count, seed):
    table = particles(count, seed)
    mask = np.random.default_rng(seed).random(count) < 0.5
    joined = concatenate_particles([table.take(mask), table.take(~mask)])
    assert not particle_difference(table, joined)
    np.testing.assert_array_equal(table.passthrough["row"], joined.passthrough["row"])


@given(st.integers(0, 60), SEEDS, st.sampled_from(["name", "position"]))
def test_matching_recovers_a_permutation_and_an_update_restores_the_ids(count, seed, by):
    old = particles(count, seed)
    order = np.random.default_rng(seed + 1).permutation(count)
    new = build_particles(
        RawDigest.of(b"written by another program"),
        positions=old.positions[order],
        angles=old.angles[order],
        half_sets=old.half_set[order],
        item_ids=old.item.take(order),
        passthrough={"name": old.passthrough["name"].take(order)},
    )
    match = match_rows(old, new, by=by, tolerance_angstrom=1e-3, column="name")
    assert match.complete
    np.testing.assert_array_equal(order[new.source_row[match.new]], match.old)
    assert not particle_difference(old, update_particles(old, new, match))


@given(st.integers(0, 40), SEEDS)
def test_matched_and_missing_rows_are_all_rows(count, seed):
    random = np.random.default_rng(seed)
    table = particles(count, seed)
    old, new = (table.take(random.random(count) < 0.7) for _ in range(2))
    match = match_rows(old, new, by="id")
    for matched, missing, rows in (
        (match.old, match.missing_old, len(old)),
        (match.new, match.missing_new, len(new)),
    ):
        assert sorted([*matched.tolist(), *missing.tolist()]) == list(range(rows))
    np.testing.assert_array_equal(old.id[match.old], new.id[match.new])


@given(st.integers(0, 40), SEEDS)
def test_a_difference_seen_from_the_other_side_is_its_mirror(count, seed):
    random = np.random.default_rng(seed)
    table = particles(count, seed)
    moved = replace(table, positions=table.positions + random.random((count, 1, 3)))
    old, new = table.take(random.random(count) < 0.7), moved.take(random.random(count) < 0.7)
    there, back = particle_difference(old, new), particle_difference(new, old)
    np.testing.assert_array_equal(there.added, back.removed)
    np.testing.assert_array_equal(there.removed, back.added)
    assert there.moved == back.moved
    assert there.median_shift_angstrom == back.median_shift_angstrom


# --- neighbours and half-sets ------------------------------------------------------------------


@given(st.integers(1, 40), SEEDS, st.floats(0.1, 300))
def test_close_pairs_are_those_of_an_exhaustive_search(count, seed, distance):
    random = np.random.default_rng(seed)
    points = random.uniform(-100, 100, (count, 3)).round(1)
    groups = random.integers(0, 2, count)
    found = neighbour_pairs(points, groups, points, groups, distance=distance)
    offsets = points[:, None] - points[None]
    lengths = np.sqrt(np.einsum("ijk,ijk->ij", offsets, offsets))
    expected = np.argwhere((lengths <= distance) & (groups[:, None] == groups[None]))
    np.testing.assert_array_equal(np.stack([found.first, found.second], axis=1), expected)


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_connected_points_share_a_label_that_is_their_smallest_index(count, pairs):
    pairs = [(i, j) for i, j in pairs if i < count and j < count]
    expected = list(range(count))
    for _ in range(count):
        for i, j in pairs:
            expected[i] = expected[j] = min(expected[i], expected[j])
    first, second = (np.array([pair[side] for pair in pairs], int) for side in (0, 1))
    assert connected_groups(count, first, second).tolist() == expected


@given(st.integers(1, 60), SEEDS, st.floats(1, 200))
def test_a_new_split_leaves_no_overlap_within_its_radius(count, seed, radius):
    table = particles(count, seed)
    halves = new_split(table.positions, table.item.codes, radius_angstrom=radius)
    assert half_set_overlaps(replace(table, half_set=halves), radius).tolist() == []


@given(st.integers(1, 60), SEEDS)
def test_an_overlap_does_not_depend_on_which_half_is_called_first(count, seed):
    table = particles(count, seed)
    swapped = replace(table, half_set=(3 - table.half_set).astype(np.uint8))
    np.testing.assert_array_equal(half_set_overlaps(table, 50), half_set_overlaps(swapped, 50))


@given(st.lists(st.tuples(*[st.floats(-360, 360)] * 3), min_size=3, max_size=3))
def test_rotation_distance_is_a_metric(angles):
    a, b, c = (np.array(each) for each in angles)
    assert rotation_distance(a, a) == 0
    assert rotation_distance(a, b) == rotation_distance(b, a)
    assert rotation_distance(a, c) <= rotation_distance(a, b) + rotation_distance(b, c) + 1e-6
    assert 0 <= rotation_distance(a, b) <= 180 + 1e-9


# --- digests -----------------------------------------------------------------------------------


def tree_with(name, *, item_id, seed=0):
    tree = MemoryTree()
    write_source(tree, f"source of {name}", kind="tilt_series")
    angles = np.random.default_rng(seed).uniform(-60, 60, 5)
    path = write_item(
        tree,
        f"source of {name}",
        name=name,
        kind="tilt_series",
        attributes={"pixel_size_angstrom": "1.35"},
        arrays={"tilt_angle": (angles, {})},
        item_id=item_id,
    )
    return tree, path


@given(NAMES, NAMES, st.lists(NAMES, max_size=3))
def test_names_and_places_do_not_enter_an_items_digest(first, second, aliases):
    one, two = (tree_with(name, item_id="a" * 32) for name in (first, second))
    update_item_attributes(two[0], two[1], {"aliases": aliases, "exclusion_reason": first})
    assert item_state(*one) == item_state(*two)


@given(FINITE, FINITE, st.integers(0, 4))
def test_every_number_of_an_item_enters_its_digest(before, after, at):
    digests = []
    for value in (before, after):
        tree, path = tree_with("TS_01", item_id="a" * 32)
        values = tree.array(f"{path}/tilt_angle").read()
        values[at] = value
        tree.set_array(f"{path}/tilt_angle", values)
        digests.append(item_state(tree, path))
    same_bits = np.float64(before).tobytes() == np.float64(after).tobytes()
    assert (digests[0] == digests[1]) == same_bits


@given(st.integers(0, 20), SEEDS, NAMES, st.binary(max_size=20))
def test_names_files_and_foreign_columns_do_not_enter_a_species_digest(count, seed, name, column):
    cube = np.zeros((2, 2, 2), np.float32)
    table = particles(count, seed)
    numbers = np.zeros(count) + sum(column)
    tables = StringColumn.of([str(RawDigest.of(column))] * count)
    elsewhere = replace(
        table, source_table=tables, source_row=table.source_row + 5, passthrough={name: numbers}
    )
    digests = set()
    for label, each in (("species", table), (name, elsewhere)):
        tree = MemoryTree()
        path = write_species(
            tree,
            label,
            attributes={"diameter_angstrom": "100"},
            particles=each,
            half_maps=(cube, cube),
        )
        digests.add(species_state(tree, path))
    assert len(digests) == 1


@given(st.integers(2, 20), SEEDS)
def test_the_order_of_rows_in_a_file_does_not_enter_a_species_digest(count, seed):
    """Rows carry their ids: a file sorted otherwise describes the same particles."""
    cube = np.zeros((2, 2, 2), np.float32)
    table = particles(count, seed)
    order = np.random.default_rng(seed).permutation(count)
    shuffled = build_particles(
        RawDigest.of(b"sorted otherwise"),
        positions=table.positions[order],
        angles=table.angles[order],
        half_sets=table.half_set[order],
        item_ids=table.item.take(order),
        ids=table.id[order],
    )
    digests = set()
    for each in (table, shuffled):
        tree = MemoryTree()
        path = write_species(tree, "s", attributes={}, particles=each, half_maps=(cube, cube))
        digests.add(species_state(tree, path))
    assert len(digests) == 1
