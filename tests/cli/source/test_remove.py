"""`mgit source remove` keeps history, and keeps sources that a species stands in."""

import json


def test_a_removed_source_comes_back_from_history(added, shown):
    before = shown()
    assert added("source", "remove", "lam")[0] == 0
    assert json.loads(added("source", "list", "--json")[1]) == []
    assert added("restore", "sources/lam", "--from", "HEAD~1")[0] == 0
    assert shown() == before


def test_a_source_with_particles_stays(added, made):
    table = ("--particles", made.particles, "--diameter", 150)
    assert added("species", "add", "blob", *table)[0] == 0
    code, _, errors = added("source", "remove", "lam")
    assert code == 1
    assert "blob" in errors
