"""The course of a round: resolution from coarse to fine, and which families move when.

docs/math/optimiser.md, section 3. Deformation comes first, because poses must not absorb it; stage
angles and optics come late, because they need detail in the references.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.accelerator import accelerator
from mgit.refine.inputs import ReferenceSet, TiltSeriesData
from mgit.refine.objective import SpeciesTarget, Target, fitted_scales, pooled_score
from mgit.refine.parameters import Families, Parameters, build_parameters
from mgit.refine.preparation import PreparedSpecies, limited
from mgit.refine.priors import ChangePriors, likelihood_factor
from mgit.refine.residence import Residence
from mgit.refine.settings import RefineSettings
from mgit.refine.solver import Outcome, minimise
from mgit.refine.windows import LEAST_RADIUS

__all__ = [
    "Stage",
    "StageReport",
    "State",
    "SubIteration",
    "run_stage",
    "schedule",
    "targets_of",
    "terms_of",
]

FIRST_STEP = 0.3
"""Angstrom that the first trial step moves an image on average, in units of the vector."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """What refinement changes: the series and the poses of every species."""

    series: TiltSeriesData
    poses: tuple[ParticlePoses, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Families that move together, for at most `steps` accepted steps.

    deforms: whether it changes what particles share, so that held-out particles stay out of it.
    """

    name: str
    families: Families
    steps: int
    deforms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubIteration:
    """Stages at one resolution; resolution_angstrom of the best species.

    optics, exhaustive: whether defocus follows, and with a search first.
    """

    resolution_angstrom: float
    stages: tuple[Stage, ...]
    optics: bool
    exhaustive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """How a stage went: score of the particles that it moved by, before and after."""

    stage: str
    resolution_angstrom: float
    parameters: int
    outcome: str
    steps: int
    evaluations: int
    score_before: float
    score_after: float


def schedule(
    settings: RefineSettings, references: Sequence[ReferenceSet]
) -> tuple[SubIteration, ...]:
    """Sub-iterations of a round.

    The resolution rises linearly in frequency; M's order of families. Stage angles move in the
    second half of the sub-iterations, optics from the first one that is fine enough. A single one
    is as fine as the references, unless a resolution to start with is given.
    """
    finest = min(2 * each.references.pixel_size_angstrom for each in references)
    last = 1 / max(finest, settings.resolution or 0.0)
    first = settings.first_iteration_fraction * last
    if settings.start_resolution is not None:
        first = min(last, 1 / settings.start_resolution)
    alone = 1.0 if settings.start_resolution is None else 0.0
    found: list[SubIteration] = []
    searched = False
    for index in range(settings.iterations):
        share = alone if settings.iterations == 1 else index / (settings.iterations - 1)
        resolution = 1 / (first + (last - first) * share)
        late = 2 * (index + 1) > settings.iterations
        fine = resolution <= settings.ctf_min_resolution and late
        optics = settings.refines_optics and fine
        found.append(
            SubIteration(
                resolution_angstrom=resolution,
                stages=_stages(settings, late=late),
                optics=optics,
                exhaustive=optics and settings.defocus_exhaustive and not searched,
            )
        )
        searched = searched or optics
    return tuple(found)


def _stages(settings: RefineSettings, *, late: bool) -> tuple[Stage, ...]:
    both = settings.particles
    stages = []
    if settings.image_warp is not None:
        families = Families(image_warp=True, gauges=both)
        stages.append(
            Stage(name="image warp", families=families, steps=settings.warp_steps, deforms=True)
        )
    if settings.stage_angles and late:
        families = Families(stage_angles=True, gauges=both)
        stages.append(
            Stage(name="stage angles", families=families, steps=settings.stage_steps, deforms=True)
        )
    if settings.particles:
        families = Families(poses=True)
        stages.append(
            Stage(name="poses", families=families, steps=settings.pose_steps, deforms=False)
        )
    return tuple(stages)


def targets_of(
    state: State,
    prepared: Sequence[PreparedSpecies],
    *,
    chosen: Sequence[np.ndarray],
    resolution_angstrom: float,
    threads: int,
    device: str = "cpu",
) -> tuple[SpeciesTarget, ...]:
    """Targets of all species in the present state at a resolution, their images on `device`.

    Raises Unsupported for a device that is not there or too small, naming the item.
    """
    targets = tuple(
        SpeciesTarget(
            prepared=limited(each, _radius(each, resolution_angstrom)),
            model=tilt_series_model(state.series.geometry, poses),
            chosen=mask,
            threads=threads,
        )
        for each, poses, mask in zip(prepared, state.poses, chosen, strict=True)
    )
    where = accelerator(device)
    if where is None:
        return targets
    tasks = [task for target in targets for task in target.tasks()]
    pairs = [(task.block, task.volume) for task in tasks]
    residence = Residence(where, pairs, item=state.series.name)
    return tuple(replace(each, residence=residence) for each in targets)


def terms_of(
    state: State,
    prepared: Sequence[PreparedSpecies],
    *,
    resolution_angstrom: float,
    threads: int = 1,
    device: str = "cpu",
) -> list[Tensor]:
    """AB, A^2, B^2 of every image of all particles, `(particles, tilts, 3)` per species."""
    everyone = [np.ones(each.count, dtype=bool) for each in state.poses]
    targets = targets_of(
        state,
        prepared,
        chosen=everyone,
        resolution_angstrom=resolution_angstrom,
        threads=threads,
        device=device,
    )
    return [each.terms({}).detach() for each in targets]


def _radius(prepared: PreparedSpecies, resolution_angstrom: float) -> int:
    """Fourier pixels of a resolution; never so few that there is nothing to align to."""
    return max(LEAST_RADIUS, round(prepared.plan.box_angstrom / resolution_angstrom))


def run_stage(
    state: State,
    stage: Stage,
    prepared: Sequence[PreparedSpecies],
    *,
    chosen: Sequence[np.ndarray],
    resolution_angstrom: float,
    settings: RefineSettings,
    priors: ChangePriors | None = None,
) -> tuple[State, StageReport]:
    """Maximise the target over the families of a stage.

    Raises InvalidState, naming the item, for scores that are zero, flat or not finite.
    """
    item = state.series.name
    species = targets_of(
        state,
        prepared,
        chosen=chosen,
        resolution_angstrom=resolution_angstrom,
        threads=settings.threads,
        device=settings.device,
    )
    terms = [each.terms({}).detach() for each in species]
    names = [each.reference.species for each in prepared]
    target = Target(item=item, species=species, scales=fitted_scales(terms, item=item, names=names))
    parameters = build_parameters(
        [each.model for each in species],
        state.series.geometry,
        stage.families,
        inside=[each.inside & mask[:, None] for each, mask in zip(prepared, chosen, strict=True)],
        diameters=[each.reference.diameter_angstrom for each in prepared],
        seed=settings.seed,
    )
    loss = _Loss(target, parameters, priors or ChangePriors(), _factor(terms, target.scales))
    solution = minimise(loss, parameters.start(), steps_max=stage.steps, first_step=FIRST_STEP)
    if solution.outcome is Outcome.NON_FINITE or solution.gradient_max == 0:
        raise InvalidState(
            "the score of the item is flat or not finite",
            hint="check its images, its alignment and the maps of its species",
            item=item,
            stage=stage.name,
        )
    geometry, poses = parameters.applied(solution.point, state.series.geometry, state.poses)
    with torch.no_grad():
        after = float(target.score(parameters.changes(solution.point)))
    report = StageReport(
        stage=stage.name,
        resolution_angstrom=resolution_angstrom,
        parameters=parameters.size,
        outcome=solution.outcome.value,
        steps=solution.steps,
        evaluations=solution.evaluations,
        score_before=float(pooled_score(terms, target.scales)),
        score_after=after,
    )
    moved = State(series=replace(state.series, geometry=geometry), poses=tuple(poses))
    return moved, report


class _Loss:
    """Minus the target plus what priors cost, with its gradient: what the solver minimises."""

    def __init__(
        self, target: Target, parameters: Parameters, priors: ChangePriors, factor: float
    ) -> None:
        self.target, self.parameters = target, parameters
        self.priors, self.factor = priors, factor

    def __call__(self, point: Tensor) -> tuple[float, Tensor]:
        vector = point.detach().clone().requires_grad_()
        loss = -self.target.score(self.parameters.changes(vector))
        if self.priors.widths:
            deltas = self.parameters.deltas(vector)
            loss = loss + self.factor * self.priors.penalty(self.parameters, deltas)
        (gradient,) = torch.autograd.grad(loss, vector)
        return float(loss.detach()), gradient


def _factor(terms: Sequence[Tensor], scales: Tensor) -> float:
    images = sum(int((each[..., 2] > 0).sum()) for each in terms)
    energy = float(sum(each[..., 2].sum() for each in terms))
    return likelihood_factor(float(pooled_score(terms, scales)), images=images, energy=energy)
