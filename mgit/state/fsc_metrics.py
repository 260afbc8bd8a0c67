"""Fourier shell correlation curves among a species' metrics."""

from dataclasses import dataclass

import numpy as np

from mgit.state.species import Species

__all__ = ["FscMetrics", "read_fsc"]

FREQUENCY = "fsc_frequency"
CORRECTED, UNMASKED, MASKED = "fsc", "fsc_unmasked", "fsc_masked"
RANDOMISED = "fsc_phase_randomised"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FscMetrics:
    """Curves of two half-maps over one axis, all `(k,)` float64.

    frequency: ascending, 1/angstrom. corrected: what counts, with the effect of the mask removed
    where that was measured. The others are None where they were not kept.
    """

    frequency: np.ndarray
    corrected: np.ndarray
    unmasked: np.ndarray | None = None
    masked: np.ndarray | None = None
    phase_randomised: np.ndarray | None = None


def read_fsc(species: Species) -> FscMetrics | None:
    """The species' curves, None without the metric 'fsc' or without a frequency axis for it.

    The axis is the metric 'fsc_frequency' (1/angstrom) where it exists; otherwise shell i of the
    curve stands for i / (box * pixel size). A curve of another length is left out.
    """
    metrics = species.metrics()
    if CORRECTED not in metrics or len(metrics[CORRECTED].shape) != 1:
        return None
    shape = metrics[CORRECTED].shape
    if shape[0] < 2:
        return None
    found = {
        name: metrics[name].read().astype(np.float64)
        for name in (FREQUENCY, CORRECTED, UNMASKED, MASKED, RANDOMISED)
        if name in metrics and metrics[name].shape == shape
    }
    if FREQUENCY not in found:
        pixel, maps = species.number("pixel_size_angstrom"), species.map_names()
        if pixel is None or not maps:
            return None
        found[FREQUENCY] = np.arange(shape[0]) / (species.map(maps[0]).shape[0] * pixel)
    return FscMetrics(
        frequency=found[FREQUENCY],
        corrected=found[CORRECTED],
        unmasked=found.get(UNMASKED),
        masked=found.get(MASKED),
        phase_randomised=found.get(RANDOMISED),
    )
