"""What the commit of a round says: its message and its provenance."""

from collections.abc import Sequence
from typing import Any

from mgit.cli.raw_files import computing_versions
from mgit.cli.render.refinement import NULL_CURVES
from mgit.curate.provenance import provenance
from mgit.refine.accelerator import device_facts
from mgit.refine.checkpoint import Request
from mgit.refine.null_test import NullTest
from mgit.refine.refine_run import Round

__all__ = ["message_of", "recorded"]


def recorded(
    request: Request, result: Round, tests: Sequence[NullTest] = (), *, number: int
) -> dict[str, Any]:
    """The provenance of a round: enough to run it again, and what it came to."""
    settings = result.plan.settings
    inputs = [str(each.species.state) for each in result.plan.species]
    inputs += [str(part.item.state) for each in result.plan.species for part in each.parts]
    record = provenance(
        {
            "run": request.id,
            "round": number,
            "rounds": len(request.rounds),
            "options": settings.as_text(),
            "species": list(request.species),
            "sources": list(request.sources),
        },
        inputs=inputs,
        metrics={
            plan.species.name: _metrics(result, tests, plan.species.name) for plan, _ in result.maps
        },
        raw_level=min(result.levels),
        device=settings.device,
        seed=settings.seed,
    )
    facts = {f"device_{name}": text for name, text in device_facts(settings.device).items()}
    present = {**record["versions"], **computing_versions()}
    if request.versions and dict(request.versions) != present:
        # Series that were done before the upgrade are in the result, too.
        record["settings"]["begun_with"] = dict(request.versions)
    record["versions"] = {**present, **facts}
    return record


def _metrics(result: Round, tests: Sequence[NullTest], species: str) -> dict[str, Any]:
    maps = next(each for plan, each in result.maps if plan.species.name == species)
    found: dict[str, Any] = {
        "resolution_angstrom": repr(maps.resolution_angstrom),
        "masked_by": maps.masked_by,
    }
    for change in result.changes:
        if change.species == species:
            found[change.measure.replace(" ", "_").replace("-", "_")] = {
                "before": repr(change.before),
                "after": repr(change.after),
                "noise": repr(change.noise),
            }
    for test in tests:
        if test.species == species:
            found["null_test"] = {name: repr(test.mean(name)) for name in NULL_CURVES}
    return found


def message_of(result: Round, number: int, rounds: int) -> str:
    """One line: which round, and the resolution that every species came to."""
    maps = ", ".join(
        f"{plan.species.name} {each.resolution_angstrom:.1f} A" for plan, each in result.maps
    )
    return f"Refine, round {number} of {rounds}: {maps}"
