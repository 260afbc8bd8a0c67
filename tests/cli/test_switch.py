"""`mgit switch`: HEAD moves, or says why not."""

from tests.survey.populations import shift_defocus, stage


def test_a_branch_is_created_and_made_current(toy):
    assert "created and switched to 'new'" in toy.lines("switch", "-c", "new", "HEAD~1")[0]
    assert toy.repository.refs.head().branch == "new"
    assert toy.tip() == toy.tip("main~1")
    assert "already on 'new'" in toy.lines("switch", "new")[0]


def test_a_commit_is_no_branch(toy):
    for revision in ("HEAD~1", toy.tip()[:10]):
        assert toy("switch", revision) == 1
        assert "--detach" in toy.err
    assert toy("switch", "--detach", "HEAD~1") == 0
    assert "belong to no branch" in toy.err
    assert toy.repository.refs.head().branch is None


def test_an_unknown_branch_is_not_found(toy):
    assert toy("switch", "nowhere") == 5
    assert "main" in toy.err


def test_staged_changes_are_in_the_way(toy):
    toy("branch", "side")
    stage(toy.repository, shift_defocus())
    assert toy("switch", "side") == 1
    assert toy("switch", "-c", "new") == 1
    assert "new" not in [each["name"] for each in toy.json("branch")["branches"]]


def test_a_start_needs_a_new_branch(toy):
    assert toy("switch", "main", "HEAD~1") == 1
    assert "-c main" in toy.err


def test_a_dry_run_checks_and_moves_nothing(toy):
    assert toy.lines("switch", "-c", "new", "HEAD~1", "--dry-run")[0].startswith("dry run: would")
    assert toy("switch", "new", "--dry-run") == 5
    assert toy("switch", "-c", "main", "--dry-run") == 1
    assert toy("switch", "--detach", "HEAD~1", "--dry-run") == 0
    assert toy.repository.refs.head().branch == "main"
