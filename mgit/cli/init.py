"""`mgit init`: create an empty population."""

import os

from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode
from mgit.errors import Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "create an empty population"
DESCRIPTION = """Create an empty population in a directory, which is made if absent.

Everything mgit keeps lies in its subdirectory .mgit; nothing else is written there.
The first commit records the population's name.

--bare leaves the first commit out: an empty place that populations are pushed to, for example
a directory on a shared file system. 'mgit push' fills it.

examples:
  mgit init lamella --name "Lamella 2026"
  mgit init --bare /shared/populations/lamella
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("where", nargs="?", default=".", metavar="DIR", help="default: here")
    parser.add_argument("--name", help="name of the population; default: that of the directory")
    parser.add_argument(
        "--bare", action="store_true", help="a place to push to, without a first commit"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be made")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Create the repository and tell where it is."""
    directory = os.path.abspath(os.path.join(arguments.directory, arguments.where))
    name = arguments.name or os.path.basename(directory) or "population"
    control = os.path.join(directory, ".mgit")
    document = {"directory": directory, "name": name, "created": not arguments.dry_run}
    if arguments.bare:
        if arguments.name:
            raise Refused(
                "an empty remote has no name of its own", hint="leave '--name' out", name=name
            )
        document["bare"] = True
    what = f"the empty population '{name}'" if not arguments.bare else "an empty remote"
    if arguments.dry_run:
        if os.path.isdir(control):
            raise Refused("the directory holds a repository already", directory=directory)
        console.out(f"would create {what} in {control}")
        console.json(document)
        return ExitCode.OK

    from mgit.cli.context import signature
    from mgit.history.repository import Repository

    Repository.init(directory, name=name, who=signature(control), bare=arguments.bare)
    console.out(f"created {what} in {control}")
    if arguments.bare:
        console.note(f"next, in a population: 'mgit remote add origin {directory}', 'mgit push'")
    else:
        console.note("next: 'mgit source add NAME --warp DIR' or '--relion FILE'")
    console.json(document)
    return ExitCode.OK
