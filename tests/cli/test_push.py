def change(session, name="side"):
    session.lines("species", "set", "ribosome", "--diameter", "310", "-m", name)


def test_a_dry_run_tells_the_bytes_of_the_push(lab):
    told = lab.ada.json("push", "--dry-run")
    assert told["dry_run"] is True
    assert told["traffic"]["total_bytes"] > 0
    done = lab.ada.json("push")
    assert done["traffic"] == told["traffic"]
    assert done["moved"] == [{"ref": "refs/heads/main", "old": None, "new": lab.ada.tip()}]
    assert lab.ada.lines("push") == ["everything is there already"]


def test_the_loser_of_a_race_is_told_to_pull(lab):
    lab.ada.lines("push")
    ben = lab.clone()
    ben.lines("branch", "keep")
    change(ben)
    ben.lines("push")
    lab.ada.lines("species", "set", "ribosome", "--diameter", "320")
    assert lab.ada("push") == 3
    assert "pull first" in lab.ada.err
    assert lab.ada("push", "--force-with-lease") == 3
    lab.ada.lines("fetch")
    lines = lab.ada.lines("push", "--force-with-lease")
    assert f"{ben.tip()[:10]} -> {lab.ada.tip()[:10]}" in lines[1]


def test_branches_and_tags_go_by_name(lab):
    lab.ada.lines("branch", "side")
    lab.ada.lines("tag", "v1", "-m", "first")
    lab.ada.lines("push", "origin", "main", "side", "--tags")
    there = lab.outside.json("-C", lab.hub, "branch")["branches"]
    assert [each["name"] for each in there] == ["main", "side"]
    assert lab.ada("push", "origin", "nowhere") == 5


def test_without_a_remote_it_says_how_to_add_one(toy):
    assert toy("push") == 5
    assert "mgit remote add NAME URL" in toy.err
