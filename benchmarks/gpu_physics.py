"""Whether refinement on a CUDA device is refinement on the CPU, on a small simulated tilt series.

Gradients of the whole target, a refined item and the sums of a reconstruction are compared. The
series is simulated in memory, as the tests do it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mgit.errors import MgitError
from mgit.geometry.rotations import rotation_distance, zyz_matrices
from mgit.refine.item import ItemResult, refine_item
from mgit.refine.objective import Target, fitted_scales
from mgit.refine.parameters import Families, build_parameters, with_grids
from mgit.refine.reconstruct_item import Budget, HalfSums, ItemWeight, MapGrid, add_tilt_series
from mgit.refine.settings import RefineSettings
from mgit.refine.stages import State, targets_of
from tests.refine.problems import SMALL, Problem, simulated

__all__ = ["FAILURES", "check_gradient", "check_reconstruction", "check_refinement", "physics"]

# What `verify --replay` calls equivalent: medians, angstrom and degrees.
POSITION_MAX, ANGLE_MAX = 0.05, 0.05
COURSE = RefineSettings(
    image_warp=(3, 3),
    particles=True,
    stage_angles=True,
    iterations=2,
    first_iteration_fraction=0.5,
    holdout=0.1,
    pose_steps=8,
)
LARGER = replace(SMALL, particles=100, tilts=21, image_size_px=256, pixel_size_angstrom=4.0)
FAILURES = (
    MgitError, RuntimeError, MemoryError, ValueError, TypeError, LookupError, AttributeError,
)  # fmt: skip

Record = dict[str, Any]


def _gradient(problem: Problem, *, device: str, double: bool) -> np.ndarray:
    """The gradient of the score in all families together, float64 `(parameters,)`."""
    geometry = with_grids(problem.data.geometry, image_warp=(3, 3), stage_angles=True)
    problem = replace(problem, data=replace(problem.data, geometry=geometry))
    model, prepared = problem.prepared(dtype=torch.float64 if double else torch.float32)
    state = State(series=problem.data, poses=(problem.particles.poses,))
    everyone = np.ones(problem.particles.poses.count, dtype=bool)
    species = targets_of(
        state, [prepared], chosen=[everyone], resolution_angstrom=14.0, threads=1, device=device
    )
    terms = [each.terms({}).detach() for each in species]
    scales = fitted_scales(terms, item=problem.data.name, names=["molecule"])
    target = Target(item=problem.data.name, species=species, scales=scales)
    parameters = build_parameters(
        [model],
        geometry,
        Families(image_warp=True, stage_angles=True, poses=True),
        inside=[prepared.inside],
        diameters=[problem.reference.diameter_angstrom],
        seed=0,
    )
    vector = parameters.start().requires_grad_()
    score = target.score(parameters.changes(vector))
    return np.asarray(torch.autograd.grad(score, vector)[0].numpy())


def check_gradient(device: str) -> Record:
    """Error of the gradient of the whole target against float64: at most twice the CPU's."""
    problem = simulated(SMALL)
    exact = _gradient(problem, device="cpu", double=True)
    on_cpu, on_device = (_gradient(problem, device=each, double=False) for each in ("cpu", device))
    scale = float(np.linalg.norm(exact))
    allowed, error = (float(np.linalg.norm(each - exact)) / scale for each in (on_cpu, on_device))
    return {
        "parameters": len(exact),
        "error": error,
        "error_of_cpu": allowed,
        "difference": float(np.linalg.norm(on_device - on_cpu)) / scale,
        "passed": bool(error <= 2 * allowed + 1e-6),
    }


def _refined(problem: Problem, device: str) -> tuple[ItemResult, float]:
    start = time.perf_counter()
    settings = replace(COURSE, device=device)
    found = refine_item(problem.data, [problem.reference], [problem.particles], settings)
    return found, time.perf_counter() - start


def _difference(one: ItemResult, other: ItemResult) -> tuple[float, float]:
    """Medians over particles, angstrom and degrees."""
    poses = [each.poses["molecule"] for each in (one, other)]
    moved = np.linalg.norm(poses[0].position - poses[1].position, axis=-1)
    turns = [zyz_matrices(torch.from_numpy(each.angles)).numpy() for each in poses]
    angle = rotation_distance(turns[0].reshape(-1, 3, 3), turns[1].reshape(-1, 3, 3))
    return float(np.median(moved)), float(np.median(angle))


def check_refinement(device: str, *, larger: bool = True) -> Record:
    """A refined item: equivalent to the CPU's, and the same bits when it is done again."""
    problem = simulated(LARGER if larger else SMALL)
    _refined(simulated(SMALL), "cpu")  # compile
    (on_cpu, cpu_s), (first, _), (second, device_s) = (
        _refined(problem, each) for each in ("cpu", device, device)
    )
    position, angle = _difference(on_cpu, first)
    same = [
        np.array_equal(first.poses["molecule"].angles, second.poses["molecule"].angles),
        np.array_equal(first.poses["molecule"].position, second.poses["molecule"].position),
        *(np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays),
    ]
    return {
        "median_position_difference_angstrom": position,
        "median_angle_difference_degree": angle,
        "score_of_cpu": on_cpu.score_after,
        "score": first.score_after,
        "equal_bits_when_repeated": all(same),
        "cpu_s": round(cpu_s, 3),
        "device_s": round(device_s, 3),
        "passed": bool(position < POSITION_MAX and angle < ANGLE_MAX and all(same)),
    }


def check_reconstruction(device: str) -> Record:
    """The sums of a reconstruction: the CPU's bits."""
    problem = simulated(SMALL)
    grid = MapGrid(box=32, padded=34, pixel_size_angstrom=6.0, diameter_angstrom=100.0)
    found = []
    for where in ("cpu", device):
        sums = HalfSums(grid, images_max=1000, device=where)
        budget = Budget(device=where)
        add_tilt_series(sums, problem.data, problem.particles, weight=ItemWeight(), budget=budget)
        found.append([half.sums for half in sums.halves])
    differing = [int((ours != theirs).sum()) for ours, theirs in zip(*found, strict=True)]
    largest = max(int(np.abs(ours - theirs).max()) for ours, theirs in zip(*found, strict=True))
    return {
        "sums": int(found[0][0].size),
        "sums_that_differ": differing,
        "largest_difference_quanta": largest,
        "largest_sum_quanta": int(np.abs(found[0][0]).max()),
        "passed": not any(differing),
    }


def physics(device: str, *, larger: bool = True) -> dict[str, Record]:
    """Every check by name; one that stops with an error has failed and says why."""
    checks: dict[str, Callable[[], Record]] = {
        "gradient of the target": lambda: check_gradient(device),
        "refined item": lambda: check_refinement(device, larger=larger),
        "sums of a reconstruction": lambda: check_reconstruction(device),
    }
    found = {}
    for name, check in checks.items():
        try:
            found[name] = check()
        except FAILURES as error:
            found[name] = {"error": f"{type(error).__name__}: {error}", "passed": False}
    return found
