"""What the same refinement gains on noise: that much of the data's gain is none.

docs/math/target.md, section 6. Noise has the data's spectra, CTF and weights. Four half-map FSCs of
each species are compared in one soft sphere: data and noise, before and after the round.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.masks import soft_sphere
from mgit.refine.inputs import ReferenceSet
from mgit.refine.item import ItemResult
from mgit.refine.plan import SpeciesPlan, plan_reconstruction
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.reconstruct_item import Budget
from mgit.refine.reconstruct_species import Reconstruction
from mgit.refine.refine_items import refine_work
from mgit.refine.refine_plan import ItemWork, RefinePlan
from mgit.refine.run import reconstruct_species
from mgit.refine.write_refinement import write_refinement
from mgit.state.protocol import Writer

__all__ = ["NullTest", "null_results", "null_test"]

EDGE_DIAMETERS = 0.1
Bound = Mapping[str, Sequence[BoundFile]]
Found = Sequence[tuple[ItemWork, ItemResult]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NullTest:
    """Half-map FSC `(n/2)` of data and noise before and after a round, in one soft sphere.

    periods: angstrom of every shell, infinite for the first. band: slice of the shells that were
    aligned to, without the first.
    """

    species: str
    periods: np.ndarray
    band: slice
    data_before: np.ndarray
    data_after: np.ndarray
    noise_before: np.ndarray
    noise_after: np.ndarray

    def mean(self, name: str) -> float:
        """Mean of one of the curves over the band."""
        return float(np.mean(getattr(self, name)[self.band]))

    @property
    def data_gain(self) -> float:
        """Mean FSC that the round gained on the data."""
        return self.mean("data_after") - self.mean("data_before")

    @property
    def noise_gain(self) -> float:
        """Mean FSC that the same round gained on noise."""
        return self.mean("noise_after") - self.mean("noise_before")


def null_results(
    plan: RefinePlan,
    references: Sequence[ReferenceSet],
    bound: Bound,
    *,
    advance: Callable[[int], None],
) -> Found:
    """What every item of a plan comes to when its images are noise."""
    found = []
    for work in plan.works:
        result = refine_work(plan, work, references, bound, null_seed=plan.settings.seed)
        found.append((work, result))
        advance(work.images)
    return found


def null_test(
    writer: Writer,
    plan: RefinePlan,
    null: Found,
    after: Sequence[tuple[SpeciesPlan, Reconstruction]],
    references: Sequence[ReferenceSet],
    *,
    bound: Bound,
    budget: Budget,
    seal: Callable[[], object],
) -> list[NullTest]:
    """Compare the maps of the data, `after`, with what noise gives.

    writer: a draft over the plan's tree; the noise's poses are put in it, and nobody keeps it.
    """
    seed = plan.settings.seed

    def maps_of(each: SpeciesPlan, null_seed: int | None) -> Reconstruction:
        mode = plan.settings.ewald
        found, _ = reconstruct_species(each, bound, budget=budget, ewald=mode, null_seed=null_seed)
        return found

    before = [(maps_of(each, None), maps_of(each, seed)) for each in plan.species]
    write_refinement(writer, plan, null)
    seal()
    names = [each.species.name for each in plan.species]
    plans = plan_reconstruction(writer, species=names)
    found = []
    for number, each in enumerate(plans):
        data_before, noise_before = before[number]
        maps = {
            "data_before": data_before,
            "data_after": after[number][1],
            "noise_before": noise_before,
            "noise_after": maps_of(each, seed),
        }
        limit = 2 * references[number].references.pixel_size_angstrom
        found.append(_compared(each, maps, limit_angstrom=limit))
    return found


def _compared(
    plan: SpeciesPlan, maps: Mapping[str, Reconstruction], *, limit_angstrom: float
) -> NullTest:
    grid = plan.grid
    sphere = soft_sphere(
        grid.box,
        diameter_voxel=grid.diameter_angstrom / grid.pixel_size_angstrom,
        edge_voxel=max(2.0, EDGE_DIAMETERS * grid.diameter_angstrom / grid.pixel_size_angstrom),
    )
    curves = {
        name: fourier_shell_correlation(*each.halves, mask=sphere) for name, each in maps.items()
    }
    shells = np.arange(grid.box // 2)
    edge = grid.box * grid.pixel_size_angstrom
    periods = np.divide(edge, shells, out=np.full(len(shells), np.inf), where=shells > 0)
    last = max(2, int(edge / limit_angstrom) + 1)
    return NullTest(
        species=plan.species.name, periods=periods, band=slice(1, min(last, len(shells))), **curves
    )
