import os


def test_a_path_is_kept_whole(lab):
    os.mkdir(f"{lab.folder}/other")
    (line,) = lab.ada.lines("remote", "add", "other", "../other")
    assert line == f"added the remote 'other': {lab.folder}/other"
    assert "mgit init --bare" in lab.ada.err
    assert lab.ada.json("remote", "list")["remotes"][1]["url"] == f"{lab.folder}/other"


def test_what_is_no_directory_of_this_version_is_refused(lab):
    assert lab.ada("remote", "add", "web", "https://example.org/x") == 1
    assert "give a path" in lab.ada.err


def test_a_name_is_given_once(lab):
    assert lab.ada("remote", "add", "origin", "/x") == 1
    assert "exists already" in lab.ada.err


def test_a_dry_run_keeps_nothing(lab):
    assert lab.ada.json("remote", "add", "other", "/x", "--dry-run")["dry_run"] is True
    assert len(lab.ada.json("remote", "list")["remotes"]) == 1
