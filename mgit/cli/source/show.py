"""`mgit source show`: one data source and its series."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "SERIES_SHOWN", "configure", "run"]

HELP = "show one data source and its series"
DESCRIPTION = """Show one data source: optics, documents, and a table of its series, worst first:
excluded ones, then those with the lowest scores of the last refinement, with most
unused images, and the most deformed.

examples:
  mgit source show hiv
  mgit source show hiv v1 --all
"""
SERIES_SHOWN = 50


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the source")
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")
    parser.add_argument(
        "--all", action="store_true", help=f"every series, not only the first {SERIES_SHOWN}"
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read and show."""
    from mgit.cli.render.records import as_record
    from mgit.cli.render.source import show_source
    from mgit.state.population import Population
    from mgit.survey.commits import last_change
    from mgit.survey.source import source_summary

    repository = open_repository(arguments)
    population = Population(repository.snapshot(arguments.revision))
    found = source_summary(population.source(arguments.name))
    origin = last_change(repository, arguments.revision, found.path)
    show_source(console, found, origin, limit=None if arguments.all else SERIES_SHOWN)
    if console.wants_json:
        console.json({**as_record(found), "last_change": as_record(origin)})
    return ExitCode.OK
