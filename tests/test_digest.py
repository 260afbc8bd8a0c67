"""Digests: known values from a second implementation, kinds that never mix, canonical bytes."""

import enum
import hashlib
import json

import blake3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.digest import (
    BlobDigest,
    ChunkId,
    ContentDigest,
    Hasher,
    RawDigest,
    RootDigest,
    SegmentId,
    StateDigest,
    canonical_bytes,
    particle_ids,
    short_id,
)

KINDS = [ChunkId, SegmentId, ContentDigest, BlobDigest, StateDigest, RootDigest, RawDigest]
SCALARS = st.none() | st.booleans() | st.integers() | st.text()
RECORDS = st.dictionaries(
    st.text(),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def test_a_raw_digest_is_plain_blake3():
    # First 32 bytes of the official test vector for the input of length 1, the byte 0.
    vector = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"
    assert str(RawDigest.of(b"\0")) == f"b3:{vector}"


@pytest.mark.parametrize("kind", KINDS)
def test_digests_stream_print_and_parse(kind):
    whole = kind.of(b"abc", b"def")
    hasher = Hasher(kind)
    for part in (b"a", memoryview(b"bcd"), bytearray(b"ef")):
        hasher.update(part)
    assert hasher.finish() == whole
    assert kind.parse(str(whole)) == whole
    assert hash(kind.parse(str(whole))) == hash(whole)
    assert str(whole) == f"b3:{whole.hex}"


def test_the_same_bytes_have_another_digest_in_every_role():
    assert len({str(kind.of(b"same")) for kind in KINDS}) == len(KINDS)


def test_digests_of_different_kinds_are_never_equal_and_do_not_compare():
    raw = bytes(range(32))
    assert ChunkId(raw) != RootDigest(raw)
    with pytest.raises(TypeError):
        sorted([ChunkId(raw), RootDigest(raw)])
    assert sorted([ChunkId(b"b" * 32), ChunkId(b"a" * 32)])[0].raw == b"a" * 32


@pytest.mark.parametrize(
    "text", ["", "b3:", "b3:" + "0" * 63, "b3:" + "G" * 64, "B3:" + "0" * 64, "b3:" + "A" * 64]
)
def test_a_malformed_digest_is_refused(text):
    with pytest.raises(ValueError, match=r"digest|hex"):
        ChunkId.parse(text)


def test_a_digest_has_thirty_two_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        ChunkId(b"short")


@given(RECORDS)
def test_canonical_bytes_are_json_and_independent_of_the_order_of_keys(record):
    encoded = canonical_bytes(record)
    assert json.loads(encoded) == record
    assert canonical_bytes(dict(reversed(list(record.items())))) == encoded
    assert canonical_bytes(json.loads(encoded)) == encoded


def test_canonical_bytes_are_dull():
    assert (
        canonical_bytes({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()
    )


@pytest.mark.parametrize(
    "record", [{"a": 0.1}, {"a": [1.0]}, {"a": {"b": float("nan")}}, {"a": b"x"}, {1: "x"}]
)
def test_what_has_more_than_one_spelling_is_refused(record):
    with pytest.raises(TypeError):
        canonical_bytes(record)


def test_a_refusal_names_where_the_value_stands():
    with pytest.raises(TypeError, match="'/outer/1/inner'"):
        canonical_bytes({"outer": ["plain", {"inner": 0.5}]})


def test_tuples_and_types_derived_from_the_plain_ones_are_written_like_them():
    class Text(str):
        __slots__ = ()

    four = enum.IntEnum("Number", {"FOUR": 4}).FOUR
    derived = {"a": Text("x"), "list": (1, four), "map": {Text("k"): "v"}}
    assert canonical_bytes(derived) == b'{"a":"x","list":[1,4],"map":{"k":"v"}}'


@given(st.integers(1, 50), st.integers(0, 20))
def test_particle_ids_depend_on_the_table_and_the_row_alone(count, first):
    table = RawDigest.of(b"table")
    everything = particle_ids(table, first + count)
    part = particle_ids(table, count, first_row=first)
    assert part == everything[16 * first :]
    assert len({part[16 * row : 16 * row + 16] for row in range(count)}) == count
    assert particle_ids(RawDigest.of(b"other"), count, first_row=first) != part


def test_short_ids_separate_their_parts():
    assert short_id("mgit test", b"ab", b"c") != short_id("mgit test", b"a", b"bc")
    assert short_id("mgit test", b"ab") != short_id("mgit other", b"ab")
    expected = blake3.blake3(
        (2).to_bytes(8, "little") + b"ab", derive_key_context="mgit test"
    ).digest(16)
    assert short_id("mgit test", b"ab") == expected
    assert expected != hashlib.sha256(b"ab").digest()[:16]
