"""Extracted 2-D stacks: where each particle's images stand, and their share of a reconstruction.

Such images are cut out already, most often multiplied by the CTF too (`ctf_premultiplied`). Their
places in the original images are unknown: only the difference between where a particle was cut out
and where it is now believed to be can be applied, as a shift within its images.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kernels.packing import pack, packing
from mgit.errors import InvalidInput, MgitError, NotFound, Unsupported
from mgit.exchange.mrc import read_stack
from mgit.exchange.relion_optics import read_optics
from mgit.exchange.relion_particles import (
    Volumes,
    item_names,
    particle_block,
    particle_frame,
    place,
)
from mgit.exchange.star import parse_star
from mgit.geometry.poses import ParticlePoses
from mgit.geometry.tilt_series import Views, tilt_series_model
from mgit.optics.alias import alias_free_size, fft_friendly_size
from mgit.optics.ewald import band_limited
from mgit.optics.frequencies import image_frequencies, shift_factor
from mgit.optics.weights import WeightTerms
from mgit.refine.exposure import location_shares, tilt_terms
from mgit.refine.inputs import ParticleSet, TiltSeriesData
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.reconstruct_item import (
    Budget,
    HalfSums,
    ItemWeight,
    MapGrid,
    series_gradient,
    slice_matrices,
    slice_weights,
)
from mgit.refine.windows import Windows, contrast

__all__ = ["StackRows", "add_particle_series", "stack_rows"]

VISIBLE = "rlnTomoVisibleFrames"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StackRows:
    """Facts of particles that only their imported table has.

    stack: path per particle. centre: `(n, 3)` angstrom from the corner, what stands at the centre
    of its images. visible: per particle the flags of its tilts, or None without such a column.
    """

    stack: tuple[str, ...]
    centre: np.ndarray
    visible: tuple[np.ndarray, ...] | None

    def take(self, rows: np.ndarray) -> "StackRows":
        """The rows of these numbers."""
        return StackRows(
            stack=tuple(self.stack[row] for row in rows),
            centre=self.centre[rows],
            visible=None if self.visible is None else tuple(self.visible[row] for row in rows),
        )


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


def stack_rows(
    content: bytes,
    *,
    path: str,
    volumes: Volumes,
    coordinate_pixel_size_angstrom: float | None,
) -> StackRows:
    """Read a RELION or WarpTools table of 2-D stacks, all its rows.

    Raises Unsupported when it does not name one stack per particle.
    """
    document = parse_star(content, name=path)
    table = particle_block(document)
    stacks = table.strings("rlnImageName")
    if any("@" in name for name in stacks):
        raise Unsupported(
            "particles whose images are single members of a stack are not reconstructed from",
            hint="export one stack of all tilts per particle, as WarpTools does with --2d",
            file=path,
        )
    optics = read_optics(document, table)
    items = item_names(table)
    frame = particle_frame(table, optics, items, volumes, pixel_size=coordinate_pixel_size_angstrom)
    centre, _ = place(table, replace(frame, origins=()))
    visible = None
    if VISIBLE in table:
        visible = tuple(_flags(text) for text in table.strings(VISIBLE))
    return StackRows(stack=stacks, centre=centre, visible=visible)


def add_particle_series(
    sums: HalfSums,
    series: TiltSeriesData,
    particles: ParticleSet,
    rows: StackRows,
    *,
    files: Mapping[str, BoundFile],
    pixel_size_angstrom: float,
    weight: ItemWeight,
    budget: Budget,
) -> int:
    """Add the images of every particle; returns their number.

    files: by the path that the manifest has. pixel_size_angstrom: of the images.

    Raises NotFound, InvalidInput and Unsupported naming the item: stacks that are missing,
    truncated, not finite or of another length, and terms that extracted images cannot take.
    """
    _refuse_terms(series)
    model = tilt_series_model(series.geometry, particles.poses)
    there = ParticlePoses(position=rows.centre[:, None], angles=np.zeros((len(rows.stack), 1, 3)))
    views = model.views()
    moved = views.position - tilt_series_model(series.geometry, there).views().position
    terms = tilt_terms(series).times(scale=weight.scale, b_factor=weight.b_factor)
    share = location_shares(series, particles.poses.position.mean(axis=1))
    free = _alias_free(series, sums.grid, pixel=pixel_size_angstrom, views=views)

    def work(row: int) -> int:
        images, numbers = _images(series, rows, row, files)
        _add_particle(
            sums,
            series,
            views,
            row,
            numbers,
            _centred(images, sums.grid, pixel_size_angstrom),
            moved=moved[row, numbers],
            plan=_plan(sums.grid, images.shape[-1], free=free, pixel=pixel_size_angstrom),
            terms=terms,
            share=float(share[row]),
            half_set=int(particles.half_set[row]),
        )
        budget.advance(len(numbers))
        return len(numbers)

    with budget.pool() as workers:
        return sum(workers.map(work, range(len(rows.stack))))


def _refuse_terms(series: TiltSeriesData) -> None:
    neutral = {"magnification": np.eye(2), "zernike_odd": np.zeros(12)}
    for name, plain in neutral.items():
        if name in series.optics and (series.optics[name] != plain).any():
            raise Unsupported(
                "a term of the series cannot be applied to extracted particles",
                hint="add the tilt images as a source of their own",
                item=series.name,
                array=name,
            )


def _flags(text: str) -> np.ndarray:
    return np.array([part.strip() == "1" for part in text.strip("[] ").split(",")])


def _images(
    series: TiltSeriesData, rows: StackRows, row: int, files: Mapping[str, BoundFile]
) -> tuple[np.ndarray, np.ndarray]:
    """Images `(k, n, n)` of a particle and the numbers of the used tilts that they show."""
    name = rows.stack[row]
    file = files.get(name)
    if file is None:
        raise NotFound("a particle's stack is not among the raw files", item=series.name, file=name)
    try:
        stack = read_stack(file.place).values
    except MgitError as error:
        error.fields.setdefault("item", series.name)
        raise
    used, tilts = series.geometry.used_tilts, series.geometry.tilt_count
    visible = np.ones(tilts, bool) if rows.visible is None else rows.visible[row]
    square = stack.shape[1] == stack.shape[2] and not stack.shape[1] % 2
    if visible.shape != (tilts,) or len(stack) not in (tilts, int(visible.sum())) or not square:
        raise InvalidInput(
            "a particle's stack does not have one even, square image per tilt",
            hint="link the stacks that belong to the table",
            item=series.name,
            file=str(file.place),
            images=stack.shape,
            tilts=tilts,
        )
    numbers = np.flatnonzero(visible[used])
    shown = used[numbers]
    section = shown if len(stack) == tilts else (np.cumsum(visible) - 1)[shown]
    return stack[section], numbers


def _centred(images: np.ndarray, grid: MapGrid, pixel: float) -> np.ndarray:
    """Images without their background, the mean outside the particle's disc, where there is any."""
    size = images.shape[-1]
    at = (np.arange(size) - size // 2) * pixel
    outside = np.hypot(at[:, None], at[None, :]) > grid.diameter_angstrom / 2
    if not outside.any():
        return images
    return np.asarray(images - images[:, outside].mean(axis=1, dtype=np.float64)[:, None, None])


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
    transforms = torch.fft.rfft2(_around_zero(torch.from_numpy(images), plan.window))
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
    widened: Tensor = torch.fft.rfft2(_around_zero(kernel, plan.box)).real
    return widened


def _around_zero(images: Tensor, size: int) -> Tensor:
    """Images `(k, n, n)` with the centre n // 2 moved to index 0 of larger, empty ones."""
    width = images.shape[-1]
    before = size // 2 - width // 2
    after = size - width - before
    padded = torch.nn.functional.pad(images, (before, after, before, after))
    moved: Tensor = torch.fft.ifftshift(padded, dim=(-2, -1))
    return moved


def _cut(transforms: Tensor, plan: _StackPlan) -> Tensor:
    """Images `(k, N, N)` about index 0 of transforms `(k, W, W//2+1)`."""
    real = torch.fft.irfft2(transforms, s=(plan.window, plan.window))
    half = plan.box // 2
    keep = torch.cat([torch.arange(half), torch.arange(plan.window - half, plan.window)])
    cut: Tensor = real[:, keep[:, None], keep]
    return cut
