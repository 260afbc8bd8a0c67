"""`mgit source remove`: remove a data source."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "remove a data source"
DESCRIPTION = """Remove a data source with all its series from the present state.

Earlier commits keep it: 'mgit restore sources/NAME --from REV' brings it back. A
source in which a species still has particles is not removed. Raw files are never
touched.

example:
  mgit source remove old
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the source")
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Remove and commit."""
    from mgit.curate.provenance import provenance
    from mgit.curate.selection import remove_source

    repository = open_repository(arguments)
    with begin(repository, arguments, verb="source remove") as transaction:
        count = remove_source(transaction.draft, arguments.name)
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"Remove source {arguments.name}: {count} series",
            provenance=provenance({"name": arguments.name}),
        )
    console.json({**facts, "source": arguments.name, "series": count})
    return ExitCode.OK
