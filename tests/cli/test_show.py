"""`mgit show`: commits, species, sources, series, arrays, documents."""

import json

from tests.survey.populations import commit, move_particles, shift_defocus


def test_a_commit_shows_how_it_came_about_and_what_it_changed(toy):
    lines = toy.lines("show")
    assert lines[0] == f"commit {toy.tip()} (HEAD -> main)"
    assert "mgit test: why a test" in lines
    assert "+ species ribosome" in lines
    record = toy.json("show")
    assert record["provenance"]["verb"] == "test"
    assert record["difference"]["species"][0]["name"] == "ribosome"
    assert toy.lines("show", "HEAD~2")[-1] == "the first commit of this population"


def test_a_species_shows_its_curve_with_units(toy):
    text = "\n".join(toy.lines("show", "species/ribosome"))
    assert "10 in 2 series" in text
    assert "half-sets    5 + 5" in text
    assert "4^3 px at 5 A" in text
    assert "█" in text
    assert "1/A" in text
    assert "last changed by" in text
    record = toy.json("show", "species/ribosome")
    assert record["fsc"]["correlation"] == [1.0, 0.9, 0.1]


def test_an_older_state_is_shown_with_its_own_origin(toy):
    commit(toy.repository, move_particles(drop=4), "drop four")
    assert toy.json("show", "species/ribosome")["particles"] == 6
    assert toy.json("show", "species/ribosome")["last_change"]["commit"]["subject"] == "drop four"
    assert toy.json("show", "HEAD~1:species/ribosome")["particles"] == 10


def test_a_source_shows_its_series(toy):
    lines = toy.lines("show", ":sources/grid")
    row = next(line for line in lines if line.startswith("TS_01"))
    assert row.split()[:5] == ["TS_01", "4/4", "-40.0..40.0", "0.0..9.0", "2.00"]
    assert "worst first" in toy.err


def test_a_series_shows_arrays_with_units_and_ranges(toy):
    lines = toy.lines("show", ":sources/grid/items/TS_01")
    row = next(line for line in lines if line.startswith("defocus"))
    assert row.split() == ["defocus", "4", "A", "20000", "everywhere"]
    assert any(line.startswith("  movie") and "4 files, 0 of 4 read" in line for line in lines)


def test_small_arrays_give_their_values(toy):
    place = ":sources/grid/items/TS_01/exposure"
    record = toy.json("show", place)
    assert record["values"] == [0.0, 3.0, 6.0, 9.0]
    assert record["unit"] == "e/angstrom^2"
    assert any("0 .. 9" in line for line in toy.lines("show", place))


def test_a_column_of_series_names_them(toy):
    lines = toy.lines("show", ":species/ribosome/particles/item")
    assert {line.split()[-1] for line in lines[3:]} == {"TS_01", "TS_02"}


def test_groups_files_and_the_whole_population(toy):
    assert any("position" in line for line in toy.lines("show", ":species/ribosome/particles"))
    assert json.loads("\n".join(toy.lines("show", ":provenance.json")))["verb"] == "test"
    lines = toy.lines("show", ":")
    assert lines[0] == "population toy"
    assert any(line.startswith("ribosome") for line in lines)


def test_documents_come_out_as_they_went_in(toy):
    place = ":species/ribosome/documents/particles.star"
    assert toy("show", place, "--raw") == 0
    assert toy.out == "data_particles\n"
    assert "data_particles" in toy.lines("show", place)
    assert toy("show", "HEAD", "--raw") == 1
    assert toy("show", ":species/ribosome", "--raw") == 1


def test_what_is_not_there_is_not_found_with_advice(toy):
    assert toy("show", "nowhere") == 5
    assert toy("show", ":species/ribosom") == 5
    assert "ribosome" in toy.err
    assert toy("show", ":sources/grid/items/TS_9") == 5
    assert "TS_01, TS_02" in toy.err


def test_a_merge_is_compared_with_its_first_parent(toy):
    toy("branch", "side")
    commit(toy.repository, shift_defocus(), branch="side")
    toy("merge", "side", "--no-ff")
    lines = toy.lines("show")
    assert f"against its first parent {toy.tip('HEAD^1')[:10]}:" in lines


def test_show_lists_series_by_their_scores(toy):
    from mgit.state.item_scores import ItemScore, write_item_scores
    from tests.survey.populations import SECOND, SPECIES, commit

    identity = toy.repository.snapshot("HEAD").attributes(SECOND)["id"]
    score = {identity: ItemScore(before=10.0, after=9.5, particles=5)}
    commit(toy.repository, lambda writer: write_item_scores(writer, SPECIES, score))
    lines = toy.lines("show", ":sources/grid")
    rows = [line for line in lines if line.startswith("TS_")]
    assert rows[0].startswith("TS_02")
    assert "10.00 -> 9.50" in rows[0]
    assert "excluded, then score" in toy.err
    assert toy.json("show", ":sources/grid/items/TS_02")["scores"]["ribosome"]["after"] == 9.5
    text = "\n".join(toy.lines("show", ":species/ribosome"))
    assert "of 1 series: 0 better, 1 worse; median 10.00 -> 9.50" in text
