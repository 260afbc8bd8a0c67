"""Refine one item: a pure function of a series, references, particles and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.tilt_series import IMAGE_WARP, STAGE_ANGLE, tilt_series_model
from mgit.refine.defocus import refine_defocus
from mgit.refine.holdout import HeldOut, held_particles, measure
from mgit.refine.inputs import ParticleSet, ReferenceSet, TiltSeriesData
from mgit.refine.objective import PERCENT, fitted_scales, pooled_score, score_of_sums
from mgit.refine.parameters import with_grids
from mgit.refine.preparation import PreparedSpecies, Subject, prepare
from mgit.refine.priors import ChangePriors, Key, changes_since, estimated_widths
from mgit.refine.settings import RefineSettings
from mgit.refine.solver import Outcome
from mgit.refine.stack_preparation import refuse_options
from mgit.refine.stages import (
    StageReport,
    State,
    SubIteration,
    run_stage,
    schedule,
    targets_of,
    terms_of,
)

__all__ = ["ItemResult", "refine_item"]

OPTICS = ("defocus", "defocus_delta", "defocus_angle")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemResult:
    """What refinement found for one item.

    arrays: canonical arrays that changed or may have (docs/state.md), complete, by name.
    margins: x, y, z of the grids among them.
    poses: per species, in the order of the particles that were given.
    correlations: per species `(particles,)`, each particle's images with its reference.
    tilt_correlations: `(used tilts,)`, all species pooled.
    score_before, score_after: M at full resolution, of the given and the found state.
    images: how many M counts.
    """

    item: str
    arrays: Mapping[str, np.ndarray]
    margins: Mapping[str, tuple[float, float, float]]
    poses: Mapping[str, ParticlePoses]
    correlations: Mapping[str, np.ndarray]
    tilt_correlations: np.ndarray
    score_before: float
    score_after: float
    images: int
    stages: tuple[StageReport, ...]
    held_out: tuple[HeldOut, ...]


def refine_item(
    series: TiltSeriesData,
    references: Sequence[ReferenceSet],
    particles: Sequence[ParticleSet],
    settings: RefineSettings,
) -> ItemResult:
    """Refine deformation, poses and optics of one item against the references of its species.

    references, particles: one each per species, in the same order. Equal arguments give equal bits
    for any number of threads.

    Raises InvalidState and InvalidInput, naming the item, for images or references without signal,
    scores that are zero, flat or not finite, and particles that no image contains; Unsupported,
    naming item and option, for what extracted particles cannot refine.
    """
    _check(series, references, particles)
    refuse_options(series.geometry.kind, settings, item=series.name)
    geometry = with_grids(
        series.geometry, image_warp=settings.image_warp, stage_angles=settings.stage_angles
    )
    start = State(
        series=replace(series, geometry=geometry), poses=tuple(each.poses for each in particles)
    )
    course = schedule(settings, references)
    first = _prepared(start, references, particles, settings)
    held = [held_particles(each, settings) for each in particles]
    state, prepared, reports, widths = _refined(
        start, first, held, course, settings, references, particles
    )
    finest = min((each.resolution_angstrom for each in course), default=_nyquist(references))
    held_out = measure(
        start, first, state, prepared, held=held, course=course, settings=settings, widths=widths
    )
    before, after = (
        terms_of(
            moment,
            images,
            resolution_angstrom=finest,
            threads=settings.threads,
            device=settings.device,
        )
        for moment, images in ((start, first), (state, prepared))
    )
    return _result(state, prepared, before, after, reports, held_out)


def _check(
    series: TiltSeriesData, references: Sequence[ReferenceSet], particles: Sequence[ParticleSet]
) -> None:
    names = [each.species for each in references]
    if names != [each.species for each in particles] or len(set(names)) < max(1, len(names)):
        raise InvalidState(
            "references and particles are not of the same species", item=series.name, species=names
        )
    for each in particles:
        if not each.poses.count:
            raise InvalidState(
                "a species has no particles in the item", item=series.name, species=each.species
            )


def _nyquist(references: Sequence[ReferenceSet]) -> float:
    return min(2 * each.references.pixel_size_angstrom for each in references)


def _prepared(
    state: State,
    references: Sequence[ReferenceSet],
    particles: Sequence[ParticleSet],
    settings: RefineSettings,
) -> tuple[PreparedSpecies, ...]:
    subjects = [
        Subject(
            reference=reference,
            particles=replace(each, poses=poses),
            views=tilt_series_model(state.series.geometry, poses).views(),
        )
        for reference, each, poses in zip(references, particles, state.poses, strict=True)
    ]
    return prepare(
        state.series, subjects, weight_threshold=settings.weight_threshold, batch=settings.batch
    )


def _refined(
    start: State,
    prepared: tuple[PreparedSpecies, ...],
    held: Sequence[np.ndarray],
    course: Sequence[SubIteration],
    settings: RefineSettings,
    references: Sequence[ReferenceSet],
    particles: Sequence[ParticleSet],
) -> tuple[State, tuple[PreparedSpecies, ...], list[StageReport], list[dict[Key, float]]]:
    """State, images, reports, and widths of the priors of every stage of poses, empty for none."""
    state, reports = start, []
    of_poses: list[dict[Key, float]] = []
    everyone = [np.ones(each.poses.count, dtype=bool) for each in particles]
    few = sum(each.poses.count for each in particles) < settings.few_particles
    held_back = settings.priors == "on" or (settings.priors == "auto" and few)
    widths: dict[Key, float] = {}
    for number, step in enumerate(course):
        for stage in step.stages:
            priors = ChangePriors()
            if held_back and number > 0:
                changed = changes_since(
                    start.series.geometry, start.poses, state.series.geometry, state.poses
                )
                widths = estimated_widths(changed, least=widths)
                priors = ChangePriors(widths=widths, changed=changed)
            if not stage.deforms:
                of_poses.append(widths)
            state, report = run_stage(
                state,
                stage,
                prepared,
                chosen=[~each for each in held] if stage.deforms else everyone,
                resolution_angstrom=step.resolution_angstrom,
                settings=settings,
                priors=priors,
            )
            reports.append(report)
        if step.optics:
            state, report = _with_optics(state, prepared, held, step, settings)
            reports.append(report)
            prepared = _prepared(state, references, particles, settings)
    return state, prepared, reports, of_poses


def _with_optics(
    state: State,
    prepared: tuple[PreparedSpecies, ...],
    held: Sequence[np.ndarray],
    step: SubIteration,
    settings: RefineSettings,
) -> tuple[State, StageReport]:
    targets = targets_of(
        state,
        prepared,
        chosen=[~each for each in held],
        resolution_angstrom=step.resolution_angstrom,
        threads=settings.threads,
        device=settings.device,
    )
    terms = [each.terms({}).detach() for each in targets]
    names = [each.reference.species for each in prepared]
    scales = fitted_scales(terms, item=state.series.name, names=names)
    found = refine_defocus(
        state.series,
        targets,
        scales,
        exhaustive=step.exhaustive,
        steps_max=settings.defocus_steps if settings.defocus else 0,
    )
    images = sum(int((each[..., 2] > 0).sum()) for each in terms)
    scores = [
        PERCENT * images * float(score_of_sums(sums.sum(1), scales))
        for sums in (found.start_sums, found.sums)
    ]
    report = StageReport(
        stage="defocus",
        resolution_angstrom=step.resolution_angstrom,
        parameters=3 * len(state.series.geometry.used_tilts),
        outcome=_worst(found.outcomes),
        steps=settings.defocus_steps if settings.defocus else 0,
        evaluations=found.evaluations,
        score_before=scores[0],
        score_after=scores[1],
    )
    return State(series=found.series, poses=state.poses), report


def _worst(outcomes: Sequence[Outcome]) -> str:
    """The outcome of a stage of many searches: that of the most, ties by name."""
    names = sorted(each.value for each in outcomes)
    return max(names, key=names.count) if names else Outcome.CONVERGED.value


def _result(
    state: State,
    prepared: Sequence[PreparedSpecies],
    before: list[Tensor],
    after: list[Tensor],
    reports: Sequence[StageReport],
    held_out: Sequence[HeldOut],
) -> ItemResult:
    item = state.series.name
    names = [each.reference.species for each in prepared]
    scales = fitted_scales(before, item=item, names=names)
    scores = [float(pooled_score(each, scales)) for each in (before, after)]
    if not np.isfinite(scores).all():
        raise InvalidState("the score of the item is not finite", item=item)
    grids = [name for name in (*IMAGE_WARP, *STAGE_ANGLE) if name in state.series.geometry.arrays]
    arrays = {name: state.series.geometry.arrays[name] for name in (*grids, "defocus")}
    for name in OPTICS[1:]:
        if name in state.series.optics:
            arrays[name] = state.series.optics[name]
    pooled = torch.stack([each.sum(0) for each in after])
    return ItemResult(
        item=item,
        arrays=arrays,
        margins={name: state.series.geometry.margins[name] for name in grids},
        poses=dict(zip(names, state.poses, strict=True)),
        correlations={
            name: _correlations(each.sum(1)) for name, each in zip(names, after, strict=True)
        },
        tilt_correlations=score_of_sums(pooled.transpose(0, 1), scales).nan_to_num().numpy(),
        score_before=scores[0],
        score_after=scores[1],
        images=sum(int((each[..., 2] > 0).sum()) for each in after),
        stages=tuple(reports),
        held_out=tuple(held_out),
    )


def _correlations(sums: Tensor) -> np.ndarray:
    return np.asarray((sums[:, 0] / torch.sqrt(sums[:, 1] * sums[:, 2])).numpy())
