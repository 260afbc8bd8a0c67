"""Particles that take no part in fitting deformation and optics, and what they say about it.

Their poses are refined twice, in the old and in the new deformation, by the same stages; what the
new one gains on them is a gain, what it gains on the others may be noise (docs/math/optimiser.md,
section 5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgit.refine.inputs import ParticleSet
from mgit.refine.preparation import Block, PreparedSpecies
from mgit.refine.priors import ChangePriors, Key, changes_since
from mgit.refine.settings import RefineSettings
from mgit.refine.stages import State, SubIteration, run_stage, terms_of

__all__ = ["HeldOut", "held_particles", "measure", "restricted"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """Held-out particles of one species.

    rows: of the particles. before, after: `(rows, tilts, 3)` AB, A^2, B^2 of each image in the
    deformation and optics that the round began with and in those that it found.
    """

    species: str
    rows: np.ndarray
    before: np.ndarray
    after: np.ndarray


def held_particles(particles: ParticleSet, settings: RefineSettings) -> np.ndarray:
    """Which particles are held out: bool `(n,)`; chosen by seed and number if by nobody else."""
    count = particles.poses.count
    held = np.zeros(count, dtype=bool)
    if settings.deforms and particles.held is not None:
        return particles.held
    if settings.deforms:
        random = np.random.default_rng([settings.seed, count])
        held[random.permutation(count)[: round(settings.holdout * count)]] = True
    return held


def measure(
    start: State,
    first: Sequence[PreparedSpecies],
    state: State,
    prepared: Sequence[PreparedSpecies],
    *,
    held: Sequence[np.ndarray],
    course: Sequence[SubIteration],
    settings: RefineSettings,
    widths: Sequence[Mapping[Key, float]] = (),
) -> list[HeldOut]:
    """Terms of the held-out particles, their poses refined in the old and the new deformation.

    widths: of the priors that held back each stage of poses on the way to `state`; the same hold
    back poses in the old deformation, or free ones would look better than those.
    """
    if not any(each.any() for each in held) or not course:
        return []
    finest = min(each.resolution_angstrom for each in course)
    old = [restricted(each, mask) for each, mask in zip(first, held, strict=True)]
    new = [restricted(each, mask) for each, mask in zip(prepared, held, strict=True)]
    used = [index for index, mask in enumerate(held) if mask.any()]
    baseline = first_poses = _only(start, used)
    stages = [(step, stage) for step in course for stage in step.stages if not stage.deforms]
    for number, (step, stage) in enumerate(stages):
        baseline, _ = run_stage(
            baseline,
            stage,
            [old[index] for index in used],
            chosen=[held[index] for index in used],
            resolution_angstrom=step.resolution_angstrom,
            settings=settings,
            priors=_priors(first_poses, baseline, used, widths[number] if widths else {}),
        )
    found = []
    before = _terms(baseline, [old[index] for index in used], finest, settings)
    after = _terms(_only(state, used), [new[index] for index in used], finest, settings)
    for place, index in enumerate(used):
        rows = np.flatnonzero(held[index])
        found.append(
            HeldOut(
                species=first[index].reference.species,
                rows=rows,
                before=before[place][rows].numpy(),
                after=after[place][rows].numpy(),
            )
        )
    return found


def restricted(prepared: PreparedSpecies, mask: np.ndarray) -> PreparedSpecies:
    """The same species with the images of some particles only; rows keep their numbers."""
    blocks: list[Block] = []
    for block in prepared.blocks:
        kept = np.flatnonzero(mask[block.particle])
        if kept.size:
            blocks.append(
                replace(
                    block,
                    images=block.images[torch.from_numpy(kept)],
                    particle=block.particle[kept],
                    tilt=block.tilt[kept],
                )
            )
    return replace(prepared, blocks=tuple(blocks))


def _priors(
    start: State, state: State, used: Sequence[int], widths: Mapping[Key, float]
) -> ChangePriors:
    """The priors of a stage of poses of some of the species; `used`: their numbers among all."""
    kept: dict[Key, float] = {
        (name, used.index(number)): width
        for (name, number), width in widths.items()
        if number in used
    }
    if not kept:
        return ChangePriors()
    geometry = start.series.geometry
    return ChangePriors(
        widths=kept, changed=changes_since(geometry, start.poses, geometry, state.poses)
    )


def _only(state: State, species: Sequence[int]) -> State:
    return State(series=state.series, poses=tuple(state.poses[index] for index in species))


def _terms(
    state: State,
    prepared: Sequence[PreparedSpecies],
    resolution: float,
    settings: RefineSettings,
) -> list[Tensor]:
    return terms_of(
        state,
        prepared,
        resolution_angstrom=resolution,
        threads=settings.threads,
        device=settings.device,
    )
