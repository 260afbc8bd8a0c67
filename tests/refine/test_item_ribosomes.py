"""Real images of ribosomes: poses come back, halves agree better, and noise gains nothing of it."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from mgit.refine.item import refine_item
from mgit.refine.null_images import null_particles
from mgit.refine.particle_stacks import add_particle_series
from mgit.refine.reconstruct_item import Budget, HalfSums
from mgit.refine.reconstruct_species import Shape, finished
from mgit.refine.settings import RefineSettings
from mgit.refine.slice_weights import ItemWeight
from tests.refine.ribosomes import displaced, imported, initial_reference, median_errors

COURSE = RefineSettings(particles=True, start_resolution=60.0, resolution=30.0)
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def ribosomes(tmp_path_factory, shared_data):
    return imported(tmp_path_factory.mktemp("ribosomes") / "population", shared_data)


def aligned(ribosomes, particles, reference):
    """The particles of both series at the poses that refinement finds, and the score's gain."""
    moved, gains = [], []
    for series, each in zip(ribosomes.series, particles, strict=True):
        found = refine_item(series, [reference], [each], COURSE)
        moved.append(replace(each, poses=found.poses["rib"]))
        gains.append(found.score_after - found.score_before)
    return moved, np.array(gains)


def fsc_sum(ribosomes, particles):
    """Half-set FSC summed over the shells from 96 to 38 A."""
    sums = HalfSums(ribosomes.plan.grid, images_max=ribosomes.plan.images)
    for series, each in zip(ribosomes.series, particles, strict=True):
        add_particle_series(sums, series, each, weight=ItemWeight(), budget=Budget())
    shape = Shape(symmetry="C1", helix=None, mass_dalton=None)
    metrics = finished(sums, shape, species="rib", mask=None, threads=1).metrics()
    frequency, values = (metrics[name][0] for name in ("fsc_frequency", "fsc_masked"))
    return float(values[(frequency >= 1 / 97) & (frequency <= 1 / 38)].sum())


def poses_of(particles):
    return [each.poses for each in particles]


def test_stacks_have_the_images_that_their_table_shows(ribosomes):
    shown = [each.stacks.shown.sum(axis=1) for each in ribosomes.particles]
    assert [set(each.tolist()) for each in shown] == [{34}, {37}]
    for each in ribosomes.particles:
        assert each.stacks.images(3).shape == (each.stacks.shown[3].sum(), 32, 32)
        assert each.stacks.pixel_size_angstrom == 12.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_poses_off_by_ten_degrees_and_a_pixel_come_back(ribosomes, shared_data, seed):
    random = np.random.default_rng(seed)
    reference = initial_reference(shared_data, resolution=30.0)
    start = [displaced(each, random, degrees=10.0, pixels=1.0) for each in ribosomes.particles]
    deposited = poses_of(ribosomes.particles)
    found, gains = aligned(ribosomes, start, reference)
    degrees, pixels = median_errors(poses_of(found), deposited)
    assert median_errors(poses_of(start), deposited)[0] > 8
    assert degrees <= 5.0
    assert pixels <= 0.85
    noise = [
        null_particles(each, item=series.name, seed=seed)
        for series, each in zip(ribosomes.series, start, strict=True)
    ]
    lost, gains_of_noise = aligned(ribosomes, noise, reference)
    assert median_errors(poses_of(lost), deposited)[0] > 8
    assert gains_of_noise.sum() < 0.75 * gains.sum()
    before, after, by_noise, of_noise = (
        fsc_sum(ribosomes, each) for each in (start, found, noise, lost)
    )
    assert after > before + 0.8
    assert of_noise - by_noise < (after - before) - 0.4
    sys.stdout.write(
        f"\nseed {seed}: {degrees:.2f} degrees, {pixels:.2f} px, score +{gains.sum():.0f} (noise "
        f"+{gains_of_noise.sum():.0f}), FSC sum {before:.2f} -> {after:.2f} "
        f"(noise {by_noise:.2f} -> {of_noise:.2f})\n"
    )
