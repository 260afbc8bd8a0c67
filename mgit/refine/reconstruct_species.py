"""From the sums of a species to its half-maps, their FSC and resolution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.backproject_cpu import Accumulator, totals
from mgit.errors import InvalidInput
from mgit.maps.fsc import HalfMapFsc, half_map_fsc
from mgit.maps.masks import AutomaticMask, automatic_mask
from mgit.maps.postprocess import fitted_b_factor
from mgit.maps.reconstruction import ReconstructionSettings, reconstruct
from mgit.maps.symmetry import Helix, helical_operators, point_group
from mgit.refine.reconstruct_item import HalfSums, MapGrid

__all__ = ["Reconstruction", "Shape", "drawn_mask", "finished", "map_grid"]

PADDING_DIAMETERS = 2.0
"""Edge of the sums, at least, in diameters: so wide that neighbours do not fold over."""
LOW_PASS_PIXELS = 5.0
"""The automatic mask is drawn on maps low-passed to this many pixels, at least 15 A."""
EDGE_PIXELS = 2.0
SUPPORT_DIAMETERS = 1.2
"""Half-maps vanish beyond this: stated diameters are rough, and the gain hardly depends on it."""
FSC_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is known of a species besides its particles. mass in dalton, or None."""

    symmetry: str
    helix: Helix | None = None
    mass_dalton: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reconstruction:
    """Half-maps `(n, n, n)` float32 and what they say of each other.

    masked_by: 'mask' when the species' own mask was used, else 'automatic mask'.
    b_factor_angstrom2: of the mean map; None where it does not reach far enough to fit one.
    """

    halves: tuple[np.ndarray, np.ndarray]
    fsc: HalfMapFsc
    pixel_size_angstrom: float
    resolution_angstrom: float
    masked_by: str
    b_factor_angstrom2: float | None = None

    @property
    def box(self) -> int:
        """Edge in voxels."""
        return int(self.halves[0].shape[0])

    def metrics(self) -> dict[str, tuple[np.ndarray, Mapping[str, Any]]]:
        """Curves by the names under which a species keeps them; `fsc` is the corrected one."""
        shells = len(self.fsc.corrected)
        frequency = np.arange(shells) / (2 * shells * self.pixel_size_angstrom)
        curves: dict[str, tuple[np.ndarray, Mapping[str, Any]]] = {
            "fsc": (self.fsc.corrected, {}),
            "fsc_frequency": (frequency, {"unit": "1/angstrom"}),
            "fsc_masked": (self.fsc.masked, {}),
            "fsc_phase_randomised": (self.fsc.randomised, {}),
            "fsc_unmasked": (self.fsc.unmasked, {}),
        }
        if self.b_factor_angstrom2 is not None:
            value = np.array(self.b_factor_angstrom2)
            curves["b_factor_angstrom2"] = (value, {"unit": "angstrom^2"})
        return curves

    def unmasked_at(self, period_angstrom: float) -> float:
        """The unmasked FSC at a period, linear between shells."""
        shell = 2 * len(self.fsc.unmasked) * self.pixel_size_angstrom / period_angstrom
        return float(np.interp(shell, np.arange(len(self.fsc.unmasked)), self.fsc.unmasked))


def map_grid(
    *, diameter_angstrom: float, pixel_size_angstrom: float, box: int | None = None
) -> MapGrid:
    """The grid for a particle: twice its diameter, unless `box` is given; sums are never smaller.

    Raises InvalidInput for a box that does not hold the particle.
    """
    edge = 2 * round(diameter_angstrom / pixel_size_angstrom)
    chosen = edge if box is None else box
    if chosen % 2 or chosen * pixel_size_angstrom < diameter_angstrom:
        raise InvalidInput(
            "the box of the maps is odd or smaller than the particle",
            hint="correct the diameter, or give the species other maps",
            box=chosen,
            diameter_angstrom=diameter_angstrom,
        )
    return MapGrid(
        box=chosen,
        padded=max(chosen, edge),
        pixel_size_angstrom=pixel_size_angstrom,
        diameter_angstrom=diameter_angstrom,
    )


def finished(
    sums: HalfSums, shape: Shape, *, species: str, mask: np.ndarray | None, threads: int = 1
) -> Reconstruction:
    """Symmetry, quotient, half-maps and FSC; the result does not depend on `threads`.

    mask: `(n, n, n)` of the species, or None for an automatic one. Raises InvalidInput, naming the
    species, when a half-set has no image or the mask does not fit.
    """
    first, second = (
        _map(half, sums.grid, shape, species=species, threads=threads) for half in sums.halves
    )
    own = mask is not None
    chosen = drawn_mask(first, second, sums.grid, shape) if mask is None else mask
    if chosen.shape != first.shape:
        raise InvalidInput(
            "the mask of a species has another box than its maps",
            hint="give it a mask of the box and pixel size of its maps",
            species=species,
            mask=chosen.shape,
            maps=first.shape,
        )
    fsc = half_map_fsc(first, second, mask=chosen, seed=FSC_SEED)
    pixel = sums.grid.pixel_size_angstrom
    resolution = fsc.resolution_angstrom(pixel)
    return Reconstruction(
        halves=(first, second),
        fsc=fsc,
        pixel_size_angstrom=pixel,
        resolution_angstrom=resolution,
        masked_by="mask" if own else "automatic mask",
        b_factor_angstrom2=_b_factor((first + second) / 2, fsc, chosen, pixel, resolution),
    )


def _b_factor(
    mean: np.ndarray, fsc: HalfMapFsc, mask: np.ndarray, pixel: float, resolution: float
) -> float | None:
    try:
        found = fitted_b_factor(
            mean,
            fsc.corrected,
            mask=mask,
            pixel_size_angstrom=pixel,
            resolution_angstrom=resolution,
        )
    except InvalidInput:  # too few shells beyond 10 A: most maps of an early round
        return None
    return found.angstrom2


def _map(
    sums: Accumulator, grid: MapGrid, shape: Shape, *, species: str, threads: int
) -> np.ndarray:
    numerator, weight = totals(sums)
    if not weight.any():
        raise InvalidInput(
            "a half-set has no image to reconstruct from",
            hint="bring excluded series back, or split the species anew",
            species=species,
        )
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
        settings=ReconstructionSettings(
            threads=threads, support_diameter_voxel=_support_voxel(grid, shape)
        ),
    )


def _support_voxel(grid: MapGrid, shape: Shape) -> float | None:
    """Diameter of the sphere that holds all density, in voxels; None for a helix, which runs on."""
    if shape.helix is not None:
        return None
    return min(SUPPORT_DIAMETERS * grid.diameter_angstrom / grid.pixel_size_angstrom, grid.box - 2)


def drawn_mask(first: np.ndarray, second: np.ndarray, grid: MapGrid, shape: Shape) -> np.ndarray:
    """The automatic mask of two half-maps `(n, n, n)`, soft, from their low-passed mean."""
    pixel = grid.pixel_size_angstrom
    plain = AutomaticMask()
    settings = AutomaticMask(
        low_pass_angstrom=max(plain.low_pass_angstrom, LOW_PASS_PIXELS * pixel),
        mass_dalton=shape.mass_dalton,
        grow_angstrom=max(plain.grow_angstrom, pixel),
        edge_angstrom=max(plain.edge_angstrom, EDGE_PIXELS * pixel),
    )
    return automatic_mask(
        first,
        second,
        pixel_size_angstrom=pixel,
        diameter_angstrom=grid.diameter_angstrom,
        settings=settings,
    )
