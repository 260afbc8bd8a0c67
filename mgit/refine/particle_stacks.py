"""Extracted 2-D stacks in a reconstruction: each particle's images, moved, weighted, added up."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kernels.packing import pack, packing
from mgit.errors import InvalidState, Unsupported
from mgit.geometry.tilt_series import Views, tilt_series_model
from mgit.optics.alias import alias_free_size, fft_friendly_size
from mgit.optics.ewald import band_limited
from mgit.optics.frequencies import image_frequencies, shift_factor
from mgit.optics.weights import WeightTerms
from mgit.refine.exposure import location_shares, tilt_terms
from mgit.refine.inputs import ParticleSet, TiltSeriesData
from mgit.refine.reconstruct_item import (
    Budget,
    HalfSums,
    ItemWeight,
    MapGrid,
    series_gradient,
    slice_matrices,
    slice_weights,
)
from mgit.refine.stack_images import ParticleStacks, around_zero, background_free, displacements
from mgit.refine.windows import Windows, contrast

__all__ = ["add_particle_series", "stacks_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _StackPlan:
    """pixels of a stack's images (size), of its transforms (window), of the slices (box)."""

    size: int
    window: int
    box: int
    pixel_size_angstrom: float
    radius: int
    scale: float

    @property
    def box_angstrom(self) -> float:
        return self.box * self.pixel_size_angstrom


def add_particle_series(
    sums: HalfSums,
    series: TiltSeriesData,
    particles: ParticleSet,
    *,
    weight: ItemWeight,
    budget: Budget,
) -> int:
    """Add the images of every particle, which has stacks; returns their number.

    Raises NotFound, InvalidInput and Unsupported naming the item: stacks that are missing,
    truncated, not finite or of another length, and terms that extracted images cannot take.
    """
    stacks = stacks_of(series, particles)
    views = tilt_series_model(series.geometry, particles.poses).views()
    moved = displacements(series.geometry, particles.poses, stacks.centre)
    terms = tilt_terms(series).times(scale=weight.scale, b_factor=weight.b_factor)
    share = location_shares(series, particles.poses.position.mean(axis=1))
    pixel, diameter = stacks.pixel_size_angstrom, sums.grid.diameter_angstrom
    free = _alias_free(series, sums.grid, pixel=pixel, views=views)

    def work(row: int) -> int:
        images, numbers = stacks.images(row), stacks.numbers(row)
        _add_particle(
            sums,
            series,
            views,
            row,
            numbers,
            background_free(images, pixel=pixel, diameter_angstrom=diameter),
            moved=moved[row, numbers],
            plan=_plan(sums.grid, images.shape[-1], free=free, pixel=pixel),
            terms=terms,
            share=float(share[row]),
            half_set=int(particles.half_set[row]),
        )
        budget.advance(len(numbers))
        return len(numbers)

    with budget.pool() as workers:
        return sum(workers.map(work, range(particles.poses.count)))


def stacks_of(series: TiltSeriesData, particles: ParticleSet) -> ParticleStacks:
    """The stacks of particles in a series that has nothing which extracted images cannot take.

    Raises InvalidState for particles without stacks, Unsupported naming item and array for terms.
    """
    if particles.stacks is None:
        raise InvalidState(
            "particles of a series of extracted images have no stacks",
            item=series.name,
            species=particles.species,
        )
    neutral = {"magnification": np.eye(2), "zernike_odd": np.zeros(12)}
    for name, plain in neutral.items():
        if name in series.optics and (series.optics[name] != plain).any():
            raise Unsupported(
                "a term of the series cannot be applied to extracted particles",
                hint="add the tilt images as a source of their own",
                item=series.name,
                array=name,
            )
    return particles.stacks


def _alias_free(series: TiltSeriesData, grid: MapGrid, *, pixel: float, views: Views) -> int:
    gradient = series_gradient(series, defocus=views.defocus.numpy(), frequency_max=0.5 / pixel)
    return alias_free_size(
        gradient, diameter_angstrom=grid.diameter_angstrom, pixel_size_angstrom=pixel
    )


def _plan(grid: MapGrid, size: int, *, free: int, pixel: float) -> _StackPlan:
    box = 2 * round(grid.padded_angstrom / pixel / 2)
    scale = grid.padded_angstrom / (box * pixel)
    return _StackPlan(
        size=size,
        window=fft_friendly_size(max(free, size, box)),
        box=box,
        pixel_size_angstrom=pixel,
        radius=min(box // 2 - 1, int((grid.padded // 2 - 1) / scale)),
        scale=scale,
    )


def _add_particle(
    sums: HalfSums,
    series: TiltSeriesData,
    views: Views,
    row: int,
    numbers: np.ndarray,
    images: np.ndarray,
    *,
    moved: Tensor,
    plan: _StackPlan,
    terms: WeightTerms,
    share: float,
    half_set: int,
) -> None:
    disc = packing(plan.radius)
    factors = _transfer(series, views, row, numbers, plan)
    transforms = torch.fft.rfft2(around_zero(torch.from_numpy(images), plan.window))
    frequencies = image_frequencies(plan.window, plan.pixel_size_angstrom, dtype=torch.float32)
    transforms = transforms * shift_factor(frequencies, -moved.float())
    if not series.ctf_multiplied:
        transforms = transforms * factors
    exposure = share * torch.stack(
        [slice_weights(terms, int(n), disc, box_angstrom=plan.box_angstrom) for n in numbers]
    )
    data = pack(torch.fft.rfft2(_cut(transforms, plan)), disc)
    square = pack(_squares(factors, plan), disc)
    raw_to_map = (plan.pixel_size_angstrom / sums.grid.pixel_size_angstrom) ** 2 / sums.grid.box
    rotation = views.rotation[row, numbers].numpy()
    sums.add(
        np.full(len(numbers), half_set),
        data * (raw_to_map if series.exposure_filtered else raw_to_map * exposure),
        square * exposure,
        matrices=slice_matrices(rotation, series, scale=plan.scale),
        disc=disc,
        item=series.name,
    )


def _transfer(
    series: TiltSeriesData, views: Views, row: int, numbers: np.ndarray, plan: _StackPlan
) -> Tensor:
    """The CTF `(k, W, W//2+1)` of a particle in its images, at its own depth."""
    frequencies = image_frequencies(plan.window, plan.pixel_size_angstrom, dtype=torch.float32)
    windows = Windows(transforms=torch.empty(0), frequencies=frequencies)
    bare = replace(series, ctf_multiplied=False)
    return torch.cat(
        [
            contrast(
                windows,
                bare,
                int(series.geometry.used_tilts[number]),
                defocus=views.defocus[row, number : number + 1],
            )
            for number in numbers
        ]
    )


def _squares(factors: Tensor, plan: _StackPlan) -> Tensor:
    """The square of the CTF as images of the stack's size hold it, on the grid of the slices."""
    square = band_limited(factors.square(), min(plan.size, plan.box))
    if plan.box <= plan.size:
        return square
    kernel = torch.fft.fftshift(torch.fft.irfft2(square, s=(plan.size,) * 2), dim=(-2, -1))
    widened: Tensor = torch.fft.rfft2(around_zero(kernel, plan.box)).real
    return widened


def _cut(transforms: Tensor, plan: _StackPlan) -> Tensor:
    """Images `(k, N, N)` about index 0 of transforms `(k, W, W//2+1)`."""
    real = torch.fft.irfft2(transforms, s=(plan.window, plan.window))
    half = plan.box // 2
    keep = torch.cat([torch.arange(half), torch.arange(plan.window - half, plan.window)])
    cut: Tensor = real[:, keep[:, None], keep]
    return cut
