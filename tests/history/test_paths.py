"""What a path may be: the same grammar for what we write and for what strangers send."""

import pytest

from mgit.errors import InvalidState
from mgit.history.paths import (
    check_path,
    colliding,
    join,
    name_fault,
    parent_and_name,
    split,
)


@pytest.mark.parametrize("name", ["a", "TS_01-7f0badca", "x" * 64, "1.2.3", "-", "_", "a.", ".a"])
def test_a_slug_is_a_name(name):
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".git", ".GIT", ".gitmodules", "x" * 65, "a b", "ä", "a/b", "a\0", "a\n",
     "NUL", "con", "Com1.txt", "lpt9", "aux.", "a:b", "a~1", "٣"],
)  # fmt: skip
def test_what_a_file_system_or_git_would_take_amiss_is_no_name(name):
    assert name_fault(name) is not None


def test_the_root_has_no_components():
    assert split("") == ()


@pytest.mark.parametrize("path", ["/a", "a/", "a//b", "a/../b", "a" + "/a" * 32])
def test_a_path_is_plain_and_not_too_deep(path):
    with pytest.raises(InvalidState):
        split(path)


@pytest.mark.parametrize("path", ["", "zarr.json", "a/ZARR.json/b", "a/chunks", "Chunks"])
def test_what_the_tree_writes_itself_is_no_path_of_a_caller(path):
    with pytest.raises(InvalidState):
        check_path(path)


def test_join_and_parent_are_inverse():
    assert join("", "a", "", "b") == "a/b"
    assert parent_and_name("a/b/c") == ("a/b", "c")
    assert parent_and_name("c") == ("", "c")


def test_names_collide_when_they_differ_in_case_only():
    assert colliding(["a", "b", "B"]) == ("b", "B")
    assert colliding(["a", "b"]) is None
