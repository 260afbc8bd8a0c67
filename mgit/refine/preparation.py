"""All particle images of one item as whitened, weighted, packed discs, ready to be correlated.

docs/math/target.md, section 2. Whole images are read tilt by tilt, once for all species; extracted
ones particle by particle.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from kernels.packing import packing
from mgit.geometry.containment import contained, refuse_outside
from mgit.refine.discs import (
    Block,
    PreparedSpecies,
    Subject,
    TiltDiscs,
    blocks_of,
    disc_radii,
    limited,
    whitened,
)
from mgit.refine.exposure import location_shares
from mgit.refine.images import prepared_image
from mgit.refine.inputs import ReferenceSet, TiltSeriesData
from mgit.refine.spectrum import chosen_rows, disc_power
from mgit.refine.stack_preparation import stack_discs, stack_plan
from mgit.refine.windows import (
    BoxPlan,
    box_plan,
    contrast,
    masked_discs,
    window_transforms,
)

__all__ = [
    "Block", "PreparedSpecies", "Subject", "TiltDiscs", "limited", "longest_period", "prepare",
]  # fmt: skip

HIGH_PASS_DIAMETERS = 4.0
"""Periods beyond this many diameters of the largest species are removed from images."""


def prepare(
    series: TiltSeriesData,
    subjects: Sequence[Subject],
    *,
    weight_threshold: float,
    batch: int,
    dtype: torch.dtype = torch.float32,
) -> tuple[PreparedSpecies, ...]:
    """Prepare every species' images where its `views` say that its particles are.

    Images come from the stacks of the particles where the series is one of extracted particles.

    Raises InvalidInput and InvalidState naming the item: images that are flat, not finite or of
    the wrong size, and particles that no image contains.
    """
    extracted = series.geometry.kind == "particle_series"
    planned = stack_plan if extracted else _tilt_plan
    plans = [planned(series, each) for each in subjects]
    radii = [disc_radii(series, plan, weight_threshold) for plan in plans]
    found = (
        [
            stack_discs(series, each, plan, radius, dtype=dtype)
            for each, plan, radius in zip(subjects, plans, radii, strict=True)
        ]
        if extracted
        else _whole_images(series, subjects, plans, radii, batch=batch, dtype=dtype)
    )
    prepared = []
    for subject, plan, radius, discs in zip(subjects, plans, radii, found, strict=True):
        inside = np.zeros(subject.views.depth.shape, dtype=bool)
        for number, each in discs.items():
            inside[each.rows, number] = True
        names = [subject.particles.name_of(row) for row in range(len(inside))]
        refuse_outside(inside, names=names, item=series.name)
        prepared.append(
            PreparedSpecies(
                reference=subject.reference,
                particles=subject.particles,
                plan=plan,
                blocks=blocks_of(discs, radius, subject.particles.half_set),
                origin=subject.views.position.detach().numpy(),
                inside=inside,
                share=location_shares(series, subject.particles.poses.position.mean(axis=1)),
                magnification=series.optics.get("magnification", np.eye(2)),
            )
        )
    return tuple(prepared)


def longest_period(references: Iterable[ReferenceSet]) -> float:
    """Angstrom; longer periods are removed from images."""
    return HIGH_PASS_DIAMETERS * max(each.diameter_angstrom for each in references)


def _tilt_plan(series: TiltSeriesData, subject: Subject) -> BoxPlan:
    return box_plan(series, subject.reference, defocus=subject.views.defocus.detach().numpy())


def _whole_images(
    series: TiltSeriesData,
    subjects: Sequence[Subject],
    plans: Sequence[BoxPlan],
    radii: Sequence[np.ndarray],
    *,
    batch: int,
    dtype: torch.dtype,
) -> list[dict[int, TiltDiscs]]:
    """Discs of every species by number of the used tilt, cut out of whole images."""
    inside = [_inside(series, each) for each in subjects]
    longest = longest_period(each.reference for each in subjects)
    discs: list[dict[int, TiltDiscs]] = [{} for _ in subjects]
    for number, tilt in enumerate(series.geometry.used_tilts):
        image = prepared_image(series, int(tilt), longest_angstrom=longest)
        for index, subject in enumerate(subjects):
            rows = np.flatnonzero(inside[index][:, number])
            if rows.size:
                discs[index][number] = _tilt_discs(
                    series, image, number, subject, plans[index], radii[index][number], rows,
                    batch=batch, dtype=dtype,
                )  # fmt: skip
    return discs


def _inside(series: TiltSeriesData, subject: Subject) -> np.ndarray:
    """Whether particles lie in images; checked before any is read."""
    dimensions = series.geometry.image_dimensions_angstrom or (0.0, 0.0)
    inside = contained(
        subject.views.position.detach().numpy(),
        dimensions,
        diameter=subject.reference.diameter_angstrom,
    )
    particles = subject.particles
    names = [particles.name_of(row) for row in range(len(inside))]
    refuse_outside(inside, names=names, item=series.name)
    return inside


def _tilt_discs(
    series: TiltSeriesData,
    image: np.ndarray,
    number: int,
    subject: Subject,
    plan: BoxPlan,
    radius: int,
    rows: np.ndarray,
    *,
    batch: int,
    dtype: torch.dtype,
) -> TiltDiscs:
    """The images of `rows` in one tilt."""
    disc = packing(int(radius))
    tilt = int(series.geometry.used_tilts[number])
    position = subject.views.position[:, number].detach().numpy()
    defocus = subject.views.defocus[:, number].detach()

    def discs(part: np.ndarray, *, corrected: bool) -> Tensor:
        windows = window_transforms(image, position[part], plan, series=series, dtype=dtype)
        factor = contrast(windows, series, tilt, defocus=defocus[part]) if corrected else 1.0
        return masked_discs(windows.transforms * factor, plan, disc)

    measured = torch.cat(
        [discs(part, corrected=False) for part in _batches(rows[chosen_rows(len(rows))], batch)]
    )
    return whitened(
        torch.cat([discs(part, corrected=True) for part in _batches(rows, batch)]),
        disc_power(measured).mean(0),
        series=series,
        number=number,
        plan=plan,
        disc=disc,
        rows=rows,
    )


def _batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
