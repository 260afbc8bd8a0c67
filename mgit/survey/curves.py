"""Fourier shell correlation curves as they are kept among a species' metrics."""

from dataclasses import dataclass

import numpy as np

from mgit.state.fsc_metrics import read_fsc
from mgit.state.species import Species

__all__ = ["CRITERION", "FscCurve", "crossing", "fsc_curve"]

CRITERION = 0.143
"""FSC at which two independent half-maps reach their resolution (Rosenthal & Henderson 2003)."""


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
    """The species' corrected FSC, None without one or without a frequency axis (`read_fsc`)."""
    found = read_fsc(species)
    return (
        None if found is None else FscCurve(frequency=found.frequency, correlation=found.corrected)
    )
