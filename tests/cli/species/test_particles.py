"""`mgit species particles`: picks in, particles out, with counts."""

from tests.curate.species_tables import rows_of


def picks(count=2, seed=9):
    rows = rows_of(count, seed)
    for at, row in enumerate(rows):
        row["rlnCoordinateX"] += 300
        row["rlnTomoParticleName"] = f"{row['rlnTomoName']}/new{at}"
    return rows


def test_new_picks_come_in_and_close_ones_stay_out(capsid):
    table = capsid.table(picks() + rows_of(3), "picks.star")
    lines = capsid.lines("species", "particles", "add", "capsid", "--star", table)
    assert lines[0].endswith("Add 2 particles to species capsid")
    assert lines[1] == "  2 added, 3 dropped: closer than 50 A to another particle"
    assert lines[3].startswith("  10 particles, half-sets")
    assert "waits for a reconstruction" in capsid.err


def test_particles_go_and_misses_are_told(capsid):
    table = capsid.table(rows_of(3) + picks(), "bad.star")
    record = capsid.json("species", "particles", "remove", "capsid", "--star", table)
    assert (record["removed"], record["unmatched_rows"], record["particles"]) == (3, 2, 5)
    assert record["message"] == "Remove 3 particles from species capsid"


def test_a_distance_decides_what_is_new(capsid):
    near = [{**row, "rlnCoordinateZ": row["rlnCoordinateZ"] + 15} for row in rows_of(8)]
    table = capsid.table(near, "near.star")
    assert capsid("species", "particles", "add", "capsid", "--star", table) == 1
    assert "--min-distance" in capsid.err
    words = ("species", "particles", "add", "capsid", "--star", table, "--min-distance", "20")
    assert "  8 added" in capsid.lines(*words)[1]


def test_the_action_is_add_or_remove(capsid):
    assert capsid("species", "particles", "drop", "capsid", "--star", "x.star") == 2
    assert capsid("species", "particles", "add", "capsid") == 2
