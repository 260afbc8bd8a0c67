"""`mgit species set`: old and new value in words, and what follows."""


def test_old_and_new_values_are_told_with_units(capsid):
    lines = capsid.lines("species", "set", "capsid", "--diameter", "240", "--symmetry", "c6")
    assert lines[0].endswith("Set diameter (A) 240.0, symmetry C6 of species capsid")
    assert lines[1] == "  diameter (A): 100.0 -> 240.0"
    assert lines[2] == "  symmetry: C1 -> C6"
    assert "new symmetry" in capsid.err


def test_a_species_is_renamed(capsid):
    capsid.lines("species", "set", "capsid", "--name", "hexamer")
    assert capsid.species("hexamer").particles
    assert capsid("species", "set", "capsid", "--mass", "10") == 5


def test_flags_and_relations_go_on_and_off(capsid):
    capsid.lines("species", "set", "capsid", "--ewald", "on", "--temporal-samples", "3")
    assert capsid.species().flag("ewald")
    assert capsid.lines("species", "set", "capsid", "--ewald", "off")[1] == "  ewald: yes -> none"
    assert capsid("species", "set", "capsid", "--parent", "nobody") == 5
    assert capsid("species", "set", "capsid", "--contacts", "none") == 1


def test_nothing_given_or_nothing_new_is_refused(capsid):
    assert capsid("species", "set", "capsid") == 1
    assert "no property is given" in capsid.err
    assert capsid("species", "set", "capsid", "--diameter", "100") == 1
    assert "would change nothing" in capsid.err


def test_json_gives_old_and_new(capsid):
    record = capsid.json("species", "set", "capsid", "--mass", "300")
    assert record["changes"] == {"molecular_weight_kilodalton": [None, "300.0"]}
