"""Root and state digests: the written definition, the cache, and what a small change costs."""

import json
import os

import blake3
import numpy as np
import pytest

from mgit.digest import RootDigest, StateDigest
from mgit.errors import Corrupt, InvalidState
from mgit.history.cache_file import append
from mgit.history.commits import object_id
from mgit.history.git_tree import Entry, format_tree
from mgit.history.merkle import (
    MerkleCache,
    item_states,
    population_state,
    root_digest,
    species_states,
    state_digest,
    tree_digest,
)
from mgit.history.objects import PendingObjects
from mgit.testing.storage import ScratchStorage, fill_sample_tree

ITEM = "sources/lab-0badcafe/items/7f/TS_01-7f0badca"


@pytest.fixture
def storage(tmp_path):
    return ScratchStorage.new(tmp_path)


@pytest.fixture
def base(storage):
    draft = storage.draft()
    fill_sample_tree(draft)
    return storage.keep(draft)


def cache_of(storage):
    return MerkleCache(storage.objects.cache_dir)


def derived(context, record_or_bytes):
    """BLAKE3 in derive-key mode, written out without mgit."""
    if not isinstance(record_or_bytes, bytes):
        text = json.dumps(record_or_bytes, sort_keys=True, separators=(",", ":"))
        record_or_bytes = text.encode()
    return "b3:" + blake3.blake3(record_or_bytes, derive_key_context=context).hexdigest()


def test_the_root_is_what_the_format_page_says(storage):
    draft = storage.draft()
    draft.set_attributes("a", {"x": 1})
    draft.set_blob("provenance.json", b"{}")
    snapshot = storage.keep(draft)
    below = derived(
        "mgit root v1",
        {"entries": [["zarr.json", "blob", derived("mgit blob v1", snapshot.metadata("a"))]]},
    )
    top = derived(
        "mgit root v1",
        {
            "entries": [
                ["a", "tree", below],
                ["provenance.json", "blob", derived("mgit blob v1", b"{}")],
                ["zarr.json", "blob", derived("mgit blob v1", snapshot.metadata(""))],
            ]
        },
    )
    tree = tree_digest(storage.objects, snapshot.tree)
    assert str(tree) == top
    parents = [RootDigest(bytes([9]) * 32), RootDigest(bytes([1]) * 32)]
    expected = {"format": 1, "parents": [str(parent) for parent in parents], "tree": top}
    assert str(root_digest(tree, parents)) == derived("mgit root v1", expected)
    assert root_digest(tree, parents) != root_digest(tree, parents[::-1])


def test_the_state_is_what_the_format_page_says(storage, base):
    record = {"format": 1, "items": ["b3:" + "7f" * 32], "species": ["b3:" + "00" * 32]}
    assert str(state_digest(storage.objects, base.tree)) == derived("mgit state v1", record)


def test_the_order_of_items_and_their_names_do_not_enter_the_state(storage, base):
    states = [StateDigest(bytes([number]) * 32) for number in (3, 1, 2)]
    assert population_state(states, states) == population_state(sorted(states), states[::-1])
    assert population_state(states, []) != population_state([], states)
    assert population_state(states[:1] * 2, []) != population_state(states[:1], [])
    draft = storage.draft(base)
    draft.take("sources/lab-0badcafe/items/11/new-11223344", base, ITEM)
    draft.remove(ITEM)
    moved = storage.keep(draft).tree
    assert state_digest(storage.objects, moved) == state_digest(storage.objects, base.tree)
    assert tree_digest(storage.objects, moved) != tree_digest(storage.objects, base.tree)


def test_a_population_without_items_has_a_state(storage):
    draft = storage.draft()
    tree = storage.keep(draft).tree
    assert item_states(storage.objects, tree) == species_states(storage.objects, tree) == []
    assert state_digest(storage.objects, tree) == population_state([], [])


def test_the_digests_of_a_draft_are_known_before_it_is_stored(storage, base):
    draft = storage.draft(base)
    draft.set_attributes(ITEM, {"state": "b3:" + "55" * 32})
    tree, new = draft.write()
    pending = PendingObjects(storage.objects, new)
    found = tree_digest(pending, tree), state_digest(pending, tree)
    storage.keep(draft)
    assert found == (tree_digest(storage.objects, tree), state_digest(storage.objects, tree))


def test_every_file_enters_the_root(storage, base):
    roots = {tree_digest(storage.objects, base.tree)}
    for change in (
        lambda draft: draft.set_blob("provenance.json", b"other"),
        lambda draft: draft.set_attributes("species", {"x": 1}),
        lambda draft: draft.set_array(f"{ITEM}/weight", np.array(0.5)),
        lambda draft: draft.set_attributes(f"{ITEM}/weight", {"unit": "none"}),
        lambda draft: draft.remove(f"{ITEM}/weight"),
        lambda draft: draft.take("copy", base, "species"),
    ):
        draft = storage.draft(base)
        change(draft)
        roots.add(tree_digest(storage.objects, storage.keep(draft).tree))
    assert len(roots) == 7


def test_the_cache_changes_no_digest(storage, base):
    expected = tree_digest(storage.objects, base.tree), state_digest(storage.objects, base.tree)
    for _ in range(2):
        cache = cache_of(storage)
        assert tree_digest(storage.objects, base.tree, cache=cache) == expected[0]
        assert state_digest(storage.objects, base.tree, cache=cache) == expected[1]
        cache.flush()
    assert os.path.getsize(os.path.join(storage.objects.cache_dir, "roots")) > 0


def population(storage, count):
    draft = storage.draft()
    for number in range(count):
        item = f"sources/lab-0badcafe/items/{number % 64:02x}/item_{number}"
        draft.set_attributes(item, {"state": str(StateDigest.of(b"%d" % number))})
        draft.set_blob(f"{item}/blob", b"")
    return storage.keep(draft)


def test_a_small_change_reads_its_path_only(storage, monkeypatch):
    base = population(storage, 300)
    cache = cache_of(storage)
    tree_digest(storage.objects, base.tree, cache=cache)
    state_digest(storage.objects, base.tree, cache=cache)
    cache.flush()
    draft = storage.draft(base)
    item = "sources/lab-0badcafe/items/05/item_5"
    draft.set_attributes(item, {"state": str(StateDigest.of(b"new"))})
    tree, new = draft.write()
    pending = PendingObjects(storage.objects, new)
    read = []
    original = storage.objects.read
    monkeypatch.setattr(
        type(storage.objects), "read", lambda _, name: read.append(name) or original(name)
    )
    warm = cache_of(storage)
    with_cache = [
        tree_digest(pending, tree, cache=warm),
        state_digest(pending, tree, cache=warm),
    ]
    # Stored metadata of the root, sources, source, items and 05, the item's blob, and for the
    # state the four other items of 05 with their metadata.
    assert len(read) < 20
    assert with_cache == [tree_digest(pending, tree), state_digest(pending, tree)]
    assert len(read) > 600


def test_damage_to_the_cache_changes_no_digest(storage, base):
    expected = tree_digest(storage.objects, base.tree)
    cache = cache_of(storage)
    tree_digest(storage.objects, base.tree, cache=cache)
    cache.flush()
    path = os.path.join(storage.objects.cache_dir, "roots")
    with open(path, "rb") as file:
        whole = file.read()
    for place in range(0, len(whole), 7):
        with open(path, "wb") as file:
            file.write(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert tree_digest(storage.objects, base.tree, cache=cache_of(storage)) == expected
    os.unlink(path)
    append(path, [b"short", bytes.fromhex(base.tree), bytes.fromhex(base.tree) + bytes(64)])
    assert tree_digest(storage.objects, base.tree, cache=cache_of(storage)) == expected


def test_a_cache_that_cannot_be_written_is_no_error(storage, base, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    cache = MerkleCache(str(tmp_path / "file"))
    tree_digest(storage.objects, base.tree, cache=cache)
    cache.flush()


def test_an_overlong_cache_starts_anew(storage, base, monkeypatch):
    monkeypatch.setattr("mgit.history.merkle._FILE_BYTES_MAX", 10)
    sizes = []
    for _ in range(2):
        cache = cache_of(storage)
        cache.roots.put(base.tree, bytes(32))
        cache.flush()
        sizes.append(os.path.getsize(os.path.join(storage.objects.cache_dir, "roots")))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("attributes", "error"),
    [({}, InvalidState), ({"state": "b3:00"}, Corrupt), ({"state": 7}, Corrupt)],
)
def test_an_item_needs_a_state_digest(storage, base, attributes, error):
    draft = storage.draft(base)
    draft.set_attributes(ITEM, attributes)
    with pytest.raises(error, match="TS_01"):
        state_digest(storage.objects, storage.keep(draft).tree)


def test_a_tree_without_end_is_corrupt(storage):
    made = [format_tree({})]
    for _ in range(100):
        made.append(format_tree({"a": Entry(is_tree=True, name=object_id("tree", made[-1]))}))
    storage.objects.write_pack([("tree", raw) for raw in made])
    with pytest.raises(Corrupt, match="deep"):
        tree_digest(storage.objects, object_id("tree", made[-1]))
