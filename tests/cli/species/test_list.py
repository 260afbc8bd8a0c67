"""`mgit species list`."""


def test_species_are_listed_with_units(toy):
    header, row = toy.lines("species", "list")
    assert header.split()[0] == "species"
    assert row.split()[:7] == ["ribosome", "10", "5", "+", "5", "2", "C1"]
    assert "300 A" in row
    assert toy.json("species", "list")[0]["half_sets"] == [5, 5]


def test_a_revision_without_species_says_what_to_do(toy):
    assert toy.lines("species", "list", "HEAD~1") == []
    assert "species add" in toy.err
