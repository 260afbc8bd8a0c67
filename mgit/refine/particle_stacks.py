"""Extracted 2-D stacks in a reconstruction: each particle's images, moved, weighted, added up."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kernels.packing import pack, packing
from mgit.geometry.tilt_series import Views, tilt_series_model
from mgit.optics.alias import alias_free_size, fft_friendly_size
from mgit.optics.ewald import band_limited
from mgit.optics.frequencies import image_frequencies, shift_factor
from mgit.refine.inputs import ParticleSet, TiltSeriesData
from mgit.refine.reconstruct_item import (
    Budget,
    HalfSums,
    MapGrid,
    series_gradient,
    slices_of,
)
from mgit.refine.slice_weights import ItemWeight, SliceWeights, slice_weights
from mgit.refine.slices import Ewald, Slices
from mgit.refine.stack_images import around_zero, background_free, displacements
from mgit.refine.stack_preparation import stacks_of
from mgit.refine.windows import Windows, in_specimen, side_band

__all__ = ["add_particle_series"]


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
    ewald: Ewald | None = None,
) -> int:
    """Add the images of every particle, which has stacks; returns their number.

    ewald: how the curvature of the Ewald sphere is treated, by default `Ewald()`.

    Raises NotFound, InvalidInput and Unsupported naming the item: stacks that are missing,
    truncated, not finite or of another length, and terms that extracted images cannot take.
    """
    stacks = stacks_of(series, particles)
    views = tilt_series_model(series.geometry, particles.poses).views()
    moved = displacements(series.geometry, particles.poses, stacks.centre)
    weights = slice_weights(series, particles, weight)
    pixel, diameter = stacks.pixel_size_angstrom, sums.grid.diameter_angstrom
    free = _alias_free(series, sums.grid, pixel=pixel, views=views)

    def work(row: int) -> int:
        images, numbers = stacks.images(row), stacks.numbers(row)
        if not numbers.size:
            return 0
        plan = _plan(sums.grid, images.shape[-1], free=free, pixel=pixel)
        _add_particle(
            sums,
            slices_of(
                series,
                sums.grid,
                ewald or Ewald(),
                scale=plan.scale,
                box_angstrom=plan.box_angstrom,
            ),
            views,
            row,
            numbers,
            background_free(images, pixel=pixel, diameter_angstrom=diameter),
            moved=moved[row, numbers],
            plan=plan,
            weights=weights,
            half_set=int(particles.half_set[row]),
        )
        budget.advance(len(numbers))
        return len(numbers)

    with budget.pool() as workers:
        return sum(workers.map(work, range(particles.poses.count)))


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
    slices: Slices,
    views: Views,
    row: int,
    numbers: np.ndarray,
    images: np.ndarray,
    *,
    moved: Tensor,
    plan: _StackPlan,
    weights: SliceWeights,
    half_set: int,
) -> None:
    disc = packing(plan.radius)
    windows = _windows(slices.series, images, moved, plan)
    band = _bands(windows, slices.series, views.defocus[row], numbers)
    factors = [
        weights.of(np.array([row]), int(n), disc, box_angstrom=plan.box_angstrom) for n in numbers
    ]
    on_images, on_squares = (torch.cat(each) for each in zip(*factors, strict=True))
    square = pack(_as_held(slices.weight(band, windows.frequencies), plan), disc)
    raw_to_map = (plan.pixel_size_angstrom / sums.grid.pixel_size_angstrom) ** 2 / sums.grid.box
    for data, matrices, share in slices.of(
        windows.transforms,
        band,
        views.rotation[row, numbers].numpy(),
        packed=lambda transforms: pack(torch.fft.rfft2(_cut(transforms, plan)), disc),
    ):
        sums.add(
            np.full(len(numbers), half_set),
            data * (raw_to_map * on_images),
            square * (share * on_squares),
            matrices=matrices,
            disc=disc,
            item=slices.series.name,
        )


def _windows(
    series: TiltSeriesData, images: np.ndarray, moved: Tensor, plan: _StackPlan
) -> Windows:
    """Transforms of a particle's images about where it stands, without odd aberrations."""
    transforms = torch.fft.rfft2(around_zero(torch.from_numpy(images), plan.window))
    plain = image_frequencies(plan.window, plan.pixel_size_angstrom, dtype=torch.float32)
    transforms = transforms * shift_factor(plain, -moved.float())
    return in_specimen(transforms, plain, series=series)


def _bands(
    windows: Windows, series: TiltSeriesData, defocus: Tensor, numbers: np.ndarray
) -> Tensor:
    """The complex CTF `(k, W, W//2+1)` of a particle in its images, at its own depth."""
    used = series.geometry.used_tilts
    return torch.cat(
        [side_band(windows, series, int(used[n]), defocus=defocus[n : n + 1]) for n in numbers]
    )


def _as_held(weight: Tensor, plan: _StackPlan) -> Tensor:
    """A squared CTF as images of the stack's size hold it, on the grid of the slices."""
    square = band_limited(weight, min(plan.size, plan.box))
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
