"""What is done to the mean of two half-maps before eyes see it: FSC weights, low-pass, sharpening.

docs/math/fsc.md, eqs. 6 to 8. A `MapFilter` holds the profiles and what they were made from, so
that a file or a figure can say how it was filtered.
"""

from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput
from mgit.maps.filters import (
    amplitude_spectrum,
    filtered,
    fsc_weights,
    guinier_fit,
    low_pass_profile,
    sharpening_profile,
)
from mgit.maps.fsc import resolution_angstrom as resolution_of
from mgit.maps.shells import checked_cube

__all__ = ["BFactor", "MapFilter", "fitted_b_factor", "map_filter", "on_shells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BFactor:
    """A B factor in angstrom^2, negative where it sharpens.

    range_angstrom: first and last period of the Guinier fit; None for one that was given.
    """

    angstrom2: float
    range_angstrom: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapFilter:
    """Profiles over shells 0 ... n/2 - 1 for maps (n, n, n).

    low_pass: FSC weights times the low-pass at `resolution_angstrom`.
    """

    low_pass: np.ndarray
    pixel_size_angstrom: float
    resolution_angstrom: float

    def applied(self, density: np.ndarray, *, b_factor: BFactor | None = None) -> np.ndarray:
        """The map filtered, and sharpened where a B factor is given; dtype of the map."""
        profile = self.low_pass
        if b_factor is not None:
            profile = profile * sharpening_profile(
                len(profile),
                b_factor_angstrom2=b_factor.angstrom2,
                box_angstrom=2 * len(profile) * self.pixel_size_angstrom,
            )
        return filtered(density, profile)


def on_shells(
    frequency: np.ndarray, correlation: np.ndarray, *, box: int, pixel_size_angstrom: float
) -> np.ndarray:
    """A curve over frequencies (1/angstrom) on the shells of a box: float64 (box/2).

    Linear between its points, 0 beyond the last one.
    """
    shells = np.arange(box // 2) / (box * pixel_size_angstrom)
    return np.asarray(np.interp(shells, frequency, correlation, right=0.0))


def map_filter(
    curve: np.ndarray, *, pixel_size_angstrom: float, resolution_angstrom: float | None = None
) -> MapFilter:
    """The filter that follows from an FSC over shells 0 ... n/2 - 1.

    resolution_angstrom: of the low-pass; None takes it where the curve falls to 0.143.
    Raises InvalidInput for resolutions and pixel sizes that are not positive.
    """
    resolution = resolution_angstrom
    if resolution is None:
        resolution = resolution_of(curve, pixel_size_angstrom=pixel_size_angstrom)
    if not (resolution > 0 and pixel_size_angstrom > 0):
        raise InvalidInput("a resolution is positive", resolution_angstrom=resolution)
    cut_off = 2 * len(curve) * pixel_size_angstrom / resolution
    return MapFilter(
        low_pass=fsc_weights(curve) * low_pass_profile(len(curve), cut_off),
        pixel_size_angstrom=pixel_size_angstrom,
        resolution_angstrom=resolution,
    )


def fitted_b_factor(
    density: np.ndarray,
    curve: np.ndarray,
    *,
    mask: np.ndarray | None,
    pixel_size_angstrom: float,
    resolution_angstrom: float,
) -> BFactor:
    """Of a straight line through the Guinier plot of the map inside the mask, times FSC weights.

    The mask must be the one of the FSC: weights of masked halves describe masked amplitudes.
    Raises InvalidInput when too few shells lie between 10 A and the resolution.
    """
    box_angstrom = checked_cube(density) * pixel_size_angstrom
    fit = guinier_fit(
        amplitude_spectrum(density, mask=mask),
        fsc_weights(curve),
        box_angstrom=box_angstrom,
        resolution_angstrom=resolution_angstrom,
    )
    first, last = fit.shells
    return BFactor(
        angstrom2=fit.b_factor_angstrom2,
        range_angstrom=(box_angstrom / first, box_angstrom / last),
    )
