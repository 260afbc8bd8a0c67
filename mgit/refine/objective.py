"""The target: one weighted correlation of all images of an item with their references.

    M = 100 n  sum_s s AB  /  sqrt( sum_s s^2 A^2 . sum_s B^2 )

pooled over species, particles and tilts, docs/math/target.md eq. 5. Invariant to the scale of the
images and, through the fitted scale s of every species, to that of every map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.tilt_series import TiltSeriesModel, Views
from mgit.refine.correlation import BlockCorrelation
from mgit.refine.preparation import PreparedSpecies
from mgit.refine.residence import Residence

__all__ = ["PERCENT", "SpeciesTarget", "Target", "fitted_scales", "pooled_score", "score_of_sums"]

PERCENT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeciesTarget:
    """One species in the target.

    chosen: bool `(particles,)`, which particles count. residence: of its blocks on a device, or
    None on the CPU; it lives as long as the target.
    """

    prepared: PreparedSpecies
    model: TiltSeriesModel
    chosen: np.ndarray
    threads: int = 1
    residence: Residence | None = None

    def terms(self, changes: Mapping[str, Tensor]) -> Tensor:
        """AB, A^2 and B^2 of every image, float64 `(particles, tilts, 3)`, zero where none is."""
        views = self.model.views(changes)
        matrices, shifts = self.slices(views)
        dense = torch.zeros((*self.prepared.inside.shape, 3), dtype=torch.float64)
        for task in self.tasks():
            at = (torch.from_numpy(task.block.particle), torch.from_numpy(task.block.tilt))
            poses = matrices[at]
            if task.block.height:
                axis = views.rotation[at][..., 2, :, None]
                column = self.prepared.plan.scale * task.block.height * axis
                poses = torch.cat([poses, column], dim=-1)
            # Both side bands of an image, where there are two, add up.
            dense = dense.index_put(at, task.terms(poses, shifts[at]), accumulate=True)
        weight = torch.from_numpy(self.prepared.share**2 * self.chosen)
        return dense * weight[:, None, None]

    def tasks(self) -> list[BlockCorrelation]:
        """Blocks, each with the reference of its own half-set."""
        return [
            BlockCorrelation(
                block=block,
                volume=self.prepared.reference.half(block.half_set),
                threads=self.threads,
                residence=self.residence,
            )
            for block in self.prepared.blocks
        ]

    def slices(self, views: Views) -> tuple[Tensor, Tensor]:
        """Slice matrices `(particles, tilts, 3, 2)` and shifts `(particles, tilts, 2)`, eq. 6."""
        plan = self.prepared.plan
        matrices = plan.scale * views.rotation[..., :2, :].transpose(-1, -2)
        moved = views.position - torch.from_numpy(self.prepared.origin)
        magnification = torch.from_numpy(self.prepared.magnification)
        return matrices @ magnification, moved / plan.box_angstrom


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """The target of one item, as a function of changed arrays of its geometry.

    scales: `(species,)` factors s, fitted at the start of a stage.
    """

    item: str
    species: tuple[SpeciesTarget, ...]
    scales: Tensor

    def terms(self, changes: Sequence[Mapping[str, Tensor]]) -> list[Tensor]:
        """Terms of every species; one mapping of changes each."""
        return [each.terms(change) for each, change in zip(self.species, changes, strict=True)]

    def score(self, changes: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """M. Raises InvalidState, naming the item, where it is not a number or has no power."""
        score = pooled_score(self.terms(changes), self.scales)
        if not bool(torch.isfinite(score)):
            raise InvalidState(
                "the score of the item is not finite",
                hint="its images and references share no signal; check both",
                item=self.item,
            )
        return score


def pooled_score(terms: Sequence[Tensor], scales: Tensor) -> Tensor:
    """M of terms `(particles, tilts, 3)` per species, eq. 5; not a number without power."""
    sums = torch.stack([each.flatten(0, 1).sum(0) for each in terms])
    count = sum(int((each[..., 2] > 0).sum()) for each in terms)
    return PERCENT * count * score_of_sums(sums, scales)


def score_of_sums(sums: Tensor, scales: Tensor) -> Tensor:
    """The correlation of pooled sums AB, A^2, B^2 `(..., species, 3)`: `(...)`."""
    numerator = (scales * sums[..., 0]).sum(-1)
    power = (scales.square() * sums[..., 1]).sum(-1)
    return numerator / torch.sqrt(power * sums[..., 2].sum(-1))


def fitted_scales(terms: Sequence[Tensor], *, item: str, names: Sequence[str]) -> Tensor:
    """|AB| / A^2 of every species, eq. 7: what its map's unit is worth in the images.

    Raises InvalidState, naming item and species, for terms that are zero or not finite.
    """
    scales = []
    for each, name in zip(terms, names, strict=True):
        ab, aa, bb = (float(total) for total in each.detach().flatten(0, 1).sum(0))
        if not np.isfinite([ab, aa, bb]).all() or aa <= 0 or bb <= 0 or ab == 0:
            raise InvalidState(
                "the scores of a species are zero or not finite",
                hint="check its maps, its mask and the images",
                item=item,
                species=name,
            )
        scales.append(abs(ab) / aa)
    return torch.tensor(scales, dtype=torch.float64)
