import os


def test_a_clone_is_told_with_its_bytes(lab):
    lab.ada.lines("push")
    lines = lab.outside.lines("clone", lab.hub, "ben")
    assert lines[0].startswith(f"cloned into {lab.folder}/ben: ")
    assert "MB" in lines[0] or "kB" in lines[0]
    assert lines[1].startswith(f"on branch main at {lab.ada.tip()[:10]}")
    ben = f"{lab.folder}/ben"
    assert lab.outside("-C", ben, "verify", "--deep") == 0
    assert lab.outside.json("-C", ben, "remote", "list")["remotes"][0]["url"] == lab.hub


def test_a_clone_takes_the_name_of_its_source_and_a_file_url(lab):
    lab.ada.lines("push")
    os.mkdir(f"{lab.folder}/desk")
    document = lab.outside.json("-C", f"{lab.folder}/desk", "clone", f"file://{lab.hub}")
    assert document["directory"] == f"{lab.folder}/desk/hub"
    assert document["commit"] == lab.ada.tip()
    assert document["traffic"]["total_bytes"] > 0


def test_a_dry_run_makes_nothing(lab):
    lab.ada.lines("push")
    lines = lab.outside.lines("clone", lab.hub, "ben", "--dry-run")
    assert lines[1] == f"  main  {lab.ada.tip()[:10]}"
    assert not os.path.exists(f"{lab.folder}/ben")
    lab.clone()
    assert lab.outside("clone", lab.hub, "ben", "--dry-run") == 1


def test_what_cannot_be_cloned_says_why(lab):
    assert lab.outside("clone", lab.hub, "ben") == 1
    assert "no branch yet" in lab.outside.err
    assert lab.outside("clone", "nowhere") == 5
    assert lab.outside("clone", "s3://bucket/x") == 1
