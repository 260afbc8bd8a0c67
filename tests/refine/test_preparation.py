"""All images of an item as packed discs: blocks, sizes, halves, refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.geometry.poses import ParticlePoses
from mgit.refine.preparation import limited, longest_period, prepare
from tests.refine.problems import SMALL, simulated


def test_every_image_is_in_one_block_of_its_half():
    problem = simulated()
    _, prepared = problem.prepared()
    seen = set()
    for block in prepared.blocks:
        assert (problem.particles.half_set[block.particle] == block.half_set).all()
        assert len(block.images) == len(block.particle) == len(block.tilt)
        seen |= set(zip(block.particle.tolist(), block.tilt.tolist(), strict=True))
    assert len(seen) == prepared.inside.sum() == sum(len(each.tilt) for each in prepared.blocks)


def test_exposed_tilts_have_smaller_discs():
    problem = simulated(replace(SMALL, exposure_per_tilt=100.0))
    _, prepared = problem.prepared()
    exposure = problem.data.geometry.arrays["exposure"]
    radius = {int(t): block.disc.radius for block in prepared.blocks for t in block.tilt}
    ordered = [radius[int(tilt)] for tilt in np.argsort(exposure)]
    assert ordered == sorted(ordered, reverse=True)
    assert ordered[0] > ordered[-1]


def test_excluded_tilts_are_not_read():
    problem = simulated()
    use = np.array([True, False, True, True, False])
    geometry = problem.data.geometry.with_arrays({"use": use})
    read = []

    def image(tilt):
        read.append(tilt)
        return problem.data.image(tilt)

    data = replace(problem.data, geometry=geometry, image=image)
    _, prepared = replace(problem, data=data).prepared()
    assert read == [0, 2, 3]
    assert prepared.origin.shape == (12, 3, 2)


def test_the_order_and_size_of_batches_do_not_matter():
    problem = simulated()
    _, subject = problem.subjects()
    one, other = (
        prepare(problem.data, [subject], weight_threshold=0.25, batch=batch)[0] for batch in (1, 5)
    )
    for first, second in zip(one.blocks, other.blocks, strict=True):
        assert torch.allclose(first.images, second.images, rtol=0, atol=1e-5)


def test_fewer_frequencies_are_those_of_the_smaller_disc():
    _, prepared = simulated().prepared()
    small = limited(prepared, 6)
    assert limited(prepared, 99) is prepared
    for before, after in zip(prepared.blocks, small.blocks, strict=True):
        assert after.disc.radius == 6
        at = {tuple(k): i for i, k in enumerate(before.disc.frequencies.tolist())}
        rows = [at[tuple(k)] for k in after.disc.frequencies.tolist()]
        assert torch.equal(after.images, before.images[:, rows])


def test_a_particle_outside_every_image_is_named():
    problem = simulated()
    position = problem.particles.poses.position.copy()
    position[3] = [-4000.0, 0, 0]
    poses = ParticlePoses(position=position, angles=problem.particles.poses.angles)
    lost = replace(problem, particles=replace(problem.particles, poses=poses))
    with pytest.raises(InvalidState, match=r"row 4.*TS_01"):
        lost.prepared()


def test_a_filtered_image_is_not_weighted_again():
    problem = simulated()
    filtered = replace(problem, data=replace(problem.data, exposure_filtered=True))
    _, plain = problem.prepared()
    _, other = filtered.prepared()
    assert torch.equal(plain.blocks[0].weights, other.blocks[0].weights)
    energy = [float(each.blocks[0].images.abs().square().sum()) for each in (plain, other)]
    assert energy[1] > 1.05 * energy[0]


def test_the_largest_species_sets_the_high_pass():
    reference = simulated().reference
    assert longest_period([reference, replace(reference, diameter_angstrom=250.0)]) == 1000
