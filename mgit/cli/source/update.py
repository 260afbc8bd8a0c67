"""`mgit source update`: take over new series and re-processed metadata."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.cli.source.add import chosen_format, chosen_path, read_chosen, source_options

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.curate.sources import SourceUpdated

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "take over new series or re-processed metadata"
DESCRIPTION = """Take over new series and re-processed metadata of a data source.

Series are recognised by name. An array that still is what its import said takes
the new value. One that was changed here since, by refinement or by hand, stays
and is listed; --replace takes the new value there too. Series that the new
metadata do not mention stay.

examples:
  mgit source update hiv --relion CtfRefine/job027/tomograms.star
  mgit source update apo --warp warp_tiltseries.settings --replace
"""

SHOWN_ITEMS_MAX = 12


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the source")
    source_options(parser)
    parser.add_argument(
        "--replace", action="store_true", help="take new values also over what was changed here"
    )
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read, compare, commit, and say what was taken over and what stayed."""
    from mgit.curate.provenance import provenance
    from mgit.curate.raw_access import RawAccess
    from mgit.curate.sources import update_from

    repository = open_repository(arguments)
    form, _ = chosen_format(arguments)
    file = chosen_path(arguments)
    record = read_chosen(arguments)
    access = RawAccess(repository, arguments.name)
    with begin(repository, arguments, verb="source update") as transaction:
        digest_of = access.digests(record.series, directory=None, complete=False)
        report = update_from(
            transaction.draft,
            arguments.name,
            record,
            digest_of=digest_of,
            replace=arguments.replace,
        )
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Update source {report.name} from {file}: {_summary(report)}",
            provenance=provenance(
                {
                    "name": arguments.name,
                    "format": form,
                    "file": file,
                    "replace": bool(arguments.replace),
                }
            ),
        )
    _render(report, console)
    console.json(
        {
            **facts,
            "source": report.name,
            "added": report.added,
            "changed": dict(report.changed),
            "kept": dict(report.kept),
            "absent": report.absent,
        }
    )
    return ExitCode.OK


def _summary(report: "SourceUpdated") -> str:
    parts = [f"{len(report.changed)} changed"]
    if report.added:
        parts.append(f"{len(report.added)} added")
    if report.kept:
        parts.append(f"{len(report.kept)} with values kept")
    return ", ".join(parts)


def _render(report: "SourceUpdated", console: Console) -> None:
    if report.added:
        console.out(f"  added: {', '.join(report.added)}")
    for title, found in (
        ("took over", report.changed),
        ("kept what was changed here", report.kept),
    ):
        for item, names in list(found.items())[:SHOWN_ITEMS_MAX]:
            console.out(f"  {item}: {title}: {', '.join(names)}")
        if len(found) > SHOWN_ITEMS_MAX:
            console.out(f"  ... and {len(found) - SHOWN_ITEMS_MAX} more series")
    if report.kept:
        console.note("'--replace' would take the new values there too")
    if report.absent:
        console.out(f"  not mentioned, unchanged: {', '.join(report.absent)}")
    for note in report.notes:
        console.out(f"  note: {note}")
