"""Defocus: the exhaustive search, exact slopes, and recovery of what was wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.refine.defocus import Astigmatism, refine_defocus, search_exhaustively, tilt_optics
from mgit.refine.objective import SpeciesTarget, fitted_scales, score_of_sums
from tests.refine.problems import SMALL, simulated, with_images

ONLY_DEFOCUS = replace(
    SMALL,
    particles=16,
    tilts=3,
    tilt_range_degree=20.0,
    pixel_size_angstrom=4.0,
    image_size_px=160,
    diameter_angstrom=80.0,
    gaussian_width_angstrom=3.0,
    snr=4.0,
    defocus_error_angstrom=1500.0,
    astigmatism_error_angstrom=0.0,
    position_error_angstrom=0.0,
    angle_error_degree=0.0,
    shift_error_angstrom=0.0,
    axis_angle_error_degree=0.0,
    stage_angle_error_degree=0.0,
    warp_error_angstrom=0.0,
)


def targets(problem, dtype=torch.float32):
    model, prepared = problem.prepared(dtype=dtype)
    chosen = np.ones(problem.settings.particles, dtype=bool)
    species = SpeciesTarget(prepared=prepared, model=model, chosen=chosen)
    terms = species.terms({}).detach()
    return species, terms, fitted_scales([terms], item="TS", names=["molecule"])


def test_the_search_finds_the_highest_of_many_peaks():
    def score(change):
        return np.cos((change - 1234) / 150) * np.exp(-(((change - 1234) / 900) ** 2)) + 1

    found, value = search_exhaustively(score, item="TS", tilt=0)
    assert found == pytest.approx(1234, abs=6.25)
    assert value == score(found)


def test_the_search_takes_sixty_one_and_at_most_four_a_round():
    seen = []

    def score(change):
        seen.append(change)
        return 1 / (1 + (change / 500 - 0.31) ** 2)

    search_exhaustively(score, item="TS", tilt=0)
    assert seen[:61] == [100.0 * index for index in range(-30, 31)]
    assert len(seen) <= 61 + 4 * 4
    assert len(seen) == len(set(seen))
    assert min(abs(each - 0.31 * 500) for each in seen) <= 6.25


@pytest.mark.parametrize("score", [lambda _: 0.0, lambda _: 0.7, lambda _: float("nan")])
def test_flat_zero_and_non_finite_scores_are_refused_by_name(score):
    with pytest.raises(InvalidState, match=r"TS_A.*tilt '8'"):
        search_exhaustively(score, item="TS_A", tilt=7)


def test_nothing_moves_where_nothing_scores():
    found, _ = search_exhaustively(lambda change: -1 - (change - 500) ** 2, item="TS", tilt=0)
    assert found == 0


def test_without_exposure_weights_the_tilt_sums_are_those_of_the_target():
    settings = replace(ONLY_DEFOCUS, exposure_per_tilt=0.0, tilt_range_degree=0.0)
    species, terms, _ = targets(simulated(settings))
    optics = tilt_optics(simulated(settings).data, [species], 1)
    sums = optics.sums(optics.start(), 1)
    assert float(sums[0, 0]) == pytest.approx(float(terms[:, 1, 0].sum()), rel=1e-4)
    assert float(sums[0, 2]) > float(terms[:, 1, 2].sum())  # without the CTF


def test_the_best_defocus_of_a_perfect_image_is_the_true_one():
    problem = simulated(replace(ONLY_DEFOCUS, snr=np.inf))
    species, _, scales = targets(problem)
    true = problem.true_data.geometry.arrays["defocus"]
    optics = tilt_optics(problem.data, [species], 1)

    def score(change):
        values = optics.start()
        values[0] = change
        return float(score_of_sums(optics.sums(values, 1), scales))

    found, value = search_exhaustively(score, item="TS", tilt=1)
    assert found == pytest.approx(true[1] - problem.data.geometry.arrays["defocus"][1], abs=150)
    assert value > 0


def test_slopes_are_those_of_finite_differences():
    problem = simulated(replace(ONLY_DEFOCUS, particles=3))
    species, _, scales = targets(problem, torch.float64)
    optics = tilt_optics(problem.data, [species], 0)
    point = (optics.start() + torch.tensor([120.0, -40.0, 70.0])).requires_grad_()
    (slope,) = torch.autograd.grad(score_of_sums(optics.sums(point, 1), scales), point)
    for index in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[index] = 0.05
        high, low = (
            float(score_of_sums(optics.sums(point.detach() + sign * step, 1), scales))
            for sign in (1, -1)
        )
        assert (high - low) / 0.1 == pytest.approx(float(slope[index]), rel=1e-5)


def test_wrong_defocus_is_found():
    problem = simulated(ONLY_DEFOCUS)
    species, _, scales = targets(problem)
    found = refine_defocus(problem.data, [species], scales, exhaustive=True, steps_max=6)
    true = problem.true_data.geometry.arrays["defocus"]
    before = np.abs(problem.data.geometry.arrays["defocus"] - true).mean()
    after = np.abs(found.series.geometry.arrays["defocus"] - true).mean()
    assert after < before / 5
    assert found.evaluations > 0
    scores = [float(score_of_sums(sums.sum(1), scales)) for sums in (found.start_sums, found.sums)]
    assert scores[1] > scores[0]


def test_images_whose_ctf_is_gone_are_refused_by_name():
    problem = simulated(ONLY_DEFOCUS)
    done = replace(problem, data=replace(problem.data, ctf_multiplied=True))
    species, _, scales = targets(done)
    with pytest.raises(InvalidState, match="TS_01"):
        refine_defocus(done.data, [species], scales, exhaustive=True, steps_max=0)


def test_components_of_astigmatism_are_delta_and_direction():
    found = Astigmatism(defocus=0.0, u=300 * np.cos(0.7), v=300 * np.sin(0.7))
    assert found.delta == pytest.approx(300)
    assert found.angle == pytest.approx(np.degrees(0.35))


def test_a_broken_image_is_named():
    problem = simulated(ONLY_DEFOCUS)
    species, _, scales = targets(problem)
    broken = with_images(problem.data, lambda image: image * np.nan)
    with pytest.raises(Exception, match=r"TS_01.*tilt '1'"):
        refine_defocus(broken, [species], scales, exhaustive=True, steps_max=0)
