"""Weak Gaussian priors on what a round changes, with widths that the changes themselves suggest.

    loss = -M + (100 n / Lambda) sum ((c + d) / sigma)^2 / 2,    Lambda = 4 rho B^2

c is what the round changed before the stage, d what the stage changes, sigma the width of the
family; Lambda turns the correlation rho into a log likelihood (docs/math/optimiser.md, eq. 5 to 7).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mgit.geometry.poses import ParticlePoses
from mgit.geometry.rotations import rotation_vectors, zyz_matrices
from mgit.geometry.series_geometry import SeriesGeometry
from mgit.geometry.tilt_series import IMAGE_WARP, STAGE_ANGLE
from mgit.refine.objective import PERCENT
from mgit.refine.parameters import Parameters

__all__ = ["ChangePriors", "Key", "changes_since", "estimated_widths", "likelihood_factor"]

LEAST_WIDTH = 0.02
"""Angstrom or degrees: families that did not move are held, not frozen."""
LEAST_CORRELATION = 1e-3

Key = tuple[str, int | None]
"""Name of a family and, for families of particles, the number of their species."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangePriors:
    """Widths by family and species, and what the round changed so far. Empty: no priors."""

    widths: Mapping[Key, float] = field(default_factory=dict)
    changed: Mapping[Key, np.ndarray] = field(default_factory=dict)

    def penalty(self, parameters: Parameters, deltas: Sequence[Tensor]) -> Tensor:
        """Half the sum of squares of changes in units of their widths."""
        total = torch.zeros((), dtype=torch.float64)
        for family, delta in zip(parameters.families, deltas, strict=True):
            key = (family.name, family.species)
            if key in self.widths:
                since = torch.from_numpy(self.changed[key]).reshape(delta.shape)
                total = total + 0.5 * ((since + delta) / self.widths[key]).square().sum()
        return total


def likelihood_factor(score: float, *, images: int, energy: float) -> float:
    """What one unit of log likelihood is worth in units of M, eq. 6."""
    correlation = max(abs(score) / (PERCENT * images), LEAST_CORRELATION)
    return PERCENT * images / (4 * correlation * energy)


def changes_since(
    start: SeriesGeometry,
    start_poses: Sequence[ParticlePoses],
    geometry: SeriesGeometry,
    poses: Sequence[ParticlePoses],
) -> dict[Key, np.ndarray]:
    """Changes of every family, angstrom and degrees, in the layout of `Family.shape`."""
    changed: dict[Key, np.ndarray] = {}
    for name, arrays in (("image_warp", IMAGE_WARP), ("stage_angle", STAGE_ANGLE)):
        if arrays[0] in geometry.arrays:
            changed[name, None] = np.stack(
                [geometry.arrays[each] - start.arrays.get(each, np.zeros(1)) for each in arrays]
            )
    for index, (old, new) in enumerate(zip(start_poses, poses, strict=True)):
        changed["position", index] = (new.position - old.position)[None]
        before, after = (
            zyz_matrices(torch.from_numpy(np.ascontiguousarray(each.angles))).numpy()
            for each in (old, new)
        )
        turn = after @ np.swapaxes(before, -1, -2)
        changed["rotation", index] = rotation_vectors(turn)[None]
    return changed


def estimated_widths(
    changed: Mapping[Key, np.ndarray], *, least: Mapping[Key, float] | None = None
) -> dict[Key, float]:
    """Root mean square change per family: the most likely width of a Gaussian of mean zero.

    least: widths that earlier sub-iterations found, below which none falls. Changes that a prior
    held back are smaller than the truth; widths that followed them down would end at no change.
    """
    found = {
        key: max(LEAST_WIDTH, float(np.sqrt(np.mean(values[values != 0] ** 2))))
        for key, values in changed.items()
        if values.any()
    }
    for key, width in (least or {}).items():
        found[key] = max(width, found.get(key, 0.0))
    return found
