"""Noise in place of images: amplitudes stay, phases are random, nothing else is left."""

import numpy as np
import pytest

from mgit.refine.null_images import null_particles, null_series, phase_randomised
from tests.refine.problems import simulated
from tests.refine.stacks import extracted


def image(shape=(48, 32), seed=1):
    """Coloured noise with a bright blob and a mean."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    blob = 30 * np.exp(-((y - 20) ** 2 + (x - 15) ** 2) / 20)
    return (np.cumsum(random.normal(size=shape), axis=0) + blob + 7).astype(np.float32)


@pytest.mark.parametrize("shape", [(48, 32), (33, 47), (20, 21)])
def test_amplitudes_and_mean_are_kept(shape):
    before = image(shape)
    after = phase_randomised(before, np.random.default_rng(0))
    assert after.dtype == np.float32
    amplitudes = [np.abs(np.fft.fft2(each.astype(np.float64))) for each in (before, after)]
    assert np.allclose(amplitudes[0], amplitudes[1], rtol=1e-5, atol=1e-5 * amplitudes[0].max())
    assert after.mean() == pytest.approx(before.mean(), rel=1e-5)


def test_phases_are_uniform():
    random = np.random.default_rng(5)
    before = image((64, 64))
    kept = np.abs(np.fft.fft2(before)) > 1
    kept[0] = kept[32] = False
    kept[:, [0, 32]] = False
    turns = []
    for _ in range(20):
        transform = np.fft.fft2(phase_randomised(before, random))[kept]
        turns.append(transform / np.abs(transform))
    moments = [np.abs(np.mean(np.concatenate(turns) ** order)) for order in (1, 2, 3)]
    # Half of the samples repeat the other half.
    assert max(moments) < 4 / np.sqrt(kept.sum() * 20 / 2)


def test_no_correlation_with_the_image_is_left():
    before = image()
    found = [
        np.corrcoef(before.ravel(), phase_randomised(before, np.random.default_rng(k)).ravel())[
            0, 1
        ]
        for k in range(400)
    ]
    # One value per seed: their mean is zero within its own scatter.
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert np.std(found) < 0.3


def test_whole_images_depend_on_seed_item_and_tilt_alone():
    data = simulated().data
    noise = null_series(data, seed=1)
    assert np.array_equal(noise.image(2), null_series(data, seed=1).image(2))
    for other in (null_series(data, seed=2).image(2), noise.image(3), data.image(2)):
        assert not np.allclose(noise.image(2), other)


def test_extracted_images_depend_on_seed_item_and_row_alone():
    problem = extracted()
    noise = null_particles(problem.particles, item="TS", seed=1)
    again = null_particles(problem.particles, item="TS", seed=1)
    for row in (4, 0, 4):
        assert np.array_equal(noise.stacks.images(row), again.stacks.images(row))
    for seed, item in ((2, "TS"), (1, "other")):
        other = null_particles(problem.particles, item=item, seed=seed)
        assert not np.allclose(noise.stacks.images(4), other.stacks.images(4))
    assert noise.stacks.shown is problem.particles.stacks.shown


def test_images_of_one_particle_do_not_share_phases():
    problem = extracted()
    stacks = null_particles(problem.particles, item="TS", seed=1).stacks
    first, second = np.fft.fft2(stacks.images(0)[:2])
    turns = (first * second.conj())[1:10, 1:10]
    assert np.abs((turns / np.abs(turns)).mean()) < 0.5


def test_particles_of_whole_images_have_nothing_to_replace():
    particles = simulated().particles
    assert null_particles(particles, item="TS", seed=0) is particles
