"""`mgit source list`: the data sources."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "list the data sources"
DESCRIPTION = """List the data sources of a revision: series, images in use, pixel size, raw data.

examples:
  mgit source list
  mgit source list v1 --json
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read and list."""
    from mgit.cli.render.records import as_record
    from mgit.cli.render.source import source_table
    from mgit.survey.population import population_summary

    sources = population_summary(open_repository(arguments).snapshot(arguments.revision)).sources
    if not sources:
        console.note("no sources yet: 'mgit source add NAME --warp DIR' or '--relion FILE'")
    else:
        source_table(console, sources)
    if console.wants_json:
        console.json(as_record(sources))
    return ExitCode.OK
