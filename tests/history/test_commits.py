"""Commit objects: what Git accepts, what we read back, and what is refused."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import Corrupt, InvalidState
from mgit.history.commits import (
    CommitRecord,
    Signature,
    commit_id,
    format_commit,
    is_object_id,
    object_id,
    with_signature,
    without_signature,
)

TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
ADA = Signature("Ada Lovelace", "ada@example.org", 1_700_000_000, 3600)
BOB = Signature("Bob", "", 1_700_000_060, -9000)
TRAILERS = {"Mgit-State": "b3:" + "0a" * 32, "Mgit-Root": "b3:" + "0b" * 32}
ARMOUR = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n\nabc=\n-----END SSH SIGNATURE-----"


def commit(**changes):
    fields = {
        "tree": TREE,
        "parents": [],
        "author": ADA,
        "committer": BOB,
        "message": "Subject\n\nBody",
        "trailers": TRAILERS,
    }
    return format_commit(**{**fields, **changes})


def test_a_commit_is_read_back_as_it_was_written():
    parents = ["1" * 40, "2" * 40]
    record = CommitRecord.parse(commit(parents=parents))
    assert (record.tree, record.parents) == (TREE, tuple(parents))
    assert (record.author, record.author_time, record.author_zone) == (
        "Ada Lovelace <ada@example.org>",
        1_700_000_000,
        3600,
    )
    assert (record.committer, record.committer_zone) == ("Bob <>", -9000)
    assert (record.subject, record.message) == ("Subject", "Subject\n\nBody")
    assert (record.state, record.root) == tuple(TRAILERS.values())
    assert (record.signature, record.headers) == (None, ())


def test_git_accepts_a_commit_and_gives_it_the_same_id(tmp_path):
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True)
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "hash-object", "-t", "tree", "-w", "/dev/null"], check=True)
    for raw in (commit(), with_signature(commit(), ARMOUR)):
        named = subprocess.run(
            [*git, "hash-object", "-t", "commit", "-w", "--stdin"],
            input=raw,
            capture_output=True,
            check=True,
        )
        assert named.stdout.decode().strip() == commit_id(raw)
    fsck = subprocess.run([*git, "fsck", "--strict"], capture_output=True, text=True, check=False)
    assert (fsck.returncode, "error" in fsck.stderr, "warning" in fsck.stderr) == (0, False, False)
    show = subprocess.run(
        [*git, "log", "-1", "--format=%an|%ae|%ad|%s|%(trailers:key=Mgit-Root,valueonly)",
         "--date=raw", commit_id(commit())],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = f"Ada Lovelace|ada@example.org|1700000000 +0100|Subject|{TRAILERS['Mgit-Root']}"
    assert show.stdout.strip() == expected


def test_a_signature_covers_exactly_the_unsigned_commit():
    raw = commit()
    signed = with_signature(raw, ARMOUR + "\n")
    assert without_signature(signed) == raw
    assert without_signature(raw) == raw
    record = CommitRecord.parse(signed)
    assert record.signature == ARMOUR
    assert record.trailers == TRAILERS
    with pytest.raises(InvalidState):
        with_signature(signed, ARMOUR)


def test_headers_of_others_are_kept():
    raw = commit(headers=[("encoding", "UTF-8"), ("mergetag", "object x\ntype commit")])
    record = CommitRecord.parse(raw)
    assert record.headers == (("encoding", "UTF-8"), ("mergetag", "object x\ntype commit"))


def test_a_commit_that_mgit_did_not_make_claims_nothing():
    record = CommitRecord.parse(commit(trailers={}))
    assert (record.state, record.root, record.trailers) == ("", "", {})


def test_only_the_last_paragraph_holds_trailers():
    fake = "Subject\n\nMgit-State: b3:" + "ff" * 32
    record = CommitRecord.parse(commit(message=fake))
    assert record.state == TRAILERS["Mgit-State"]
    assert record.message == fake


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw.replace(b"tree ", b"wood ", 1),
        lambda raw: raw.replace(TREE.encode(), TREE[:-1].encode()),
        lambda raw: raw.replace(TREE.encode(), TREE.upper().encode()),
        lambda raw: raw.replace(b"author Ada", b"parent Ada"),
        lambda raw: raw.replace(b"committer", b"comitter"),
        lambda raw: raw.replace(b"+0100", b"0100"),
        lambda raw: raw.replace(b"1700000000", b"-1"),
        lambda raw: raw.replace(b"author", b"nothing\nauthor"),
        lambda raw: raw.replace(b"b3:0a", b"b3:0A"),
        lambda raw: raw + b"Mgit-Root: b3:" + b"0c" * 32 + b"\n",
        lambda raw: b"",
        lambda raw: b" folded\n\n",
    ],
)
def test_a_malformed_commit_is_corrupt(damage):
    with pytest.raises(Corrupt):
        CommitRecord.parse(damage(commit()))


@pytest.mark.parametrize(
    "changes",
    [
        {"tree": "abc"},
        {"parents": ["HEAD"]},
        {"message": " \n"},
        {"message": "a\0b"},
        {"trailers": {"Mgit-State": ""}},
        {"trailers": {"No key": "x"}},
        {"trailers": {"Key": "two\nlines"}},
    ],
)
def test_what_git_would_refuse_is_not_written(changes):
    with pytest.raises(InvalidState):
        commit(**changes)


@pytest.mark.parametrize(
    "values",
    [("", "a", 0, 0), ("a<b", "", 0, 0), ("a", "b>", 0, 0), ("a\nb", "", 0, 0), ("a", "", -1, 0),
     ("a", "", 0, 30), ("a", "", 0, 86400), ("a", "", 2**63, 0)],
)  # fmt: skip
def test_a_signature_is_valid_from_birth(values):
    with pytest.raises(InvalidState):
        Signature(*values)


def test_a_signature_is_a_value():
    assert Signature("a", "b", 1, 60) == Signature("a", "b", 1, 60)
    assert len({Signature("a", "b", 1, 60), Signature("a", "b", 1, 60)}) == 1
    with pytest.raises(AttributeError):
        ADA.name = "x"


def test_object_ids_are_those_of_git():
    assert object_id("tree", b"") == TREE
    assert is_object_id(TREE)
    assert not is_object_id(TREE + "\n")
    assert not is_object_id(TREE.upper())


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="<>\n\r\0"), min_size=1)


@given(
    name=NAMES.filter(str.strip),
    message=TEXT.filter(str.strip),
    minutes=st.integers(-1439, 1439),
    time=st.integers(0, 2**63 - 1),
)
def test_any_commit_survives_the_round_trip(name, message, minutes, time):
    who = Signature(name, "x@y", time, minutes * 60)
    record = CommitRecord.parse(commit(author=who, message=message))
    assert (record.author, record.author_time) == (who.person, time)
    assert record.author_zone == minutes * 60
    assert record.message == message.strip("\n")
    assert record.trailers == TRAILERS
    assert record.id == commit_id(record.raw)
