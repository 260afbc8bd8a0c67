"""`mgit species show`: one species."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "show one species"
DESCRIPTION = """Show one species: particles and half-sets, maps, resolution and FSC, flags,
documents, and the commit that last changed it.

examples:
  mgit species show capsid
  mgit species show capsid HEAD~2
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the species")
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Read and show."""
    from mgit.cli.render.records import as_record
    from mgit.cli.render.species import show_species
    from mgit.state.population import Population
    from mgit.survey.commits import last_change
    from mgit.survey.species import species_summary

    repository = open_repository(arguments)
    population = Population(repository.snapshot(arguments.revision))
    found = species_summary(population.one_species(arguments.name))
    origin = last_change(repository, arguments.revision, found.path)
    show_species(console, found, origin)
    if console.wants_json:
        console.json({**as_record(found), "last_change": as_record(origin)})
    return ExitCode.OK
