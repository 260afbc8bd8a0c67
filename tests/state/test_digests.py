"""What a state digest covers, entry by entry of the schema, so that none can be forgotten."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.digest import RawDigest, StateDigest
from mgit.errors import NotFound, Unsupported
from mgit.state.digests import (
    computed_state,
    content_digest,
    item_state,
    recomputed_content,
    seal,
    set_inputs,
    species_state,
)
from mgit.state.documents import write_document
from mgit.state.raw import RawEntry
from mgit.state.schema import (
    ITEM_ARRAYS,
    ITEM_ATTRIBUTES,
    PARTICLE_COLUMNS,
    SPECIES_ARRAYS,
    SPECIES_ATTRIBUTES,
)
from mgit.state.series import read_item, set_excluded, set_raw, update_item_arrays
from mgit.state.species import (
    read_species,
    set_metrics,
    set_network,
    set_particles,
    update_species_attributes,
)
from mgit.state.strings import StringColumn, write_strings

from .conftest import table

TILTS = 4

# Raw manifests and inputs have a form and tests of their own below.
PLAIN_ITEM_ATTRIBUTES = [s for s in ITEM_ATTRIBUTES if s.name not in ("raw", "inputs")]
PLAIN_SPECIES_ATTRIBUTES = [s for s in SPECIES_ATTRIBUTES if s.name != "inputs"]


def names_of(schemas):
    return [each.name for each in schemas]


def example(schema):
    """Two values of an array that differ in the last bit of one number."""
    lengths = {"tilt": TILTS}
    shape = [int(d) if d.isdigit() else lengths.get(d, 2) for d in schema.dimensions]
    first = np.ones(shape, schema.dtype)
    second = first.copy()
    last = first.size - 1
    second.flat[last] = False if schema.dtype == "bool" else np.nextafter(first.flat[last], 2)
    return schema.name.replace("<j>", "0"), first, second


def put(tree, path, name, values, attributes=()):
    tree.set_array(f"{path}/{name}", values, attributes=dict(attributes))


def attribute_example(schema):
    """Two canonical values of an attribute."""
    pair = {
        "text": ("one", "two"),
        "decimal": ("1.0", "1.0000000000000002"),
        "integer": (1, 2),
        "boolean": (False, True),
        "record": ({"a": "1"}, {"a": "2"}),
    }[schema.value_type.removesuffix("s")]
    if not schema.value_type.endswith("s"):
        return pair
    length = schema.length or 2
    return [pair[0]] * length, [pair[0]] * (length - 1) + [pair[1]]


# --- items -------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", ITEM_ARRAYS, ids=names_of(ITEM_ARRAYS))
def test_one_bit_of_any_array_changes_an_items_digest(tree, item_path, schema):
    name, first, second = example(schema)
    digests = set()
    for values in (first, second):
        put(tree, item_path, name, values)
        digests.add(item_state(tree, item_path))
    tree.remove(f"{item_path}/{name}")
    digests.add(item_state(tree, item_path))
    assert len(digests) == 3


@pytest.mark.parametrize("schema", PLAIN_ITEM_ATTRIBUTES, ids=names_of(PLAIN_ITEM_ATTRIBUTES))
def test_an_attribute_changes_an_items_digest_exactly_if_the_schema_says_so(
    tree, item_path, schema
):
    values = schema.choices[:2] if schema.choices else attribute_example(schema)
    if schema.name == "state":
        values = [str(StateDigest.of(each)) for each in (b"1", b"2")]
    digests = set()
    for value in values:
        tree.set_attributes(item_path, {**tree.attributes(item_path), schema.name: value})
        digests.add(item_state(tree, item_path))
    assert len(digests) == (2 if schema.in_state_digest else 1)


def test_margins_of_a_grid_enter_the_digest(tree, item_path):
    values = tree.array(f"{item_path}/image_warp_x").read()
    before = item_state(tree, item_path)
    put(tree, item_path, "image_warp_x", values, {"margins": ["0.1", "0", "0"]})
    assert item_state(tree, item_path) != before


def test_raw_digests_enter_and_raw_names_do_not(tree, item_path):
    first, second = (str(RawDigest.of(each)) for each in (b"1", b"2"))
    digests = {item_state(tree, item_path)}
    for known in ({"quick": first}, {"digest": first}, {"digest": second}):
        set_raw(tree, item_path, [RawEntry(role="movie", path="a.eer", **known)])
        digests.add(item_state(tree, item_path))
    assert len(digests) == 4
    set_raw(tree, item_path, [RawEntry(role="movie", path="b.eer", digest=second, url="x")])
    assert item_state(tree, item_path) in digests


def test_an_absent_flag_is_a_false_flag(tree, item_path):
    before = item_state(tree, item_path)
    set_excluded(tree, item_path, excluded=False)
    assert item_state(tree, item_path) == before
    set_excluded(tree, item_path, excluded=True)
    assert item_state(tree, item_path) != before


@pytest.mark.parametrize("path_of", ["item_path", "species_path"])
def test_inputs_are_a_set_that_enters_the_digest(tree, path_of, request):
    path = request.getfixturevalue(path_of)
    one, two = StateDigest.of(b"1"), StateDigest.of(b"2")
    digests = [computed_state(tree, path)]
    for inputs in ([one], [one, two], [two, one, two]):
        set_inputs(tree, path, inputs)
        digests.append(computed_state(tree, path))
    assert len(set(digests)) == 3
    assert digests[2] == digests[3]
    assert tree.attributes(path)["inputs"] == sorted([str(one), str(two)])


def test_documents_do_not_enter_a_digest(tree, item_path, species_path):
    for path in (item_path, species_path):
        before = computed_state(tree, path)
        write_document(tree, path, role="r", path="p", content=b"bytes")
        assert computed_state(tree, path) == before


def test_an_array_of_an_unknown_name_does_not_go_unnoticed(tree, item_path):
    put(tree, item_path, "surprise", np.zeros(1))
    with pytest.raises(Unsupported, match="does not know"):
        item_state(tree, item_path)


@pytest.mark.parametrize("path_of", ["item_path", "species_path"])
def test_an_attribute_of_a_later_version_is_neither_digested_nor_passed_over(
    tree, path_of, request
):
    path = request.getfixturevalue(path_of)
    tree.set_attributes(path, {**tree.attributes(path), "invented_later": "1.0"})
    with pytest.raises(Unsupported, match="does not know") as refused:
        seal(tree, [path])
    assert refused.value.fields["attribute"] == "invented_later"


# --- species -----------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", SPECIES_ARRAYS, ids=names_of(SPECIES_ARRAYS))
def test_one_bit_of_any_map_changes_a_species_digest(tree, species_path, schema):
    name, first, second = example(schema)
    digests = {species_state(tree, species_path)}
    for values in (first, second):
        put(tree, species_path, name, values)
        digests.add(species_state(tree, species_path))
    assert len(digests) == 3


def test_halves_are_told_apart(tree, species_path):
    before = species_state(tree, species_path)
    first, second = (tree.array(f"{species_path}/half_map_{each}").read() for each in (1, 2))
    put(tree, species_path, "half_map_1", second)
    put(tree, species_path, "half_map_2", first)
    assert species_state(tree, species_path) != before


@pytest.mark.parametrize("schema", PLAIN_SPECIES_ATTRIBUTES, ids=names_of(PLAIN_SPECIES_ATTRIBUTES))
def test_an_attribute_changes_a_species_digest_exactly_if_the_schema_says_so(
    tree, species_path, schema
):
    values = attribute_example(schema)
    if schema.name == "state":
        values = [str(StateDigest.of(each)) for each in (b"1", b"2")]
    if schema.name == "applied_columns":
        values = (["rlnScore"], [])
    digests = set()
    for value in values:
        tree.set_attributes(species_path, {**tree.attributes(species_path), schema.name: value})
        digests.add(species_state(tree, species_path))
    assert len(digests) == (2 if schema.in_state_digest else 1)


def changed_column(columns, name):
    """The table with one value of one canonical column changed as little as possible."""
    column = columns.columns()[name]
    if isinstance(column, StringColumn):
        values = list(column.values())
        values[-1] = "f" * 32
        changed = StringColumn.of(values)
    else:
        changed = column.copy()
        if name == "half_set":
            changed[-1] = 3 - changed[-1]
        elif changed.dtype.kind == "f":
            changed.flat[-1] = np.nextafter(changed.flat[-1], np.inf)
        else:
            # the last id and byte, so that rows still ascend
            changed.flat[-1] ^= 1
    field = "positions" if name == "position" else name
    return replace(columns, **{field: changed})


@pytest.mark.parametrize("schema", PARTICLE_COLUMNS, ids=names_of(PARTICLE_COLUMNS))
def test_one_value_of_a_column_changes_a_species_digest_exactly_if_the_schema_says_so(
    tree, species_path, schema
):
    columns = table(trajectories=np.ones((10, 2, 3)))
    digests = set()
    for each in (columns, changed_column(columns, schema.name)):
        set_particles(tree, species_path, each)
        digests.add(species_state(tree, species_path))
    assert len(digests) == (2 if schema.in_state_digest else 1)


def test_foreign_columns_enter_only_if_they_are_applied(tree, species_path):
    def digest(score):
        set_particles(tree, species_path, table(passthrough={"rlnScore": np.full(10, score)}))
        return species_state(tree, species_path)

    assert digest(1.0) == digest(2.0)
    update_species_attributes(tree, species_path, {"applied_columns": ["rlnScore"]})
    assert digest(1.0) != digest(2.0)


def test_a_foreign_column_cannot_pass_for_a_canonical_one(tree, species_path):
    """'applied/' keeps the names apart: applying a copy of a column is a change of its own."""
    half_set = table().half_set
    set_particles(tree, species_path, table(passthrough={"half_set": half_set}))
    before = species_state(tree, species_path)
    update_species_attributes(tree, species_path, {"applied_columns": ["half_set"]})
    assert species_state(tree, species_path) != before


def test_an_applied_column_with_a_canonical_name_enters_with_its_own_values(tree, species_path):
    def digest(value):
        set_particles(tree, species_path, table(passthrough={"angles": np.full(10, value)}))
        return species_state(tree, species_path)

    digest(1.0)
    update_species_attributes(tree, species_path, {"applied_columns": ["angles"]})
    assert digest(1.0) != digest(2.0)


def test_every_parameter_of_the_network_enters(tree, species_path):
    weight = np.zeros(3, np.float32)
    digests = {species_state(tree, species_path)}
    for parameters in ({"a": weight}, {"b": weight}, {"a": weight + 1}, {"a": weight, "b": weight}):
        set_network(tree, species_path, parameters)
        digests.add(species_state(tree, species_path))
    assert len(digests) == 5


def test_metrics_do_not_enter(tree, species_path):
    before = species_state(tree, species_path)
    set_metrics(tree, species_path, {"fsc": (np.ones(5), {})})
    assert species_state(tree, species_path) == before


# --- deep digests and sealing ------------------------------------------------------------------


def test_digests_of_decoded_values_agree_with_recorded_ones(tree, item_path, species_path):
    for path in (item_path, species_path):
        deep = computed_state(tree, path, content=recomputed_content)
        assert deep == computed_state(tree, path)


@pytest.mark.parametrize("name", ["image_warp_x", "half_map_1", "particles/item/codes"])
def test_only_the_deep_digest_sees_values_that_contradict_their_manifest(
    tree, item_path, species_path, name
):
    path = item_path if name == "image_warp_x" else species_path
    recorded = tree.array(f"{path}/{name}").content
    before = computed_state(tree, path)

    def damaged(handle):
        values = handle.read()
        if handle.content == recorded:
            values.flat[0] += 1
        return content_digest(values)

    assert computed_state(tree, path) == before
    assert computed_state(tree, path, content=damaged) != before


@pytest.mark.parametrize(
    "values",
    [
        np.float64(1.5) * np.ones(()),
        np.zeros((0, 3)),
        np.arange(6.0).reshape(2, 3),
        np.array([True, False]),
        np.arange(5, dtype=np.uint8),
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
def test_the_content_digest_is_that_of_the_tree(tree, values):
    assert tree.set_array("x", values) == content_digest(values)


def test_the_content_digest_depends_on_values_not_on_memory():
    values = np.arange(12.0).reshape(3, 4)
    digest = content_digest(values)
    assert content_digest(np.asfortranarray(values)) == digest
    assert content_digest(values.astype(">f8")) == digest
    assert content_digest(values[::-1][::-1]) == digest
    assert content_digest(values.reshape(4, 3)) != digest
    assert content_digest(values.astype("f4")) != digest


def test_the_content_digest_is_that_of_the_store():
    arrays = pytest.importorskip("mgit.store.arrays")
    values = np.arange(6.0).reshape(2, 3)
    assert arrays.content_digest(values) == content_digest(values)


def test_sealing_writes_the_state_of_what_changed(tree, item_path, species_path):
    changed = [f"{item_path}/use", item_path, f"{species_path}/particles/id", "provenance.json"]
    assert seal(tree, changed) == (item_path, species_path)
    assert read_item(tree, item_path).state == item_state(tree, item_path)
    assert read_species(tree, species_path).state == species_state(tree, species_path)


def test_sealing_twice_changes_nothing(tree, item_path):
    assert seal(tree, [item_path]) == (item_path,)
    assert seal(tree, [item_path]) == ()


def test_sealing_after_a_change_and_its_undoing_restores_the_digest(tree, item_path):
    seal(tree, [item_path])
    before = read_item(tree, item_path).state
    use = np.array([True, True, True, False])
    update_item_arrays(tree, item_path, {"use": (use, {})})
    seal(tree, [f"{item_path}/use"])
    assert read_item(tree, item_path).state != before
    update_item_arrays(tree, item_path, {"use": (np.ones(4, bool), {})})
    seal(tree, [f"{item_path}/use"])
    assert read_item(tree, item_path).state == before


def test_sealing_passes_over_what_was_removed(tree, item_path):
    tree.remove(item_path)
    assert seal(tree, [item_path, f"{item_path}/use"]) == ()


def test_an_applied_column_that_is_gone_is_named(tree, species_path):
    record = {**tree.attributes(species_path), "applied_columns": ["rlnGone"]}
    tree.set_attributes(species_path, record)
    with pytest.raises(NotFound) as missing:
        species_state(tree, species_path)
    assert missing.value.fields["column"] == "rlnGone"


def test_an_unused_word_in_a_dictionary_does_not_change_a_digest(tree, species_path):
    """Columns are written in canonical form whatever dictionary they came with."""
    columns = table(items=("a" * 32, "b" * 32))
    only_a = columns.take(np.array(columns.item.values()) == "a" * 32)
    wide = StringColumn(codes=only_a.item.codes, dictionary=("a" * 32, "b" * 32))
    digests = set()
    for item in (only_a.item, wide):
        set_particles(tree, species_path, replace(only_a, item=item))
        digests.add(species_state(tree, species_path))
    write_strings(tree, f"{species_path}/particles/item", ["a" * 32] * len(only_a))
    assert digests == {species_state(tree, species_path)}
