from tests.cli.test_push import change


def two(lab):
    lab.ada.lines("push")
    return lab.clone()


def test_a_pull_moves_the_branch_and_undo_takes_it_back(lab):
    ben = two(lab)
    before = ben.tip()
    change(lab.ada)
    lab.ada.lines("push")
    lines = ben.lines("pull")
    assert lines[-1].startswith(f"fast-forward {before[:10]}..{lab.ada.tip()[:10]}")
    assert ben.tip() == lab.ada.tip()
    ben.lines("undo")
    assert ben.tip() == before
    ben.lines("pull")
    assert ben.tip() == lab.ada.tip()
    assert ben.lines("pull") == ["already up to date"]
    assert ben("verify", "--deep") == 0


def test_both_sides_changes_are_merged_and_pushed(lab):
    ben = two(lab)
    change(lab.ada)
    lab.ada.lines("push")
    ben.lines("source", "exclude", "grid", "TS_01")
    mine = ben.tip()
    assert ben("pull", "--ff-only") == 1
    document = ben.json("pull", "-m", "take Ada's diameter")
    assert document["kind"] == "merge"
    assert ben.repository.commit("HEAD").parents == (mine, lab.ada.tip())
    ben.lines("push")
    lab.ada.lines("pull")
    assert lab.ada.tip() == ben.tip()
    ben.lines("undo")
    assert ben.tip() == mine


def test_what_both_changed_is_refused_and_the_branch_stays(lab):
    ben = two(lab)
    change(lab.ada)
    lab.ada.lines("push")
    ben.lines("species", "set", "ribosome", "--diameter", "330")
    mine = ben.tip()
    assert ben("pull") == 3
    assert "species 'ribosome'" in ben.err
    assert ben.tip() == mine


def test_staged_changes_are_in_the_way(lab):
    ben = two(lab)
    ben.lines("species", "set", "ribosome", "--diameter", "330", "--no-commit")
    assert ben("pull") == 1


def test_a_branch_that_the_remote_lacks_is_not_found(lab):
    ben = two(lab)
    ben.lines("switch", "-c", "mine")
    assert ben("pull") == 5
    assert "has no branch 'mine'" in ben.err
    ben.lines("pull", "origin", "main")
