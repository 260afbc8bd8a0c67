"""How much each tilt, and each place in it, counts in the target."""

import numpy as np
import torch
from torch import Tensor

from kernels.packing import Packing
from mgit.errors import InvalidState
from mgit.geometry.cubic_grid import evaluate_cubic
from mgit.optics.frequencies import magnified
from mgit.optics.weights import WeightTerms, tilt_weights, weight_image
from mgit.refine.inputs import TiltSeriesData

__all__ = [
    "disc_frequencies",
    "falloff",
    "location_b_factors",
    "location_shares",
    "tilt_terms",
    "weight_discs",
]


def tilt_terms(series: TiltSeriesData) -> WeightTerms:
    """Scale and B factor of every used tilt, in the middle of the field (docs/math/ctf.md eq. 7).

    Fitted grids of one node say nothing and are left out, as Warp has it.
    """
    geometry = series.geometry
    used = geometry.used_tilts
    index = used / max(1, geometry.tilt_count - 1)
    middle = np.stack([np.full_like(index, 0.5), np.full_like(index, 0.5), index], axis=1)

    def grid(name: str) -> Tensor | None:
        values = series.optics.get(name)
        if values is None or values.size <= 1:
            return None
        return torch.from_numpy(evaluate_cubic(values, series.margins[name], middle))

    def per_tilt(name: str) -> Tensor | None:
        values = series.optics.get(name)
        return None if values is None else torch.from_numpy(values[used])

    return tilt_weights(
        torch.from_numpy(geometry.arrays["tilt_angle"][used]),
        torch.from_numpy(geometry.arrays["exposure"][used]),
        fitted_scale=grid("exposure_weight"),
        fitted_b_factor=grid("exposure_b_factor"),
        b_factor_delta=grid("exposure_b_factor_delta"),
        b_factor_angle=grid("exposure_b_factor_angle"),
        ctf_scale=per_tilt("ctf_scale"),
        ctf_b_factor=per_tilt("ctf_b_factor"),
    )


def location_shares(series: TiltSeriesData, position: np.ndarray) -> np.ndarray:
    """Amplitude factor of particles at `position` `(n, 3)`: ones unless the series has a grid."""
    values = _over_field(series, "location_weight", position)
    return np.ones(len(position)) if values is None else values


def location_b_factors(series: TiltSeriesData, position: np.ndarray) -> np.ndarray:
    """B factor of particles at `position` `(n, 3)`, angstrom^2, which adds to that of each tilt."""
    values = _over_field(series, "location_b_factor", position)
    return np.zeros(len(position)) if values is None else values


def _over_field(series: TiltSeriesData, name: str, position: np.ndarray) -> np.ndarray | None:
    """A grid over the field of view at particles; it is read half-way through the specimen."""
    values = series.optics.get(name)
    if values is None or not values.any():
        return None
    volume = series.geometry.volume_dimensions_angstrom
    if volume is None:
        raise InvalidState(
            "the dimensions of the tomogram are not known, and a weight depends on the place",
            hint="set them with 'mgit source set'",
            item=series.name,
            array=name,
        )
    points = position / np.array(volume)
    points[:, 2] = 0.5
    return evaluate_cubic(values, series.margins[name], points)


def falloff(b_factor: Tensor, frequencies: Tensor) -> Tensor:
    """`exp(B k^2 / 4)` of B factors `(n,)` at frequencies `(samples, 2)`: `(n, samples)`."""
    return torch.exp(0.25 * b_factor[:, None] * frequencies.square().sum(-1))


def disc_frequencies(
    disc: Packing, box_angstrom: float, *, magnification: np.ndarray | None = None
) -> Tensor:
    """Frequencies (kx, ky) of a disc's samples in 1/angstrom: float64 (samples, 2).

    magnification: `(2, 2)`; with it, frequencies in the specimen.
    """
    image = torch.from_numpy(disc.frequencies.astype(np.float64) / box_angstrom)
    return image if magnification is None else magnified(image, torch.from_numpy(magnification))


def weight_discs(
    terms: WeightTerms,
    disc: Packing,
    *,
    box_angstrom: float,
    magnification: np.ndarray | None = None,
) -> Tensor:
    """W of every tilt at the samples of a disc: float64 (tilts, samples)."""
    frequencies = disc_frequencies(disc, box_angstrom, magnification=magnification)[None]
    return weight_image(frequencies, terms)[:, 0]
