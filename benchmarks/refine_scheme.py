"""Refine one simulated tilt series with exact gradients and with ten evaluations per gradient.

    python -m benchmarks.refine_scheme --save

Both schemes run the same refinement, stages, steps and kernels, one after the other in one process.
The ten-evaluation scheme, M's, takes central differences of every image's score in x, y and three
rotations, by the kernel that computes values alone, and is chained to all parameters through the
same geometry. Its score itself is an eleventh evaluation. One thread.
"""

import argparse
import contextlib
import datetime
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.kernels_cpu import commit, save
from benchmarks.measure import machine_facts
from mgit.refine import correlation
from mgit.refine.correlation import BlockCorrelation
from mgit.refine.item import ItemResult, refine_item
from mgit.refine.settings import RefineSettings
from mgit.simulate.settings import PRESETS
from tests.refine.problems import Problem, errors_of, simulated

__all__ = ["TenEvaluations", "main", "measure", "ten_evaluations"]

STEP_PIXELS = 0.1
"""Of the images, and of the outermost Fourier sample when a particle is turned."""
RATIO_MIN = 3.0
GEOMETRY = RefineSettings(
    image_warp=(3, 3),
    particles=True,
    stage_angles=True,
    iterations=2,
    first_iteration_fraction=0.5,
    holdout=0.1,
)
COURSES = {
    "geometry": GEOMETRY,
    "geometry and optics": replace(
        GEOMETRY, defocus=True, defocus_exhaustive=True, ctf_min_resolution=12.0
    ),
}


class TenEvaluations(torch.autograd.Function):
    """Terms by the compiled kernel, their derivatives by central differences."""

    @staticmethod
    def forward(ctx: Any, matrices: Tensor, shifts: Tensor, task: BlockCorrelation) -> Tensor:
        ctx.save_for_backward(matrices, shifts)
        ctx.task = task
        return torch.from_numpy(task.values(matrices, shifts))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        matrices, shifts = ctx.saved_tensors
        disc = ctx.task.block.disc
        move, turn = STEP_PIXELS / (2 * disc.radius + 2), STEP_PIXELS / disc.radius

        def slope(step: float, *, turned: Tensor | None = None, axis: int = 0) -> Tensor:
            """Derivative `(m,)` of what follows in the step's own unit."""
            ends = []
            for sign in (1, -1):
                if turned is None:
                    moved = shifts.clone()
                    moved[:, axis] += sign * step
                    ends.append(ctx.task.values(matrices, moved))
                else:
                    rotation = torch.linalg.matrix_exp(sign * step * turned)
                    ends.append(ctx.task.values(rotation @ matrices, shifts))
            terms = torch.from_numpy(ends[0] - ends[1]) / (2 * step)
            return (gradients[0] * terms).sum(-1)

        d_shift = torch.stack([slope(move, axis=axis) for axis in (0, 1)], dim=-1)
        turns = _generators()
        d_turn = torch.stack([slope(turn, turned=each) for each in turns], dim=-1)
        return _of_matrices(matrices, turns, d_turn), d_shift, None


def _generators() -> Tensor:
    """Turns about x, y and z: float64 `(3, 3, 3)`."""
    x, y, z = torch.eye(3, dtype=torch.float64).unbind()
    pairs = ((y, z), (z, x), (x, y))
    return torch.stack([torch.outer(b, a) - torch.outer(a, b) for a, b in pairs])


def _of_matrices(matrices: Tensor, turns: Tensor, slopes: Tensor) -> Tensor:
    """The derivative for A that has `slopes` `(m, 3)` along turns of A and none across them."""
    moved = turns @ matrices[:, None]
    gram = torch.einsum("nkij,nlij->nkl", moved, moved)
    return torch.einsum("nk,nkij->nij", torch.linalg.solve(gram, slopes), moved)


@contextlib.contextmanager
def ten_evaluations() -> Iterator[None]:
    """Refinement takes its gradients from ten evaluations."""
    exact = correlation._Correlate
    correlation._Correlate = TenEvaluations  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        correlation._Correlate = exact  # type: ignore[misc]


def _timed(problem: Problem, settings: RefineSettings, scheme: str) -> tuple[ItemResult, Any]:
    chosen = ten_evaluations() if scheme == "ten evaluations" else contextlib.nullcontext()
    with chosen:
        wall, cpu = time.perf_counter(), time.process_time()
        found = refine_item(problem.data, [problem.reference], [problem.particles], settings)
        return found, (time.perf_counter() - wall, time.process_time() - cpu)


def _errors(problem: Problem, found: ItemResult) -> dict[str, float]:
    grids = {name: each for name, each in found.arrays.items() if not name.startswith("defocus_")}
    geometry = problem.data.geometry.with_arrays(grids, margins=found.margins)
    series = replace(problem.data, geometry=geometry)
    particles = replace(problem.particles, poses=found.poses["molecule"])
    names = ("position_angstrom", "angle_degree", "defocus_angstrom")
    return dict(zip(names, errors_of(problem, series, particles), strict=True))


def measure(problem: Problem, settings: RefineSettings, *, rounds: int) -> dict[str, Any]:
    """Seconds and results of both schemes, and the medians of their ratios within rounds."""
    schemes = ("exact", "ten evaluations")
    brief = replace(settings, iterations=1, warp_steps=1, stage_steps=1, pose_steps=1)
    for scheme in schemes:
        _timed(problem, brief, scheme)  # compile
    times: dict[str, list[tuple[float, float]]] = {scheme: [] for scheme in schemes}
    results = {}
    for _ in range(rounds):
        for scheme in schemes:
            found, seconds = _timed(problem, settings, scheme)
            times[scheme].append(seconds)
            results[scheme] = {
                "steps": [each.steps for each in found.stages],
                "evaluations": [each.evaluations for each in found.stages],
                "score": found.score_after,
                "errors": _errors(problem, found),
            }
    for scheme in schemes:
        wall, cpu = (statistics.median(each) for each in zip(*times[scheme], strict=True))
        results[scheme] |= {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2)}
    pairs = list(zip(times["ten evaluations"], times["exact"], strict=True))
    return {
        "schemes": results,
        "wall_ratio": round(statistics.median(ten[0] / one[0] for ten, one in pairs), 2),
        "cpu_ratio": round(statistics.median(ten[1] / one[1] for ten, one in pairs), 2),
    }


def main() -> None:
    """Measure, print, and with --save write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--particles", type=int, default=100)
    parser.add_argument("--tilts", type=int, default=21)
    parser.add_argument("--box", type=int, default=64, help="pixels")
    parser.add_argument("--save", action="store_true", help="write the result into the repository")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = replace(
        PRESETS["demo"],
        particles=options.particles,
        tilts=options.tilts,
        box_px=options.box,
        gaussians=200,
    )
    problem = simulated(settings)
    start = errors_of(problem, problem.data, problem.particles)
    print("errors at the start (A, degrees, A of defocus):", *(f"{each:.3f}" for each in start))
    entries = {}
    for name, course in COURSES.items():
        entries[name] = found = measure(problem, course, rounds=options.rounds)
        for scheme, result in found["schemes"].items():
            print(
                f"{name:20} {scheme:16} {result['wall_s']:8.2f} s wall {result['cpu_s']:8.2f} s CPU"
            )
            print(
                f"{'':20} errors", *(f"{each:.3f}" for each in result["errors"].values()), end=" "
            )
            print("evaluations", *result["evaluations"])
        met = "met" if found["cpu_ratio"] >= RATIO_MIN else "MISSED"
        ratios = f"wall {found['wall_ratio']}, CPU {found['cpu_ratio']}, wanted {RATIO_MIN}"
        print(f"{name:20} ten evaluations / exact: {ratios}: {met}")
    if options.save:
        result = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": commit(),
            "machine": machine_facts(),
            "options": vars(options),
            "errors_at_the_start": start,
            "entries": entries,
        }
        print(f"wrote {save(result, label='refine-scheme').name}")


if __name__ == "__main__":
    main()
