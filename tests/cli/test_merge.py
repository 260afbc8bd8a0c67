"""`mgit merge`: the ways it goes, and what it says."""

import pytest

from tests.survey.populations import commit, move_particles, shift_defocus, stage


@pytest.fixture
def side(toy):
    """A branch 'side' with a change of TS_01."""
    toy("branch", "side")
    commit(toy.repository, shift_defocus("TS_01"), "shift", branch="side")
    return "side"


def test_an_older_commit_is_merged_already(toy):
    assert toy.lines("merge", "HEAD~1") == ["already up to date"]


def test_a_branch_moves_forward_without_a_commit(toy, side):
    before = toy.tip()
    assert "would fast-forward" in toy.lines("merge", side, "--dry-run")[0]
    assert toy.tip() == before
    assert toy.json("merge", side)["kind"] == "fast-forward"
    assert toy.tip() == toy.tip(side)
    assert toy("undo") == 0
    assert toy.tip() == before


def test_a_commit_may_be_asked_for(toy, side):
    lines = toy.lines("merge", side, "--no-ff", "-m", "Take the defocus")
    assert lines[0].endswith("Take the defocus")
    assert "  from 'side': series 'TS_01' of source 'grid'" in lines
    assert len(toy.repository.commit("HEAD").parents) == 2


def test_two_lines_are_joined_and_stale_poses_pointed_out(toy, side):
    commit(toy.repository, move_particles())
    assert toy("merge", side, "--ff-only") == 1
    before = toy.tip()
    assert toy("merge", side, "--dry-run") == 0
    assert toy.tip() == before
    record = toy.json("merge", side)
    assert record["taken"] == ["series 'TS_01' of source 'grid'"]
    assert record["kept"] == ["species 'ribosome'"]
    assert record["stale"] == ["ribosome"]
    assert "needs_refinement" in toy.err
    assert "species ribosome: needs refinement" in "".join(toy.lines("status"))


def test_a_conflict_names_everything_and_changes_nothing(toy, side):
    commit(toy.repository, shift_defocus("TS_01", 7.0))
    before = toy.tip()
    assert toy("merge", side) == 3
    assert "series 'TS_01' of source 'grid': changed on both sides" in toy.err
    assert "hint:" in toy.err
    assert toy.tip() == before
    toy("restore", "sources/grid/items/TS_01", "--from", side)
    assert toy("merge", side) == 0


def test_staged_changes_are_in_the_way(toy, side):
    stage(toy.repository, move_particles())
    assert toy("merge", side) == 1
    assert toy("merge", "nowhere") == 1


def test_many_series_of_one_source_are_counted(toy):
    from mgit.cli.merge import _names

    series = [f"series 'TS_{number}' of source 'grid'" for number in range(5)]
    assert _names([*series, "species 'x'"]) == ["5 series of source 'grid'", "species 'x'"]
    assert _names(series[:2]) == series[:2]
