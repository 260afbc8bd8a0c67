"""Options of `mgit refine`: ours and M's, presets and recipes, and what they mean per round."""

import argparse

import pytest

from mgit.cli.refine_options import add_options, given_options, refuse_changes, settings_of
from mgit.errors import InvalidInput, NotFound
from mgit.refine.settings import recipe


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words)


def steps(*words):
    return settings_of(parsed(*words), device="cpu", threads=2)


def test_nothing_given_is_the_preset_first():
    (found,) = steps()
    assert found.as_text() == recipe("first")[0].as_text()
    assert (found.device, found.threads) == ("cpu", 2)


def test_families_alone_make_one_round_of_just_these():
    (found,) = steps("--particles")
    assert found.particles
    assert found.image_warp is None


def test_families_beside_a_preset_change_every_round():
    found = steps("--preset", "standard", "--image-warp", "5x4", "--stage-angles")
    assert len(found) == len(recipe("standard"))
    assert {each.image_warp for each in found} == {(5, 4)}
    assert all(each.stage_angles and each.particles for each in found)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (["--refine_imagewarp", "6x4"], ["--image-warp", "6x4"]),
        (["--refine_particles"], ["--particles"]),
        (["--refine_stageangles"], ["--stage-angles"]),
        (["--ctf_defocus"], ["--defocus"]),
        (["--ctf_defocusexhaustive"], ["--defocus-exhaustive"]),
        (["--particles", "--ctf_minresolution", "12"], ["--particles", "--ctf-min-resolution=12"]),
        (["--weight_threshold", "0.3"], ["--weight-threshold", "0.3"]),
        (["--min_particles", "7"], ["--min-particles", "7"]),
        (["--first_iteration_fraction", "0.4"], ["--first-iteration-fraction", "0.4"]),
    ],
)
def test_spellings_of_m_mean_what_ours_mean(theirs, ours):
    assert steps(*theirs) == steps(*ours)
    assert given_options(parsed(*theirs)) == given_options(parsed(*ours)) != {}


def test_more_rounds_repeat_the_last_and_fewer_leave_it_away():
    preset = steps("--preset", "standard")
    assert steps("--preset", "standard", "--rounds", "6")[3:] == (preset[3],) * 3
    assert steps("--preset", "standard", "--rounds", "2") == preset[:2]


def test_the_start_resolution_is_that_of_the_first_round_alone():
    found = steps("--particles", "--rounds", "2", "--start-resolution", "60", "--resolution", "30")
    assert [each.start_resolution for each in found] == [60.0, None]
    assert [each.resolution for each in found] == [30.0, 30.0]


def test_a_recipe_gives_options_per_round_and_the_command_line_changes_them(tmp_path):
    file = tmp_path / "rounds.toml"
    file.write_text('[[round]]\nimage-warp = "2x2"\n[[round]]\nrefine_particles = true\niter = 5\n')
    first, second = steps("--recipe", str(file), "--seed", "3")
    assert (first.image_warp, first.particles, first.seed) == ((2, 2), False, 3)
    assert (second.image_warp, second.particles, second.iterations) == (None, True, 5)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "list of rounds"),
        ("particles = true", "list of rounds"),
        ("[[round]]\nparticle = true", "no such option"),
        ("[[round]]\niterations = 1.5", "out of range"),
        ("[[round]", "TOML"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_named(tmp_path, text, part):
    file = tmp_path / "rounds.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=part) as caught:
        steps("--recipe", str(file))
    assert caught.value.fields["file"] == str(file)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--recipe", "none.toml"], NotFound),
        (["--recipe", "a.toml", "--preset", "first"], InvalidInput),
        (["--preset", "last"], InvalidInput),
        (["--rounds", "0"], InvalidInput),
        (["--image-warp", "3"], InvalidInput),
        (["--holdout", "60%"], InvalidInput),
        (["--priors", "perhaps"], InvalidInput),
    ],
)
def test_what_cannot_be_meant_is_refused(words, error):
    with pytest.raises(error):
        steps(*words)


@pytest.mark.parametrize(
    "words",
    [["--particles"], ["--rounds", "2"], ["--preset", "first"], ["-m", "x"], ["HEAD~1"],
     ["--species", "a"], ["--source", "a"], ["--recipe", "f"], ["--seed", "1"]],
)  # fmt: skip
def test_a_run_that_goes_on_cannot_be_told_something_else(words):
    with pytest.raises(InvalidInput) as caught:
        refuse_changes(parsed("--resume", *words))
    assert caught.value.fields["options"].startswith("--")


def test_workers_threads_and_force_may_change_on_the_way():
    refuse_changes(parsed("--resume", "--workers", "3", "--threads", "2", "--force"))
