"""The work of `mgit reconstruct` between its options and its commit; it imports torch."""

from collections.abc import Sequence
from typing import Any

from mgit.cli.console import Console
from mgit.cli.raw_files import DigestedFiles, computing_versions
from mgit.curate.provenance import provenance
from mgit.history.repository import Repository
from mgit.history.transaction import Transaction
from mgit.refine.plan import SpeciesPlan, bind
from mgit.refine.reconstruct_item import Budget
from mgit.refine.reconstruct_species import Reconstruction
from mgit.refine.run import reconstruct_species, write_reconstruction
from mgit.refine.slices import EwaldMode

__all__ = ["Results", "reconstructed", "recorded"]

Results = Sequence[tuple[SpeciesPlan, Reconstruction]]
BATCH = Budget().batch


def reconstructed(
    repository: Repository,
    plans: Sequence[SpeciesPlan],
    console: Console,
    *,
    threads: int,
    ewald: EwaldMode,
    batch: int = BATCH,
) -> tuple[Results, frozenset[str]]:
    """Bind the raw files, reconstruct every species; also the levels of the data used."""
    with console.progress("checking raw files", total=None, unit="files") as bar:
        bound = bind(plans, DigestedFiles(repository), advance=bar.advance)
    results: list[tuple[SpeciesPlan, Reconstruction]] = []
    levels: set[str] = set()
    total = sum(plan.images for plan in plans)
    with console.progress("reconstructing", total=total, unit="images") as bar:
        budget = Budget(threads=threads, batch=batch, advance=bar.advance)
        for plan in plans:
            result, seen = reconstruct_species(plan, bound, budget=budget, ewald=ewald)
            results.append((plan, result))
            levels |= seen
    return results, frozenset(levels)


def recorded(
    transaction: Transaction,
    results: Results,
    levels: frozenset[str],
    *,
    revision: str,
    ewald: EwaldMode,
) -> dict[str, Any]:
    """Write the results into the draft; returns the provenance."""
    for plan, result in results:
        write_reconstruction(transaction.draft, plan, result)
    settings = {
        "species": [plan.species.name for plan, _ in results],
        "revision": revision,
        "batch": BATCH,
        "ewald": ewald,
    }
    states = dict.fromkeys(str(part.item.state) for plan, _ in results for part in plan.parts)
    record = provenance(
        settings,
        inputs=list(states),
        metrics={plan.species.name: _metrics(result) for plan, result in results},
        raw_level=min(levels),
        device="cpu",
    )
    record["versions"] = {**record["versions"], **computing_versions()}
    return record


def _metrics(result: Reconstruction) -> dict[str, str]:
    return {
        "resolution_angstrom": repr(result.resolution_angstrom),
        "masked_by": result.masked_by,
    }
