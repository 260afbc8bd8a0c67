"""A molecule as a sum of isotropic Gaussians: projected and sampled without approximation.

The density is `rho(r) = sum_i w_i (2 pi s_i^2)^(-3/2) exp(-|r - c_i|^2 / (2 s_i^2))`. Its integral
along z is the sum of 2-D Gaussians of the same widths, and both separate into factors per axis, so
that a projection is one product of two small matrices.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mgit.errors import InvalidInput

__all__ = ["Molecule", "made_molecule"]

LOBES = 5
"""Balls of different size whose union is the made-up molecule."""
NOTHING = 40.0
"""Where a Gaussian's exponent passes this it is zero: below the seventeenth digit of its peak."""
EDGE = 0.95
"""Gaussians' centres stay within this share of the radius."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Molecule:
    """Gaussians about the particle's centre.

    centres: `(n, 3)` x y z, angstrom. widths: `(n,)` standard deviations, angstrom. weights: `(n,)`
    integrals.

    Raises InvalidInput for other shapes, values that are not finite and widths that are not
    positive.
    """

    centres: np.ndarray
    widths: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.centres)
        shapes = (self.centres.shape, self.widths.shape, self.weights.shape)
        if count < 1 or shapes != ((count, 3), (count,), (count,)):
            raise InvalidInput("a molecule needs centres (n, 3), widths and weights", shapes=shapes)
        every = np.concatenate([self.centres.ravel(), self.widths, self.weights])
        if not np.isfinite(every).all() or not (self.widths > 0).all():
            raise InvalidInput("a molecule's numbers must be finite, its widths positive")

    def mirrored(self) -> "Molecule":
        """The molecule of the other hand: z reversed."""
        return replace(self, centres=self.centres * np.array([1.0, 1.0, -1.0]))

    def moved(self, rotation: np.ndarray, shift: np.ndarray) -> "Molecule":
        """The molecule with every centre at `rotation @ centre + shift`."""
        return replace(self, centres=self.centres @ rotation.T + shift)

    def projection(self, shape: tuple[int, int], *, pixel_size_angstrom: float) -> np.ndarray:
        """Integral along z sampled at pixels `(height, width)`; pixel (0, 0) sits at x = y = 0."""
        height, width = shape
        y = _factors(self.centres[:, 1], self.widths, height, pixel_size_angstrom, np.float32)
        x = _factors(self.centres[:, 0], self.widths, width, pixel_size_angstrom, np.float32)
        return np.asarray((y * self.weights.astype(np.float32)) @ x.T)

    def density(self, edge_px: int, *, pixel_size_angstrom: float) -> np.ndarray:
        """Samples `(z, y, x)` float32 on a cube; the molecule's origin is at voxel n // 2."""
        corner = edge_px // 2 * pixel_size_angstrom
        z, y, x = (
            _factors(self.centres[:, axis] + corner, self.widths, edge_px, pixel_size_angstrom)
            for axis in (2, 1, 0)
        )
        planes = [(y * (self.weights * z[at])) @ x.T for at in range(edge_px)]
        return np.stack(planes).astype(np.float32)

    @property
    def radius_angstrom(self) -> float:
        """Distance from the origin beyond which there is next to nothing."""
        return float((np.linalg.norm(self.centres, axis=1) + 2 * self.widths).max())


def _factors(
    centres: np.ndarray,
    widths: np.ndarray,
    count: int,
    pixel: float,
    dtype: type[np.floating[Any]] = np.float64,
) -> np.ndarray:
    """`(count, n)` normalised 1-D Gaussians at `pixel * (0 .. count - 1)`."""
    scale = 1 / (np.sqrt(2) * widths)
    distance = np.arange(count)[:, None] * (pixel * scale) - centres * scale
    squared = np.square(distance.astype(dtype))
    # Denormal tails would make the products a hundred times slower than zeros.
    values = np.where(squared < NOTHING, np.exp(-np.minimum(squared, NOTHING)), 0)
    return np.asarray(values * (scale / np.sqrt(np.pi)).astype(dtype), dtype=dtype)


def made_molecule(
    random: np.random.Generator, *, gaussians: int, diameter_angstrom: float, width_angstrom: float
) -> Molecule:
    """A made-up molecule without symmetry: Gaussians of uneven weight in balls of uneven size.

    Its centre of mass is the origin and it fills the diameter.
    """
    places = random.normal(size=(LOBES, 3))
    places /= np.linalg.norm(places, axis=1)[:, None]
    places *= np.linspace(0.2, 0.7, LOBES)[:, None]
    sizes = np.linspace(0.45, 0.22, LOBES)
    lobe = random.choice(LOBES, size=gaussians, p=sizes**3 / (sizes**3).sum())
    inside = random.normal(size=(gaussians, 3))
    inside *= (random.uniform(size=gaussians) ** (1 / 3) / np.linalg.norm(inside, axis=1))[:, None]
    centres = places[lobe] + inside * sizes[lobe][:, None]
    weights = random.uniform(0.5, 1.5, gaussians)
    centres -= np.average(centres, axis=0, weights=weights)
    reach = EDGE * diameter_angstrom / 2 - 2 * width_angstrom
    if reach <= 0:
        raise InvalidInput(
            "the Gaussians are too wide for the diameter",
            diameter_angstrom=diameter_angstrom,
            width_angstrom=width_angstrom,
        )
    farthest = np.linalg.norm(centres, axis=1).max()
    scale = reach / farthest if farthest > 0 else 1.0
    return Molecule(
        centres=centres * scale, widths=np.full(gaussians, width_angstrom), weights=weights
    )
