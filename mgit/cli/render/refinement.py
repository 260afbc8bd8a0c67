"""A round of refinement in the terminal: what it will do, and what it came to."""

import math
from collections.abc import Sequence
from typing import Any

from mgit.cli.console import Console
from mgit.cli.render.species import independence_words
from mgit.refine.inputs import ReferenceSet
from mgit.refine.null_test import NullTest
from mgit.refine.refine_plan import RefinePlan
from mgit.refine.refine_run import Round
from mgit.refine.settings import RefineSettings
from mgit.state.species import Species

__all__ = [
    "NULL_CURVES",
    "planned_record",
    "round_record",
    "tell_null_tests",
    "tell_plan",
    "tell_round",
    "wording",
]

MEGABYTE = 1_000_000
WORST = 3
NULL_CURVES = ("data_before", "data_after", "noise_before", "noise_after")
"""Mean half-map FSC in the band of alignment."""
SHELLS_SHOWN = 6
SPARSE = 3.0
"""Shared parameters per particle from which the plan says so loudly."""


def tell_plan(
    plan: RefinePlan, references: Sequence[ReferenceSet], console: Console, *, title: str
) -> None:
    """What is refined, against what, how many parameters, and what it takes."""
    cost = plan.cost(references)
    console.out(f"{title}: {wording(plan.settings)}")
    for each in references:
        half = each.references
        console.out(
            f"  {each.species}: references to {2 * half.pixel_size_angstrom:.1f} A, "
            f"box {half.box} px"
        )
    text = f"  {cost.items} series, {cost.particles} particles in up to {cost.images} images"
    if plan.settings.iterations:
        per_particle = cost.parameters / max(1, cost.particles)
        text += (
            f"; {cost.parameters} parameters ({per_particle:.1f} per particle, "
            f"{cost.shared_parameters} of them shared)"
        )
    console.out(text)
    console.out(
        f"  about {cost.memory_bytes / MEGABYTE:.0f} MB of memory per worker and "
        f"{_duration(cost.time_s)} on one core"
    )
    if plan.skipped:
        console.note(
            f"  {len(plan.skipped)} series with fewer than {plan.settings.min_particles} "
            "particles are not refined"
        )
    for text in plan.warnings(references):
        console.warning(text)
    finest = min(2 * each.references.pixel_size_angstrom for each in references)
    coarsest = plan.settings.ctf_min_resolution
    if plan.settings.refines_optics and finest > coarsest:
        console.warning(
            f"defocus will not move: that needs references to {coarsest:g} A, and they reach "
            f"{finest:.1f} A; '--ctf-min-resolution {math.ceil(finest)}' refines it all the same"
        )


def wording(settings: RefineSettings) -> str:
    """The families that move, in words."""
    families = []
    if settings.image_warp is not None:
        families.append("image warp {}x{}".format(*settings.image_warp))
    if settings.stage_angles:
        families.append("stage angles")
    if settings.particles:
        families.append("poses")
    if settings.refines_optics:
        families.append("defocus" + (" (exhaustive)" if settings.defocus_exhaustive else ""))
    if not families or not settings.iterations:
        return "no parameters, reconstruction only"
    return f"{', '.join(families)} in {settings.iterations} sub-iterations"


def tell_round(result: Round, console: Console, *, title: str) -> None:
    """Resolution, held-out measures with their noise, and the series that got worst."""
    console.out(f"{title} done")
    for plan, maps in result.maps:
        before = plan.species.number("resolution_angstrom")
        earlier = next(
            (
                each.species.number("resolution_angstrom")
                for each in result.plan.species
                if each.species.name == plan.species.name
            ),
            before,
        )
        was = f"{earlier:.2f} -> " if earlier is not None else ""
        console.out(
            f"  {plan.species.name}: {was}{maps.resolution_angstrom:.2f} A "
            f"(corrected FSC 0.143, {maps.masked_by})"
        )
        console.out(f"    {_independence(plan.species)}")
    for change in result.changes:
        word = "worse" if change.worse else ("better" if change.gain > 2 * change.noise else "same")
        if not change.decides:
            word = "not judged, the CTF changed"
        console.out(
            f"  {change.species}, {change.measure}: {change.before:.4f} -> {change.after:.4f} "
            f"(change {change.gain:+.4f}, noise {change.noise:.4f}: {word})"
        )
    fallen = sorted(
        (item.score_after - item.score_before, work.item.name) for work, item in result.found
    )
    for gain, name in [pair for pair in fallen if pair[0] < 0][:WORST]:
        console.note(f"  the score of '{name}' fell by {-gain:.3g}")


def _independence(species: Species) -> str:
    return independence_words(
        external=species.flag("external_reference"),
        restarted=species.attributes.get("half_set_origin") == "restarted",
    )


def tell_null_tests(tests: Sequence[NullTest], console: Console) -> None:
    """Half-map FSC of data and of noise before and after, and what remains of the gain."""
    for test in tests:
        console.out(
            f"  {test.species}, null test: half-map FSC in one soft sphere, "
            f"{test.periods[1]:.0f} to {test.periods[test.band.stop - 1]:.0f} A"
        )
        shells = _spread(range(test.band.start, test.band.stop))
        rows = [
            (
                "    " + name.replace("_", ", "),
                f"{test.mean(name):.3f}",
                *(f"{getattr(test, name)[shell]:.2f}" for shell in shells),
            )
            for name in NULL_CURVES
        ]
        heads = ("", "mean", *(f"{test.periods[shell]:.0f} A" for shell in shells))
        console.table(heads, rows, align="l" + "r" * len(heads))
        console.out(
            f"    gain {test.data_gain:+.3f}, of which noise gains {test.noise_gain:+.3f}: "
            f"{test.data_gain - test.noise_gain:+.3f} remain"
        )


def _spread(shells: range) -> list[int]:
    """At most `SHELLS_SHOWN` of them, evenly, the last among them."""
    count = min(SHELLS_SHOWN, len(shells))
    return sorted({shells[(len(shells) - 1) * (each + 1) // count] for each in range(count)})


def planned_record(plan: RefinePlan, references: Sequence[ReferenceSet]) -> dict[str, Any]:
    """The plan for the verb's JSON document."""
    cost = plan.cost(references)
    return {
        "options": plan.settings.as_text(),
        "species": [each.species for each in references],
        "items": cost.items,
        "particles": cost.particles,
        "images": cost.images,
        "parameters": cost.parameters,
        "shared_parameters": cost.shared_parameters,
        "memory_bytes": cost.memory_bytes,
        "time_on_one_core_s": cost.time_s,
        "skipped": [each.name for each in plan.skipped],
        "warnings": list(plan.warnings(references)),
    }


def round_record(result: Round, tests: Sequence[NullTest] = ()) -> dict[str, Any]:
    """What a round came to, for the verb's JSON document."""
    return {
        "species": [
            {
                "name": plan.species.name,
                "resolution_angstrom": maps.resolution_angstrom,
                "masked_by": maps.masked_by,
                "external_reference": plan.species.flag("external_reference"),
            }
            for plan, maps in result.maps
        ],
        "changes": [
            {
                "species": each.species,
                "measure": each.measure,
                "before": each.before,
                "after": each.after,
                "noise": each.noise,
                "worse": each.worse,
                "decides": each.decides,
            }
            for each in result.changes
        ],
        "null_tests": [
            {
                "species": each.species,
                **{name: each.mean(name) for name in NULL_CURVES},
                "data_gain": each.data_gain,
                "noise_gain": each.noise_gain,
            }
            for each in tests
        ],
        "items": [
            {
                "name": work.item.name,
                "score_before": item.score_before,
                "score_after": item.score_after,
                "stages": [
                    {"stage": stage.stage, "outcome": stage.outcome, "steps": stage.steps}
                    for stage in item.stages
                ],
            }
            for work, item in result.found
        ],
    }


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
