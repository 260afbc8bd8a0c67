from tests.cli.test_push import change


def test_news_are_told_and_branches_stay(lab):
    lab.ada.lines("push")
    ben = lab.clone()
    change(lab.ada)
    lab.ada.lines("push")
    before = ben.tip()
    dry = ben.lines("fetch", "--dry-run")
    assert dry[0] == "dry run: 1 refs would move"
    assert ben.tip("origin/main") == before
    lines = ben.lines("fetch")
    assert lines[0].startswith(f"from {lab.hub}: 1 commit, ")
    assert lines[1] == f"  origin/main  {before[:10]} -> {lab.ada.tip()[:10]}"
    assert (ben.tip(), ben.tip("origin/main")) == (before, lab.ada.tip())
    assert ben.lines("fetch") == ["nothing is new"]
    assert ben.json("fetch")["moved"] == []
    assert ben.lines("log", "origin/main", "--oneline")


def test_a_tag_of_ours_stays_with_a_warning(lab):
    lab.ada.lines("tag", "v1", "-m", "one")
    lab.ada.lines("push", "--tags", "origin")
    lab.ada.lines("push")
    ben = lab.clone()
    ben.lines("tag", "-d", "v1")
    ben.lines("tag", "v1", "-m", "two")
    ben.lines("fetch")
    assert "another tag 'v1'; yours stays" in ben.err
