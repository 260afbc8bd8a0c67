"""`mgit status`: branch, counts, stage, attention."""

from mgit.cli.refinement_course import checkpoints
from mgit.refine.checkpoint import Checkpoint, Request
from tests.survey.populations import move_particles, shift_defocus, stage


def test_a_clean_population_is_summed_up(toy):
    lines = toy.lines("status")
    assert lines[0] == "population toy, on branch main"
    assert "Add species ribosome" in lines[1]
    assert "1 source with 2 series, 1 species with 10 particles" in lines[2]
    assert "nothing is staged" in lines
    assert "  source grid: 2 series without raw data; 'mgit source link grid DIR'" in lines


def test_what_is_staged_is_shown_with_its_difference(toy):
    stage(toy.repository, shift_defocus(by=250.0), "move the defocus")
    lines = toy.lines("status")
    assert "  move the defocus" in lines
    assert any("defocus  by 250 RMS, at most 250 A" in line for line in lines)


def test_a_stage_that_the_branch_left_behind_is_pointed_out(toy):
    stage(toy.repository, move_particles(), "move")
    staged = toy.repository.stage.read()
    toy.repository.stage.clear()
    assert toy("revert", "HEAD") == 0
    toy.repository.stage.write(staged)
    toy("status")
    assert "can only be dropped" in toy.err


def test_the_json_document_says_the_same(toy):
    record = toy.json("status")
    assert record["branch"] == "main"
    assert record["head"]["subject"] == "Add species ribosome"
    assert record["counts"] == {"sources": 1, "items": 2, "species": 1, "particles": 10}
    assert record["staged"] is None


def test_outside_a_population_there_is_none(toy, tmp_path):
    assert toy("-C", str(tmp_path), "status") == 5


def test_a_refinement_that_has_not_ended_is_pointed_out(toy):
    request = Request(
        parent="0" * 40, branch="main", rounds=({},), species=(), sources=(), versions={},
        message=None,
    )  # fmt: skip
    assert toy.json("status")["refinements_to_resume"] == []
    with Checkpoint.of(checkpoints(toy.repository), request).under_way():
        pass
    assert toy.json("status")["refinements_to_resume"] == ["main"]
    line = "  branch main: a refinement has not ended; 'mgit refine --resume' goes on with it"
    assert line in toy.lines("status")


def test_a_damaged_checkpoint_does_not_hide_the_rest(toy):
    directory = checkpoints(toy.repository) / "broken"
    directory.mkdir(parents=True)
    (directory / "run.json").write_text("{", encoding="utf-8")
    assert toy.json("status")["refinements_to_resume"] == ["?"]
