def test_remotes_are_listed_with_what_was_seen(lab):
    assert lab.ada.lines("remote", "list") == [f"origin  {lab.hub}"]
    lab.ada.lines("push")
    lines = lab.ada.lines("remote", "list")
    assert lines[1].split()[:2] == ["main", lab.ada.tip()[:10]]
    (document,) = lab.ada.json("remote", "list")["remotes"]
    assert document == {"name": "origin", "url": lab.hub, "branches": {"main": lab.ada.tip()}}


def test_a_population_without_remotes_says_how_to_add_one(toy):
    assert toy.lines("remote", "list") == []
    assert "mgit remote add NAME URL" in toy.err
