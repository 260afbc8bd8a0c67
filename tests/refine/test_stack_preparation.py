"""Extracted particles in alignment: the images, their whitening, and where the score peaks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kernels.packing import packing
from mgit.errors import InvalidState, Unsupported
from mgit.geometry.poses import ParticlePoses, turned_angles
from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.item import refine_item
from mgit.refine.objective import SpeciesTarget
from mgit.refine.settings import RefineSettings
from mgit.refine.stack_preparation import refuse_options
from mgit.refine.windows import passed_discs
from tests.refine.problems import errors_of
from tests.refine.stacks import POSES_ALONE, extracted

POSES = RefineSettings(particles=True, iterations=2, first_iteration_fraction=0.5)


def dense(prepared):
    """Images `(particles, tilts, samples)` of a species whose discs have one size."""
    shape = (*prepared.inside.shape, prepared.blocks[0].disc.samples)
    found = torch.zeros(shape, dtype=prepared.blocks[0].images.dtype)
    for block in prepared.blocks:
        found[block.particle, block.tilt] = block.images
    return found


def correlation(first, second):
    product = (first * second.conj()).real.sum()
    return float(product / (first.abs().square().sum() * second.abs().square().sum()).sqrt())


@pytest.mark.parametrize("multiplied", [True, False])
def test_extracted_images_are_those_that_whole_images_give(multiplied):
    problem = extracted(multiplied=multiplied)
    _, whole = problem.whole.prepared()
    _, cut = problem.prepared()
    assert cut.plan.box == whole.plan.box
    assert correlation(dense(cut), dense(whole)) > 0.97
    weights = [each.blocks[0].weights[:, 3:] for each in (cut, whole)]
    ratio = weights[0] / weights[1]
    assert float((ratio / ratio.mean() - 1).square().mean().sqrt()) < 0.15


def test_the_spectrum_is_that_of_the_images_before_the_ctf():
    """White noise times the CTF is whitened as white noise is."""
    settings = replace(POSES_ALONE, snr=1e-6, particles=40, image_size_px=256)
    _, prepared = extracted(settings).prepared()
    whitening = prepared.blocks[0].whitening[:, prepared.blocks[0].disc.zero + 3 :]
    assert float(whitening.std() / whitening.mean()) < 0.08


def test_a_ctf_lets_through_its_square_and_a_mask_smears_it():
    plan = extracted().prepared()[1].plan
    disc = packing(plan.radius)
    size = (1, plan.transformed, plan.transformed // 2 + 1)
    assert torch.allclose(passed_discs(torch.full(size, 0.5), plan, disc), torch.tensor(0.25))
    turns = torch.cos(torch.linspace(0, 300, size[-1])).expand(size)
    smeared = passed_discs(turns, plan, disc)
    assert float(smeared.min()) > 0.1
    assert float(smeared.mean()) == pytest.approx(0.5, abs=0.05)


def score(problem, poses, *, data=None):
    """Sums AB / sqrt(A^2 B^2) of other poses with the images that the start has."""
    _, prepared = problem.prepared(data=data)
    target = SpeciesTarget(
        prepared=prepared,
        model=tilt_series_model(problem.data.geometry, poses),
        chosen=np.ones(poses.count, dtype=bool),
    )
    ab, aa, bb = target.terms({}).sum((0, 1))
    return float(ab / (aa * bb).sqrt())


@pytest.mark.parametrize("multiplied", [True, False])
def test_the_score_peaks_at_the_true_poses(multiplied):
    problem = extracted(replace(POSES_ALONE, snr=np.inf, particles=6), multiplied=multiplied)
    true = problem.true_poses
    best = score(problem, true)
    for axis in range(3):
        for sign in (-1, 1):
            step = np.zeros(3)
            step[axis] = sign
            moved = replace(true, position=true.position + 2.0 * step)
            turned = replace(true, angles=turned_angles(true.angles, 4.0 * step[None, None]))
            assert score(problem, moved) < best
            assert score(problem, turned) < best


@pytest.mark.parametrize("multiplied", [True, False])
def test_poses_are_recovered_from_extracted_images(multiplied):
    settings = replace(POSES_ALONE, tilts=9, position_error_angstrom=6.0, angle_error_degree=6.0)
    problem = extracted(settings, multiplied=multiplied)
    found = refine_item(problem.data, [problem.reference], [problem.particles], POSES)
    before, after = (
        errors_of(problem.whole, problem.whole.data, replace(problem.particles, poses=poses))
        for poses in (problem.particles.poses, found.poses["molecule"])
    )
    assert after[0] < before[0] / 3
    assert after[1] < before[1] / 1.5


def test_stage_angles_are_refined_too():
    problem = extracted()
    settings = replace(POSES, iterations=1, stage_angles=True, holdout=0.0, pose_steps=2)
    found = refine_item(problem.data, [problem.reference], [problem.particles], settings)
    assert [each.stage for each in found.stages] == ["stage angles", "poses"]
    assert found.arrays["stage_angle_x"].any()


def hidden(problem, shown):
    """The problem with stacks that leave tilts out."""
    stacks = problem.particles.stacks
    fewer = replace(
        stacks, shown=shown, images=lambda row: stacks.images(row)[np.flatnonzero(shown[row])]
    )
    return replace(problem, particles=replace(problem.particles, stacks=fewer))


def test_hidden_tilts_take_no_part():
    problem = extracted()
    shown = np.ones((12, 5), dtype=bool)
    shown[3, 1] = shown[:, 4] = False
    _, all_tilts = problem.prepared()
    _, prepared = hidden(problem, shown).prepared()
    assert np.array_equal(prepared.inside, shown)
    kept = dense(prepared)
    assert not kept[3, 1].any()
    assert correlation(kept[:, 0], dense(all_tilts)[:, 0]) == pytest.approx(1)


def test_a_particle_that_no_image_shows_is_named():
    shown = np.ones((12, 5), dtype=bool)
    shown[7] = False
    with pytest.raises(InvalidState, match=r"row 8.*TS_01"):
        hidden(extracted(), shown).prepared()


@pytest.mark.parametrize("size", [24, 72])
def test_stacks_smaller_or_larger_than_the_box_stand_in_its_middle(size):
    problem = extracted(size=size)
    _, prepared = problem.prepared()
    _, plain = extracted().prepared()
    assert prepared.plan.box == plain.plan.box
    assert prepared.plan.window >= size
    # The particle has a diameter of 17 pixels.
    assert correlation(dense(prepared), dense(plain)) > 0.9


def test_images_follow_a_particle_that_has_moved():
    problem = extracted(replace(POSES_ALONE, snr=np.inf))
    poses = problem.particles.poses
    moved = ParticlePoses(position=poses.position + np.array([12.0, 0, 0]), angles=poses.angles)
    _, still = problem.prepared()
    model, other = problem.prepared(poses=moved)
    shift = (other.origin - still.origin) / other.plan.box_angstrom
    assert np.allclose(other.origin, model.views().position.numpy())
    k = torch.from_numpy(still.blocks[0].disc.frequencies.astype(np.float64))
    turn = 2 * torch.pi * torch.from_numpy(shift) @ k.T
    phase = torch.polar(torch.ones_like(turn), turn).to(torch.complex64)
    assert correlation(dense(still) * phase, dense(other)) > 0.9


@pytest.mark.parametrize(
    ("option", "value"), [("image_warp", (2, 2)), ("defocus", True), ("defocus_exhaustive", True)]
)
def test_options_that_need_whole_images_are_refused_by_item_and_option(option, value):
    problem = extracted()
    settings = replace(POSES, **{option: value})
    with pytest.raises(Unsupported, match="TS_01") as error:
        refine_item(problem.data, [problem.reference], [problem.particles], settings)
    assert error.value.fields["option"] == option
    assert option.replace("_", "-") in error.value.hint
    refuse_options("tilt_series", settings, item="TS_01")


def test_particles_without_stacks_are_refused():
    problem = extracted()
    bare = replace(problem, particles=replace(problem.particles, stacks=None))
    with pytest.raises(InvalidState, match=r"no stacks.*TS_01"):
        bare.prepared()
