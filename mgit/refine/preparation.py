"""All particle images of one item as whitened, weighted, packed discs, ready to be correlated.

docs/math/target.md, section 2. Whole images are read tilt by tilt, once for all species; extracted
ones particle by particle.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from kernels.packing import packing
from mgit.errors import Unsupported
from mgit.geometry.containment import contained, refuse_outside
from mgit.refine.discs import (
    Block,
    PreparedSpecies,
    Subject,
    TiltDiscs,
    at_places,
    blocks_of,
    disc_radii,
    limited,
    whitened,
)
from mgit.refine.exposure import location_b_factors, location_shares
from mgit.refine.images import prepared_image
from mgit.refine.inputs import ReferenceSet, TiltSeriesData
from mgit.refine.slices import band_pair, bend
from mgit.refine.spectrum import chosen_rows, disc_power
from mgit.refine.stack_preparation import stack_discs, stack_plan
from mgit.refine.windows import (
    BoxPlan,
    Windows,
    box_plan,
    contrast,
    masked_discs,
    side_band,
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
    _refuse_curved(series, subjects)
    planned = stack_plan if extracted else _tilt_plan
    plans = [planned(series, each) for each in subjects]
    radii = [disc_radii(series, plan, weight_threshold) for plan in plans]
    found = (
        [
            (stack_discs(series, each, plan, radius, dtype=dtype),)
            for each, plan, radius in zip(subjects, plans, radii, strict=True)
        ]
        if extracted
        else _whole_images(series, subjects, plans, radii, batch=batch, dtype=dtype)
    )
    prepared = []
    for subject, plan, radius, bands in zip(subjects, plans, radii, found, strict=True):
        inside = np.zeros(subject.views.depth.shape, dtype=bool)
        for number, each in bands[0].items():
            inside[each.rows, number] = True
        names = [subject.particles.name_of(row) for row in range(len(inside))]
        refuse_outside(inside, names=names, item=series.name, species=subject.particles.species)
        prepared.append(
            PreparedSpecies(
                reference=subject.reference,
                particles=subject.particles,
                plan=plan,
                blocks=_blocks(series, subject, plan, radius, bands),
                origin=subject.views.position.detach().numpy(),
                inside=inside,
                share=location_shares(series, subject.particles.poses.position.mean(axis=1)),
                magnification=series.optics.get("magnification", np.eye(2)),
            )
        )
    return tuple(prepared)


def _refuse_curved(series: TiltSeriesData, subjects: Sequence[Subject]) -> None:
    """Raises Unsupported for species that want side bands of images that have none to give."""
    for subject in subjects:
        if subject.reference.ewald and (
            series.ctf_multiplied or series.geometry.kind == "particle_series"
        ):
            raise Unsupported(
                "a species is aligned with the curvature of the Ewald sphere, for which images "
                "must be whole and without their CTF",
                hint="switch it off with 'mgit species set --ewald off'",
                item=series.name,
                species=subject.reference.species,
            )


def _blocks(
    series: TiltSeriesData,
    subject: Subject,
    plan: BoxPlan,
    radii: np.ndarray,
    bands: Sequence[dict[int, TiltDiscs]],
) -> tuple[Block, ...]:
    """Blocks of flat images, or of both side bands, with what the particles' places weigh."""
    above = bend(series, box_angstrom=plan.box_angstrom)
    heights = (0.0,) if len(bands) == 1 else (above, -above)
    blocks = [
        block
        for discs, height in zip(bands, heights, strict=True)
        for block in blocks_of(discs, radii, subject.particles.half_set, height=height)
    ]
    return at_places(
        blocks,
        location_b_factors(series, subject.particles.poses.position.mean(axis=1)),
        box_angstrom=plan.box_angstrom,
        magnification=series.optics.get("magnification"),
    )


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
) -> list[tuple[dict[int, TiltDiscs], ...]]:
    """Discs of every species by number of the used tilt, cut out of whole images.

    One for flat slices, two for the upper and the lower side band.
    """
    inside = [_inside(series, each) for each in subjects]
    longest = longest_period(each.reference for each in subjects)
    discs: list[tuple[dict[int, TiltDiscs], ...]] = [
        ({}, {}) if each.reference.ewald else ({},) for each in subjects
    ]
    for number, tilt in enumerate(series.geometry.used_tilts):
        image = prepared_image(series, int(tilt), longest_angstrom=longest)
        for index, subject in enumerate(subjects):
            rows = np.flatnonzero(inside[index][:, number])
            if rows.size:
                bands = _tilt_discs(
                    series, image, number, subject, plans[index], radii[index][number], rows,
                    batch=batch, dtype=dtype,
                )  # fmt: skip
                for found, band in zip(discs[index], bands, strict=True):
                    found[number] = band
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
    refuse_outside(inside, names=names, item=series.name, species=particles.species)
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
) -> tuple[TiltDiscs, ...]:
    """The images of `rows` in one tilt: times the CTF, or both side bands."""
    disc = packing(int(radius))
    tilt = int(series.geometry.used_tilts[number])
    position = subject.views.position[:, number].detach().numpy()
    defocus = subject.views.defocus[:, number].detach()
    reference = subject.reference

    def windows_of(part: np.ndarray) -> Windows:
        return window_transforms(image, position[part], plan, series=series, dtype=dtype)

    def corrected(part: np.ndarray) -> tuple[Tensor, ...]:
        windows = windows_of(part)
        if not reference.ewald:
            factor = contrast(windows, series, tilt, defocus=defocus[part])
            return (masked_discs(windows.transforms * factor, plan, disc),)
        band = side_band(windows, series, tilt, defocus=defocus[part])
        real, imaginary = (
            masked_discs(windows.transforms * each, plan, disc) for each in (band.real, band.imag)
        )
        return band_pair(real, imaginary, series, reverse=reference.ewald_reverse)

    measured = [
        masked_discs(windows_of(part).transforms, plan, disc)
        for part in _batches(rows[chosen_rows(len(rows))], batch)
    ]
    power = disc_power(torch.cat(measured)).mean(0)
    found = zip(*(corrected(part) for part in _batches(rows, batch)), strict=True)
    return tuple(
        whitened(
            torch.cat(band),
            power,
            series=series,
            number=number,
            plan=plan,
            disc=disc,
            rows=rows,
        )
        for band in found
    )


def _batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
