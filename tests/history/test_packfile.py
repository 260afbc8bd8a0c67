"""Packs: ours are Git's, Git's are read, damage is noticed."""

import struct
import subprocess
import zlib

import pytest

from mgit.errors import Corrupt, Unsupported
from mgit.history.commits import object_id
from mgit.history.packfile import PackFile, encode_index, encode_pack, inflate

OBJECTS = [
    ("blob", b""),
    ("blob", b"small"),
    ("blob", bytes(100_000)),
    ("tag", b"object 1\n"),
    *(("blob", b"number %d" % number) for number in range(300)),
    *(("blob", b"x" * length) for length in (127, 128, 129)),
]


def put(folder, objects):
    name, pack, index = encode_pack(objects)
    (folder / f"{name}.pack").write_bytes(pack)
    (folder / f"{name}.idx").write_bytes(index)
    return folder / name


@pytest.fixture
def path(tmp_path):
    return put(tmp_path, OBJECTS)


def test_every_object_is_read_back(path):
    pack = PackFile(str(path))
    for kind, content in OBJECTS:
        offset = pack.find(bytes.fromhex(object_id(kind, content)))
        assert pack.read(offset) == (kind, content)
    assert pack.find(bytes(20)) is None
    assert pack.find(b"\xff" * 20) is None
    pack.check()


def test_git_verifies_the_pack_and_makes_the_same_index(path, tmp_path):
    subprocess.run(["git", "verify-pack", f"{path}.idx"], check=True)
    again = tmp_path / "again.idx"
    subprocess.run(
        ["git", "index-pack", "-o", again, f"{path}.pack"], check=True, capture_output=True
    )
    assert again.read_bytes() == path.with_suffix(".idx").read_bytes()


def test_equal_objects_make_equal_packs_and_are_stored_once():
    assert encode_pack(OBJECTS) == encode_pack(OBJECTS + OBJECTS)


def test_short_objects_are_stored_and_long_ones_deflated(tmp_path):
    for length, content in ((128, bytes(128)), (129, bytes(129))):
        _, pack, _ = encode_pack([("blob", content)])
        assert (content in pack) == (length == 128)
        assert PackFile(str(put(tmp_path, [("blob", content)]))).read(12) == ("blob", content)


def test_ids_that_are_given_are_not_computed_again():
    named = {object_id(kind, content): (kind, content) for kind, content in OBJECTS}
    assert encode_pack(named) == encode_pack(OBJECTS)


def test_a_name_that_two_neighbours_spell_together_is_not_theirs(tmp_path):
    first, second = b"\5" + b"\1" * 9 + b"\5" + b"\7" * 9, b"\5" + b"\2" * 19
    spelt = first[10:] + second[:10]
    for names in ([first, second], [first, second, spelt]):
        index = encode_index({name: (12 + at, 0) for at, name in enumerate(names)}, bytes(20))
        (tmp_path / "p.idx").write_bytes(index)
        found = PackFile(str(tmp_path / "p")).find(spelt)
        assert found == (14 if spelt in names else None)


def test_an_empty_pack_is_one(tmp_path):
    pack = PackFile(str(put(tmp_path, [])))
    pack.check()
    assert list(pack.with_prefix("")) == []


def test_names_are_found_by_their_first_digits(path):
    pack = PackFile(str(path))
    names = sorted({object_id(*made) for made in OBJECTS})
    assert list(pack.with_prefix("")) == names
    for prefix in ("a", "ff", names[0][:5], names[-1]):
        expected = [name for name in names if name.startswith(prefix)]
        assert list(pack.with_prefix(prefix)) == expected


@pytest.mark.parametrize("options", [["--delta-base-offset"], []])
def test_deltas_that_git_made_are_applied(tmp_path, options):
    git = ["git", "-C", str(tmp_path)]
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True)
    base = b"".join(b"line %d\n" % number for number in range(2000))
    contents = [base + b"end %d\n" % number for number in range(8)]
    names = [
        subprocess.run(
            [*git, "hash-object", "-w", "--stdin"], input=content, capture_output=True, check=True
        )
        .stdout.decode()
        .strip()
        for content in contents
    ]
    made = subprocess.run(
        [*git, "pack-objects", "-q", *options, str(tmp_path / "made")],
        input="\n".join(names).encode(),
        capture_output=True,
        check=True,
    )
    stem = tmp_path / f"made-{made.stdout.decode().strip()}"
    assert stem.with_suffix(".pack").stat().st_size < 2 * len(zlib.compress(base))
    pack = PackFile(str(stem))
    read = [pack.read(pack.find(bytes.fromhex(name))) for name in names]
    assert read == [("blob", content) for content in contents]


def read_or_none(stem, name):
    pack = PackFile(str(stem))
    try:
        return pack.read(pack.find(bytes.fromhex(name)))
    except Corrupt:
        return None


def test_a_flipped_byte_never_gives_another_object_of_the_same_name(tmp_path):
    """The read fails, or the SHA-1 tells, or the byte did not matter; `check` always tells."""
    content = b"content of an object " * 3
    stem = put(tmp_path, [("blob", content)])
    whole = stem.with_suffix(".pack").read_bytes()
    name = object_id("blob", content)
    unharmed = 0
    for place in range(12, len(whole) - 20):
        stem.with_suffix(".pack").write_bytes(
            whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        )
        found = read_or_none(stem, name)
        if found is not None and object_id(*found) == name:
            assert found == ("blob", content)
            unharmed += 1
        with pytest.raises(Corrupt):
            PackFile(str(stem)).check()
    assert unharmed < 3


def test_an_index_that_lies_is_corrupt(path):
    whole = path.with_suffix(".idx").read_bytes()
    for damaged in (
        whole[:50],
        whole[: len(whole) // 2],
        whole[:8] + b"\xff" * 1024 + whole[1032:],
    ):
        path.with_suffix(".idx").write_bytes(damaged)
        with pytest.raises(Corrupt):
            PackFile(str(path)).find(bytes(20))
    path.with_suffix(".idx").write_bytes(b"\0\0\0\0" + whole[4:])
    with pytest.raises(Unsupported):
        PackFile(str(path)).find(bytes(20))


def test_an_offset_outside_of_the_pack_is_corrupt(path):
    pack = PackFile(str(path))
    for offset in (0, 11, 1 << 40):
        with pytest.raises(Corrupt):
            pack.read(offset)


def test_a_delta_on_itself_ends(tmp_path):
    """A reference delta whose base is its own name would never end in a naive reader."""
    _, _, index = encode_pack([("blob", b"x" * 40)])
    own = bytes.fromhex(object_id("blob", b"x" * 40))
    delta = zlib.compress(b"\x01\x01\x01x")
    body = struct.pack(">4sII", b"PACK", 2, 1) + bytes([7 << 4 | 4]) + own + delta
    (tmp_path / "p.pack").write_bytes(body + bytes(20))
    (tmp_path / "p.idx").write_bytes(index)
    opened = PackFile(str(tmp_path / "p"))
    with pytest.raises(Corrupt):
        opened.read(opened.find(own))


def test_inflating_is_bounded_by_the_size_that_is_told():
    bomb = zlib.compress(bytes(10_000_000))
    with pytest.raises(Corrupt):
        inflate(bomb, 10, "x")
    with pytest.raises(Corrupt):
        inflate(bomb, 1 << 40, "x")
    with pytest.raises(Corrupt):
        inflate(bomb[:-1], 10_000_000, "x")
    assert inflate(zlib.compress(b""), 0, "x") == b""


def test_damage_says_whether_it_is_the_pack_or_the_index(path):
    assert PackFile(str(path)).damage() == {}
    for ending, offset, what in (
        (".pack", 40, "pack"),
        (".idx", 1100, "index"),
        (".idx", 2, "index"),
    ):
        file = path.with_name(path.name + ending)
        sound = file.read_bytes()
        damaged = bytearray(sound)
        damaged[offset] ^= 4
        file.write_bytes(damaged)
        assert list(PackFile(str(path)).damage()) == [what]
        with pytest.raises((Corrupt, Unsupported)):
            PackFile(str(path)).check()
        file.write_bytes(sound)


def test_an_index_of_another_pack_is_damage(path, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    stranger = put(other, OBJECTS[:3])
    index = stranger.with_name(stranger.name + ".idx").read_bytes()
    path.with_name(path.name + ".idx").write_bytes(index)
    assert list(PackFile(str(path)).damage()) == ["index"]
