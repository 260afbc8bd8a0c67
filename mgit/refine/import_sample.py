"""The bounded part of a species on which an import is checked, and its rivals.

At most a few series are opened and two thousand images taken, on a grid of at most 64 voxels, so
that a check costs the same for fifty particles and for half a million. The same seed takes the same
particles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mgit.geometry.containment import contained
from mgit.geometry.tilt_series import tilt_series_model
from mgit.maps.crop import crop_map, resample_map
from mgit.refine.inputs import TiltSeriesData
from mgit.refine.item_data import particle_series, tilt_series
from mgit.refine.plan import ItemPart, SpeciesPlan, item_data, particle_set, pixel_of
from mgit.refine.raw_stacks import BoundFile, tilt_images
from mgit.refine.reconstruct_item import MapGrid
from mgit.refine.reconstruct_species import map_grid

__all__ = [
    "GEOMETRY_AS_IMPORTED",
    "Interpretation",
    "Limits",
    "few_series",
    "grid_of",
    "seen",
    "series_of",
    "spread_rows",
    "supplied_map",
]

Bound = Mapping[str, Sequence[BoundFile]]
FIELD_DIAMETERS = 2.0
TILTS_MIN = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a check may take.

    series, tilts, pixels: of whole images, which cost most; tilts of one series, pixels of all.
    """

    images: int = 2000
    box: int = 64
    series: int = 4
    tilts: int = 21
    pixels: int = 600_000_000
    seed: int = 0

    def tilts_of(self, size_px: tuple[int, int]) -> int:
        """How many tilts of a series are taken whose images have this size."""
        affordable = self.pixels // (self.series * size_px[0] * size_px[1])
        return min(self.tilts, max(TILTS_MIN, affordable))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interpretation:
    """One way to read what was imported. positions: `(n, T, 3)` of all particles, or as they are.

    depth_flipped: defocus falls where it was said to grow along z. mirror: arrays of a tilt series
    to those that change when its geometry is mirrored along z, while particles stay. scale: the
    factor of the pixel size of the images; rescale: arrays and the factor to those that follow.
    """

    name: str
    depth_flipped: bool = False
    mirror: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]] | None = None
    positions: np.ndarray | None = None
    scale: float = 1.0
    rescale: Callable[..., Mapping[str, np.ndarray]] | None = None

    def of_plan(self, plan: SpeciesPlan) -> SpeciesPlan:
        """The plan with the particles where this interpretation puts them."""
        if self.positions is None:
            return plan
        return replace(plan, particles=replace(plan.particles, positions=self.positions))

    def of_series(self, series: TiltSeriesData) -> TiltSeriesData:
        """The series as this interpretation sees it."""
        geometry = series.geometry
        if self.mirror is not None:
            geometry = geometry.with_arrays(self.mirror(geometry.arrays))
        if self.depth_flipped:
            geometry = replace(geometry, hand=-geometry.hand)
        read = replace(series, geometry=geometry)
        return read if self.rescale is None else self._of_scale(read)

    def _of_scale(self, series: TiltSeriesData) -> TiltSeriesData:
        assert self.rescale is not None
        geometry, scale = series.geometry, self.scale
        grown = replace(
            geometry.with_arrays(self.rescale(geometry.arrays, scale=scale)),
            pixel_size_angstrom=geometry.pixel_size_angstrom * scale,
            image_dimensions_angstrom=_times(geometry.image_dimensions_angstrom, scale),
            volume_dimensions_angstrom=_times(geometry.volume_dimensions_angstrom, scale),
        )
        optics = {**series.optics, **self.rescale(series.optics, scale=scale)}
        return replace(series, geometry=grown, optics=optics)


def _times(lengths: Any, scale: float) -> Any:
    return None if lengths is None else tuple(length * scale for length in lengths)


GEOMETRY_AS_IMPORTED = Interpretation(name="as imported")


def few_series(plan: SpeciesPlan, limits: Limits) -> SpeciesPlan:
    """The plan with no more series of whole images than the limit: those with most particles."""
    whole = [part for part in plan.parts if part.item.kind == "tilt_series"]
    whole.sort(key=lambda part: (-len(part.rows), part.item.path))
    kept = {part.item.path for part in whole[: limits.series]}
    extracted = {part.item.path for part in plan.parts if part.item.kind != "tilt_series"}
    parts = tuple(part for part in plan.parts if part.item.path in kept | extracted)
    return replace(plan, parts=parts)


def supplied_map(plan: SpeciesPlan, limits: Limits) -> tuple[np.ndarray, np.ndarray | None, float]:
    """The species' map on a grid small enough, its mask there if it has one, and their pixel size.

    Half-maps are averaged. The field is twice the diameter at most; the pixels are not finer than
    those of the images.
    """
    species, grid = plan.species, plan.grid
    names = [name for name in species.map_names() if name != "mask"]
    density = np.asarray(np.mean([species.map(name).read() for name in names], axis=0))
    mask = species.map("mask").read() if "mask" in species.map_names() else None
    pixel, diameter = grid.pixel_size_angstrom, grid.diameter_angstrom
    box = min(grid.box, 2 * round(FIELD_DIAMETERS * diameter / pixel / 2))
    finest = min(pixel_of(part.item) for part in plan.parts)
    coarse = min(box, limits.box, max(8, 2 * int(box * pixel / finest / 2)))

    def fitted(values: np.ndarray) -> np.ndarray:
        return resample_map(crop_map(values, box), coarse)

    return fitted(density), None if mask is None else fitted(mask), pixel * box / coarse


def grid_of(plan: SpeciesPlan, density: np.ndarray, pixel_size_angstrom: float) -> MapGrid:
    """The grid of a map for the particles of a plan."""
    return map_grid(
        diameter_angstrom=plan.grid.diameter_angstrom,
        pixel_size_angstrom=pixel_size_angstrom,
        box=density.shape[0],
    )


def series_of(part: ItemPart, bound: Bound, limits: Limits) -> TiltSeriesData:
    """The series of a part; of whole images no more tilts than the limit, evenly spread."""
    data = item_data(part.item)
    if part.item.kind == "particle_series":
        return particle_series(data)
    images = tilt_images(data.name, bound[part.item.path], tilts=len(data.arrays["tilt_angle"]))
    series = tilt_series(data, images)
    used, most = series.geometry.used_tilts, limits.tilts_of(images.size_px)
    if len(used) <= most:
        return series
    by_angle = used[np.argsort(series.geometry.arrays["tilt_angle"][used], kind="stable")]
    chosen = by_angle[np.linspace(0, len(used) - 1, most).round().astype(np.int64)]
    use = np.zeros(series.geometry.tilt_count, dtype=np.bool_)
    use[chosen] = True
    return replace(series, geometry=series.geometry.with_arrays({"use": use}))


def seen(plan: SpeciesPlan, part: ItemPart, series: TiltSeriesData) -> np.ndarray:
    """Which particles of a part some image shows whole: bool; all of those that were extracted."""
    if part.item.kind == "particle_series":
        return np.ones(len(part.rows), dtype=np.bool_)
    views = tilt_series_model(series.geometry, particle_set(plan, part).poses).views()
    inside = contained(
        views.position.numpy(),
        series.geometry.image_dimensions_angstrom or (0.0, 0.0),
        diameter=plan.grid.diameter_angstrom,
    )
    return np.asarray(inside.any(axis=1))


def spread_rows(
    rows: Sequence[np.ndarray], images: Sequence[int], limits: Limits
) -> list[np.ndarray]:
    """Rows of each part, evenly spread over all, with no more images than the limit in all.

    images: of one particle, per part.
    """
    counts = np.array([len(each) for each in rows])
    wanted = float((counts * np.asarray(images)).sum())
    total = int(counts.sum())
    if wanted <= limits.images:
        return list(rows)
    keep = max(1, int(total * limits.images / wanted))
    start = np.random.Generator(np.random.PCG64(limits.seed)).random()
    at = np.floor((np.arange(keep) + start) * total / keep).astype(np.int64)
    ends = np.cumsum(counts)
    return [
        each[at[(at >= end - len(each)) & (at < end)] - (end - len(each))]
        for each, end in zip(rows, ends, strict=True)
    ]
