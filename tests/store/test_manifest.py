"""Manifests from outside are hostile: only what we would have written is read."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.digest import ChunkId, ContentDigest, canonical_bytes
from mgit.errors import Corrupt, InvalidState, MgitError, Unsupported
from mgit.store.manifest import (
    ARRAY_TYPES,
    chunk_shape_of,
    format_manifest,
    grid_of,
    parse_manifest,
)

F8 = np.dtype("<f8")
CONTENT = ContentDigest(b"\5" * 32)
FIRST, SECOND = ChunkId(b"\1" * 32), ChunkId(b"\2" * 32)


def manifest(shape=(130, 5), layout="volume", chunks=(), attributes=None, dtype=F8):
    return format_manifest(
        dtype=dtype,
        shape=shape,
        chunk_shape=chunk_shape_of(shape, dtype, layout),
        attributes=attributes or {},
        content=CONTENT,
        chunks=list(chunks),
    )


def altered(path, value):
    """Canonical metadata with one field replaced; None removes it."""
    metadata = json.loads(manifest().zarr_json)
    *parents, last = path.split("/")
    target = metadata
    for part in parents:
        target = target[part]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return canonical_bytes(metadata)


@pytest.mark.parametrize(
    ("shape", "layout", "dtype", "expected"),
    [
        ((192, 100, 7), "volume", "<f4", (64, 64, 7)),
        ((), "volume", "<f4", ()),
        ((), "table", "<f4", ()),
        ((0, 3), "table", "<f8", (1, 3)),
        ((3, 0), "volume", "<f8", (3, 1)),
        ((50_000,), "table", "<f8", (50_000,)),
        ((524_288,), "table", "<f8", (524_288,)),
        ((524_289,), "table", "<f8", (524_288,)),
        ((400_000, 3), "table", "<f8", (131_072, 3)),
        ((5_000_000,), "table", "|u1", (4_194_304,)),
        ((3, 1_500_000), "table", "<f4", (1, 1_500_000)),
    ],
)
def test_arrays_are_cut_as_the_rules_say(shape, layout, dtype, expected):
    assert chunk_shape_of(shape, np.dtype(dtype), layout) == expected


def test_an_unknown_layout_is_refused():
    with pytest.raises(InvalidState):
        chunk_shape_of((3,), F8, "spiral")


def test_the_grid_counts_cut_chunks():
    assert grid_of((130, 64, 0), (64, 64, 1)) == (3, 1, 0)
    assert grid_of((), ()) == ()


@pytest.mark.parametrize("name", ARRAY_TYPES)
def test_every_type_survives_parsing(name):
    written = manifest(dtype=np.dtype(name), attributes={"unit": "angstrom", "axes": [1, "x"]})
    assert parse_manifest(written.zarr_json, written.chunks) == written


def test_metadata_is_canonical_whatever_the_attributes_say():
    hostile = {"a": ',"chunk_grid":{"name":"regular"}', "chunk_grid": {"a": 1}, "z": "}"}
    for attributes in ({}, {"margins": ["0", "1"]}, hostile):
        made = manifest(attributes=attributes)
        assert canonical_bytes(json.loads(made.zarr_json)) == made.zarr_json
        assert parse_manifest(made.zarr_json, made.chunks) == made


def test_knowing_the_form_of_an_array_excuses_nothing_in_its_attributes():
    good = manifest(attributes={"a": 1}).zarr_json
    parse_manifest(good, b"")
    for old, new, kind in (
        (b'{"a":1,', b'{"a": 1,', Corrupt),
        (b'{"a":1,', b'{"a":1.5,', Corrupt),
        (b'{"a":1,', b'{"a":1,"a":1,', Corrupt),
        (b'{"a":1,', b'{"zz":1,', Corrupt),
        (b'{"a":1,', b'[{"a":1,', Corrupt),
        (b',"chunk_grid"', b',"b":1,"chunk_grid"', Unsupported),
        (b',"content"', b',"Content"', Corrupt),
    ):
        with pytest.raises(kind):
            parse_manifest(good.replace(old, new, 1), b"")


def test_zarr_itself_reads_the_metadata():
    metadata = pytest.importorskip("zarr.core.metadata")
    for name in ARRAY_TYPES:
        document = json.loads(manifest(dtype=np.dtype(name)).zarr_json)
        parsed = metadata.ArrayV3Metadata.from_dict(document)
        assert parsed.shape == (130, 5)


def test_chunk_ids_cover_the_grid_in_order():
    written = manifest(chunks=[("c/0/0", FIRST), ("c/2/0", SECOND)])
    assert list(written.chunk_ids()) == [("c/0/0", FIRST), ("c/1/0", None), ("c/2/0", SECOND)]
    assert list(written.stored()) == [((0, 0), FIRST), ((2, 0), SECOND)]
    point = manifest(shape=(), chunks=[("c", FIRST)])
    assert list(point.chunk_ids()) == [("c", FIRST)]
    assert parse_manifest(point.zarr_json, point.chunks) == point


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("attributes", None, Corrupt),
        ("attributes", [], Corrupt),
        ("attributes/content", None, Corrupt),
        ("attributes/content", 5, Corrupt),
        ("attributes/content", "b3:12", Corrupt),
        ("shape", None, Corrupt),
        ("shape", "130", Corrupt),
        ("shape", [130, True], Corrupt),
        ("shape", [-1, 5], Corrupt),
        ("shape", [1 << 200, 5], Corrupt),
        ("shape", [130], Corrupt),
        ("shape", [1 << 40, 5], Corrupt),
        ("shape", [1] * 33, Corrupt),
        ("chunk_grid/configuration/chunk_shape", [0, 5], Corrupt),
        ("chunk_grid/configuration/chunk_shape", [1 << 30, 5], Corrupt),
        ("chunk_grid/configuration/chunk_shape", [32, 5], Unsupported),
        ("chunk_grid/name", "rectilinear", Unsupported),
        ("chunk_grid", None, Unsupported),
        ("codecs", [{"name": "bytes"}, {"name": "gzip"}], Unsupported),
        ("data_type", "string", Unsupported),
        ("data_type", None, Unsupported),
        ("fill_value", 1, Unsupported),
        ("node_type", "group", Unsupported),
        ("zarr_format", 2, Unsupported),
        ("dimension_names", ["a", "b"], Unsupported),
        ("storage_transformers", [], Unsupported),
    ],
)
def test_an_altered_field_is_refused(path, value, kind):
    with pytest.raises(kind):
        parse_manifest(altered(path, value), b"")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":1e5}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":' + b"9" * 5000 + b"}",
        manifest().zarr_json + b"\n",
        manifest().zarr_json.replace(b":", b": ", 1),
        manifest().zarr_json.replace(b'"zarr_format":3', b'"zarr_format":3,"zarr_format":3'),
        manifest().zarr_json.replace(b'"zarr_format":3', b'"zarr_format":3.0'),
        b" " * ((16 << 20) + 1),
    ],
)
def test_json_that_is_not_canonical_is_corrupt(text):
    with pytest.raises(Corrupt):
        parse_manifest(text, b"")


def line(key, chunk=FIRST):
    return f"{key} {chunk}\n".encode()


@pytest.mark.parametrize(
    "chunks",
    [
        line("c/0/0")[:-1],
        b"\n",
        b"c/0/0\n",
        line("d/0/0"),
        line("c/0"),
        line("c/0/0/0"),
        line("c/00/0"),
        line("c/+1/0"),
        line("c/-1/0"),
        line("c/1_0/0"),
        line("c/3/0"),
        line("c/0/1"),
        line("c/1/0") + line("c/0/0"),
        line("c/1/0") + line("c/1/0", SECOND),
        b"c/0/0 b3:" + b"0" * 63 + b"\n",
        b"c/0/0 b3:" + b"A" * 64 + b"\n",
        b"c/0/0  " + str(FIRST).encode() + b"\n",
        line("c/0/0").replace(b"\n", b"\r\n"),
        "c/\u0661/0".encode() + b" " + str(FIRST).encode() + b"\n",
    ],
)
def test_a_chunk_list_that_is_not_canonical_is_corrupt(chunks):
    with pytest.raises(Corrupt):
        parse_manifest(manifest().zarr_json, chunks)


@given(st.binary(max_size=60), st.integers(0, 300))
def test_garbage_raises_nothing_but_our_errors(garbage, at):
    sound = manifest(chunks=[("c/0/0", FIRST)])
    for zarr_json, chunks in (
        (sound.zarr_json[:at] + garbage + sound.zarr_json[at:], sound.chunks),
        (sound.zarr_json, sound.chunks[:at] + garbage + sound.chunks[at:]),
    ):
        try:
            parsed = parse_manifest(zarr_json, chunks)
        except MgitError:
            continue
        assert parsed.zarr_json == zarr_json
        list(parsed.chunk_ids())


def test_more_than_a_million_chunks_are_refused():
    with pytest.raises(InvalidState):
        manifest(shape=(64 * 101, 64 * 100, 64 * 100), dtype=np.dtype("|u1"))
