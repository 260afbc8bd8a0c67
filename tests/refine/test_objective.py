"""The target: exact gradients for every family, invariance to scales, errors that name the item."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.objective import SpeciesTarget, Target, fitted_scales, pooled_score, score_of_sums
from mgit.refine.parameters import Families, build_parameters, with_grids
from mgit.refine.preparation import limited
from tests.refine.problems import SMALL, simulated, with_images

STEP = 1e-5


def target_of(problem, *, dtype=torch.float32, families=None, scales=None):
    families = families or Families(poses=True, image_warp=True, stage_angles=True)
    geometry = with_grids(problem.data.geometry, image_warp=(3, 2), stage_angles=True)
    model = tilt_series_model(geometry, problem.particles.poses)
    _, prepared = problem.prepared(dtype=dtype)
    chosen = np.ones(problem.particles.poses.count, dtype=bool)
    species = SpeciesTarget(prepared=prepared, model=model, chosen=chosen)
    if scales is None:
        scales = fitted_scales([species.terms({})], item="TS", names=["molecule"])
    parameters = build_parameters(
        [model],
        geometry,
        families,
        inside=[prepared.inside],
        diameters=[problem.settings.diameter_angstrom],
        seed=0,
    )
    return Target(item="TS", species=(species,), scales=scales), parameters


@pytest.mark.parametrize(
    "families",
    [
        Families(poses=True, gauges=False),
        Families(image_warp=True, gauges=False),
        Families(stage_angles=True, gauges=False),
        Families(poses=True, image_warp=True, stage_angles=True),
    ],
    ids=["poses", "image warp", "stage angles", "all, gauges fixed"],
)
def test_the_gradient_of_the_target_is_that_of_finite_differences(families):
    problem = simulated(replace(SMALL, particles=4, tilts=3))
    target, parameters = target_of(problem, dtype=torch.float64, families=families)
    random = np.random.default_rng(1)
    # Away from zero, and so that hardly any frequency lies on a face of the reference's grid.
    point = torch.from_numpy(0.3 * random.normal(size=parameters.size)).requires_grad_()
    (gradient,) = torch.autograd.grad(target.score(parameters.changes(point)), point)
    scale = float(gradient.abs().max())
    errors = []
    for index in random.choice(parameters.size, size=min(12, parameters.size), replace=False):
        values = []
        for sign in (-1, 1):
            moved = point.detach().clone()
            moved[index] += sign * STEP
            values.append(float(target.score(parameters.changes(moved))))
        errors.append(abs((values[1] - values[0]) / (2 * STEP) - float(gradient[index])) / scale)
    assert np.median(errors) < 1e-6
    assert np.quantile(errors, 0.95) < 1e-4


def test_the_kernel_and_the_reference_agree_on_score_and_gradient():
    problem = simulated()
    found = []
    for dtype in (torch.float32, torch.float64):
        target, parameters = target_of(problem, dtype=dtype)
        point = parameters.start().requires_grad_()
        score = target.score(parameters.changes(point))
        (gradient,) = torch.autograd.grad(score, point)
        found.append((float(score.detach()), gradient))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    difference = (found[0][1] - found[1][1]).norm() / found[1][1].norm()
    assert float(difference) < 2e-3


def test_the_truth_scores_higher_than_the_start():
    problem = simulated()
    target, _ = target_of(problem)
    true = replace(problem, data=problem.true_data, particles=problem.true_particles)
    _, prepared = true.prepared()
    model = tilt_series_model(true.data.geometry, true.particles.poses)
    species = replace(target.species[0], prepared=prepared, model=model)
    best = pooled_score([species.terms({})], target.scales)
    assert float(best) > 1.5 * float(target.score([{}]))


def test_the_target_does_not_depend_on_the_scale_of_images_and_maps():
    problem = simulated()
    target, _ = target_of(problem)
    louder = replace(problem, data=with_images(problem.data, lambda image: 37 * image + 5))
    references = problem.reference.references
    scaled = replace(
        problem.reference,
        references=replace(
            references, first=references.first * 1e3, second=references.second * 1e3
        ),
    )
    expected = float(target.score([{}]))
    for other in (louder, replace(problem, reference=scaled)):
        assert float(target_of(other)[0].score([{}])) == pytest.approx(expected, rel=2e-5)


def test_a_species_counts_the_same_on_any_scale():
    sums = torch.tensor([[3.0, 2.0, 50.0], [1.0, 4.0, 20.0]], dtype=torch.float64)
    scales = torch.tensor([1.5, 0.25], dtype=torch.float64)
    # The second map times 10: AB grows 10-fold, A^2 100-fold, its fitted scale falls 10-fold.
    other = sums * torch.tensor([[1, 1, 1], [10, 100, 1]])
    expected = score_of_sums(sums, scales)
    assert score_of_sums(other, scales * torch.tensor([1, 0.1])) == pytest.approx(float(expected))


def test_noise_free_images_of_the_truth_score_near_the_maximum():
    settings = replace(SMALL, snr=np.inf, defocus_angstrom=10_000.0)
    problem = simulated(settings)
    true = replace(problem, data=problem.true_data, particles=problem.true_particles)
    _, prepared = true.prepared()
    model = tilt_series_model(true.data.geometry, true.particles.poses)
    species = SpeciesTarget(
        prepared=prepared, model=model, chosen=np.ones(settings.particles, dtype=bool)
    )
    terms = species.terms({})
    scales = fitted_scales([terms], item="TS", names=["molecule"])
    # Less than 100 per image because images carry the CTF and references do not.
    assert 40 < float(pooled_score([terms], scales)) / prepared.inside.sum() <= 100


def test_particles_that_are_not_chosen_do_not_count():
    problem = simulated()
    target, _ = target_of(problem)
    chosen = np.arange(problem.settings.particles) % 3 == 0
    species = replace(target.species[0], chosen=chosen)
    terms = species.terms({})
    assert not terms[~chosen].any()
    assert torch.equal(terms[chosen], target.species[0].terms({})[chosen])


def test_particles_are_aligned_to_their_own_half():
    problem = simulated()
    references = problem.reference.references
    other = replace(problem.reference, references=replace(references, second=0 * references.second))
    target, _ = target_of(
        replace(problem, reference=other), scales=torch.ones(1, dtype=torch.float64)
    )
    power = target.species[0].terms({})[..., 1].sum(1)
    first = problem.particles.half_set == 1
    assert (power[first] > 0).all()
    assert not power[~first].any()


def test_a_lower_resolution_counts_fewer_samples():
    problem = simulated()
    target, _ = target_of(problem)
    half = replace(target.species[0], prepared=limited(target.species[0].prepared, 7))
    assert (half.terms({})[..., 2] < 0.5 * target.species[0].terms({})[..., 2]).all()


@pytest.mark.parametrize("factor", [0.0, np.nan])
def test_references_without_power_are_refused_by_name(factor):
    problem = simulated()
    references = problem.reference.references
    broken = replace(
        problem.reference,
        references=replace(
            references, first=factor * references.first, second=factor * references.second
        ),
    )
    _, prepared = replace(problem, reference=broken).prepared()
    model = tilt_series_model(problem.data.geometry, problem.particles.poses)
    chosen = np.ones(problem.settings.particles, dtype=bool)
    terms = SpeciesTarget(prepared=prepared, model=model, chosen=chosen).terms({})
    with pytest.raises(InvalidState, match=r"TS_A.*molecule"):
        fitted_scales([terms], item="TS_A", names=["molecule"])


def test_a_score_that_is_no_number_names_the_item():
    target, _ = target_of(simulated())
    with pytest.raises(InvalidState, match="TS"):
        replace(target, scales=target.scales * np.nan).score([{}])
