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


def filtered(image, *, exposure, pixel):
    frequencies = np.meshgrid(*(np.fft.fftfreq(n, pixel) for n in image.shape), indexing="ij")
    decay = np.exp(-exposure * (frequencies[0] ** 2 + frequencies[1] ** 2))
    return np.fft.ifft2(np.fft.fft2(image) * decay).real.astype(np.float32)


def test_an_image_that_was_filtered_by_exposure_is_prepared_as_the_one_before():
    problem = simulated(replace(SMALL, exposure_per_tilt=30.0))
    geometry, pixel = problem.data.geometry, SMALL.pixel_size_angstrom
    images = [
        filtered(problem.data.image(tilt), exposure=exposure, pixel=pixel)
        for tilt, exposure in enumerate(geometry.arrays["exposure"])
    ]
    done = replace(problem.data, image=lambda tilt: images[tilt], exposure_filtered=True)
    _, plain = problem.prepared()
    _, other = replace(problem, data=done).prepared()
    for before, after in zip(plain.blocks, other.blocks, strict=True):
        error = (before.images - after.images).abs().square().sum()
        assert error < 0.1**2 * before.images.abs().square().sum()
        ratio = (after.weights / before.weights)[np.unique(before.tilt)]
        assert (ratio / ratio.mean(1, keepdim=True) - 1).abs().max() < 0.1


def test_the_largest_species_sets_the_high_pass():
    reference = simulated().reference
    assert longest_period([reference, replace(reference, diameter_angstrom=250.0)]) == 1000
