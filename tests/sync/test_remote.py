"""What a remote says is checked before anybody uses it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import Corrupt, InvalidInput
from mgit.sync.remote import Proposal, References, check_file_name, colliding_refs
from tests.history.histories import ADA

ID = "1" * 40
KINDS = ("segment", "index", "pack", "pack-index")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("segment", "a" * 64 + ".seg"),
        ("index", "0" * 64 + ".idx"),
        ("pack", "pack-" + "b" * 40 + ".pack"),
        ("pack-index", "pack-" + "b" * 40 + ".idx"),
    ],
)
def test_digests_with_their_ending_are_names(kind, name):
    assert check_file_name(kind, name) == name
    for other in KINDS:
        if other != kind:
            with pytest.raises(InvalidInput):
                check_file_name(other, name)


@given(st.text(max_size=80))
def test_nothing_else_is_a_name(text):
    for kind in KINDS:
        with pytest.raises(InvalidInput):
            check_file_name(kind, text)


@pytest.mark.parametrize(
    "name", ["../x", "refs/heads/../x", "refs/heads/a.lock", "HEAD", "refs//a"]
)
def test_a_remote_with_a_hostile_ref_name_is_refused(name):
    with pytest.raises(Corrupt):
        References(refs={name: ID})


@pytest.mark.parametrize("value", ["", "x", "1" * 39, "../../etc/passwd", "A" * 40])
def test_a_ref_that_holds_no_id_is_refused(value):
    with pytest.raises(Corrupt):
        References(refs={"refs/heads/main": value})


def test_refs_that_differ_in_case_only_are_refused():
    with pytest.raises(Corrupt, match="case"):
        References(refs={"refs/heads/main": ID, "refs/heads/MAIN": ID})
    assert colliding_refs(["refs/heads/a", "refs/heads/b"]) is None


def test_a_head_that_is_no_branch_name_is_refused():
    with pytest.raises(Corrupt):
        References(head="../x")


def test_refs_below_a_prefix():
    there = References(refs={"refs/heads/b": ID, "refs/heads/a/c": ID, "refs/tags/t": ID})
    assert list(there.below("refs/heads/")) == ["a/c", "b"]


@pytest.mark.parametrize(
    "change",
    [
        {"changes": {"refs/remotes/x/main": (None, ID)}},
        {"changes": {"HEAD": (None, ID)}},
        {"changes": {"refs/heads/main": (None, "main")}},
        {"changes": {}, "segments": ("../x",)},
        {"changes": {}, "packs": ("a" * 64 + ".seg",)},
    ],
)
def test_a_proposal_that_cannot_be_is_refused(change):
    with pytest.raises(InvalidInput):
        Proposal(who=ADA, **change)
