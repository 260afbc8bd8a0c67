"""`mgit du`: sizes with units."""

from tests.survey.populations import commit, shift_defocus


def test_species_sources_and_commits_are_listed(toy):
    commit(toy.repository, shift_defocus(), "shift")
    lines = toy.lines("du")
    assert lines[0].split() == ["in", "this", "revision", "raw", "stored", "own"]
    assert any(line.startswith("species ribosome") for line in lines)
    assert any("shift" in line and "32 B" in line for line in lines)
    record = toy.json("du")
    assert record["commits"][0]["raw_bytes"] == 32
    assert record["store_bytes"] > 0


def test_the_list_of_commits_is_limited(toy):
    lines = toy.lines("du", "--commits", "1")
    assert "and 2 more commits: '--commits N'" in lines
    assert toy("du", "--commits", "-1") == 1
    assert toy("du", "nowhere") == 5
