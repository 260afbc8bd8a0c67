"""The map of a species as one looks at it: the mean of its half-maps, filtered by their FSC.

It needs the numerical libraries of `mgit[refine]`: import it through `map_filters.prepared_filter`.
"""

from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput, InvalidState
from mgit.maps.fsc import half_map_fsc
from mgit.maps.masks import automatic_mask
from mgit.maps.postprocess import BFactor, MapFilter, fitted_b_factor, map_filter, on_shells
from mgit.state.fsc_metrics import FscMetrics, read_fsc
from mgit.state.species import Species

__all__ = ["PreparedFilter", "prepared"]

HALVES = ("half_map_1", "half_map_2")
PHASE_SEED = 0
"""Of the randomised phases, as `mgit reconstruct` takes it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedFilter:
    """How the mean map of a species is filtered, and the curves that this rests on.

    b_factor: None where there is none. sharpening: where it is from, or why there is none.
    curves: those of the metrics or, where there were none, measured here on the half-maps.
    """

    low_pass: MapFilter
    b_factor: BFactor | None
    sharpening: str
    curves: FscMetrics
    measured: bool

    def filtered(self, density: np.ndarray) -> np.ndarray:
        """FSC-weighted and low-passed."""
        return self.low_pass.applied(density)

    def sharpened(self, density: np.ndarray) -> np.ndarray:
        """Filtered, and sharpened by the B factor that there must be."""
        assert self.b_factor is not None
        return self.low_pass.applied(density, b_factor=self.b_factor)

    @property
    def description(self) -> str:
        """What `filtered` does, in words."""
        return f"FSC-weighted, low-passed at {self.low_pass.resolution_angstrom:.2f} A"

    @property
    def sharpening_description(self) -> str:
        """What `sharpened` does beyond that or, without B factor, why it does nothing."""
        if self.b_factor is None:
            return f"not sharpened: {self.sharpening}"
        return f"B factor {self.b_factor.angstrom2:.1f} A^2, {self.sharpening}"


def prepared(species: Species, *, b_factor_angstrom2: float | None) -> PreparedFilter:
    """Work out the filter; reads the half-maps and measures their FSC where none was kept.

    b_factor_angstrom2: to sharpen with; None fits one, where the map reaches far enough.

    Raises InvalidState for a species without half-maps or pixel size, InvalidInput for maps that
    cannot be filtered.
    """
    pixel = species.number("pixel_size_angstrom")
    names = species.map_names()
    if pixel is None or not set(HALVES) <= set(names):
        raise InvalidState(
            "a map is filtered by the FSC of two half-maps of known pixel size",
            species=species.name,
        )
    first, second = (species.map(name).read() for name in HALVES)
    mask = species.map("mask").read() if "mask" in names else None
    known = read_fsc(species)
    if known is None and mask is None:
        mask = _automatic(species, first, second, pixel)
    curves = known or _measured(first, second, mask, pixel)
    curve = on_shells(
        curves.frequency, curves.corrected, box=first.shape[0], pixel_size_angstrom=pixel
    )
    low_pass = map_filter(
        curve,
        pixel_size_angstrom=pixel,
        resolution_angstrom=species.number("resolution_angstrom") if known else None,
    )
    if b_factor_angstrom2 is None:
        b_factor, text = _fitted((first + second) / np.float32(2), curve, mask, low_pass)
    else:
        b_factor, text = BFactor(angstrom2=b_factor_angstrom2), "as given"
    return PreparedFilter(
        low_pass=low_pass,
        b_factor=b_factor,
        sharpening=text,
        curves=curves,
        measured=known is None,
    )


def _automatic(
    species: Species, first: np.ndarray, second: np.ndarray, pixel: float
) -> np.ndarray | None:
    diameter = species.number("diameter_angstrom")
    if diameter is None:
        return None
    return automatic_mask(first, second, pixel_size_angstrom=pixel, diameter_angstrom=diameter)


def _measured(
    first: np.ndarray, second: np.ndarray, mask: np.ndarray | None, pixel: float
) -> FscMetrics:
    chosen = np.ones_like(first) if mask is None else mask
    found = half_map_fsc(first, second, mask=chosen, seed=PHASE_SEED)
    shells = len(found.corrected)
    return FscMetrics(
        frequency=np.arange(shells) / (2 * shells * pixel),
        corrected=found.corrected,
        unmasked=found.unmasked,
        masked=found.masked,
        phase_randomised=found.randomised,
    )


def _fitted(
    density: np.ndarray, curve: np.ndarray, mask: np.ndarray | None, low_pass: MapFilter
) -> tuple[BFactor | None, str]:
    """A B factor and where it is from; None and the reason where the map does not allow one."""
    try:
        found = fitted_b_factor(
            density,
            curve,
            mask=mask,
            pixel_size_angstrom=low_pass.pixel_size_angstrom,
            resolution_angstrom=low_pass.resolution_angstrom,
        )
    except InvalidInput as error:
        return None, f"{error.message}; '--b-factor' gives one"
    assert found.range_angstrom is not None
    return found, "fitted from {:.1f} to {:.1f} A".format(*found.range_angstrom)
