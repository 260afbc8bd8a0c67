"""One item of a plan, from the tree and its raw files to its result."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from mgit.errors import MgitError
from mgit.refine.inputs import ParticleSet, ReferenceSet, TiltSeriesData
from mgit.refine.item import ItemResult, refine_item
from mgit.refine.item_data import particle_series, tilt_series
from mgit.refine.plan import (
    ItemPart,
    SpeciesPlan,
    item_data,
    particle_set,
    particle_set_with_stacks,
)
from mgit.refine.raw_stacks import BoundFile, tilt_images
from mgit.refine.refine_plan import ItemWork, RefinePlan

__all__ = ["refine_work", "series_of"]


def refine_work(
    plan: RefinePlan,
    work: ItemWork,
    references: Sequence[ReferenceSet],
    bound: Mapping[str, Sequence[BoundFile]],
) -> ItemResult:
    """Refine one item; references: of every species of the plan, bound: files by tree path.

    torch runs in one thread, so that its sums keep their order; kernels have threads of their own.
    Every error names the item.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        series = series_of(work, bound[work.item.path])
        return refine_item(
            series,
            [references[number] for number, _ in work.parts],
            particle_sets(plan, work, bound[work.item.path], series=series),
            plan.settings,
        )
    except MgitError as error:
        error.fields.setdefault("item", work.item.name)
        raise
    finally:
        torch.set_num_threads(before)


def series_of(work: ItemWork, files: Sequence[BoundFile]) -> TiltSeriesData:
    """The series of an item with its images."""
    data = item_data(work.item)
    if work.item.kind == "particle_series":
        return particle_series(data)
    return tilt_series(data, tilt_images(data.name, files, tilts=len(data.arrays["tilt_angle"])))


def particle_sets(
    plan: RefinePlan, work: ItemWork, files: Sequence[BoundFile], *, series: TiltSeriesData
) -> list[ParticleSet]:
    """The particles of every species in an item, in the order of the work's parts.

    Those of a series of extracted particles have their images with them.
    """

    def found(species: SpeciesPlan, part: ItemPart) -> ParticleSet:
        if work.item.kind == "particle_series":
            return particle_set_with_stacks(species, part, files, series=series)
        return particle_set(species, part)

    return [
        replace(found(plan.species[number], part), held=plan.held[number][part.rows])
        for number, part in work.parts
    ]
