"""All particle images of one item as whitened, weighted, packed discs, ready to be correlated.

docs/math/target.md, section 2. Images are read tilt by tilt, once for all species; discs shrink
with the exposure, and discs of one size are kept together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kernels.packing import Packing, packing
from mgit.geometry.containment import contained, refuse_outside
from mgit.geometry.tilt_series import Views
from mgit.optics.crop import exposure_dependent_sizes
from mgit.refine.exposure import location_shares, tilt_terms, weight_discs
from mgit.refine.images import prepared_image
from mgit.refine.inputs import ParticleSet, ReferenceSet, TiltSeriesData
from mgit.refine.spectrum import amplitude_spectrum, at_samples, chosen_rows
from mgit.refine.windows import (
    LEAST_RADIUS,
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """One species in the item: its references, its particles and where they appear."""

    reference: ReferenceSet
    particles: ParticleSet
    views: Views


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Images of one half-set whose discs have one size.

    images: complex `(m, samples)`. weights: real `(tilts, samples)`, W / S of every used tilt.
    whitening: 1 / S alone, of the same shape.
    particle, tilt: `(m,)` row of the particle and number of the used tilt of each image.
    """

    disc: Packing
    half_set: int
    images: Tensor
    weights: Tensor
    whitening: Tensor
    particle: np.ndarray
    tilt: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedSpecies:
    """What the target needs of one species.

    origin: `(particles, tilts, 2)` angstrom, where images were cut out. inside: bool
    `(particles, tilts)`. share: `(particles,)` amplitude factor of the place in the specimen.
    magnification: `(2, 2)`, frequencies in the image -> in the specimen.
    """

    reference: ReferenceSet
    particles: ParticleSet
    plan: BoxPlan
    blocks: tuple[Block, ...]
    origin: np.ndarray
    inside: np.ndarray
    share: np.ndarray
    magnification: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiltDiscs:
    """Images `(n, samples)` of particles `rows` in one tilt, and its weights `(samples,)`."""

    images: Tensor
    weights: Tensor
    whitening: Tensor
    rows: np.ndarray


def prepare(
    series: TiltSeriesData,
    subjects: Sequence[Subject],
    *,
    weight_threshold: float,
    batch: int,
    dtype: torch.dtype = torch.float32,
) -> tuple[PreparedSpecies, ...]:
    """Prepare every species' images where its `views` say that its particles are.

    Raises InvalidInput and InvalidState naming the item: images that are flat, not finite or of
    the wrong size, and particles that no image contains.
    """
    plans = [
        box_plan(series, each.reference, defocus=each.views.defocus.detach().numpy())
        for each in subjects
    ]
    inside = [_inside(series, each) for each in subjects]
    radii = [_radii(series, plan, weight_threshold) for plan in plans]
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
    return tuple(
        PreparedSpecies(
            reference=subject.reference,
            particles=subject.particles,
            plan=plans[index],
            blocks=_blocks(discs[index], radii[index], subject.particles.half_set),
            origin=subject.views.position.detach().numpy(),
            inside=inside[index],
            share=location_shares(series, subject.particles.poses.position.mean(axis=1)),
            magnification=series.optics.get("magnification", np.eye(2)),
        )
        for index, subject in enumerate(subjects)
    )


def limited(prepared: PreparedSpecies, radius: int) -> PreparedSpecies:
    """The same images without frequencies beyond `radius` Fourier pixels."""
    if all(block.disc.radius <= radius for block in prepared.blocks):
        return prepared
    blocks = []
    for block in prepared.blocks:
        disc = packing(min(radius, block.disc.radius))
        squares = (block.disc.frequencies.astype(np.int64) ** 2).sum(axis=1)
        # Samples of a smaller disc are in the same order.
        kept = torch.from_numpy(np.flatnonzero(squares <= disc.radius**2))
        blocks.append(
            replace(
                block,
                disc=disc,
                images=block.images[:, kept],
                weights=block.weights[:, kept],
                whitening=block.whitening[:, kept],
            )
        )
    return replace(prepared, blocks=tuple(blocks))


def longest_period(references: Iterable[ReferenceSet]) -> float:
    """Angstrom; longer periods are removed from images."""
    return HIGH_PASS_DIAMETERS * max(each.diameter_angstrom for each in references)


def _inside(series: TiltSeriesData, subject: Subject) -> np.ndarray:
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


def _radii(series: TiltSeriesData, plan: BoxPlan, threshold: float) -> np.ndarray:
    """Radius of the disc of every used tilt, Fourier pixels."""
    terms = tilt_terms(series)
    sizes = exposure_dependent_sizes(
        terms.b_factor.numpy(),
        size=plan.box,
        box_angstrom=plan.box_angstrom,
        threshold=threshold,
        b_factor_delta=terms.b_factor_delta.numpy(),
    )
    return np.asarray(np.clip(sizes // 2 - 1, LEAST_RADIUS, plan.radius))


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
    spectrum = amplitude_spectrum(measured, disc, item=series.name, tilt=tilt)
    exposure = weight_discs(tilt_terms(series), disc, box_angstrom=plan.box_angstrom)[number]
    whitening = 1 / at_samples(spectrum, disc)
    weights = exposure * whitening
    on_images = whitening if series.exposure_filtered else weights
    images = torch.cat([discs(part, corrected=True) for part in _batches(rows, batch)])
    return TiltDiscs(
        images=images * on_images.to(dtype),
        weights=weights.to(dtype),
        whitening=whitening.to(dtype),
        rows=rows,
    )


def _batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _blocks(
    discs: Mapping[int, TiltDiscs],
    radii: np.ndarray,
    half_set: np.ndarray,
) -> tuple[Block, ...]:
    """Tilts of one disc size joined, by half-set, largest discs first."""
    blocks = []
    for radius in sorted({int(radii[number]) for number in discs}, reverse=True):
        numbers = [number for number in discs if radii[number] == radius]
        disc = packing(radius)
        weights, whitening = (
            torch.zeros((len(radii), disc.samples), dtype=discs[numbers[0]].weights.dtype)
            for _ in range(2)
        )
        for number in numbers:
            weights[number] = discs[number].weights
            whitening[number] = discs[number].whitening
        for half in (1, 2):
            kept = {number: half_set[discs[number].rows] == half for number in numbers}
            rows = [discs[number].rows[kept[number]] for number in numbers]
            if not sum(map(len, rows)):
                continue
            parts = [discs[number].images[torch.from_numpy(kept[number])] for number in numbers]
            blocks.append(
                Block(
                    disc=disc,
                    half_set=half,
                    images=torch.cat(parts),
                    weights=weights,
                    whitening=whitening,
                    particle=np.concatenate(rows),
                    tilt=np.repeat(numbers, [len(each) for each in rows]),
                )
            )
    return tuple(blocks)
