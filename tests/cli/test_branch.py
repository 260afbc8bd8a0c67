"""`mgit branch`: list, create, rename, delete."""

from tests.survey.populations import commit, shift_defocus


def test_branches_are_listed_with_tip_and_subject(toy):
    assert toy("branch", "old", "HEAD~1") == 0
    first, second = toy.lines("branch")
    assert first.split() == ["*", "main", toy.tip()[:10], "Add", "species", "ribosome"]
    assert second.split()[:2] == ["old", toy.tip("HEAD~1")[:10]]
    record = toy.json("branch")
    assert [each["current"] for each in record["branches"]] == [True, False]


def test_a_detached_head_is_listed_first(toy):
    toy("switch", "--detach", "HEAD~1")
    assert "(detached HEAD)" in toy.lines("branch")[0]


def test_a_dry_run_creates_nothing(toy):
    assert toy.lines("branch", "new", "--dry-run")[0].startswith("dry run: created")
    assert len(toy.lines("branch")) == 1


def test_the_current_branch_is_renamed_with_head(toy):
    assert toy("branch", "-m", "trunk") == 0
    assert toy.repository.refs.head().branch == "trunk"
    assert toy("branch", "-m", "main", "other") == 5
    assert "trunk" in toy.err


def test_a_branch_that_nobody_else_holds_is_not_deleted_by_chance(toy):
    toy("branch", "side")
    assert toy("branch", "-d", "side") == 0
    toy("branch", "side")
    commit(toy.repository, shift_defocus(), branch="side")
    assert toy("branch", "-d", "side") == 1
    assert "mgit branch -D side" in toy.err
    assert toy("branch", "-D", "side") == 0
    assert toy("undo", "side") == 0
    assert toy("branch", "-d", "main") == 1


def test_names_that_are_too_many_or_missing_are_refused(toy):
    assert toy("branch", "a", "HEAD", "b") == 1
    assert toy("branch", "-d") == 1
    assert toy("branch", "-m") == 1
    assert toy("branch", "-d", "none") == 5
