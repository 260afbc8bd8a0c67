"""`mgit reconstruct`: half-maps and their FSC from the present state."""

from mgit.cli.changes import change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

    from mgit.history.repository import Repository
    from mgit.history.transaction import Transaction
    from mgit.refine.plan import SpeciesPlan
    from mgit.refine.reconstruct_species import Reconstruction

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "make half-maps and their FSC from the present state"
DESCRIPTION = """Reconstruct the half-maps of species from the raw images, without refinement.

Every term of the state is applied: poses, deformation, optics, weights, symmetry;
one that cannot be is refused by name. Series and tilts that are excluded take no
part. Raw files are bound by digest first: another content than the recorded one is
refused. Maps, FSC curves and resolution become one commit; the result does not
depend on the number of threads (docs/howto/reconstruct.md).

examples:
  mgit reconstruct
  mgit reconstruct --species ribosome --threads 8 -m "Maps of the imported poses"
  mgit reconstruct HEAD~3 --branch before-polishing
  mgit reconstruct --dry-run
"""
MEGABYTE = 1_000_000


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")
    parser.add_argument(
        "--species", action="append", default=[], metavar="NAME", help="only this one; repeatable"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--ewald",
        choices=("auto", "on", "off"),
        default="auto",
        help="curvature of the Ewald sphere; auto: where particles are thicker than the depth of "
        "field at the finest period of the map",
    )
    parser.add_argument("--branch", metavar="NEW", help="where a REV that is no tip goes on")
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Plan, bind, reconstruct, commit, and print the resolutions."""
    from mgit.cli.reconstruction import reconstructed, recorded
    from mgit.errors import InvalidInput
    from mgit.refine.plan import plan_reconstruction

    if arguments.threads < 1:
        raise InvalidInput("at least one thread is needed", threads=arguments.threads)
    repository = open_repository(arguments)
    commit = repository.resolve(arguments.revision)
    plans = plan_reconstruction(
        repository.snapshot(commit), species=arguments.species, own_optics="apart"
    )
    for plan in plans:
        _tell_plan(plan, console)
    if arguments.dry_run:
        console.json({"dry_run": True, "species": [_planned(each) for each in plans]})
        return ExitCode.OK
    with _begin(repository, arguments, commit) as transaction:
        results, levels = reconstructed(
            repository, plans, console, threads=arguments.threads, ewald=arguments.ewald
        )
        record = recorded(
            transaction, results, levels, revision=arguments.revision, ewald=arguments.ewald
        )
        message = f"Reconstruct {', '.join(plan.species.name for plan, _ in results)}"
        facts = finish(
            transaction, repository, arguments, console, message=message, provenance=record
        )
    for plan, result in results:
        console.out(
            f"  {plan.species.name}: {result.resolution_angstrom:.2f} A "
            f"(corrected FSC 0.143, {result.masked_by})"
        )
    console.json({**facts, "species": [_found(*each) for each in results]})
    return ExitCode.OK


def _begin(repository: "Repository", arguments: "argparse.Namespace", commit: str) -> "Transaction":
    """A transaction on the branch whose tip REV is, or on the new one that --branch names."""
    from mgit.errors import Refused

    verb = "reconstruct"
    if arguments.branch is not None:
        return repository.transaction(verb=verb, branch=arguments.branch, parents=(commit,))
    if commit != repository.resolve("HEAD"):
        raise Refused(
            "only the tip of the current branch is reconstructed in place",
            hint="give '--branch NEW': the maps of an earlier commit begin a branch",
            revision=arguments.revision,
        )
    stage = bool(arguments.no_commit)
    return repository.transaction(verb=verb, parents=(commit,), continue_stage=stage)


def _tell_plan(plan: "SpeciesPlan", console: Console) -> None:
    grid = plan.grid
    console.out(
        f"{plan.species.name}: {plan.count} particles in {plan.series} series, up to "
        f"{plan.images} images, box {grid.box} px of {grid.pixel_size_angstrom:g} A, "
        f"memory {plan.memory_bytes / MEGABYTE:.0f} MB"
    )


def _planned(plan: "SpeciesPlan") -> "dict[str, Any]":
    return {
        "name": plan.species.name,
        "particles": plan.count,
        "series": plan.series,
        "images": plan.images,
        "box_px": plan.grid.box,
        "pixel_size_angstrom": plan.grid.pixel_size_angstrom,
        "memory_bytes": plan.memory_bytes,
    }


def _found(plan: "SpeciesPlan", result: "Reconstruction") -> "Mapping[str, Any]":
    return {
        **_planned(plan),
        "resolution_angstrom": result.resolution_angstrom,
        "masked_by": result.masked_by,
    }
