"""`mgit source list`."""


def test_sources_are_listed_with_units(toy):
    header, row = toy.lines("source", "list")
    assert header.split()[0] == "source"
    assert row.split() == ["grid", "tilt", "series", "2", "8/8", "1.35", "A", "-", "2", "unbound"]
    assert toy.json("source", "list")[0]["items"][0]["name"] == "TS_01"


def test_a_revision_without_sources_says_what_to_do(toy):
    assert toy.lines("source", "list", "HEAD~2") == []
    assert "source add" in toy.err
    assert toy.json("source", "list", "HEAD~2") == []
