"""Packs from outside: indexed as Git would, and refused whatever byte is wrong."""

import hashlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import Corrupt, MgitError, Unsupported
from mgit.history.pack_scan import check_pack, index_of_pack, names_in_index
from mgit.history.packfile import PackFile, by_id, encode_pack

OBJECTS = [("blob", b"one"), ("blob", b"x" * 5000), ("tag", b""), ("blob", bytes(range(256)) * 9)]
contents = st.lists(st.binary(max_size=300), min_size=1, max_size=8, unique=True)


def sealed(body):
    """Body with its checksum, and the name that follows."""
    checksum = hashlib.sha1(body).digest()
    return body + checksum, f"pack-{checksum.hex()}"


def written(folder, name, pack, index):
    (folder / f"{name}.pack").write_bytes(pack)
    (folder / f"{name}.idx").write_bytes(index)
    return PackFile(str(folder / name))


@given(contents)
def test_the_index_is_the_one_that_the_writer_made(blobs):
    name, pack, index = encode_pack([("blob", each) for each in blobs])
    assert index_of_pack(pack, name) == index


def test_every_flipped_byte_is_noticed():
    name, pack, _ = encode_pack(OBJECTS)
    for at in range(0, len(pack), 7):
        damaged = bytearray(pack)
        damaged[at] ^= 0x10
        with pytest.raises(Corrupt):
            index_of_pack(bytes(damaged), name)


@given(st.binary(max_size=200))
def test_bytes_that_are_sealed_properly_are_a_pack_or_are_refused(middle):
    for head in (b"", b"PACK" + struct.pack(">II", 2, 1)):
        pack, name = sealed(head + middle)
        try:
            index_of_pack(pack, name)
        except Corrupt:
            continue


@pytest.mark.parametrize("cut", [1, 20, 40, 10_000])
def test_a_truncated_pack_is_refused(cut):
    name, pack, _ = encode_pack(OBJECTS)
    with pytest.raises(Corrupt):
        index_of_pack(pack[:-cut], name)


@pytest.mark.parametrize(
    "entry",
    [
        bytes([7 << 4 | 3]) + bytes(20) + zlib.compress(b"abc"),  # a delta against a name
        bytes([6 << 4 | 3, 1]) + zlib.compress(b"abc"),  # a delta against an offset
        bytes([3 << 4 | 4]) + zlib.compress(b"abc"),  # another length than it says
        bytes([3 << 4 | 0x8F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),  # a length without end
        bytes([3 << 4 | 0x8F, 0xFF, 0xFF, 0xFF, 0x7F]) + zlib.compress(b"abc"),  # 16 GiB
        (bytes([3 << 4 | 3]) + zlib.compress(b"abc")) * 2,  # one object twice
        bytes([3 << 4 | 3]) + zlib.compress(b"abc") + b"left over",
        bytes([3 << 4 | 3]) + b"no zlib stream",
    ],
)
def test_a_sealed_pack_with_a_hostile_entry_is_refused(entry):
    for count in (1, 2):
        pack, name = sealed(b"PACK" + struct.pack(">II", 2, count) + entry)
        with pytest.raises(Corrupt):
            index_of_pack(pack, name)


def test_a_pack_that_says_another_count_is_refused():
    entry = bytes([3 << 4 | 3]) + zlib.compress(b"abc")
    pack, name = sealed(b"PACK" + struct.pack(">II", 2, 2) + entry)
    with pytest.raises(Corrupt, match="number of objects"):
        index_of_pack(pack, name)


def test_a_pack_under_another_name_is_refused():
    _, pack, _ = encode_pack(OBJECTS)
    with pytest.raises(Corrupt, match="names it"):
        index_of_pack(pack, f"pack-{'0' * 40}")


def test_a_pack_and_its_own_index_are_accepted(tmp_path):
    check_pack(written(tmp_path, *encode_pack(OBJECTS)))


def test_an_index_that_names_other_objects_is_refused(tmp_path):
    name, pack, index = encode_pack(OBJECTS)
    _, other, _ = encode_pack([("blob", b"another")])
    with pytest.raises(MgitError):
        check_pack(written(tmp_path, name, other, index))
    body = bytearray(index[:-20])
    body[8 + 1024] ^= 1  # the first byte of the first name
    with pytest.raises(MgitError):
        check_pack(written(tmp_path, name, pack, bytes(body) + hashlib.sha1(body).digest()))


def test_a_delta_that_copies_more_than_any_object_holds_is_refused(tmp_path):
    base = b"b" * 0x10000
    copy = bytes([0x80])  # 64 KiB from offset 0
    delta = bytes([0x80, 0x80, 0x04]) + bytes([0xFF, 0xFF, 0xFF, 0x7F]) + copy * 5000
    name = hashlib.sha1(b"blob %d\0" % len(base) + base).digest()
    entries = [
        bytes([3 << 4 | 0x80, 0x80, 0x20]) + zlib.compress(base),
    ]
    size = len(delta)
    head = bytearray([7 << 4 | size & 15 | 0x80, size >> 4 & 0x7F | 0x80, size >> 11])
    entries.append(bytes(head) + name + zlib.compress(delta))
    pack, stem = sealed(b"PACK" + struct.pack(">II", 2, 2) + b"".join(entries))
    _, _, index = encode_pack([("blob", base)])
    made = written(tmp_path, stem, pack, index)
    with pytest.raises(Corrupt, match="larger than any"):
        made.read(12 + len(entries[0]))


def test_an_index_lists_the_ids_of_its_pack():
    name, _, index = encode_pack(OBJECTS)
    assert names_in_index(index, name) == sorted(by_id(OBJECTS))
    with pytest.raises(Corrupt):
        names_in_index(index[:1100], name)
    with pytest.raises(Corrupt):
        names_in_index(index[:1028] + b"\xff" * 4 + index[1032:], name)
    for other in (b"", b"\0" * 2000):
        with pytest.raises(Unsupported):
            names_in_index(other, name)
