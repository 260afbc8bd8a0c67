"""A commit seen through zarr-python: the same values, Zarr's own store laws, nothing writable."""

import asyncio

import numpy as np
import pytest
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import _collect_aiterator, sync

from mgit.errors import Corrupt
from mgit.history.zarr_view import SnapshotStore, zarr_store
from mgit.testing.storage import ScratchStorage, fill_sample_tree

SPECIES = "species/ribosome-00c0ffee"
ITEM = "sources/lab-0badcafe/items/7f/TS_01-7f0badca"
VOLUME = f"{SPECIES}/half_map_1"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    storage = ScratchStorage.new(tmp_path_factory.mktemp("zarr"))
    draft = storage.draft()
    fill_sample_tree(draft)
    numbers = np.random.default_rng(3)
    for dtype in ("?", "i1", "u2", "i8", "f2", "f4", "f8", "c8"):
        draft.set_array(
            f"types/{np.dtype(dtype).name}", numbers.integers(0, 9, (4, 3)).astype(dtype)
        )
    draft.set_array("types/scalar", np.array(True))
    return storage.keep(draft)


@pytest.fixture
def store(snapshot):
    return zarr_store(snapshot)


def arrays_of(snapshot, path=""):
    for name in snapshot.children(path):
        below = f"{path}/{name}".strip("/")
        if snapshot.is_array(below):
            yield below
        else:
            yield from arrays_of(snapshot, below)


def get(store, key, byte_range=None):
    buffer = sync(store.get(key, default_buffer_prototype(), byte_range))
    return None if buffer is None else buffer.to_bytes()


def listed(iterator):
    return list(sync(_collect_aiterator(iterator)))


def test_every_array_reads_as_it_does_without_zarr(snapshot, store):
    group = zarr.open_group(store, mode="r")
    paths = list(arrays_of(snapshot))
    assert len(paths) == 17
    for path in paths:
        expected = snapshot.array(path)
        found = group[path]
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(found[...], expected.read(), strict=True)


def test_parts_of_an_array_are_read_across_chunks(snapshot, store):
    volume = zarr.open_array(store, path=VOLUME, mode="r")
    expected = snapshot.array(VOLUME).read()
    np.testing.assert_array_equal(volume[60:70, 60:66, 1:3], expected[60:70, 60:66, 1:3])
    np.testing.assert_array_equal(volume[-1], expected[-1])


def test_the_hierarchy_is_listed_without_consolidated_metadata(snapshot, store):
    group = zarr.open_group(store, mode="r")
    members = dict(group.members(max_depth=None))
    assert {name for name, node in members.items() if isinstance(node, zarr.Array)} == set(
        arrays_of(snapshot)
    )
    assert SPECIES in members
    assert sorted(group) == ["sources", "species", "types"]


def test_attributes_are_those_of_the_tree(store):
    group = zarr.open_group(store, mode="r")
    assert group.attrs["name"] == "sample"
    assert group[f"{ITEM}/tilt_angle"].attrs["unit"] == "degree"


def test_it_is_a_plain_store_as_dask_and_napari_want_it(snapshot, store):
    assert isinstance(store, Store)
    array = zarr.open(store=store, path=VOLUME, mode="r")
    blocks = [
        (slice(z, z + array.chunks[0]), slice(y, y + array.chunks[1]))
        for z in range(0, array.shape[0], array.chunks[0])
        for y in range(0, array.shape[1], array.chunks[1])
    ]
    values = snapshot.array(VOLUME).read()
    for block in blocks:
        np.testing.assert_array_equal(array[block], values[block])


def test_nothing_can_be_written(store):
    assert store.read_only
    assert not store.supports_writes
    assert not store.supports_deletes
    value = default_buffer_prototype().buffer.from_bytes(b"x")
    for refused in (store.set("a", value), store.delete("zarr.json"), store.clear()):
        with pytest.raises((ValueError, NotImplementedError)):
            sync(refused)
    with pytest.raises(ValueError, match="written"):
        store.with_read_only(False)
    assert store.with_read_only(True) == store
    with pytest.raises(ValueError, match="read-only"):
        zarr.open_group(store, mode="a")["types"].create_array("new", shape=(1,), dtype="f4")


def test_a_chunk_is_padded_with_zeros_and_an_empty_one_is_absent(snapshot, store):
    assert get(store, f"{VOLUME}/c/0/0/0") is None
    data = np.frombuffer(get(store, f"{VOLUME}/c/1/1/0"), np.float32).reshape(64, 64, 5)
    expected = np.zeros((64, 64, 5), np.float32)
    expected[:6, :2] = snapshot.array(VOLUME).read()[64:, 64:]
    np.testing.assert_array_equal(data, expected)


def test_metadata_is_served_as_it_is_stored(snapshot, store):
    assert get(store, "zarr.json") == snapshot.metadata("")
    assert get(store, f"{VOLUME}/zarr.json") == snapshot.metadata(VOLUME)


@pytest.mark.parametrize(
    "key",
    [
        "", "c", "c/0", "no/zarr.json", "provenance.json", f"{VOLUME}/chunks", f"{VOLUME}/c",
        f"{VOLUME}/c/0", f"{VOLUME}/c/9/9/9", f"{VOLUME}/c/1/1/0/0", f"{VOLUME}/c/01/1/0",
        "../zarr.json", ".zgroup", ".zmetadata", f"{VOLUME}/c/1/1/0/zarr.json", "a b/zarr.json",
        "/zarr.json", "types//zarr.json", "provenance.json/zarr.json", "species/c/0",
    ],
)  # fmt: skip
def test_a_key_that_is_not_there_is_absent(store, key):
    assert get(store, key) is None
    assert not sync(store.exists(key))


def test_ranges_are_cut_from_the_whole(store):
    key = f"{VOLUME}/c/1/1/0"
    whole = get(store, key)
    assert get(store, key, RangeByteRequest(5, 9)) == whole[5:9]
    assert get(store, key, RangeByteRequest(5, 10**9)) == whole[5:]
    assert get(store, key, OffsetByteRequest(100)) == whole[100:]
    assert get(store, key, SuffixByteRequest(7)) == whole[-7:]
    assert get(store, key, SuffixByteRequest(10**9)) == whole
    with pytest.raises(TypeError):
        get(store, key, (0, 1))
    several = store.get_partial_values(
        default_buffer_prototype(), [(key, RangeByteRequest(0, 2)), ("no", None), (key, None)]
    )
    found = [None if part is None else part.to_bytes() for part in sync(several)]
    assert found == [whole[:2], None, whole]


def test_listing_existing_and_getting_agree(store):
    keys = listed(store.list())
    assert len(keys) == len(set(keys)) > 30
    for key in keys:
        assert sync(store.exists(key))
        assert get(store, key) is not None


@pytest.mark.parametrize(
    "prefix",
    ["", "s", "species", "species/", SPECIES, f"{VOLUME}/c/1", f"{VOLUME}/z", "x", "types/f"],
)
def test_a_prefix_selects_by_characters(store, prefix):
    expected = [key for key in listed(store.list()) if key.startswith(prefix)]
    assert listed(store.list_prefix(prefix)) == expected
    assert sync(store.is_empty(prefix.rstrip("/"))) == (
        not any(key.startswith(f"{prefix.rstrip('/')}/".lstrip("/")) for key in expected)
    )


def test_a_directory_lists_the_first_parts_of_the_keys_below(store):
    keys = listed(store.list())
    folders = {key.rsplit("/", depth)[0] for key in keys for depth in range(1, key.count("/") + 1)}
    for folder in ["", *sorted(folders)]:
        start = f"{folder}/" if folder else ""
        expected = {key[len(start) :].split("/")[0] for key in keys if key.startswith(start)}
        found = listed(store.list_dir(folder))
        assert set(found) == expected
        assert len(found) == len(set(found))
    assert listed(store.list_dir("no/such")) == []


def test_sizes_are_those_of_the_values(store):
    key = f"{VOLUME}/c/1/1/0"
    assert sync(store.getsize(key)) == 64 * 64 * 5 * 4
    with pytest.raises(FileNotFoundError):
        sync(store.getsize("no"))


def test_stores_of_one_tree_are_equal(snapshot, store):
    assert store == SnapshotStore(snapshot)
    assert len({store, SnapshotStore(snapshot)}) == 1
    assert snapshot.tree in str(store)
    assert snapshot.tree in repr(store)


def test_many_reads_at_once_give_what_one_gives(store):
    keys = listed(store.list())

    async def all_at_once():
        return await asyncio.gather(*(store.get(key) for key in keys))

    together = [buffer.to_bytes() for buffer in sync(all_at_once())]
    assert together == [get(store, key) for key in keys]


def test_a_chunk_of_another_length_is_corrupt(snapshot, store, monkeypatch):
    monkeypatch.setattr(snapshot.chunks, "get", lambda chunk: b"short")
    with pytest.raises(Corrupt):
        get(store, f"{VOLUME}/c/1/1/0")
