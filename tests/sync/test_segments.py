"""Which segments move: everything wanted arrives, nothing much else, and always the same way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.digest import ChunkId, SegmentId
from mgit.errors import Corrupt
from mgit.store.chunks import ChunkStore
from mgit.store.files import Files
from mgit.sync.segments import check_segment, choose


def store_of(folder, groups):
    """A store with one segment per group of payloads."""
    store = ChunkStore(str(folder / "store"), Files(), codec="raw")
    for group in groups:
        with store.writer() as writer:
            for data in group:
                writer.put(data, 1)
    return store


def payload(number, length=900):
    return number.to_bytes(4, "little") * (length // 4)


def wanted_of(store, payloads):
    names = [ChunkId.of(data).raw for data in payloads]
    return {name: store.catalogue.find(name) for name in names}


def sizes_of(store):
    files = store.files
    return {name: len(files.read(store.catalogue.segment_path(name))) for name in store.segments()}


def reader_of(store):
    def read(name, offset, length):
        return store.files.read(store.catalogue.segment_path(name))[offset : offset + length]

    return read


def carried(folder, store, copies):
    """Another store, of the copies alone."""
    folder.mkdir()
    for copy in copies:
        path = folder / f"{copy.name.hex}.seg"
        path.write_bytes(b"".join(copy.parts(reader_of(store))))
        assert path.stat().st_size == copy.size
        check_segment(str(path), copy.name)
    other = folder / "store" / "segments"
    other.mkdir(parents=True)
    for path in folder.glob("*.seg"):
        path.rename(other / path.name)
    return ChunkStore(str(folder / "store"), Files())


@settings(max_examples=15)
@given(chosen=st.sets(st.integers(0, 23)), data=st.data())
def test_every_wanted_chunk_arrives_and_the_plan_is_always_the_same(chosen, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    store = store_of(folder, [[payload(8 * g + i) for i in range(8)] for g in range(3)])
    wanted = wanted_of(store, [payload(number) for number in chosen])
    copies = choose(wanted, sizes_of(store))
    shuffled = data.draw(st.permutations(list(wanted.items())))
    assert choose(dict(shuffled), sizes_of(store)) == copies
    other = carried(folder / "other", store, copies)
    for number in chosen:
        assert other.get(ChunkId.of(payload(number))) == payload(number)
    # Never more than twice what is needed, but for headers and footers.
    assert sum(copy.size for copy in copies) <= 2 * 1200 * len(chosen) + 200


def test_half_of_a_segment_is_worth_the_whole(tmp_path):
    store = store_of(tmp_path, [[payload(number) for number in range(8)]])
    (name,) = store.segments()
    most = choose(wanted_of(store, map(payload, range(5))), sizes_of(store))
    assert [(copy.name, copy.records) for copy in most] == [(name, ())]
    (few,) = choose(wanted_of(store, map(payload, range(2))), sizes_of(store))
    assert few.name != name
    assert len(few.records) == 2
    assert few.size < sizes_of(store)[name] / 2


def test_a_chunk_in_two_segments_moves_once(tmp_path):
    store = store_of(tmp_path, [[payload(1), payload(2)]])
    twin = store_of(tmp_path / "twin", [[payload(2)]])
    (name,) = twin.segments()
    path = twin.catalogue.segment_path(name)
    Files().write_new(store.catalogue.segment_path(name), [Files().read(path)])
    store.refresh()
    wanted = wanted_of(store, [payload(2)])
    assert len(wanted[ChunkId.of(payload(2)).raw]) == 2
    assert len(choose(wanted, sizes_of(store))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"offset": 1 << 40},
        {"offset": 0},
        {"stored_length": 1 << 31},
        {"raw_length": 1 << 31},
        {"itemsize": 0},
    ],
)
def test_a_place_that_cannot_be_is_refused_before_anything_is_read(tmp_path, change):
    store = store_of(tmp_path, [[payload(1), payload(2)]])
    wanted = wanted_of(store, [payload(1)])
    ((name, ((segment, place),)),) = wanted.items()
    with pytest.raises(Corrupt):
        choose({name: [(segment, place._replace(**change))]}, sizes_of(store))
    with pytest.raises(Corrupt):
        choose({name: [(SegmentId(bytes(32)), place)]}, sizes_of(store))


def test_every_flipped_byte_of_a_segment_is_noticed(tmp_path):
    store = store_of(tmp_path, [[payload(1, 60), payload(2, 60)]])
    (name,) = store.segments()
    content = store.files.read(store.catalogue.segment_path(name))
    path = tmp_path / "damaged"
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(Corrupt):
            check_segment(str(path), name)


def test_many_chunks_are_checked_by_threads(tmp_path):
    store = store_of(tmp_path, [[payload(number, 1 << 20) for number in range(6)]])
    (name,) = store.segments()
    path = store.catalogue.segment_path(name)
    assert len(check_segment(path, name)) == 6
    content = bytearray(store.files.read(path))
    content[3 << 20] ^= 1
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(Corrupt):
        check_segment(str(tmp_path / "damaged"), name)
