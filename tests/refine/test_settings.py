"""Settings: presets, option texts, M's aliases, and what is refused."""

import pytest

from mgit.errors import InvalidInput
from mgit.refine.settings import (
    PRESETS,
    RefineSettings,
    parse_grid,
    parse_percent,
    read_recipe,
    recipe,
)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_and_refines_something(preset):
    rounds = recipe(preset)
    assert len(rounds) == len(PRESETS[preset])
    assert all(each.refines_geometry for each in rounds)


def test_the_last_round_of_a_recipe_is_repeated():
    rounds = recipe("standard", rounds=6)
    assert len(rounds) == 6
    assert rounds[3] == rounds[5] != rounds[0]
    assert recipe("standard", rounds=2) == rounds[:2]


def test_unknown_presets_and_no_rounds_are_refused():
    with pytest.raises(InvalidInput, match="preset 'best'"):
        recipe("best")
    with pytest.raises(InvalidInput, match="rounds '0'"):
        recipe("first", rounds=0)


def test_options_are_read_from_text_by_our_names_and_by_those_of_m():
    options = {
        "--image-warp": "6x4",
        "--particles": "true",
        "holdout": "5%",
        "--iter": "2",
        "refine_stageangles": True,
        "--ctf_minresolution": "9.5",
        "--resolution": "none",
    }
    settings = RefineSettings(resolution=8.0).with_options(options)
    assert settings.image_warp == (6, 4)
    assert settings.particles
    assert settings.stage_angles
    assert settings.iterations == 2
    assert settings.holdout == pytest.approx(0.05)
    assert settings.ctf_min_resolution == pytest.approx(9.5)
    assert settings.resolution is None


def test_m_spelling_of_the_image_warp_means_the_same():
    assert RefineSettings().with_options({"--refine_imagewarp": "3X2"}).image_warp == (3, 2)


@pytest.mark.parametrize("text", ["6", "0x4", "6x-1", "axb", "6x4x2", ""])
def test_a_grid_that_is_none_is_refused(text):
    with pytest.raises(InvalidInput, match="not WxH"):
        parse_grid(text)


def test_shares_are_numbers_or_percent():
    assert parse_percent(" 5% ") == pytest.approx(0.05)
    assert parse_percent("0.1") == pytest.approx(0.1)
    with pytest.raises(InvalidInput, match="share"):
        parse_percent("five")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("image_warp", (0, 3)),
        ("iterations", -1),
        ("seed", -1),
        ("threads", 0),
        ("pose_steps", 0),
        ("first_iteration_fraction", 0.0),
        ("weight_threshold", 1.0),
        ("holdout", 0.5),
        ("resolution", float("nan")),
        ("start_resolution", -3.0),
        ("priors", "maybe"),
    ],
)
def test_values_out_of_range_are_refused_by_name(option, value):
    with pytest.raises(InvalidInput, match=option) as refused:
        RefineSettings(**{option: value})
    assert refused.value.hint


def test_a_recipe_writes_a_grid_as_text_or_as_a_pair():
    assert RefineSettings().with_options({"image_warp": [6, 4]}).image_warp == (6, 4)


@pytest.mark.parametrize("grid", [3, [3], [3, 3, 3], [3.5, 2], [True, 2], "3", {}])
def test_a_grid_that_is_no_pair_is_refused_by_the_name_of_its_option(grid):
    with pytest.raises(InvalidInput, match="image_warp") as refused:
        RefineSettings().with_options({"image-warp": grid})
    assert refused.value.hint


@pytest.mark.parametrize(
    "options", [{"--warp": "3x3"}, {"--particles": "perhaps"}, {"--iter": "many"}]
)
def test_options_that_cannot_be_read_are_refused(options):
    with pytest.raises(InvalidInput):
        RefineSettings().with_options(options)


def test_iterations_may_be_zero_to_reconstruct_only():
    settings = RefineSettings(iterations=0)
    assert not settings.refines_geometry
    assert not settings.refines_optics


def test_extracted_particles_keep_what_their_images_tell():
    (step,) = recipe("in-situ", rounds=1)
    full = step.with_options({"defocus": "true", "stage_angles": "true", "image_warp": "3x3"})
    fitted = full.of_extracted_particles()
    assert (fitted.image_warp, fitted.defocus, fitted.defocus_exhaustive) == (None, False, False)
    assert fitted.particles
    assert fitted.stage_angles
    assert fitted.with_options({"image_warp": "3x3", "defocus": "true"}) == full


@pytest.mark.parametrize(
    "option",
    ["start_resolution = [1]", "start_resolution = true", "device = 3", "ewald = true",
     "priors = 1", "seed = 1.5", "particles = 1", "weight_threshold = nan"],
)  # fmt: skip
def test_a_recipe_with_a_value_of_another_kind_is_refused_by_file_and_option(option):
    with pytest.raises(InvalidInput) as caught:
        read_recipe(f"[[round]]\n{option}", file="r.toml")
    assert caught.value.fields["file"] == "r.toml"
    assert caught.value.fields["option"] == option.split()[0]
