"""`mgit species update`: moves, misses and halves in words; nothing new is nothing done."""

from mgit.curate.export_documents import species_documents
from mgit.state.population import Population
from tests.curate.species_tables import rows_of, table_bytes


def moved(rows, by=1.0):
    return [{**row, "rlnCoordinateX": row["rlnCoordinateX"] + by} for row in rows]


def test_moves_and_misses_are_told_in_angstrom_and_degrees(capsid):
    rows = moved(rows_of(10))[1:]
    lines = capsid.lines("species", "update", "capsid", "--particles", capsid.table(rows, "b.star"))
    told = "Update species capsid from b.star: 7 of 7 particles moved, 2 added, 1 removed"
    assert lines[0].endswith(told)
    assert lines[1] == "  7 particles matched by rlnTomoParticleName"
    assert lines[2] == "  7 of them moved, in the median 2.00 A and 0.00 deg"
    assert lines[3] == "  2 new, 1 removed"
    assert "waits for a reconstruction" in capsid.err


def test_an_export_of_that_commit_gives_the_table_byte_for_byte(capsid):
    rows = moved(rows_of(8))[::-1]
    capsid.lines("species", "update", "capsid", "--particles", capsid.table(rows, "b.star"))
    snapshot = capsid.repository.snapshot("HEAD")
    items = Population(snapshot).items_by_id()
    (document,) = species_documents(snapshot, capsid.species(), items)
    assert document.content == table_bytes(rows)
    snapshot = capsid.repository.snapshot("HEAD~1")
    (document,) = species_documents(snapshot, capsid.species(revision="HEAD~1"), items)
    assert document.content == table_bytes(rows_of(8))


def test_an_identical_table_would_change_nothing(capsid):
    tip = capsid.tip()
    table = capsid.table(rows_of(8))
    assert capsid("species", "update", "capsid", "--particles", table) == 1
    assert "would change nothing" in capsid.err
    assert capsid.tip() == tip


def test_new_half_maps_end_the_wait(capsid):
    halves = ("--half1", capsid.map("h1.mrc"), "--half2", capsid.map("h2.mrc", 1))
    lines = capsid.lines("species", "update", "capsid", *halves)
    assert lines[0].endswith("Update species capsid: new half-maps")
    assert not capsid.species().flag("needs_reconstruction")
    assert capsid("species", "update", "capsid", *halves) == 1


def test_changed_halves_need_a_word(capsid):
    table = capsid.table([{**row, "rlnRandomSubset": 1} for row in rows_of(8)], "b.star")
    words = ("species", "update", "capsid", "--particles", table)
    assert capsid(*words) == 1
    assert "4 of 8 particles changed their half-set" in capsid.err
    record = capsid.json(*words, "--accept-half-set-changes")
    assert record["half_set_changes"] == 4
    assert record["half_sets"] == [8, 0]


def test_positions_match_within_a_tolerance(capsid):
    table = capsid.table(moved(rows_of(8), 4.0), "b.star", without=("rlnTomoParticleName",))
    words = ("species", "update", "capsid", "--particles", table, "--match", "position")
    assert capsid(*words, "--tolerance", "5") == 1
    assert "no row of the table is a particle" in capsid.err
    lines = capsid.lines(*words, "--tolerance", "9")
    assert lines[1] == "  8 particles matched by position within 9 A"


def test_coordinates_count_the_pixels_of_the_import_in_later_rounds(lab):
    table = lab.table(rows_of(8), "a.star")
    words = ("species", "add", "capsid", "--diameter", "100", "--particles", table)
    lab.lines(*words, "--coordinate-pixel-size", "1.5")
    lines = lab.lines("species", "update", "capsid", "--particles", lab.table(moved(rows_of(8))))
    assert "in the median 1.50 A" in lines[2]


def test_a_motive_list_of_another_program_needs_its_own_pixels(capsid, tmp_path):
    (tmp_path / "p.tbl").write_text(" ".join(["1"] * 32) + "\n")
    words = ("species", "update", "capsid", "--particles", str(tmp_path / "p.tbl"))
    assert capsid(*words) == 1
    assert "which pixels" in capsid.err


def test_nothing_given_and_unknown_species_are_told(capsid):
    assert capsid("species", "update", "capsid") == 1
    assert "nothing is given" in capsid.err
    assert capsid("species", "update", "capsit", "--mask", capsid.map("m.mrc")) == 5
    assert "'capsid'" in capsid.err


def test_a_round_of_a_real_project_is_matched_by_name(lab, shared_data):
    project = shared_data / "relion5_hiv_project"
    run = project / "Refine3D/job023/run_data.star"
    lab.lines("source", "add", "hiv", "--relion", str(project / "Tomograms/job006/tomograms.star"))
    # Both sources have a TS_01; later tables go where the species stands.
    words = ("species", "add", "capsid", "--diameter", "230", "--particles", str(run))
    assert lab(*words) == 1
    assert "--source" in lab.err
    lab.lines(*words, "--source", "hiv")
    lines = run.read_text().splitlines(keepends=True)
    # The last particle of the file is gone, as after a selection.
    rows = [
        at
        for at, line in enumerate(lines)
        if line.split()[:1] and line.split()[0].startswith("TS_")
    ]
    shorter = lab.table(rows_of(2), "Select/job024/particles.star")
    with open(shorter, "w") as file:
        file.write("".join(lines[: rows[-1]] + lines[rows[-1] + 1 :]))
    told = lab.lines("species", "update", "capsid", "--particles", shorter)
    assert told[1] == "  9441 particles matched by rlnTomoParticleName"
    assert told[2] == "  0 of them moved"
    assert told[3] == "  0 new, 1 removed"
    assert lab("species", "update", "capsid", "--particles", shorter) == 1


def test_trajectories_stay_when_a_later_table_comes_without_them(lab, tmp_path):
    rows = rows_of(8)
    blocks = "".join(
        f"data_{row['rlnTomoParticleName']}\n\nloop_\n_rlnOriginXAngst\n_rlnOriginYAngst\n"
        f"_rlnOriginZAngst\n0 0 0\n{at}.5 0 1\n\n"
        for at, row in enumerate(rows)
    )
    (tmp_path / "motion.star").write_text(f"data_general\n\n_rlnParticleNumber 8\n\n{blocks}")
    words = ("--particles", lab.table(rows, "a.star"), "--diameter", "100")
    motion = ("--trajectories", str(tmp_path / "motion.star"))
    lab.lines("species", "add", "capsid", *words, *motion)
    before = lab.species().particles.load()
    lab.lines("species", "update", "capsid", "--particles", lab.table(moved(rows)[1:], "b.star"))
    after = lab.species().particles.load()
    assert after.trajectory.shape == (7, 2, 3)
    kept = [before.trajectory[before.id.tolist().index(each)] for each in after.id.tolist()]
    assert (after.trajectory == kept).all()
