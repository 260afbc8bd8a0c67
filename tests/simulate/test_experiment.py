from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.simulate.experiment import dose_symmetric, draw_experiment
from mgit.simulate.forward import particle_rotations
from mgit.simulate.settings import PRESETS, Settings
from mgit.simulate.truth import views_of

TINY = PRESETS["tiny"]
MANY = replace(
    TINY, particles=300, image_size_px=512, thickness_angstrom=1_500.0, diameter_angstrom=60.0
)


@pytest.fixture(scope="module")
def many():
    return draw_experiment(MANY, np.random.default_rng(0))


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def test_the_lowest_tilts_are_taken_first():
    assert dose_symmetric(np.array([-6.0, -3, 0, 3, 6]), 2.0).tolist() == [6, 2, 0, 4, 8]


def test_particles_keep_a_diameter_apart_and_inside_the_slab(many):
    places = many.particles.positions
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    assert distance[~np.eye(len(places), dtype=bool)].min() >= MANY.diameter_angstrom
    depth = many.series[0].volume[2]
    assert (places[:, 2] >= 30).all()
    assert (places[:, 2] <= depth - 30).all()
    assert np.ptp(places[:, 2]) > 0.8 * (depth - 60)


def test_every_box_lies_inside_every_image(many):
    seen = views_of(many.series, many.particles)
    margin = MANY.box_px * MANY.pixel_size_angstrom / 2
    assert seen.xy.min() >= margin
    assert (seen.xy <= np.array(many.series[0].image) - margin).all()


def test_orientations_are_uniform(many):
    """Directions and turns have the moments of the uniform distribution of rotations."""
    turns = particle_rotations(many.particles.angles)
    assert np.abs(turns.mean(axis=0)).max() < 4 / np.sqrt(3 * len(turns))
    assert np.abs((turns**2).mean(axis=0) - 1 / 3).max() < 0.08


def test_half_sets_are_of_equal_size(many):
    assert np.bincount(many.particles.half_set).tolist() == [0, 150, 150]


def test_the_starting_state_is_off_by_the_stated_errors(many):
    start, true = many.start_particles, many.particles
    assert rms(start.positions - true.positions) == pytest.approx(
        MANY.position_error_angstrom, rel=0.1
    )
    between = particle_rotations(true.angles).transpose(0, 2, 1) @ particle_rotations(start.angles)
    cosine = (np.trace(between, axis1=1, axis2=2) - 1) / 2
    assert np.degrees(rms(np.arccos(np.clip(cosine, -1, 1)))) == pytest.approx(
        MANY.angle_error_degree, rel=0.1
    )
    settings = replace(TINY, tilts=81, warp_grid=4, volume_warp_error_angstrom=3.0)
    drawn = draw_experiment(settings, np.random.default_rng(2))
    (a,), (b,) = drawn.series, drawn.start_series
    for name, error in (
        ("axis_offset_x", settings.shift_error_angstrom),
        ("axis_offset_y", settings.shift_error_angstrom),
        ("axis_angle", settings.axis_angle_error_degree),
        ("defocus", settings.defocus_error_angstrom),
        ("defocus_delta", settings.astigmatism_error_angstrom),
    ):
        assert rms(a.arrays[name] - b.arrays[name]) == pytest.approx(error, rel=0.3)
    assert a.arrays["image_warp_x"].shape == (81, 4, 4)
    assert rms(a.arrays["image_warp_x"]) == pytest.approx(2.0, rel=0.1)
    assert rms(a.arrays["stage_angle_z"]) == pytest.approx(0.3, rel=0.3)
    assert rms(a.arrays["volume_warp_y"]) == pytest.approx(3.0, rel=0.4)
    assert (a.arrays["tilt_angle"] == b.arrays["tilt_angle"]).all()
    assert not any("warp" in name or "stage" in name for name in b.arrays)


def test_an_experiment_without_errors_starts_at_the_truth():
    none = {name: 0.0 for name in Settings.__slots__ if "_error_" in name}
    drawn = draw_experiment(replace(TINY, **none), np.random.default_rng(3))
    assert drawn.start_series[0].arrays.keys() == drawn.series[0].arrays.keys()
    for name, values in drawn.series[0].arrays.items():
        assert (values == drawn.start_series[0].arrays[name]).all()
    assert (drawn.particles.positions == drawn.start_particles.positions).all()
    assert np.allclose(drawn.particles.angles, drawn.start_particles.angles, atol=1e-9)


def test_particles_are_shared_out_among_series():
    drawn = draw_experiment(replace(TINY, particles=7, series=3), np.random.default_rng(4))
    assert [each.name for each in drawn.series] == ["TS_01", "TS_02", "TS_03"]
    assert np.bincount(drawn.particles.series).tolist() == [3, 2, 2]
    assert drawn.particles.names(drawn.series)[3] == "TS_02/4"


@pytest.mark.parametrize(
    "changes", [{"particles": 500}, {"thickness_angstrom": 80.0}, {"image_size_px": 20}]
)
def test_a_field_that_is_too_small_is_refused(changes):
    with pytest.raises(InvalidInput):
        draw_experiment(replace(TINY, **changes), np.random.default_rng(5))
