"""`mgit revert`: the opposite of a commit."""

import json

from tests.survey.populations import commit, move_particles, shift_defocus


def test_the_opposite_of_an_older_commit_is_committed(toy):
    commit(toy.repository, shift_defocus(), "shift")
    commit(toy.repository, move_particles(), "move")
    reverted = toy.tip("HEAD~1")
    assert toy.lines("revert", "HEAD~1")[0].endswith("Revert 'shift'")
    assert toy.lines("diff", "HEAD~3", "HEAD", "sources/grid") == ["no difference"]
    record = json.loads(toy.repository.snapshot("HEAD").blob("provenance.json"))
    assert record["settings"] == {"commit": reverted}


def test_what_changed_again_since_is_a_conflict(toy):
    commit(toy.repository, shift_defocus(by=1.0))
    commit(toy.repository, shift_defocus(by=2.0))
    assert toy("revert", "HEAD~1") == 3
    assert "since that commit: sources/grid/items/TS_01\n" in toy.err
    assert toy("revert", "HEAD~9") == 5


def test_a_commit_of_another_branch_is_refused(toy):
    toy("branch", "side")
    commit(toy.repository, shift_defocus(), branch="side")
    assert toy("revert", "side") == 1


def test_particles_do_not_lose_their_series(toy):
    assert toy("revert", "HEAD~1") == 1
    assert "ribosome (2 series)" in toy.err


def test_a_dry_run_and_the_stage_leave_the_branch(toy):
    before = toy.tip()
    assert toy("revert", "HEAD", "--dry-run") == 0
    assert toy.repository.stage.read() is None
    assert toy("revert", "HEAD", "--no-commit") == 0
    assert toy.repository.stage.read() is not None
    assert toy.tip() == before
