"""One item of a plan, from the tree and its raw files to its result."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from mgit.errors import MgitError
from mgit.refine.inputs import ParticleSet, ReferenceSet, TiltSeriesData
from mgit.refine.item import ItemResult, refine_item
from mgit.refine.part_inputs import particles_of, series_of
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.refine_plan import ItemWork, RefinePlan

__all__ = ["particle_sets", "refine_work"]


def refine_work(
    plan: RefinePlan,
    work: ItemWork,
    references: Sequence[ReferenceSet],
    bound: Mapping[str, Sequence[BoundFile]],
    *,
    null_seed: int | None = None,
) -> ItemResult:
    """Refine one item; references: of every species of the plan, bound: files by tree path.

    null_seed: puts noise in place of all images (docs/math/target.md, section 6).
    torch runs in one thread, so that its sums keep their order; kernels have threads of their own.
    Every error names the item.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        files = bound[work.item.path]
        series = series_of(work.item, files, null_seed=null_seed)
        return refine_item(
            series,
            [references[number] for number, _ in work.parts],
            particle_sets(plan, work, files, series=series, null_seed=null_seed),
            plan.settings,
        )
    except MgitError as error:
        error.fields.setdefault("item", work.item.name)
        raise
    finally:
        torch.set_num_threads(before)


def particle_sets(
    plan: RefinePlan,
    work: ItemWork,
    files: Sequence[BoundFile],
    *,
    series: TiltSeriesData,
    null_seed: int | None = None,
) -> list[ParticleSet]:
    """The particles of every species in an item, in the order of the work's parts."""
    return [
        replace(
            particles_of(plan.species[number], part, files, series=series, null_seed=null_seed),
            held=plan.held[number][part.rows],
        )
        for number, part in work.parts
    ]
