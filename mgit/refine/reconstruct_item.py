"""One item's share of a reconstruction: its images, corrected and weighted, into the two sums.

docs/math/reconstruction.md. An image is multiplied by the CTF where the CTF does not alias, cut to
the box in real space, and added to the central slice of its particle's half-set; beside it the
square of the CTF, cut in the same way. The weight of exposure and tilt multiplies both once.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kernels.arguments import checked_images
from kernels.backproject_cpu import Accumulator, accumulator, backproject
from kernels.packing import Packing, pack, packing
from mgit.errors import InvalidInput, Unsupported
from mgit.geometry.containment import contained, refuse_outside
from mgit.geometry.tilt_series import Views, tilt_series_model
from mgit.maps.accumulators import quantum_for
from mgit.optics.alias import alias_free_size, fft_friendly_size, phase_gradient_max
from mgit.optics.ewald import band_limited
from mgit.refine.accelerator import accelerator
from mgit.refine.device_sums import DeviceSums
from mgit.refine.images import prepared_image
from mgit.refine.inputs import ParticleSet, TiltSeriesData
from mgit.refine.slice_weights import ItemWeight, SliceWeights, slice_weights
from mgit.refine.slices import Ewald, Slices
from mgit.refine.windows import BoxPlan, side_band, window_transforms

__all__ = [
    "Budget",
    "HalfSums",
    "MapGrid",
    "add_tilt_series",
    "series_gradient",
    "slice_plan",
    "slices_of",
]

HIGH_PASS_DIAMETERS = 4.0
LARGEST_CONTRIBUTION = 2.0**20
"""Bound of what one image adds to one voxel, in deviations of the noise of one raw pixel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapGrid:
    """The grid of a species' maps. box: edge in voxels, even. padded: edge of the sums, >= box."""

    box: int
    padded: int
    pixel_size_angstrom: float
    diameter_angstrom: float

    @property
    def padded_angstrom(self) -> float:
        """Edge of the volume whose transform the sums sample."""
        return self.padded * self.pixel_size_angstrom

    @property
    def sums_bytes(self) -> int:
        """Memory of the sums of both half-sets."""
        return 2 * 24 * self.padded**2 * (self.padded // 2 + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is done at a time, and who is told.

    threads: workers; the result does not depend on it. batch: images transformed at a time, a
    setting and no property of the machine. device: where images are added to the sums, 'cpu',
    'cuda' or 'cuda:N'. advance: called with the number of images just added.
    """

    threads: int = 1
    batch: int = 8
    device: str = "cpu"
    advance: Callable[[int], None] = lambda _images: None

    @contextmanager
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        """Workers whose torch runs in one thread each, so that sums inside it keep their order."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(
                self.threads, initializer=torch.set_num_threads, initargs=(1,)
            ) as workers:
                yield workers
        finally:
            torch.set_num_threads(before)


class HalfSums:
    """The fixed-point sums of both half-sets of one species; several threads may add to them.

    Sums on a device are the CPU's, bit for bit (kernels/README.md).
    """

    def __init__(self, grid: MapGrid, *, images_max: int, device: str = "cpu") -> None:
        """Empty sums for at most `images_max` images, added up on `device`.

        Raises Unsupported for too large a box, and for a device that is not there.
        """
        quantum = quantum_for(images_max, LARGEST_CONTRIBUTION)
        self.grid = grid
        where = accelerator(device)
        self._away = None if where is None else (DeviceSums(where), DeviceSums(where))
        try:
            self._home: tuple[Accumulator, Accumulator] = (
                accumulator(grid.padded, quantum=quantum),
                accumulator(grid.padded, quantum=quantum),
            )
        except ValueError as error:
            raise Unsupported(
                "the box of a reconstruction is too large",
                hint="give the species maps of a coarser pixel size, or a smaller diameter",
                box=grid.padded,
            ) from error
        self._locks = (threading.Lock(), threading.Lock())

    @property
    def halves(self) -> tuple[Accumulator, Accumulator]:
        """The sums of half-sets 1 and 2 so far, brought home from the device.

        Raises DeviceFailed when the device does.
        """
        if self._away is not None:
            for away, home, lock in zip(self._away, self._home, self._locks, strict=True):
                with lock:
                    away.bring_home(home)
        return self._home

    def add(
        self,
        half_set: np.ndarray,
        images: Tensor,
        weights: Tensor,
        *,
        matrices: np.ndarray,
        disc: Packing,
        item: str,
    ) -> None:
        """Add packed images `(n, samples)` and weights of particles in half-sets 1 or 2 `(n,)`.

        Raises InvalidInput, naming the item, for values that are not finite or too large;
        Unsupported and DeviceFailed, naming it, for a device that is too small or fails.
        """
        data = images.to(torch.complex64).numpy()
        heavy = weights.to(torch.float32).numpy()
        for half in (1, 2):
            rows = np.flatnonzero(half_set == half)
            if not rows.size:
                continue
            with self._locks[half - 1]:
                try:
                    self._add_half(
                        half - 1,
                        np.ascontiguousarray(data[rows]),
                        np.ascontiguousarray(heavy[rows]),
                        matrices[rows],
                        disc,
                        item,
                    )
                except (ValueError, OverflowError) as error:
                    raise InvalidInput(
                        "images cannot be added to a reconstruction",
                        hint=f"{error}; exclude the item or repair its images",
                        item=item,
                    ) from error

    def _add_half(
        self,
        index: int,
        images: np.ndarray,
        weights: np.ndarray,
        matrices: np.ndarray,
        disc: Packing,
        item: str,
    ) -> None:
        rows, centred = np.arange(len(images)), np.zeros((len(images), 2))
        home = self._home[index]
        if self._away is not None:
            batch = checked_images(images, weights, rows, matrices, centred, disc, None)
            self._away[index].add(home, batch, item=item)
            return
        backproject(
            home,
            images,
            weights=weights,
            group=rows,
            matrices=matrices,
            shifts=centred,
            disc=disc,
        )


def slice_plan(series: TiltSeriesData, grid: MapGrid, *, defocus: np.ndarray) -> BoxPlan:
    """Sizes of the images of a tilt series; defocus: of all its particles in all tilts."""
    raw = series.geometry.pixel_size_angstrom
    pixel = max(grid.pixel_size_angstrom, raw)
    gradient = series_gradient(series, defocus=defocus, frequency_max=0.5 / pixel)
    free = alias_free_size(
        gradient, diameter_angstrom=grid.diameter_angstrom, pixel_size_angstrom=raw
    )
    window = fft_friendly_size(max(free, grid.padded_angstrom / raw))
    transformed = min(window, fft_friendly_size(window * raw / pixel))
    pixel = window * raw / transformed
    box = min(transformed, 2 * round(grid.padded_angstrom / pixel / 2))
    scale = grid.padded_angstrom / (box * pixel)
    return BoxPlan(
        window=window,
        transformed=transformed,
        box=box,
        pixel_size_angstrom=pixel,
        raw_pixel_angstrom=raw,
        diameter_angstrom=grid.diameter_angstrom,
        radius=min(box // 2 - 1, int((grid.padded // 2 - 1) / scale)),
        scale=scale,
    )


def series_gradient(series: TiltSeriesData, *, defocus: np.ndarray, frequency_max: float) -> float:
    """The steepest phase of the CTF of a series, radians angstrom."""
    return phase_gradient_max(
        series.microscope,
        defocus=defocus,
        defocus_delta=series.optic("defocus_delta")[series.geometry.used_tilts],
        frequency_max=frequency_max,
        zernike_even=series.optics.get("zernike_even"),
    )


def add_tilt_series(
    sums: HalfSums,
    series: TiltSeriesData,
    particles: ParticleSet,
    *,
    weight: ItemWeight,
    budget: Budget,
    ewald: Ewald | None = None,
) -> int:
    """Add every particle in every used tilt that shows it whole; returns the number of images.

    ewald: how the curvature of the Ewald sphere is treated, by default `Ewald()`.

    Raises InvalidInput and InvalidState naming the item: particles outside every image, images
    that are missing, truncated, flat, not finite or of another size than the series has.
    """
    views = tilt_series_model(series.geometry, particles.poses).views()
    inside = contained(
        views.position.numpy(),
        series.geometry.image_dimensions_angstrom or (0.0, 0.0),
        diameter=sums.grid.diameter_angstrom,
    )
    names = [particles.name_of(row) for row in range(len(inside))]
    refuse_outside(inside, names=names, item=series.name, species=particles.species)
    plan = slice_plan(series, sums.grid, defocus=views.defocus.numpy())
    view = _ItemView(
        views=views,
        plan=plan,
        slices=slices_of(
            series, sums.grid, ewald or Ewald(), scale=plan.scale, box_angstrom=plan.box_angstrom
        ),
        weights=slice_weights(series, particles, weight),
        half_set=particles.half_set,
    )

    def work(number: int) -> int:
        rows = np.flatnonzero(inside[:, number])
        _add_tilt(sums, view, number, rows, batch=budget.batch)
        budget.advance(len(rows))
        return len(rows)

    with budget.pool() as workers:
        return sum(workers.map(work, range(len(series.geometry.used_tilts))))


def slices_of(
    series: TiltSeriesData, grid: MapGrid, ewald: Ewald, *, scale: float, box_angstrom: float
) -> Slices:
    """Slices of images of one size in a grid, curved where `ewald` says so.

    The finest period is that of Nyquist in the map, or in the images if they are coarser.
    """
    pixel = max(grid.pixel_size_angstrom, series.geometry.pixel_size_angstrom)
    diameter = grid.diameter_angstrom
    return Slices(
        series=series,
        scale=scale,
        box_angstrom=box_angstrom,
        diameter_angstrom=diameter,
        curved=ewald.applies(series, finest_angstrom=2 * pixel, diameter_angstrom=diameter),
        reverse=ewald.reverse,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ItemView:
    """What every tilt of an item needs."""

    views: Views
    plan: BoxPlan
    slices: Slices
    weights: SliceWeights
    half_set: np.ndarray


def _add_tilt(
    sums: HalfSums, view: _ItemView, number: int, rows: np.ndarray, *, batch: int
) -> None:
    if not rows.size:
        return
    series, plan = view.slices.series, view.plan
    tilt = int(series.geometry.used_tilts[number])
    longest = HIGH_PASS_DIAMETERS * sums.grid.diameter_angstrom
    image = prepared_image(series, tilt, longest_angstrom=longest)
    disc = packing(plan.radius)
    raw_to_map = (plan.raw_pixel_angstrom / sums.grid.pixel_size_angstrom) ** 2 / sums.grid.box
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        windows = window_transforms(
            image, view.views.position[part, number].numpy(), plan, series=series
        )
        band = side_band(windows, series, tilt, defocus=view.views.defocus[part, number])
        weight = band_limited(view.slices.weight(band, windows.frequencies), plan.box)
        on_images, on_squares = view.weights.of(part, number, disc, box_angstrom=plan.box_angstrom)
        for data, matrices, share in view.slices.of(
            windows.transforms,
            band,
            view.views.rotation[part, number].numpy(),
            packed=lambda transforms: pack(_in_box(transforms, plan), disc),
        ):
            sums.add(
                view.half_set[part],
                data * (raw_to_map * on_images),
                pack(weight, disc) * (share * on_squares),
                matrices=matrices,
                disc=disc,
                item=series.name,
            )


def _in_box(transforms: Tensor, plan: BoxPlan) -> Tensor:
    """Transforms `(n, W', W'//2+1)` cut to the box about index 0 in real space."""
    size, box = plan.transformed, plan.box
    real = torch.fft.irfft2(transforms, s=(size, size))
    keep = torch.cat([torch.arange(box // 2), torch.arange(size - box // 2, size)])
    cut: Tensor = torch.fft.rfft2(real[:, keep[:, None], keep])
    return cut
