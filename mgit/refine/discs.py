"""Packed discs of one item's particles: what the target needs, by size of disc and half-set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kernels.packing import Packing, packing
from mgit.geometry.tilt_series import Views
from mgit.optics.crop import exposure_dependent_sizes
from mgit.refine.exposure import disc_frequencies, falloff, tilt_terms, weight_discs
from mgit.refine.inputs import ParticleSet, ReferenceSet, TiltSeriesData
from mgit.refine.spectrum import amplitude_spectrum, at_samples
from mgit.refine.windows import LEAST_RADIUS, BoxPlan

__all__ = [
    "Block", "PreparedSpecies", "Subject", "TiltDiscs", "at_places", "blocks_of", "disc_radii",
    "limited", "whitened",
]  # fmt: skip


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
    height: of the slice over the plane at one Fourier pixel, in Fourier pixels; 0 where it is flat,
    below 0 for the lower of two side bands.
    """

    disc: Packing
    half_set: int
    images: Tensor
    weights: Tensor
    whitening: Tensor
    particle: np.ndarray
    tilt: np.ndarray
    height: float = 0.0


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


def disc_radii(series: TiltSeriesData, plan: BoxPlan, threshold: float) -> np.ndarray:
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


def whitened(
    images: Tensor,
    power: Tensor,
    *,
    series: TiltSeriesData,
    number: int,
    plan: BoxPlan,
    disc: Packing,
    rows: np.ndarray,
    passed: Tensor | None = None,
) -> TiltDiscs:
    """Images `(n, samples)` of one used tilt whitened and weighted, docs/math/target.md eq. 4a.

    power: `(samples)`, mean power of the images before the CTF, or after it and then `passed`, the
    mean share of the power that the CTF let through.
    """
    tilt = int(series.geometry.used_tilts[number])
    exposure = weight_discs(
        tilt_terms(series),
        disc,
        box_angstrom=plan.box_angstrom,
        magnification=series.optics.get("magnification"),
    )[number]
    before = torch.ones_like(exposure)
    if series.exposure_filtered:
        before = exposure / exposure[disc.zero]
    through = before.square() * (1.0 if passed is None else passed)
    spectrum = amplitude_spectrum(power, disc, item=series.name, tilt=tilt, passed=through)
    whitening = 1 / at_samples(spectrum, disc)
    real = images.real.dtype
    return TiltDiscs(
        images=images * (exposure / before * whitening).to(real),
        weights=(exposure * whitening).to(real),
        whitening=whitening.to(real),
        rows=rows,
    )


def at_places(
    blocks: Sequence[Block],
    b_factor: np.ndarray,
    *,
    box_angstrom: float,
    magnification: np.ndarray | None = None,
) -> tuple[Block, ...]:
    """Blocks with the B factors `(particles,)` of their particles' places in their weights.

    Weights belong to whole blocks: particles of different B factors are put apart.
    """
    if not b_factor.any():
        return tuple(blocks)
    found = []
    for block in blocks:
        own = b_factor[block.particle]
        frequencies = disc_frequencies(block.disc, box_angstrom, magnification=magnification)
        for value in np.unique(own):
            kept = np.flatnonzero(own == value)
            decay = falloff(torch.tensor([value]), frequencies).to(block.weights.dtype)
            found.append(
                replace(
                    block,
                    images=block.images[torch.from_numpy(kept)] * decay,
                    weights=block.weights * decay,
                    particle=block.particle[kept],
                    tilt=block.tilt[kept],
                )
            )
    return tuple(found)


def blocks_of(
    discs: Mapping[int, TiltDiscs],
    radii: np.ndarray,
    half_set: np.ndarray,
    *,
    height: float = 0.0,
) -> tuple[Block, ...]:
    """Tilts of one disc size joined, by half-set, largest discs first; height: of all slices."""
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
                    height=height,
                )
            )
    return tuple(blocks)
