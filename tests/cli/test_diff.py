"""`mgit diff`: which trees are compared."""

import pytest

from tests.survey.populations import commit, move_particles, shift_defocus, stage


@pytest.fixture
def changed(toy):
    """Two more commits: a shifted defocus, then moved particles."""
    commit(toy.repository, shift_defocus(by=250.0), "shift")
    commit(toy.repository, move_particles(1.5, drop=2), "move")
    return toy


def test_without_a_stage_nothing_can_differ(toy):
    assert "nothing is staged" in toy.lines("diff")[0]
    assert toy.json("diff") == {"species": [], "sources": [], "other": []}


def test_the_stage_is_compared_with_head(toy):
    stage(toy.repository, shift_defocus(by=250.0))
    assert any("by 250 RMS, at most 250 A" in line for line in toy.lines("diff"))
    assert any("+ species" in line for line in toy.lines("diff", "HEAD~1"))


def test_moved_particles_are_told_in_angstrom(changed):
    lines = changed.lines("diff", "HEAD~1", "HEAD")
    assert "    - 2 particles" in lines
    assert any("8 particles moved: median 1.5 A and 0 deg" in line for line in lines)


@pytest.mark.parametrize("words", [["HEAD~2", "HEAD"], ["HEAD~2..HEAD"], ["HEAD~2.."], ["HEAD~2"]])
def test_two_revisions_in_any_spelling(changed, words):
    lines = changed.lines("diff", *words)
    assert "~ species ribosome" in lines
    assert "  ~ series TS_01" in lines


def test_paths_narrow_the_comparison(changed):
    lines = changed.lines("diff", "HEAD~2", "HEAD", "sources/grid/items/TS_01")
    assert "~ species ribosome" not in lines
    assert "  ~ series TS_01" in lines
    assert changed.lines("diff", "HEAD~2", "HEAD", "sources/grid/items/TS_02") == ["no difference"]


def test_three_dots_begin_at_the_common_ancestor(changed):
    changed("branch", "side", "HEAD~1")
    commit(changed.repository, shift_defocus("TS_02"), branch="side")
    assert any("TS_02" in line for line in changed.lines("diff", "main...side"))
    assert not any("species" in line for line in changed.lines("diff", "main...side"))
    assert any("species" in line for line in changed.lines("diff", "main..side"))


def test_unknown_words_are_not_found(toy):
    assert toy("diff", "mian") == 5
    assert toy("diff", "HEAD~1", "HEAD", "species/x") == 5


def test_scores_of_a_step_and_of_revisions_further_apart_are_told(toy):
    from mgit.state.item_scores import ItemScore, write_item_scores
    from tests.survey.populations import FIRST, SPECIES, commit

    identity = toy.repository.snapshot("HEAD").attributes(FIRST)["id"]
    for before, after in ((10.0, 12.0), (20.0, 19.0)):
        score = {identity: ItemScore(before=before, after=after, particles=5)}
        commit(toy.repository, lambda w, score=score: write_item_scores(w, SPECIES, score))
    lines = toy.lines("diff", "HEAD~1", "HEAD")
    assert (
        "    scores: 0 series better, 1 worse, against the references of this refinement" in lines
    )
    assert "      TS_01  20.00 -> 19.00  -1.00  worse" in lines
    assert toy.lines("show")[-1] == lines[-1]
    lines = toy.lines("diff", "HEAD~3", "HEAD")
    assert "      TS_01  20.00 -> 19.00  -1.00  worse" in lines
    commit(toy.repository, lambda writer: writer.remove(FIRST))
    record = toy.json("diff", "HEAD~2", "HEAD", "species")
    scores = record["species"][0]["scores"]
    assert scores["yardstick"] == "revisions"
    assert [scores["items"][0][name] for name in ("before", "after")] == [12.0, 19.0]
