"""`mgit species list`: the species."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "list the species"
DESCRIPTION = """List the species of a revision: particles, half-sets, symmetry, resolution, flags.

examples:
  mgit species list
  mgit species list HEAD~1 --json
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read and list."""
    from mgit.cli.render.records import as_record
    from mgit.cli.render.species import species_table
    from mgit.survey.population import population_summary

    species = population_summary(open_repository(arguments).snapshot(arguments.revision)).species
    if not species:
        console.note("no species yet: 'mgit species add NAME --particles STAR --diameter A'")
    else:
        species_table(console, species)
    if console.wants_json:
        console.json(as_record(species))
    return ExitCode.OK
