"""Arrays: what was written reads back bit for bit, under one identity."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mgit.digest import ChunkId, ContentDigest
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.store.arrays import content_digest, parse_manifest, read_array, read_rows, write_array
from mgit.store.chunks import ChunkStore
from mgit.store.files import Files
from mgit.store.manifest import ARRAY_TYPES

RANDOM = np.random.default_rng(3)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return ChunkStore(str(tmp_path_factory.mktemp("arrays") / "store"), Files())


def write(store, values, *, layout="table", attributes=None):
    with store.writer() as writer:
        return write_array(writer, values, layout=layout, attributes=attributes or {})


def same_bits(ours, theirs):
    little = theirs.dtype.newbyteorder("<")
    assert ours.dtype == little
    assert ours.shape == theirs.shape
    assert ours.tobytes() == theirs.astype(little).tobytes()


@st.composite
def arrays(draw):
    """Any stored dtype, 0 to 4 axes, empty axes, NaN payloads, any byte order and strides."""
    dtype = np.dtype(draw(st.sampled_from(sorted(ARRAY_TYPES))))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7))
    raw = draw(st.binary(min_size=1, max_size=64))
    count = int(np.prod(shape, dtype=int)) * dtype.itemsize
    data = np.frombuffer((raw * (count // len(raw) + 1))[:count], np.uint8)
    if dtype == np.bool_:
        data = data & 1
    values = data.view(dtype).reshape(shape)
    if draw(st.booleans()):
        values = values.astype(values.dtype.newbyteorder(">"))
    if draw(st.booleans()):
        values = np.asfortranarray(values)
    if values.ndim and draw(st.booleans()):
        values = values[::-1]
    return values


@settings(max_examples=150, deadline=None)
@given(arrays(), st.sampled_from(["table", "volume"]))
def test_reading_returns_what_was_written(store, values, layout):
    manifest = write(store, values, layout=layout)
    parsed = parse_manifest(manifest.zarr_json, manifest.chunks)
    assert parsed == manifest
    same_bits(read_array(store.get, parsed), values)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays(), st.sampled_from(["table", "volume"]))
def test_small_and_large_arrays_have_the_same_manifest(store, monkeypatch, values, layout):
    """A small array takes a shorter way, which nobody may see."""
    small = write(store, values, layout=layout, attributes={"unit": "degree"})
    with monkeypatch.context() as patch:
        patch.setattr("mgit.store.arrays.SMALL_BYTES", -1)
        assert write(store, values, layout=layout, attributes={"unit": "degree"}) == small


def test_a_mask_does_not_change_what_is_stored(store):
    values = np.ma.masked_equal(np.arange(5.0), 3.0)
    same_bits(read_array(store.get, write(store, values)), np.arange(5.0))


@given(arrays())
def test_memory_layout_and_byte_order_do_not_change_the_identity(values):
    contiguous = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(values.shape)
    assert content_digest(values) == content_digest(contiguous)
    header = f'{{"dtype":"{contiguous.dtype.str}","shape":{list(values.shape)}}}'.replace(" ", "")
    parts = (header.encode(), b"\0", contiguous.tobytes())
    assert content_digest(values) == ContentDigest.of(*parts)


@settings(deadline=None)
@given(arrays().filter(lambda values: values.ndim > 0), st.data())
def test_rows_are_the_slice_of_the_array(store, values, data):
    manifest = write(store, values)
    start = data.draw(st.integers(0, len(values)))
    stop = data.draw(st.integers(start, len(values)))
    same_bits(read_rows(store.get, manifest, start, stop), values[start:stop])


@pytest.mark.parametrize(
    ("shape", "layout", "dtype"),
    [
        ((65, 64, 130), "volume", "f4"),
        ((130, 3), "volume", "f8"),
        ((300_000, 3), "table", ">f8"),
        ((5, 700_000), "table", "f4"),
        ((3, 1_500_000), "table", "f4"),
    ],
)
def test_arrays_of_many_chunks_read_back_whole_and_by_rows(store, shape, layout, dtype):
    values = RANDOM.normal(size=shape).astype(dtype)
    manifest = write(store, values, layout=layout)
    assert np.prod(manifest.grid) > 1
    same_bits(read_array(store.get, manifest), values)
    start, stop = shape[0] // 3, shape[0] // 3 * 2
    same_bits(read_rows(store.get, manifest, start, stop), values[start:stop])
    assert manifest.content == content_digest(np.asfortranarray(values))


def test_rows_read_only_the_chunks_that_hold_them(store):
    values = RANDOM.normal(size=(300_000, 3))
    manifest = write(store, values)
    asked = []

    def get(chunk):
        asked.append(chunk)
        return store.get(chunk)

    read_rows(get, manifest, 131_072, 131_080)
    assert len(asked) == 1
    assert read_rows(get, manifest, 7, 7).shape == (0, 3)


def test_chunks_of_zeros_are_not_stored(store):
    values = np.zeros((130, 64, 64), "f4")
    values[70, 3, 3] = 1
    manifest = write(store, values, layout="volume")
    stored = {key for key, chunk in manifest.chunk_ids() if chunk is not None}
    assert stored == {"c/1/0/0"}
    assert [key for key, _ in manifest.chunk_ids()] == ["c/0/0/0", "c/1/0/0", "c/2/0/0"]
    same_bits(read_array(store.get, manifest), values)
    assert write(store, np.zeros((0, 3))).chunks == write(store, np.zeros(4)).chunks == b""


@pytest.mark.parametrize("position", [0, 4095, 4096, 5000, 9998])
def test_one_byte_that_is_not_zero_is_enough(store, position):
    values = np.zeros(9999, "u1")
    values[position] = 1
    manifest = write(store, values)
    assert manifest.chunks != b""
    same_bits(read_array(store.get, manifest), values)


def test_minus_zero_and_nan_payloads_are_kept(store):
    bits = np.array([0x8000000000000000, 0x7FF8000000000001, 0xFFF0000000000123], "u8")
    values = bits.view("f8")
    same_bits(read_array(store.get, write(store, values)), values)
    assert write(store, np.array([-0.0])).chunks != b""


def test_a_read_array_is_writable_and_its_own(store):
    manifest = write(store, np.arange(5.0))
    first = read_array(store.get, manifest)
    first[0] = 9
    assert read_array(store.get, manifest)[0] == 0


def test_an_array_may_change_as_soon_as_it_is_written(store):
    values = RANDOM.normal(size=(200, 64, 64)).astype("f4")
    kept = values.copy()
    with store.writer() as writer:
        manifest = write_array(writer, values, layout="volume", attributes={})
        values[:] = 0
    same_bits(read_array(store.get, manifest), kept)


@pytest.mark.parametrize(
    "values",
    [
        np.array(["text"]),
        np.array([None]),
        np.array([1 + 2j]),
        np.zeros(2, [("a", "f4")]),
        np.array(["2026-01-01"], "M8[D]"),
        np.zeros(2, np.longdouble),
    ],
)
def test_other_types_are_refused(store, values):
    with pytest.raises(InvalidState):
        write(store, values)
    with pytest.raises(InvalidState):
        content_digest(values)


@pytest.mark.parametrize("attributes", [{"content": "mine"}, {"x": 0.5}, {"x": {1: "a"}}])
def test_attributes_that_are_not_canonical_are_refused(store, attributes):
    with pytest.raises(InvalidState):
        write(store, np.arange(3), attributes=attributes)


def test_a_row_beyond_the_cap_is_refused(store):
    with pytest.raises(InvalidState, match="too long"):
        write(store, np.broadcast_to(np.float64(1), (2, 9_000_000)))


def test_rows_out_of_range_are_refused(store):
    manifest = write(store, np.arange(5))
    for start, stop in ((-1, 2), (3, 2), (0, 6)):
        with pytest.raises(InvalidState):
            read_rows(store.get, manifest, start, stop)
    with pytest.raises(InvalidState):
        read_rows(store.get, write(store, np.array(1)), 0, 1)


def test_a_chunk_of_another_length_is_corrupt(store):
    manifest = write(store, np.arange(5))
    with pytest.raises(Corrupt, match="fill its place"):
        read_array(lambda _: b"\0" * 39, manifest)


def test_errors_of_get_reach_the_caller_from_threads_too(store):
    manifest = write(store, RANDOM.normal(size=(300_000, 3)))

    def absent(chunk: ChunkId) -> bytes:
        raise NotFound("promised, not here", chunk=chunk)

    with pytest.raises(NotFound):
        read_array(absent, manifest)
