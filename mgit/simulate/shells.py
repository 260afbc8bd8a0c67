"""Correlation of two maps shell by shell, and the resolution that it reaches."""

from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput

__all__ = ["Curve", "shell_correlation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """correlation: `(n // 2,)` of shells 0, 1, ... whose frequency is shell / edge_angstrom."""

    correlation: np.ndarray
    edge_angstrom: float

    def resolution_angstrom(self, threshold: float) -> float | None:
        """Where the curve falls below the threshold first, between shells; None if never above.

        A curve that stays above it gives the last shell's resolution.
        """
        below = np.flatnonzero(self.correlation[1:] < threshold) + 1
        if not below.size:
            return self.edge_angstrom / (len(self.correlation) - 1)
        last = int(below[0])
        if last == 1:
            return None
        above, under = self.correlation[last - 1], self.correlation[last]
        return float(self.edge_angstrom / (last - 1 + (above - threshold) / (above - under)))


def shell_correlation(a: np.ndarray, b: np.ndarray, *, pixel_size_angstrom: float) -> Curve:
    """Fourier shell correlation of two cubic maps `(z, y, x)`; shells are one Fourier pixel wide.

    Raises InvalidInput for maps of different or other shapes.
    """
    if a.shape != b.shape or a.ndim != 3 or len(set(a.shape)) != 1:
        raise InvalidInput("maps must be cubes of one size", shapes=(a.shape, b.shape))
    edge = a.shape[0]
    full, half = np.fft.fftfreq(edge, 1 / edge), np.fft.rfftfreq(edge, 1 / edge)
    radius = np.sqrt(full[:, None, None] ** 2 + full[:, None] ** 2 + half**2)
    shell = np.round(radius).astype(int).ravel()
    # Columns strictly inside the half stand for two Friedel mates.
    count = np.where((half == 0) | (half == edge / 2), 1.0, 2.0)
    mates = np.broadcast_to(count, radius.shape).ravel()
    fa, fb = (np.fft.rfftn(each.astype(np.float64)).ravel() for each in (a, b))

    def per_shell(values: np.ndarray) -> np.ndarray:
        return np.bincount(shell, weights=values * mates)[: edge // 2]

    cross = per_shell((fa * fb.conj()).real)
    power = per_shell(np.abs(fa) ** 2) * per_shell(np.abs(fb) ** 2)
    correlation = np.divide(cross, np.sqrt(power), out=np.zeros_like(cross), where=power > 0)
    return Curve(correlation=correlation, edge_angstrom=edge * pixel_size_angstrom)
