"""What one round of refinement does: which items with which particles, and what it will cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput, NotFound
from mgit.refine.inputs import ReferenceSet
from mgit.refine.plan import ItemPart, SpeciesPlan, plan_reconstruction
from mgit.refine.settings import RefineSettings
from mgit.refine.stack_preparation import refuse_options
from mgit.state.population import Population
from mgit.state.protocol import Reader
from mgit.state.series import Item

__all__ = ["Cost", "ItemWork", "RefinePlan", "plan_refinement"]

LEAST_HELD = 16
"""Held out when a species has four times as many; fewer say nothing."""
NODE_PARTICLES = 4
"""Particles that each node of an image warp should see, at least (docs/math/optimiser.md)."""
TURNING_PERIODS = 5.0
"""Periods across a particle below which a projection says little about its orientation."""
SAMPLE_EVALUATION_S = 3e-8
"""Of one sample of one image, one evaluation of the target with gradient, on one core."""
PREPARATION_S = 4e-3
"""Of one image, for every time that images are prepared, on one core."""
PROCESS_BYTES = 450_000_000
"""Of a process that has done nothing yet but load torch and compile the kernels."""
EVALUATIONS_PER_STEP = 1.4
COMPLEX_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemWork:
    """One item and its particles of every species: (number of the species in the plan, part)."""

    source: str
    item: Item
    parts: tuple[tuple[int, ItemPart], ...]

    @property
    def key(self) -> str:
        """What its files are called: no two items of a population have the same."""
        _, source, *_, item = self.item.path.split("/")
        return f"{source}.{item}"

    @property
    def particles(self) -> int:
        """Of all species."""
        return sum(len(part.rows) for _, part in self.parts)

    @property
    def images(self) -> int:
        """At most."""
        return sum(part.images for _, part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a round refines and roughly needs. time_s: on one core."""

    items: int
    particles: int
    images: int
    parameters: int
    shared_parameters: int
    memory_bytes: int
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinePlan:
    """One round.

    species: everything that is reconstructed after it. works: what is refined, by tree path.
    skipped: items with fewer than `min_particles`. held: per species, bool over its rows.
    """

    species: tuple[SpeciesPlan, ...]
    works: tuple[ItemWork, ...]
    skipped: tuple[Item, ...]
    held: tuple[np.ndarray, ...]
    settings: RefineSettings

    def cost(self, references: Sequence[ReferenceSet]) -> Cost:
        """What the round will need, from sizes alone."""
        settings = self.settings
        own = sum(_own(self, work) for work in self.works)
        shared = sum(_shared(work.item, settings) for work in self.works)
        samples = [np.pi / 2 * (each.references.box / 2) ** 2 for each in references]
        per_round = sum(
            part.images * samples[number] for work in self.works for number, part in work.parts
        )
        volumes = sum(
            2 * COMPLEX_BYTES * (each.references.oversampling * each.references.box) ** 3 / 2
            for each in references
        )
        largest = max(
            (
                sum(part.images * samples[number] * COMPLEX_BYTES for number, part in work.parts)
                for work in self.works
            ),
            default=0.0,
        )
        images = sum(work.images for work in self.works)
        steps = EVALUATIONS_PER_STEP * settings.iterations * _steps(settings)
        prepared = 1 + settings.iterations * settings.refines_optics / 2
        return Cost(
            items=len(self.works),
            particles=sum(work.particles for work in self.works),
            images=images,
            parameters=own + shared,
            shared_parameters=shared,
            memory_bytes=int(PROCESS_BYTES + volumes + 3 * largest),
            time_s=float(
                per_round * steps * SAMPLE_EVALUATION_S + images * prepared * PREPARATION_S
            ),
        )

    def warnings(self, references: Sequence[ReferenceSet] = ()) -> tuple[str, ...]:
        """What is likely to fit noise: too many nodes, references too coarse to turn by."""
        return (*self._coarse(references), *self._sparse())

    def _coarse(self, references: Sequence[ReferenceSet]) -> list[str]:
        if not (self.settings.particles and self.settings.iterations):
            return []
        periods = {each.species: 2 * each.references.pixel_size_angstrom for each in references}
        return [
            f"references to {periods[each.species]:.0f} A hardly show how '{each.species}', "
            f"{each.diameter_angstrom:.0f} A across, is turned: its orientations may get worse; "
            "say '--resolution A' if its maps are good for more"
            for each in references
            if periods[each.species] > each.diameter_angstrom / TURNING_PERIODS
        ]

    def _sparse(self) -> list[str]:
        warp = self.settings.image_warp
        if warp is None:
            return []
        needed = NODE_PARTICLES * warp[0] * warp[1]
        few = [work for work in self.works if work.particles < needed]
        if not few:
            return []
        least = min(few, key=lambda work: work.particles)
        return [
            f"an image warp of {warp[0]}x{warp[1]} nodes fits noise with fewer than {needed} "
            f"particles: {len(few)} of {len(self.works)} series have fewer "
            f"('{least.item.name}' has {least.particles}); a coarser grid is safer"
        ]


def plan_refinement(
    reader: Reader,
    settings: RefineSettings,
    *,
    species: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> RefinePlan:
    """The plan of a round over a commit's tree.

    species: only these take part. sources: only their items are refined, all are reconstructed
    from. Raises NotFound, InvalidInput when nothing is left to refine, and Unsupported, naming
    item and option, for what extracted particles cannot refine.
    """
    plans = plan_reconstruction(reader, species=species)
    known = {source.name for source in Population(reader).sources()}
    for name in sources:
        if name not in known:
            there = " and ".join(f"'{each}'" for each in sorted(known))
            raise NotFound("there is no such source", hint=f"there is {there}", source=name)
    found: dict[str, list[tuple[int, ItemPart]]] = {}
    for number, plan in enumerate(plans):
        for part in plan.parts:
            if not sources or part.source in sources:
                found.setdefault(part.item.path, []).append((number, part))
    works = [
        ItemWork(source=parts[0][1].source, item=parts[0][1].item, parts=tuple(parts))
        for _, parts in sorted(found.items())
    ]
    chosen = tuple(work for work in works if work.particles >= settings.min_particles)
    if not chosen:
        raise InvalidInput(
            "no series has enough particles to be refined",
            hint="lower '--min-particles', or name other sources",
            min_particles=settings.min_particles,
        )
    for work in chosen:
        refuse_options(work.item.kind, settings, item=work.item.name)
    return RefinePlan(
        species=plans,
        works=chosen,
        skipped=tuple(work.item for work in works if work.particles < settings.min_particles),
        held=tuple(_held(plan, number, chosen, settings) for number, plan in enumerate(plans)),
        settings=settings,
    )


def _held(
    plan: SpeciesPlan, number: int, works: Sequence[ItemWork], settings: RefineSettings
) -> np.ndarray:
    """Particles held out of what is shared, over all items, so that small items count, too.

    One particle of every item is left, or nothing could be fitted to the species there.
    """
    held = np.zeros(len(plan.particles), dtype=bool)
    rows = [part.rows for work in works for each, part in work.parts if each == number]
    if not rows or not settings.deforms or settings.holdout == 0:
        return held
    refined = np.sort(np.concatenate(rows))
    count = max(round(settings.holdout * len(refined)), min(LEAST_HELD, len(refined) // 4))
    random = np.random.default_rng([settings.seed, len(refined)])
    held[random.permutation(refined)[:count]] = True
    for each in rows:
        if held[each].all():
            held[each[0]] = False
    return held


def _own(plan: RefinePlan, work: ItemWork) -> int:
    """Parameters of the particles themselves."""
    if not plan.settings.particles:
        return 0
    return sum(
        6 * len(part.rows) * plan.species[number].particles.positions.shape[1]
        for number, part in work.parts
    )


def _shared(item: Item, settings: RefineSettings) -> int:
    """Parameters that the particles of an item share."""
    tilts = item.array("tilt_angle").shape[0]
    nodes = (
        0 if settings.image_warp is None else 2 * settings.image_warp[0] * settings.image_warp[1]
    )
    return tilts * (nodes + 3 * settings.stage_angles + 3 * settings.refines_optics)


def _steps(settings: RefineSettings) -> int:
    return (
        settings.warp_steps * (settings.image_warp is not None)
        + settings.stage_steps * settings.stage_angles
        + settings.pose_steps * settings.particles
        + (settings.defocus_steps + 20 * settings.defocus_exhaustive) * settings.refines_optics
    )
