"""`mgit refine`: the plan of a dry run, and the line that names the commit of each round."""

import json

import pytest

from mgit.cli.main import main
from mgit.history.repository import Repository
from tests.refine.refinable import AUTHOR, QUICK, reconstructed


@pytest.fixture
def refine(tmp_path, tmp_path_factory, monkeypatch, capfd):
    """Runs the verb in a small population and returns what it wrote to standard output."""
    reconstructed(tmp_path_factory, tmp_path)
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    directory = str(tmp_path / "population")

    def run(*words, code=0):
        capfd.readouterr()
        assert main(["-C", directory, "refine", *words]) == code
        return capfd.readouterr().out

    run.repository = Repository.open(directory)
    return run


def test_a_dry_run_names_the_families_of_every_later_round(refine):
    lines = refine("--preset", "in-situ", "--dry-run").splitlines()
    assert [line for line in lines if line.startswith("round ")] == [
        "round 1 of 3: image warp 1x1, poses in 3 sub-iterations",
        "round 2 of 3: image warp 2x2, poses in 3 sub-iterations",
        "round 3 of 3: image warp 2x2, stage angles, poses, defocus (exhaustive) "
        "in 3 sub-iterations",
    ]
    record = json.loads(refine("--preset", "in-situ", "--dry-run", "--json"))
    assert [each["image_warp"] for each in record["later_rounds"]] == ["2x2", "2x2"]


def test_a_reconstruction_only_has_no_parameters_in_its_plan(refine):
    text = refine("--iter", "0", "--dry-run")
    assert "reconstruction only" in text
    assert "parameters (" not in text


def test_the_commit_of_a_round_is_named_before_the_next_round_begins(refine):
    lines = refine(*QUICK, "--rounds", "2", "--force").splitlines()
    commits = [number for number, line in enumerate(lines) if line.startswith("[main ")]
    second = next(number for number, line in enumerate(lines) if line.startswith("round 2 of 2:"))
    assert len(commits) == 2
    assert commits[0] < second < commits[1]
    assert refine.repository.resolve("HEAD")[:10] in lines[commits[1]]


def test_the_document_of_a_null_test_says_what_noise_gained(refine):
    record = json.loads(refine(*QUICK, "--null-test", "--json"))
    (round_,) = record["rounds"]
    (found,) = round_["null_tests"]
    assert found["species"] == "made"
    gain = found["noise_after"] - found["noise_before"]
    assert found["noise_gain"] == pytest.approx(gain, abs=1e-12)
    assert found["data_before"] > found["noise_before"]


def test_what_halves_share_stands_below_their_resolution(refine):
    lines = refine(*QUICK).splitlines()
    at = next(number for number, line in enumerate(lines) if "corrected FSC 0.143" in line)
    assert lines[at + 1].strip() == (
        "half-maps are independent in poses and references, not in deformation and optics"
    )


def test_a_recipe_that_is_no_text_is_refused_by_name(refine, tmp_path):
    recipe = tmp_path / "rounds.toml"
    recipe.write_bytes(b"\xff\xfe")
    refine("--recipe", str(recipe), "--dry-run", code=1)
