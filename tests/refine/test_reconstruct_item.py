"""Images of a simulated series into sums: the truth comes back, bit by bit the same."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidInput, InvalidState, Unsupported
from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.reconstruction import reconstruct
from mgit.refine.inputs import ParticleSet
from mgit.refine.reconstruct_item import Budget, HalfSums, MapGrid, add_tilt_series
from mgit.refine.slice_weights import ItemWeight
from tests.refine.problems import SMALL, simulated, with_images

GRID = MapGrid(box=32, padded=34, pixel_size_angstrom=6.0, diameter_angstrom=100.0)
CLEAN = replace(SMALL, particles=24, tilts=7, snr=float("inf"))


def sums_of(series, particles, *, threads=1, weight=None, batch=8):
    sums = HalfSums(GRID, images_max=1000)
    count = add_tilt_series(
        sums,
        series,
        particles,
        weight=weight or ItemWeight(),
        budget=Budget(threads=threads, batch=batch),
    )
    return sums, count


def mean_map(sums):
    counts = sums.halves[0].sums + sums.halves[1].sums
    numerator = (counts[..., 0] + 1j * counts[..., 1]) * sums.halves[0].quantum
    return reconstruct(numerator, counts[..., 2] * sums.halves[0].quantum, box=GRID.box)


@pytest.fixture(scope="module")
def clean():
    return simulated(CLEAN)


@pytest.fixture(scope="module")
def clean_sums(clean):
    return sums_of(clean.true_data, clean.true_particles)


def agreement(problem, density):
    size = problem.reference.references
    padded = np.fft.irfftn(size.first, s=(64,) * 3, axes=(0, 1, 2))
    truth = np.fft.fftshift(padded)[16:48, 16:48, 16:48]
    return fourier_shell_correlation(density, truth)


def test_noiseless_images_with_the_true_geometry_give_the_truth(clean, clean_sums):
    sums, count = clean_sums
    assert count == 24 * 7
    curve = agreement(clean, mean_map(sums))
    assert curve[1:9].min() > 0.95
    assert curve[9:13].min() > 0.85


def test_a_geometry_with_errors_gives_a_worse_map(clean, clean_sums):
    wrong, _ = sums_of(clean.data, clean.particles)
    good = agreement(clean, mean_map(clean_sums[0]))[4:14].mean()
    assert agreement(clean, mean_map(wrong))[4:14].mean() < good - 0.1


def test_sums_are_equal_bits_for_any_number_of_threads(clean, clean_sums):
    again, _ = sums_of(clean.true_data, clean.true_particles, threads=3)
    for one, other in zip(clean_sums[0].halves, again.halves, strict=True):
        np.testing.assert_array_equal(one.sums, other.sums)


def test_particles_go_to_their_own_half_alone(clean, clean_sums):
    rows = clean.true_particles.half_set == 1
    poses = clean.true_particles.poses
    own = ParticleSet(
        species="molecule",
        poses=replace(poses, position=poses.position[rows], angles=poses.angles[rows]),
        half_set=clean.true_particles.half_set[rows],
    )
    sums, _ = sums_of(clean.true_data, own, batch=1)
    assert not sums.halves[1].sums.any()
    weight = [half.sums[..., 2].sum() for half in (sums.halves[0], clean_sums[0].halves[0])]
    assert weight[0] == pytest.approx(weight[1], rel=1e-6)


def test_an_excluded_tilt_takes_no_part(clean):
    use = np.ones(7, dtype=bool)
    use[[0, 3]] = False
    series = replace(clean.true_data, geometry=clean.true_data.geometry.with_arrays({"use": use}))
    assert sums_of(series, clean.true_particles)[1] == 24 * 5


def test_the_weight_of_an_item_multiplies_data_and_weights_once(clean, clean_sums):
    half, _ = sums_of(clean.true_data, clean.true_particles, weight=ItemWeight(scale=0.5))
    found = half.halves[0].sums / np.abs(clean_sums[0].halves[0].sums).max()
    expected = 0.5 * clean_sums[0].halves[0].sums / np.abs(clean_sums[0].halves[0].sums).max()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_images_that_are_not_finite_are_refused_by_item_and_tilt(clean):
    def broken(image):
        image = image.copy()
        image[3, 4] = np.nan
        return image

    with pytest.raises(InvalidInput, match="not finite") as error:
        sums_of(with_images(clean.true_data, broken), clean.true_particles)
    assert error.value.fields["item"] == clean.true_data.name
    assert error.value.fields["tilt"] == 1


def test_a_particle_outside_every_image_is_refused_by_name(clean):
    particles = clean.true_particles
    position = particles.poses.position.copy()
    position[5] += 10_000
    outside = replace(particles, poses=replace(particles.poses, position=position))
    with pytest.raises(InvalidState, match="row 6") as error:
        sums_of(clean.true_data, outside)
    assert error.value.fields["item"] == clean.true_data.name


def test_a_box_beyond_the_sums_is_refused():
    with pytest.raises(Unsupported, match="too large"):
        HalfSums(replace(GRID, padded=2000), images_max=1)


def test_images_beyond_the_bound_of_the_sums_are_refused(clean):
    sums = HalfSums(GRID, images_max=1)
    with pytest.raises(InvalidInput, match="cannot be added") as error:
        add_tilt_series(
            sums,
            clean.true_data,
            clean.true_particles,
            weight=ItemWeight(scale=1e7),
            budget=Budget(),
        )
    assert error.value.fields["item"] == clean.true_data.name
