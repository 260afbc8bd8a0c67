import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.curate.export_files import ExportedFile, apart, place_files, safe_path
from mgit.errors import InvalidState, Refused, StorageFailed


def file(path, owner="source a", content=b"x"):
    return ExportedFile(path=path, owner=owner, save=lambda place: place.write_bytes(content))


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("Job/job001/t.star", "Job/job001/t.star"),
        ("/etc/passwd", "etc/passwd"),
        ("../../a/./b", "a/b"),
        ("C:\\data\\TS 1.xml", "data/TS 1.xml"),
        ("a//b\x00\n", "a/b__"),
        ("x" * 300, "x" * 255),
        (".mgit/hooks/post-commit", "_mgit/hooks/post-commit"),
        ("a/.GIT/config", "a/_GIT/config"),
    ],
)
def test_a_path_is_brought_below_the_directory(path, safe):
    assert safe_path(path) == safe


@given(st.text(max_size=40))
def test_no_path_leaves_the_directory(text):
    try:
        safe = PurePosixPath(safe_path(text))
    except InvalidState:
        return
    assert not safe.is_absolute()
    assert ".." not in safe.parts
    assert not {"\0", "\n", "\\"} & set(str(safe))


@pytest.mark.parametrize("path", ["", "..", "/", "./../"])
def test_a_path_of_which_nothing_is_left_is_refused(path):
    with pytest.raises(InvalidState, match="no name"):
        safe_path(path)


def test_owners_whose_files_meet_get_directories_of_their_own():
    files = [file("t.star"), file("T.star", "source b"), file("u.star", "source b"), file("v", "c")]
    assert [each.path for each in apart(files)] == ["t.star", "b/T.star", "b/u.star", "v"]


def test_a_file_and_a_directory_of_one_name_are_kept_apart():
    files = [file("a/b"), file("a", "source b"), file("a/b/c", "source d")]
    assert [each.path for each in apart(files)] == ["a/b", "b/a", "d/a/b/c"]


def test_two_files_of_one_owner_at_one_path_are_refused():
    with pytest.raises(InvalidState, match="same path"):
        apart([file("a"), file("A")])


def test_files_are_written_and_nothing_else_remains(tmp_path):
    place_files([file("a/b.star", content=b"1"), file("c", content=b"2")], tmp_path / "new" / "out")
    out = tmp_path / "new" / "out"
    assert (out / "a" / "b.star").read_bytes() == b"1"
    assert (out / "c").read_bytes() == b"2"
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["out"]


def test_what_is_there_stays_and_directories_are_joined(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("old")
    place_files([file("a/new"), file("b/c")], tmp_path)
    assert sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")) == [
        *("a", "a/new", "a/old", "b", "b/c")
    ]
    assert (tmp_path / "a" / "old").read_text() == "old"


def test_a_file_that_is_there_is_refused_by_name_before_anything_is_written(tmp_path):
    (tmp_path / "b").write_text("old")
    with pytest.raises(Refused) as caught:
        place_files([file("a"), file("b")], tmp_path)
    assert caught.value.fields["file"] == tmp_path / "b"
    assert [each.name for each in tmp_path.iterdir()] == ["b"]


def test_a_link_on_the_way_is_refused(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(outside)
    with pytest.raises(Refused, match="link"):
        place_files([file("a/b")], tmp_path / "out")
    assert list(outside.iterdir()) == []


def test_a_target_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(Refused, match="no directory"):
        place_files([file("a")], tmp_path / "out")


@pytest.mark.parametrize("failure", [OSError(5, "broken"), KeyboardInterrupt(), ValueError("bad")])
def test_an_interrupted_export_leaves_nothing(tmp_path, failure):
    def stop(place):
        raise failure

    broken = ExportedFile(path="b", owner="source a", save=stop)
    expected = StorageFailed if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        place_files([file("a"), broken], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(_old, _new):
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StorageFailed, match="no space"):
        place_files([file("a")], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_files(tmp_path):
    seen = []
    place_files([file("a"), file("b")], tmp_path / "out", advance=seen.append)
    assert seen == [1, 1]
