"""Which of two rivals a map agrees with better, and whether the difference is more than noise.

docs/math/import_check.md has the equations (Pearson & Filon, Phil. Trans. A 191, 1898, for the
covariance of two correlations that share a variable).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput
from mgit.maps.fsc import GOLD_STANDARD, fourier_shell_correlation
from mgit.maps.shells import checked_cube, shell_sums

__all__ = [
    "Difference",
    "compared",
    "independent_samples",
    "informative_band",
    "mirrored",
    "parabola_peak",
    "scaled",
]

SHELLS_MIN = 3
"""A band has at least so many shells, whatever its curves say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Mean FSC over a band of two rivals to one common map, and what noise makes of it.

    sigma: standard deviation of `rival - ours` by noise alone.
    """

    ours: float
    rival: float
    sigma: float

    @property
    def gain(self) -> float:
        """What the rival has more."""
        return self.rival - self.ours

    @property
    def significance(self) -> float:
        """The gain in units of its noise; 0 for rivals that are the same map."""
        return self.gain / self.sigma if self.sigma > 0 else 0.0


def compared(
    common: np.ndarray,
    ours: np.ndarray,
    rival: np.ndarray,
    *,
    mask: np.ndarray,
    band: tuple[int, int],
) -> Difference:
    """How much better `rival` agrees with `common` than `ours` does; all `(n, n, n)`.

    band: first shell and the one behind the last. Maths: docs/math/import_check.md, eqs. 1 to 3.
    Raises InvalidInput for maps that do not fit each other.
    """
    first = fourier_shell_correlation(common, ours, mask=mask)
    second = fourier_shell_correlation(common, rival, mask=mask)
    between = fourier_shell_correlation(ours, rival, mask=mask)
    variance = _difference_variance(first, second, between) / independent_samples(mask)
    chosen = slice(*band)
    count = band[1] - band[0]
    return Difference(
        ours=float(first[chosen].mean()),
        rival=float(second[chosen].mean()),
        sigma=float(np.sqrt(variance[chosen].sum()) / count),
    )


def independent_samples(mask: np.ndarray) -> np.ndarray:
    """How many independent real numbers the shells of a masked map hold: float64 (n/2).

    The samples of a shell times the share of the box that the mask leaves (eq. 3); at least 1.
    """
    box = checked_cube(mask)
    _, count = shell_sums(lambda z: (np.zeros((box, box // 2 + 1)),), box=box)
    square = mask.astype(np.float64) ** 2
    share = square.sum() ** 2 / max((square**2).sum(), np.finfo(np.float64).tiny) / box**3
    return np.asarray(np.maximum(count * share, 1.0))


def informative_band(
    curves: Sequence[np.ndarray], *, first: int, threshold: float = GOLD_STANDARD
) -> tuple[int, int]:
    """Shells from `first` to the one where the best of the curves falls below a threshold.

    At least three shells, so that there is something to average where nothing agrees.
    """
    best = np.max(np.stack(curves), axis=0)
    low = np.flatnonzero(best[first:] < threshold)
    end = first + int(low[0]) if len(low) else len(best)
    return first, min(len(best), max(end, first + SHELLS_MIN))


def mirrored(density: np.ndarray) -> np.ndarray:
    """The other hand: z reversed about voxel n // 2 of an even cube."""
    checked_cube(density)
    return np.ascontiguousarray(np.roll(density[::-1], 1, axis=0))


def scaled(density: np.ndarray, factor: float) -> np.ndarray:
    """The map as it looks when its pixel size is `factor` times what was believed: `(n, n, n)`.

    Trigonometric interpolation about the centre n // 2, exact for a band-limited map; nothing
    outside the box is taken for density. Maths: docs/math/import_check.md, eq. 4.
    """
    box = checked_cube(density)
    if not factor > 0:
        raise InvalidInput("a scale is not positive", factor=factor)
    at = (np.arange(box) - box // 2) / factor
    weights = _periodic_sinc(at[:, None] - (np.arange(box) - box // 2)[None, :], box)
    weights[np.abs(at) > box / 2] = 0.0
    values = density.astype(np.float64)
    for axis in range(3):
        values = np.moveaxis(np.tensordot(weights, values, axes=(1, axis)), 0, axis)
    return np.asarray(values.astype(density.dtype))


def parabola_peak(at: Sequence[float], values: Sequence[float]) -> float:
    """Where the parabola through the largest value and its neighbours peaks; equal steps.

    The end itself when the largest value is at an end.
    """
    top = int(np.argmax(values))
    if top in (0, len(values) - 1):
        return float(at[top])
    left, middle, right = values[top - 1 : top + 2]
    curvature = left - 2 * middle + right
    if not curvature < 0:
        return float(at[top])
    return float(at[top] + (at[top + 1] - at[top]) * (left - right) / (2 * curvature))


def _difference_variance(ours: np.ndarray, rival: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Variance of the difference of two correlations with one common variable, per sample."""
    a, b = ours**2, rival**2
    covariance = between * (1 - a - b) - 0.5 * ours * rival * (1 - a - b - between**2)
    return np.asarray(np.maximum((1 - a) ** 2 + (1 - b) ** 2 - 2 * covariance, 0.0))


def _periodic_sinc(distance: np.ndarray, box: int) -> np.ndarray:
    """Weights of trigonometric interpolation on an even grid at a distance in voxels."""
    transform = np.ones(box // 2 + 1)
    transform[-1] = 0.5
    frequency = np.arange(box // 2 + 1)
    both = np.where(frequency == 0, 1.0, 2.0) * transform
    phase = 2 * np.pi / box * distance[..., None] * frequency
    return np.asarray((np.cos(phase) * both).sum(axis=-1) / box)
