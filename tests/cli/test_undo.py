"""`mgit undo`: back and forward."""

from mgit.cli.main import main
from tests.survey.populations import shift_defocus, stage


def test_the_last_change_is_taken_back_and_repeated(toy):
    tip, parent = toy.tip(), toy.tip("HEAD~1")
    lines = toy.lines("undo")
    assert lines[0] == "took back test: Add species ribosome"
    assert lines[1] == f"  'main' is at {parent[:10]} Add source grid"
    assert toy.tip() == parent
    assert toy.json("undo", "--redo")["branches"] == {"main": tip}
    assert toy("undo", "--redo") == 5


def test_a_branch_that_goes_is_said_to_be_gone(toy):
    toy("branch", "side")
    assert toy.lines("undo", "side")[1] == "  'side' is gone"


def test_staged_changes_are_in_the_way(toy):
    stage(toy.repository, shift_defocus())
    assert toy("undo") == 1


def test_a_dry_run_says_what_would_be_taken_back(toy):
    tip = toy.tip()
    lines = toy.lines("undo", "--dry-run")
    assert lines[0] == "dry run: would take back test: Add species ribosome"
    assert lines[1].startswith("  'main' would be at ")
    assert toy.tip() == tip
    assert toy("undo", "--redo", "--dry-run") == 5
    toy("undo")
    assert toy.json("undo", "--redo", "--dry-run")["branches"] == {"main": tip}
    assert toy.tip() != tip


def test_a_branch_that_never_was_is_named_and_a_deleted_one_comes_back(toy, capsys):
    assert main(["-C", toy.repository.root, "undo", "mian"]) == 5
    assert "never was" in capsys.readouterr().err
    toy("branch", "side")
    toy("branch", "-D", "side")
    assert toy.lines("undo", "side")[1].startswith("  'side' is at ")
