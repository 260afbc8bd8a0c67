"""What images count in a reconstruction: exposure and tilt, a particle's place, the whole item."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kernels.packing import Packing
from mgit.optics.weights import WeightTerms, weight_image
from mgit.refine.exposure import (
    disc_frequencies,
    falloff,
    location_b_factors,
    location_shares,
    tilt_terms,
)
from mgit.refine.inputs import ParticleSet, TiltSeriesData

__all__ = ["ItemWeight", "SliceWeights", "slice_weights"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWeight:
    """What a whole item counts in a reconstruction: amplitude factor and B factor (angstrom^2)."""

    scale: float = 1.0
    b_factor: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceWeights:
    """What images count: exposure and tilt, their particle's place, the whole item.

    exposure: of every used tilt. place, place_b_factor: `(particles,)`. filtered: whether images
    carry the exposure's weight already.
    """

    exposure: WeightTerms
    place: np.ndarray
    place_b_factor: np.ndarray
    item: ItemWeight
    magnification: np.ndarray
    filtered: bool

    def of(
        self, rows: np.ndarray, number: int, disc: Packing, *, box_angstrom: float
    ) -> tuple[Tensor, Tensor]:
        """Factors `(rows, samples)` of images and of their squared CTF, in one used tilt."""
        frequencies = disc_frequencies(disc, box_angstrom, magnification=self.magnification)[None]
        one = WeightTerms(
            **{name: getattr(self.exposure, name)[number] for name in WeightTerms.__slots__}
        )
        exposed = weight_image(frequencies, one).reshape(-1)
        decay = falloff(
            torch.from_numpy(self.place_b_factor[rows] + self.item.b_factor), frequencies[0]
        )
        elsewhere = self.item.scale * torch.from_numpy(self.place[rows])[:, None] * decay
        whole = elsewhere * exposed
        return (elsewhere if self.filtered else whole), whole


def slice_weights(series: TiltSeriesData, particles: ParticleSet, item: ItemWeight) -> SliceWeights:
    """The weights of all images of a series."""
    position = particles.poses.position.mean(axis=1)
    return SliceWeights(
        exposure=tilt_terms(series),
        place=location_shares(series, position),
        place_b_factor=location_b_factors(series, position),
        item=item,
        magnification=series.optics.get("magnification", np.eye(2)),
        filtered=series.exposure_filtered,
    )
