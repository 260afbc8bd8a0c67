"""`mgit source show`."""


def test_a_source_is_shown_with_the_commit_that_changed_it(toy):
    lines = toy.lines("source", "show", "grid")
    assert "source grid" in lines
    assert any(line.startswith("last changed by") and "Add source grid" in line for line in lines)
    assert toy.json("source", "show", "grid")["last_change"]["commit"]["subject"] == (
        "Add source grid"
    )


def test_an_unknown_source_is_not_found(toy):
    assert toy("source", "show", "gird") == 5
    assert "'grid'" in toy.err
    assert toy("source", "show", "grid", "HEAD~2") == 5
