"""`mgit species show`."""


def test_a_species_is_shown(toy):
    lines = toy.lines("species", "show", "ribosome")
    assert lines[0] == "species ribosome"
    assert toy.json("species", "show", "ribosome")["particles"] == 10


def test_an_unknown_species_is_not_found(toy):
    assert toy("species", "show", "ribosom") == 5
    assert "did you mean 'ribosome'?" in toy.err
    assert toy("species", "show", "ribosome", "HEAD~1") == 5
