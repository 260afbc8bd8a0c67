"""`mgit source add` imports once, says what came in, and refuses what it cannot read."""

import json


def test_an_import_is_one_commit_that_tells_what_came(verb, made, tip):
    code, out, _ = verb("source", "add", "lam", "--relion", made.tomograms)
    assert code == 0
    assert "2 tilt series, 82 images" in out
    assert "raw data: 2 unbound" in out
    assert tip() == "Add source lam: 2 tilt series"


def test_raw_files_that_are_here_are_bound_at_once(verb, made, shown):
    raw = made.directory
    assert verb("source", "add", "lam", "--relion", made.tomograms, "--raw", raw)[0] == 0
    assert {item["binding"] for item in shown().values()} == {"full"}


def test_a_dry_run_and_a_staged_import_leave_the_branch_alone(verb, made, tip):
    before = tip()
    words = ("source", "add", "lam", "--relion", made.tomograms)
    assert verb(*words, "--dry-run")[0] == 0
    assert tip() == before
    assert verb(*words, "--no-commit", "-m", "for later")[0] == 0
    assert tip() == before
    assert verb("commit")[0] == 0
    assert tip() == "for later"


def test_wrong_inputs_name_the_file_and_change_nothing(verb, made, tip, tmp_path):
    before = tip()
    broken = made.directory / "broken.star"
    broken.write_bytes(made.tomograms.read_bytes().replace(b"300.000000", b"banana", 1))
    for words, code, named in (
        (("--relion", tmp_path / "nowhere.star"), 5, "nowhere.star"),
        (("--relion", made.directory), 1, "directory"),
        (("--relion", made.half_1), 1, "run_half1"),
        (("--relion", broken), 1, "rlnVoltage"),
        (("--warp", made.directory), 5, "item XML"),
    ):
        said = verb("source", "add", "lam", *words)
        assert said[0] == code, (words, said)
        assert named in said[2], (words, said)
    assert tip() == before


def test_the_json_document_names_the_commit(verb, made):
    code, out, _ = verb("source", "add", "lam", "--relion", made.tomograms, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["items"] == 2
    assert document["commit"]


def test_a_table_away_from_its_project_is_read_with_the_projects_name(verb, made, tmp_path):
    away = tmp_path / "away" / "tomograms.star"
    away.parent.mkdir()
    away.write_bytes(made.tomograms.read_bytes())
    code, _, errors = verb("source", "add", "lam", "--relion", away)
    assert code == 5
    assert "--project" in errors
    words = ("source", "add", "lam", "--relion", away, "--project", made.directory)
    assert verb(*words)[0] == 0


def test_series_without_their_table_are_left_out_on_request(verb, made):
    (made.tomograms.parent / "tilt_series" / "TS_02.star").unlink()
    words = ("source", "add", "lam", "--relion", made.tomograms)
    assert verb(*words)[0] == 5
    code, out, _ = verb(*words, "--skip-missing")
    assert code == 0
    assert "'TS_02' was left out" in out
