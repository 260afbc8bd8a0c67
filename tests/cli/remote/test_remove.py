def test_a_remote_is_forgotten(lab):
    lab.ada.lines("push")
    lab.ada.lines("remote", "remove", "origin", "--dry-run")
    assert lab.ada.json("remote", "list")["remotes"]
    lab.ada.lines("remote", "remove", "origin")
    assert lab.ada.json("remote", "list")["remotes"] == []
    assert lab.ada.repository.refs.all("refs/remotes/") == {}
    assert lab.ada("push") == 5


def test_a_remote_that_is_not_known_is_not_found(lab):
    assert lab.ada("remote", "remove", "x") == 5
    assert "the remotes are: origin" in lab.ada.err
