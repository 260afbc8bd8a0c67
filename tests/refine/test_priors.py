"""Priors: what they cost, and how wide they are."""

import numpy as np
import pytest
import torch

from mgit.geometry.poses import ParticlePoses
from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.parameters import Families, build_parameters, with_grids
from mgit.refine.priors import (
    ChangePriors,
    changes_since,
    estimated_widths,
    likelihood_factor,
)
from tests.refine.problems import simulated


def poses_of(shift=0.0, turn=0.0):
    poses = simulated().particles.poses
    return ParticlePoses(position=poses.position + shift, angles=poses.angles + turn)


def test_nothing_changed_has_no_width():
    geometry = simulated().data.geometry
    assert estimated_widths(changes_since(geometry, [poses_of()], geometry, [poses_of()])) == {}


def test_widths_are_the_root_mean_square_of_changes():
    geometry = simulated().data.geometry
    moved = changes_since(geometry, [poses_of()], geometry, [poses_of(2.0)])
    assert estimated_widths(moved) == {("position", 0): pytest.approx(2.0)}
    warped = with_grids(geometry, image_warp=(2, 2), stage_angles=False)
    bent = warped.with_arrays({"image_warp_x": np.full((5, 2, 2), 3.0)})
    widths = estimated_widths(changes_since(geometry, [poses_of()], bent, [poses_of()]))
    assert widths == {("image_warp", None): pytest.approx(3.0)}


def test_widths_do_not_follow_changes_that_were_held_back():
    geometry = simulated().data.geometry
    far, near = (
        changes_since(geometry, [poses_of()], geometry, [poses_of(shift)]) for shift in (2.0, 0.5)
    )
    first = estimated_widths(far)
    assert estimated_widths(near, least=first) == first
    assert estimated_widths(far, least=estimated_widths(near)) == first
    nothing = changes_since(geometry, [poses_of()], geometry, [poses_of()])
    assert estimated_widths(nothing, least=first) == first


def test_a_change_costs_half_its_square_in_units_of_its_width():
    problem = simulated()
    geometry = problem.data.geometry
    model = tilt_series_model(geometry, problem.particles.poses)
    parameters = build_parameters(
        [model],
        geometry,
        Families(poses=True),
        inside=[np.ones((12, 5), dtype=bool)],
        diameters=[100.0],
        seed=0,
    )
    deltas = parameters.deltas(parameters.start())
    deltas[0] = deltas[0] + 1.0
    shape = deltas[0].shape
    before = {("position", 0): np.full(shape, 2.0), ("rotation", 0): np.zeros(shape)}
    priors = ChangePriors(widths={("position", 0): 1.5}, changed=before)
    assert float(priors.penalty(parameters, deltas)) == pytest.approx(0.5 * 36 * (3 / 1.5) ** 2)
    assert float(ChangePriors().penalty(parameters, deltas)) == 0


def test_the_likelihood_factor_falls_with_signal_and_energy():
    base = likelihood_factor(1000.0, images=100, energy=5000.0)
    assert likelihood_factor(2000.0, images=100, energy=5000.0) == pytest.approx(base / 2)
    assert likelihood_factor(1000.0, images=100, energy=10_000.0) == pytest.approx(base / 2)
    assert np.isfinite(likelihood_factor(0.0, images=100, energy=5000.0))


def test_turns_are_measured_as_rotations():
    geometry = simulated().data.geometry
    moved = changes_since(geometry, [poses_of()], geometry, [poses_of(turn=[0, 0, 4.0])])
    length = np.linalg.norm(moved["rotation", 0], axis=-1)
    assert torch.allclose(torch.from_numpy(length), torch.tensor(4.0, dtype=torch.float64))
