"""`mgit commit`: the stage becomes a commit."""

import json

from mgit.cli.commit import default_message
from mgit.history.stage import StagedTree
from tests.survey.populations import move_particles, shift_defocus, stage


def test_nothing_staged_is_refused(toy):
    assert toy("commit", "-m", "x") == 1
    assert "nothing is staged" in toy.err


def test_the_stage_becomes_one_commit_with_all_its_changes(toy):
    before = toy.tip()
    stage(toy.repository, shift_defocus(), "shift")
    stage(toy.repository, move_particles(), "move")
    lines = toy.lines("commit", "-m", "Both at once")
    assert lines[0].endswith("] Both at once")
    assert lines[1:] == ["  shift", "  move"]
    commit = toy.repository.commit("HEAD")
    assert commit.parents == (before,)
    record = json.loads(toy.repository.snapshot("HEAD").blob("provenance.json"))
    assert [each["verb"] for each in record["changes"]] == ["test", "test"]
    assert toy.repository.stage.read() is None


def test_a_dry_run_keeps_the_stage(toy):
    stage(toy.repository, shift_defocus(), "shift")
    before = toy.tip()
    assert toy.lines("commit", "--dry-run")[0].startswith("dry run:")
    assert toy.tip() == before
    assert toy.repository.stage.read() is not None


def test_the_default_message_names_the_changes():
    one = StagedTree(tree="0" * 40, base=None, messages=("only this",))
    assert default_message(one) == "only this"
    two = StagedTree(tree="0" * 40, base=None, messages=("this", "that\n\nbody"))
    assert default_message(two) == "Record 2 staged changes\n\n- this\n- that"


def test_a_stage_that_does_not_differ_is_refused_with_the_way_out(toy):
    stage(toy.repository, shift_defocus(by=1.0))
    stage(toy.repository, shift_defocus(by=-1.0))
    assert toy("commit") == 1
    assert "restore --staged" in toy.err
