"""A molecule as a sum of isotropic Gaussians: projected and sampled without approximation.

The density is `rho(r) = sum_i w_i (2 pi s_i^2)^(-3/2) exp(-|r - c_i|^2 / (2 s_i^2))`. Its integral
along z is the sum of 2-D Gaussians of the same widths, and both separate into factors per axis.
"""

from dataclasses import dataclass, replace

import numpy as np

from mgit.errors import InvalidInput

__all__ = ["Molecule", "made_molecule"]

LOBES = 5
"""Balls of different size whose union is the made-up molecule."""
REACH_WIDTHS = 6.5
"""Standard deviations beyond which a Gaussian is zero: less than 1e-9 of its peak."""
TERMS_AT_ONCE = 4_000_000
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
        return replace(self, centres=np.einsum("ij,nj->ni", rotation, self.centres) + shift)

    def projection(self, shape: tuple[int, int], *, pixel_size_angstrom: float) -> np.ndarray:
        """Integral along z sampled at pixels `(height, width)`; pixel (0, 0) sits at x = y = 0."""
        return self._sampled(shape, self.centres[:, 1::-1], pixel_size_angstrom)

    def density(self, edge_px: int, *, pixel_size_angstrom: float) -> np.ndarray:
        """Samples `(z, y, x)` float32 on a cube; the molecule's origin is at voxel n // 2."""
        corner = edge_px // 2 * pixel_size_angstrom
        return self._sampled((edge_px,) * 3, self.centres[:, ::-1] + corner, pixel_size_angstrom)

    def _sampled(self, shape: tuple[int, ...], centres: np.ndarray, pixel: float) -> np.ndarray:
        """Float32 sum of Gaussians whose axes are those of `shape`, in a fixed order of terms.

        Matrix products would sum in an order that depends on the number of threads.
        """
        total = np.zeros(int(np.prod(shape)))
        reach = int(np.ceil(REACH_WIDTHS * self.widths.max() / pixel))
        at_once = max(1, TERMS_AT_ONCE // (2 * reach + 1) ** len(shape))
        for first in range(0, len(centres), at_once):
            part = slice(first, first + at_once)
            index, values = _terms(shape, centres[part], self.widths[part], pixel, reach)
            values = values * self.weights[part].reshape(-1, *[1] * len(shape))
            total += np.bincount(index.ravel(), values.ravel(), minlength=total.size)
        return total.reshape(shape).astype(np.float32)

    @property
    def radius_angstrom(self) -> float:
        """Distance from the origin beyond which there is next to nothing."""
        return float((np.linalg.norm(self.centres, axis=1) + 2 * self.widths).max())


def _terms(
    shape: tuple[int, ...], centres: np.ndarray, widths: np.ndarray, pixel: float, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices and values of normalised Gaussians on the samples next to their centres.

    Both are `(n, 2 reach + 1, ...)` with one axis per axis of the image; outside it values are 0.
    """
    count, dimensions = len(centres), len(shape)
    index = np.zeros((count, *[1] * dimensions), dtype=np.int64)
    values = np.ones((count, *[1] * dimensions))
    for axis, length in enumerate(shape):
        near = np.rint(centres[:, axis] / pixel).astype(np.int64)
        sample = near[:, None] + np.arange(-reach, reach + 1)
        distance = (sample * pixel - centres[:, axis, None]) / widths[:, None]
        factor = np.exp(-0.5 * distance**2) / (np.sqrt(2 * np.pi) * widths[:, None])
        factor[(sample < 0) | (sample >= length)] = 0
        along = [count, *[1] * dimensions]
        along[axis + 1] = 2 * reach + 1
        index = index * length + np.clip(sample, 0, length - 1).reshape(along)
        values = values * factor.reshape(along)
    return np.broadcast_to(index, values.shape), values


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
