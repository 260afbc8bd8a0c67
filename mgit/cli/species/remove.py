"""`mgit species remove`: remove a species."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "remove a species"
DESCRIPTION = """Remove a species from the population.

Its maps and particles stay in the history: 'mgit restore' brings it back from an
earlier revision, 'mgit undo' at once. A species that others are parts or classes
of is kept until they stand alone.

examples:
  mgit species remove junk
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the species")
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Remove, commit, and say what went."""
    from mgit.curate.provenance import provenance
    from mgit.curate.species_settings import remove_species

    repository = open_repository(arguments)
    with begin(repository, arguments, verb="species remove") as transaction:
        report = remove_species(transaction.draft, arguments.name)
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Remove species {report.name}",
            provenance=provenance({"name": arguments.name}),
        )
    console.out(f"  {report.particles} particles left with it")
    if report.contacts_of:
        console.out(f"  no longer a contact of {', '.join(report.contacts_of)}")
    console.note("'mgit undo' brings it back")
    console.json({**facts, "species": report.name, "particles": report.particles})
    return ExitCode.OK
