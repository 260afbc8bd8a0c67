"""Fourier shell correlation curves as they are kept among a species' metrics."""

from dataclasses import dataclass

import numpy as np

from mgit.state.species import Species

__all__ = ["CRITERION", "FscCurve", "crossing", "fsc_curve"]

CRITERION = 0.143
"""FSC at which two independent half-maps reach their resolution (Rosenthal & Henderson 2003)."""

FSC = "fsc"
FREQUENCY = "fsc_frequency"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FscCurve:
    """Correlation of two half-maps by spatial frequency.

    frequency: `(k,)` float64, ascending, 1/angstrom. correlation: `(k,)` float64, -1 to 1.
    """

    frequency: np.ndarray
    correlation: np.ndarray

    def resolution_angstrom(self, criterion: float = CRITERION) -> float | None:
        """Where the curve first falls below `criterion`, angstrom; None if it never does."""
        frequency = crossing(self.frequency, self.correlation, criterion)
        return None if frequency is None or frequency <= 0 else 1 / frequency


def crossing(frequency: np.ndarray, values: np.ndarray, criterion: float) -> float | None:
    """The frequency at which `values` first falls below `criterion`, linear between shells.

    None if it starts below or never falls below.
    """
    below = np.flatnonzero(values < criterion)
    if not len(below) or below[0] == 0:
        return None
    after = int(below[0])
    high, low = float(values[after - 1]), float(values[after])
    share = (high - criterion) / (high - low)
    return float(frequency[after - 1] + share * (frequency[after] - frequency[after - 1]))


def fsc_curve(species: Species) -> FscCurve | None:
    """The species' FSC from its metric 'fsc', None without one or without a frequency axis.

    The axis is the metric 'fsc_frequency' (1/angstrom) where it exists; otherwise shell i of the
    curve stands for i / (box * pixel size).
    """
    metrics = species.metrics()
    if FSC not in metrics or len(metrics[FSC].shape) != 1 or metrics[FSC].shape[0] < 2:
        return None
    correlation = metrics[FSC].read().astype(np.float64)
    if FREQUENCY in metrics and metrics[FREQUENCY].shape == correlation.shape:
        frequency = metrics[FREQUENCY].read().astype(np.float64)
    else:
        pixel, maps = species.number("pixel_size_angstrom"), species.map_names()
        if pixel is None or not maps:
            return None
        frequency = np.arange(len(correlation)) / (species.map(maps[0]).shape[0] * pixel)
    return FscCurve(frequency=frequency, correlation=correlation)
