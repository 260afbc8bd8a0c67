"""Resolution by direction: FSC in cones about directions of a hemisphere.

docs/math/fsc.md, eqs. 10 to 12. Tells whether preferred views or a missing wedge leave a map
blurred along one axis; not a stand-in for the global resolution.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from mgit.errors import InvalidInput
from mgit.maps.fsc import GOLD_STANDARD
from mgit.maps.shells import checked_cube, plane_radii

__all__ = [
    "DirectionalResolution",
    "directional_resolution",
    "hemisphere",
    "information_threshold",
]

CONE_HALF_ANGLE_DEGREES = 15.0
FIRST_SHELL = 10
"""Shells below hold too few samples per cone to be judged; they count as resolved."""
FEWEST_SAMPLES = 6.0
THRESHOLD_MAX = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionalResolution:
    """Where the FSC in cones falls below what noise explains.

    directions: (m, 3) unit vectors (x, y, z) with z >= 0. resolution_angstrom: (m).
    """

    directions: np.ndarray
    resolution_angstrom: np.ndarray

    @property
    def spread(self) -> float:
        """Worst over best resolution; 1 for an isotropic map."""
        return float(self.resolution_angstrom.max() / self.resolution_angstrom.min())


def hemisphere(count: int) -> np.ndarray:
    """Directions (count, 3), spread evenly over z >= 0 by a spiral of golden angles."""
    z = (np.arange(count) + 0.5) / count
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    across = np.sqrt(1 - z * z)
    return np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)


def information_threshold(samples: np.ndarray) -> np.ndarray:
    """FSC that half-maps at the gold-standard signal-to-noise reach with few samples (eq. 11).

    samples: effective number of independent ones, positive. van Heel & Schatz, J. Struct. Biol.
    151, 2005, for the form.
    """
    ratio = GOLD_STANDARD / (1 - GOLD_STANDARD)
    root = np.sqrt(ratio)
    found = (ratio + (2 * root + 1) / samples) / (ratio + 1 + 2 * root / samples)
    return np.asarray(np.minimum(found, THRESHOLD_MAX))


def directional_resolution(
    first: np.ndarray,
    second: np.ndarray,
    *,
    mask: np.ndarray,
    pixel_size_angstrom: float,
    global_shell: float,
    count: int = 96,
) -> DirectionalResolution:
    """Resolution of two half-maps (n, n, n) along `count` directions of a hemisphere.

    global_shell: fractional shell of the global cut-off, which the directions are scaled to.
    Raises InvalidInput for arrays of other boxes and a global shell that is not positive.
    """
    box = checked_cube(first)
    if checked_cube(second) != box or checked_cube(mask) != box or not global_shell > 0:
        raise InvalidInput("half-maps, mask and shell do not fit", box=box, shell=global_shell)
    vectors, shells, terms = _samples(first * mask, second * mask)
    directions = hemisphere(count)
    least = np.cos(np.deg2rad(CONE_HALF_ANGLE_DEGREES))
    share = float(mask.mean())
    found = np.array(
        [
            _cone_shell(shells[inside], terms[:, inside], box // 2, share)
            for inside in (np.abs(vectors @ direction) >= least for direction in directions)
        ]
    )
    scaled = found * global_shell / (np.average(found, weights=found**2))
    return DirectionalResolution(
        directions=directions, resolution_angstrom=box * pixel_size_angstrom / scaled
    )


def _samples(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (s, 3), nearest shells (s) and FSC terms (4, s) inside the Nyquist sphere.

    Friedel partners are stored once, but for the planes kx = 0 and n/2, where each counts half.
    """
    box = first.shape[0]
    a, b = (fft.rfftn(each).astype(np.complex64) for each in (first, second))
    radii = np.stack([plane_radii(box, plane) for plane in range(box)])
    inside = (radii > 0) & (radii < box / 2 - 0.5)
    z, y, x = np.nonzero(inside)
    centred = [np.where(axis > box // 2, axis - box, axis) for axis in (x, y, z)]
    vectors = np.stack(centred, axis=1).astype(np.float64) / radii[inside][:, None]
    once = np.where((x == 0) | (x == box // 2), 0.5, 1.0)
    a, b = a[inside], b[inside]
    products = [(a * b.conj()).real, np.abs(a) ** 2, np.abs(b) ** 2, np.ones(len(a))]
    shells = np.floor(radii[inside] + 0.5).astype(np.intp)
    return vectors, shells, np.stack([product * once for product in products])


def _cone_shell(shells: np.ndarray, terms: np.ndarray, count: int, share: float) -> float:
    """Fractional shell at which a cone's FSC first falls below its threshold (eqs. 10 and 11)."""
    cross, power_a, power_b, samples = (
        np.bincount(shells, term, minlength=count)[:count] for term in terms
    )
    effective = np.sqrt(np.maximum(samples * share, 0))
    judged = (np.arange(count) >= FIRST_SHELL) & (effective >= FEWEST_SAMPLES)
    judged &= (power_a > 0) & (power_b > 0)
    excess = np.ones(count)
    curve = cross[judged] / np.sqrt(power_a[judged] * power_b[judged])
    excess[judged] = curve - information_threshold(effective[judged])
    low = np.flatnonzero(excess < 0)
    if not len(low):
        return float(count)
    shell = int(low[0])
    above, below = excess[shell - 1], excess[shell]
    return float(shell - 1 + above / (above - below))
