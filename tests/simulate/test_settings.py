from dataclasses import replace

import pytest

from mgit.errors import InvalidInput
from mgit.simulate.settings import PRESETS, Settings


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_valid_and_their_gaussians_are_sampled_finely_enough(name):
    preset = PRESETS[name]
    assert preset.gaussian_width_angstrom >= 0.75 * preset.pixel_size_angstrom


def test_the_demo_is_of_the_size_that_two_cores_refine():
    demo = PRESETS["demo"]
    assert demo.particles == 160
    assert 21 <= demo.tilts <= 31
    assert 64 <= demo.box_px <= 96


def test_the_volume_has_even_extents():
    settings = Settings(thickness_angstrom=605.0, pixel_size_angstrom=4.0)
    assert settings.volume_px == (512, 512, 152)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("particles", 0),
        ("tilts", 0),
        ("image_size_px", 511),
        ("image_size_px", 20_000),
        ("pixel_size_angstrom", 0.0),
        ("snr", -1.0),
        ("snr", float("nan")),
        ("defocus_angstrom", float("nan")),
        ("hand", 0),
        ("series", 200),
        ("warp_grid", 0),
        ("tilt_range_degree", 90.0),
        ("box_px", 30),
        ("shift_error_angstrom", -1.0),
        ("solvent", -0.1),
    ],
)
def test_an_impossible_setting_is_refused_by_name(field, value):
    with pytest.raises(InvalidInput) as caught:
        replace(Settings(), **{field: value})
    assert caught.value.fields["field"] in {field, "particles"}


def test_no_noise_is_a_setting():
    assert Settings(snr=float("inf")).snr == float("inf")
