import os
import subprocess

import pytest

from mgit.errors import Corrupt, InvalidInput, Leased, RefMoved, Refused
from mgit.history.refs import Head, RefStore, branch_ref, check_ref_name, tag_ref
from mgit.store.files import Files

A, B, C = "a" * 40, "b" * 40, "c" * 40
MAIN = "refs/heads/main"


@pytest.fixture
def refs(tmp_path):
    (tmp_path / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    return RefStore(str(tmp_path), Files())


def git(refs, *arguments):
    command = ["git", "--git-dir", refs._directory, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_was_swapped_in_is_read_back(refs, tmp_path):
    refs.compare_and_swap(MAIN, expected=None, new=A)
    refs.compare_and_swap(MAIN, expected=A, new=B)
    assert refs.get(MAIN) == B
    assert (tmp_path / "refs/heads/main").read_text() == B + "\n"
    assert os.listdir(tmp_path / "refs/heads") == ["main"]


def test_a_ref_that_moved_is_not_overwritten(refs):
    refs.compare_and_swap(MAIN, expected=None, new=A)
    with pytest.raises(RefMoved) as caught:
        refs.compare_and_swap(MAIN, expected=C, new=B)
    assert caught.value.fields["found"] == A
    assert refs.get(MAIN) == A
    refs.compare_and_swap(MAIN, expected=A, new=B)


def test_a_retry_after_a_lost_reply_succeeds(refs):
    refs.compare_and_swap(MAIN, expected=None, new=A)
    refs.compare_and_swap(MAIN, expected=None, new=A)
    refs.compare_and_swap(MAIN, expected=A, new=None)
    refs.compare_and_swap(MAIN, expected=A, new=None)
    assert refs.get(MAIN) is None


def test_a_lock_of_another_program_is_respected(refs, tmp_path):
    (tmp_path / "refs/heads/main.lock").write_text("")
    with pytest.raises(Leased):
        refs.compare_and_swap(MAIN, expected=None, new=A)
    assert (tmp_path / "refs/heads/main.lock").exists()
    assert refs.get(MAIN) is None


def test_a_dead_lock_is_cleared_only_if_it_is_the_dead_process_own(refs, tmp_path):
    lock = tmp_path / "refs/heads/main.lock"
    lock.write_text(B + "\n")
    assert not refs.clear_lock(MAIN, A)
    lock.write_text(A[:7])
    assert refs.clear_lock(MAIN, A)
    assert not lock.exists()
    assert not refs.clear_lock(MAIN, A)


PACKED = f"# pack-refs with: peeled fully-peeled sorted \n{A} {MAIN}\n{B} refs/tags/v1\n^{C}\n"


def test_packed_refs_are_read_and_loose_ones_win(refs, tmp_path):
    (tmp_path / "packed-refs").write_text(PACKED)
    assert refs.all() == {MAIN: A, "refs/tags/v1": B}
    refs.compare_and_swap(MAIN, expected=A, new=C)
    assert refs.get(MAIN) == C
    assert refs.all("refs/heads/") == {MAIN: C}


def test_deleting_a_packed_ref_leaves_the_others(refs, tmp_path):
    (tmp_path / "packed-refs").write_text(PACKED)
    refs.compare_and_swap("refs/tags/v1", expected=B, new=None)
    assert refs.all() == {MAIN: A}
    assert "^" not in (tmp_path / "packed-refs").read_text()
    refs.compare_and_swap(MAIN, expected=A, new=C)
    refs.compare_and_swap(MAIN, expected=C, new=None)
    assert refs.get(MAIN) is None


def test_git_packs_refs_and_they_stay_readable(repository):
    before = repository.refs.all()
    assert git(repository.refs, "pack-refs", "--all").returncode == 0
    assert not os.path.exists(os.path.join(repository.layout.git, "refs/heads/main"))
    assert repository.refs.all() == before


def test_names_that_cannot_both_exist_are_refused(refs):
    refs.compare_and_swap("refs/heads/a", expected=None, new=A)
    with pytest.raises(Refused):
        refs.compare_and_swap("refs/heads/a/b", expected=None, new=A)
    refs.compare_and_swap("refs/heads/c/d", expected=None, new=A)
    with pytest.raises(Refused):
        refs.compare_and_swap("refs/heads/c", expected=None, new=A)


def test_an_empty_directory_is_not_in_the_way(refs):
    refs.compare_and_swap("refs/heads/c/d", expected=None, new=A)
    refs.compare_and_swap("refs/heads/c/d", expected=A, new=None)
    refs.compare_and_swap("refs/heads/c", expected=None, new=B)
    assert refs.all() == {"refs/heads/c": B}


def test_head_is_on_a_branch_or_detached(refs):
    assert refs.head() == Head(branch="main", commit=None)
    refs.compare_and_swap(MAIN, expected=None, new=A)
    assert refs.head() == Head(branch="main", commit=A)
    refs.set_head(B, expected="ref: refs/heads/main")
    assert refs.head() == Head(branch=None, commit=B)
    with pytest.raises(RefMoved):
        refs.set_head(C, expected=A)
    refs.set_head("ref: refs/heads/main", expected=B)
    assert refs.head().branch == "main"


@pytest.mark.parametrize("content", ["", "zz\n", "ref: refs/tags/x\n"])
def test_a_damaged_head_is_corrupt(refs, tmp_path, content):
    (tmp_path / "HEAD").write_text(content)
    with pytest.raises(Corrupt):
        refs.head()


def test_a_missing_head_and_a_damaged_ref_are_corrupt(refs, tmp_path):
    (tmp_path / "refs/heads/main").write_bytes(b"\xff\xfe")
    with pytest.raises(Corrupt):
        refs.get(MAIN)
    (tmp_path / "HEAD").unlink()
    with pytest.raises(Corrupt):
        refs.head()


def test_symbolic_refs_that_go_in_a_circle_are_corrupt(refs, tmp_path):
    (tmp_path / "refs/heads/main").write_text("ref: refs/heads/b\n")
    (tmp_path / "refs/heads/b").write_text("ref: refs/heads/main\n")
    with pytest.raises(Corrupt):
        refs.get(MAIN)


NAMES = [
    "main", "a/b", "a.b", "a-b", "ünï", "@x", "a@b", "a{b", "-x", ".a", "a/.b", "a..b", "a.lock",
    "a/b.lock/c", "a ", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b", "a\x7fb", "a//b", "/a",
    "a/", "a.", "a@{b", "a\tb", "a./b", 'a"b', "a'b",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_are_judged_as_git_judges_them(refs, name):
    full = f"refs/heads/{name}"
    accepted = git(refs, "check-ref-format", full).returncode == 0
    if accepted:
        assert check_ref_name(full) == full
    else:
        with pytest.raises(InvalidInput):
            check_ref_name(full)


@pytest.mark.parametrize("name", ["", "-f", "HEAD", "@", "x" * 201])
def test_some_names_are_refused_for_branches_and_tags(name):
    for make in (branch_ref, tag_ref):
        with pytest.raises(InvalidInput):
            make(name)


def test_a_name_outside_the_refs_is_refused(refs):
    with pytest.raises(InvalidInput):
        refs.get("../config")
    with pytest.raises(InvalidInput):
        refs.compare_and_swap("HEAD", expected=None, new=A)


def test_a_value_that_is_no_object_name_is_refused(refs):
    with pytest.raises(Corrupt):
        refs.compare_and_swap(MAIN, expected=None, new="main")


def test_names_are_listed_without_reading_the_files(refs, tmp_path):
    (tmp_path / "packed-refs").write_text(PACKED)
    broken = tmp_path / "refs" / "heads" / "broken"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("nonsense")
    assert refs.names() == ["refs/heads/broken", MAIN, "refs/tags/v1"]
    with pytest.raises(Corrupt):
        refs.all()
