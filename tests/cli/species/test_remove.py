"""`mgit species remove`: gone from the present, not from the past."""


def test_a_removed_species_stays_in_the_history(capsid):
    lines = capsid.lines("species", "remove", "capsid")
    assert lines[0].endswith("Remove species capsid")
    assert lines[1] == "  8 particles left with it"
    assert "mgit undo" in capsid.err
    assert capsid("species", "show", "capsid") == 5
    assert len(capsid.species(revision="HEAD~1").particles) == 8


def test_a_dry_run_keeps_it(capsid):
    capsid.lines("species", "remove", "capsid", "--dry-run")
    assert capsid.species().particles
    assert capsid("species", "remove", "nobody") == 5
