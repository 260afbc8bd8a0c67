"""Whether the images agree with the maps that a species was imported with, and with which reading.

A sample of the particles is reconstructed as they were imported and in rival readings of their
metadata; each result is compared with the supplied map, with its mirror image and with the map at
other pixel sizes. docs/math/import_check.md says when a rival wins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from kernels.backproject_cpu import totals
from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.masks import soft_sphere
from mgit.maps.reconstruction import reconstruct
from mgit.maps.rivals import (
    Difference,
    compared,
    informative_band,
    mirrored,
    parabola_peak,
    scaled,
)
from mgit.maps.symmetry import helical_operators, point_group
from mgit.refine.import_sample import (
    GEOMETRY_AS_IMPORTED,
    Bound,
    Interpretation,
    Limits,
    grid_of,
    seen,
    series_of,
    spread_rows,
    supplied_map,
)
from mgit.refine.inputs import TiltSeriesData
from mgit.refine.item_data import item_weight
from mgit.refine.particle_stacks import add_particle_series
from mgit.refine.plan import ItemPart, SpeciesPlan, particle_set, particle_set_with_stacks
from mgit.refine.reconstruct_item import Budget, HalfSums, MapGrid, add_tilt_series
from mgit.refine.run import shape_of
from mgit.state.species import Species

__all__ = ["Band", "Finding", "ImportVerdict", "Outcome", "check_import"]

SIGNIFICANCE = 3.0
"""A difference counts from so many standard deviations of its noise."""
STRUCTURE_GAIN = 0.05
"""What a wrong hand or wrong places cost in mean FSC, at least."""
DEPTH_GAIN = 0.002
"""What a wrong sign of the depth costs; it blurs only high frequencies."""
SCALE_TOLERANCE = 0.02
"""Pixel sizes of maps and images that differ by less are taken as two calibrations of one."""
SCALES = tuple(1 + step / 100 for step in range(-5, 6))
ENDS = (SCALES[0], SCALES[-1])
BANDS_MAX = 5
SEEN_MIN = 0.5
"""A reading that puts more particles outside the images than this leaves is not reconstructed."""
LIKENESS_MIN = 0.3
LOW_SHELLS = 3


class Outcome(Enum):
    """What a question came to."""

    AGREES = "agrees"
    UNDECIDED = "undecided"
    RIVAL = "rival wins"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Mean FSC between two periods, angstrom."""

    longest_angstrom: float
    shortest_angstrom: float
    fsc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer to one question. scale: the factor of the map's pixel size that fits best.

    question: map_hand, pixel_size, series_hand, depth_sign, or the name of a reading that was
    handed in. reason: why nothing is known.
    """

    question: str
    outcome: Outcome
    difference: Difference | None = None
    scale: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportVerdict:
    """What a check found. outside: share of the particles that no image shows, None if unknown.

    masked_by: 'mask' or 'sphere', in which `bands` were measured, of the map as it was supplied.
    pixel_size_angstrom: of the map as it was supplied. likeness: FSC of the lowest shells, of the
    reading and hand that fit best.
    """

    findings: tuple[Finding, ...]
    bands: tuple[Band, ...]
    masked_by: str
    particles: int
    images: int
    series: int
    finest_angstrom: float
    pixel_size_angstrom: float
    outside: float | None
    likeness: float

    @property
    def resembles(self) -> bool:
        """Whether the reconstruction and the maps have anything in common."""
        return self.likeness >= LIKENESS_MIN

    def of(self, question: str) -> Finding | None:
        """The answer to a question, if it was asked."""
        return next((each for each in self.findings if each.question == question), None)


def check_import(
    plan: SpeciesPlan,
    bound: Bound,
    *,
    mirror: Callable[..., dict[str, np.ndarray]],
    coordinates: Sequence[Interpretation] = (),
    limits: Limits | None = None,
    advance: Callable[[int], None] = lambda _images: None,
) -> ImportVerdict:
    """Ask every question of the page of a species that has maps and whose raw files are bound.

    plan: as `few_series` leaves it. mirror: arrays of a series to those that change with its hand.
    coordinates: rival places of the particles, or pixels of the series; they count where whole
    images are read.
    advance: called with images added; readings with fewer images advance as many.

    Raises InvalidInput, InvalidState and Unsupported, naming the item, as reconstruction does.
    """
    sample = _sample(plan, bound, limits or Limits())
    ours = sample.reconstructed(GEOMETRY_AS_IMPORTED, advance)
    rivals = {
        each.name: sample.reconstructed(each, advance)
        for each in _readings(sample, mirror, coordinates)
    }
    return _judged(sample, ours, rivals)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sample:
    """What all readings have in common."""

    plan: SpeciesPlan
    density: np.ndarray
    mask: np.ndarray | None
    grid: MapGrid
    series: tuple[TiltSeriesData, ...]
    bound: Bound
    outside: float | None

    @property
    def images(self) -> int:
        return sum(
            len(part.rows) * len(series.geometry.used_tilts)
            for part, series in zip(self.plan.parts, self.series, strict=True)
        )

    def visible(self, reading: Interpretation) -> list[np.ndarray]:
        """Per part, which particles some image shows in a reading."""
        plan = reading.of_plan(self.plan)
        return [
            seen(plan, part, reading.of_series(series))
            for part, series in zip(plan.parts, self.series, strict=True)
        ]

    def reconstructed(self, reading: Interpretation, advance: Callable[[int], None]) -> np.ndarray:
        """The map `(n, n, n)` of both half-sets; zeros where no image shows a particle."""
        plan = reading.of_plan(self.plan)
        sums = HalfSums(self.grid, images_max=self.images)
        budget = Budget(advance=advance)
        visible = self.visible(reading)
        for part, series, inside in zip(plan.parts, self.series, visible, strict=True):
            chosen = replace(part, rows=part.rows[inside])
            added = 0
            if len(chosen.rows):
                added = _added(sums, plan, chosen, reading.of_series(series), self.bound, budget)
            advance(len(part.rows) * len(series.geometry.used_tilts) - added)
        return _map(sums, plan.species)


def _sample(plan: SpeciesPlan, bound: Bound, limits: Limits) -> _Sample:
    density, mask, pixel = supplied_map(plan, limits)
    grid = grid_of(plan, density, pixel)
    series = tuple(series_of(part, bound, limits) for part in plan.parts)
    pairs = list(zip(plan.parts, series, strict=True))
    whole = [seen(plan, *each) for each in pairs if each[0].item.kind == "tilt_series"]
    rows = spread_rows(
        [part.rows for part in plan.parts],
        [len(each.geometry.used_tilts) for each in series],
        limits,
    )
    kept = [at for at, each in enumerate(rows) if len(each)]
    parts = tuple(replace(plan.parts[at], rows=rows[at]) for at in kept)
    return _Sample(
        plan=replace(plan, parts=parts, grid=grid),
        density=density,
        mask=mask,
        grid=grid,
        series=tuple(series[at] for at in kept),
        bound=bound,
        outside=1 - float(np.concatenate(whole).mean()) if whole else None,
    )


def _added(
    sums: HalfSums,
    plan: SpeciesPlan,
    part: ItemPart,
    series: TiltSeriesData,
    bound: Bound,
    budget: Budget,
) -> int:
    weight = item_weight(part.item.attributes)
    if part.item.kind == "particle_series":
        files = bound[part.item.path]
        particles = particle_set_with_stacks(plan, part, files, series=series)
        return add_particle_series(sums, series, particles, weight=weight, budget=budget)
    return add_tilt_series(sums, series, particle_set(plan, part), weight=weight, budget=budget)


def _map(sums: HalfSums, species: Species) -> np.ndarray:
    grid, shape = sums.grid, shape_of(species)
    first, second = (totals(half) for half in sums.halves)
    numerator, weight = first[0] + second[0], first[1] + second[1]
    if not weight.any():
        return np.zeros((grid.box,) * 3, np.float32)
    helical = None
    if shape.helix is not None:
        rotations, shifts = helical_operators(shape.helix)
        helical = (rotations, shifts / grid.pixel_size_angstrom)
    return reconstruct(
        numerator * grid.box,
        weight,
        box=grid.box,
        operators=point_group(shape.symmetry),
        helical=helical,
    )


def _readings(
    sample: _Sample,
    mirror: Callable[..., dict[str, np.ndarray]],
    coordinates: Sequence[Interpretation],
) -> list[Interpretation]:
    readings = [Interpretation(name="series_hand", mirror=mirror)]
    if not all(each.ctf_multiplied for each in sample.series):
        readings.append(Interpretation(name="depth_sign", depth_flipped=True))
    if any(part.item.kind == "tilt_series" for part in sample.plan.parts):
        readings += [
            each for each in coordinates if np.concatenate(sample.visible(each)).mean() >= SEEN_MIN
        ]
    return readings


def _judged(sample: _Sample, ours: np.ndarray, rivals: dict[str, np.ndarray]) -> ImportVerdict:
    judge = _Judge(sample)
    given = sample.density
    hand = judge.between_maps("map_hand", ours, mirrored(given))
    density = mirrored(given) if hand.outcome is Outcome.RIVAL else given
    findings = [judge.between_readings(name, density, ours, each) for name, each in rivals.items()]
    best = ours
    moved = [
        each for each in findings if each.outcome is Outcome.RIVAL and each.question != "depth_sign"
    ]
    if moved:
        best = rivals[max(moved, key=_gain).question]
        hand = judge.between_maps("map_hand", best, mirrored(given))
        density = mirrored(given) if hand.outcome is Outcome.RIVAL else given
    if "depth_sign" not in rivals:
        reason = "the images are multiplied by the CTF already"
        findings.append(Finding(question="depth_sign", outcome=Outcome.UNKNOWN, reason=reason))
    masked = judge.sphere if sample.mask is None else sample.mask
    curve = fourier_shell_correlation(ours, given, mask=masked)
    low = fourier_shell_correlation(best, density, mask=judge.sphere)
    return ImportVerdict(
        findings=(hand, judge.pixel_size(best, density), *findings),
        bands=_bands(curve, sample.grid),
        masked_by="sphere" if sample.mask is None else "mask",
        particles=sum(len(part.rows) for part in sample.plan.parts),
        images=sample.images,
        series=len(sample.plan.parts),
        finest_angstrom=2 * sample.grid.pixel_size_angstrom,
        pixel_size_angstrom=sample.plan.species.number("pixel_size_angstrom")
        or sample.grid.pixel_size_angstrom,
        outside=sample.outside,
        likeness=float(low[judge.first : judge.first + LOW_SHELLS].mean()),
    )


class _Judge:
    """Compares maps in a soft sphere, which favours neither hand and no scale."""

    def __init__(self, sample: _Sample) -> None:
        grid = sample.grid
        pixel, diameter = grid.pixel_size_angstrom, grid.diameter_angstrom
        self.given = sample.density
        self.sphere = soft_sphere(
            grid.box, diameter_voxel=diameter / pixel, edge_voxel=max(2.0, grid.box / 16)
        )
        self.first = max(2, int(np.ceil(grid.box * pixel / diameter)))

    def between_maps(self, question: str, reconstruction: np.ndarray, rival: np.ndarray) -> Finding:
        """The supplied map against a rival of it."""
        found = self._difference(reconstruction, self.given, rival)
        return Finding(question=question, outcome=_outcome(found, STRUCTURE_GAIN), difference=found)

    def between_readings(
        self, question: str, density: np.ndarray, ours: np.ndarray, rival: np.ndarray
    ) -> Finding:
        """The reconstruction as imported against that of another reading."""
        found = self._difference(density, ours, rival)
        least = DEPTH_GAIN if question == "depth_sign" else STRUCTURE_GAIN
        return Finding(question=question, outcome=_outcome(found, least), difference=found)

    def pixel_size(self, reconstruction: np.ndarray, density: np.ndarray) -> Finding:
        """The scale of the map at which it fits best."""
        maps = {scale: scaled(density, scale) for scale in SCALES}
        curves = {
            scale: fourier_shell_correlation(reconstruction, each, mask=self.sphere)
            for scale, each in maps.items()
        }
        band = informative_band(list(curves.values()), first=self.first)
        means = [float(curve[slice(*band)].mean()) for curve in curves.values()]
        scale = parabola_peak(SCALES, means)
        found = self._difference(reconstruction, density, scaled(density, scale), band=band)
        outcome = Outcome.UNDECIDED
        if abs(scale - 1) > SCALE_TOLERANCE:
            outcome = _outcome(found, 0.0)
        elif all(self._worse(reconstruction, density, maps[end], band) for end in ENDS):
            outcome = Outcome.AGREES
        return Finding(question="pixel_size", outcome=outcome, difference=found, scale=scale)

    def _worse(
        self, common: np.ndarray, ours: np.ndarray, rival: np.ndarray, band: tuple[int, int]
    ) -> bool:
        return self._difference(common, ours, rival, band=band).significance <= -SIGNIFICANCE

    def _difference(
        self,
        common: np.ndarray,
        ours: np.ndarray,
        rival: np.ndarray,
        *,
        band: tuple[int, int] | None = None,
    ) -> Difference:
        if band is None:
            curves = [
                fourier_shell_correlation(common, each, mask=self.sphere) for each in (ours, rival)
            ]
            band = informative_band(curves, first=self.first)
        return compared(common, ours, rival, mask=self.sphere, band=band)


def _outcome(found: Difference, least: float) -> Outcome:
    if found.significance <= -SIGNIFICANCE:
        return Outcome.AGREES
    if found.significance >= SIGNIFICANCE and found.gain >= least:
        return Outcome.RIVAL
    return Outcome.UNDECIDED


def _gain(finding: Finding) -> float:
    return 0.0 if finding.difference is None else finding.difference.gain


def _bands(curve: np.ndarray, grid: MapGrid) -> tuple[Band, ...]:
    """The curve in a few bands of equally many shells, without the lowest shell."""
    field = grid.box * grid.pixel_size_angstrom
    parts = np.array_split(np.arange(1, len(curve)), min(BANDS_MAX, len(curve) - 1))
    return tuple(
        Band(
            longest_angstrom=field / int(part[0]),
            shortest_angstrom=field / int(part[-1]),
            fsc=float(curve[part].mean()),
        )
        for part in parts
    )
