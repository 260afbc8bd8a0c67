"""`mgit remote add`: remember another repository by a name."""

import os

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "remember another repository by a name"
DESCRIPTION = """Remember another repository by a name, to fetch from it and push to it.

URL is a directory that holds a population or an empty remote ('mgit init --bare'), as a
path or as file:///PATH. It is kept in this repository's local settings, which are never
pushed; a relative path is meant from here and kept whole.

examples:
  mgit remote add origin /shared/populations/lamella
  mgit remote add ada /home/ada/lamella
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="for example origin")
    parser.add_argument("url", metavar="URL", help="a path or file:///PATH")
    parser.add_argument("--dry-run", action="store_true", help="say what would be kept")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Check the URL and keep it."""
    from mgit.sync.path_remote import directory_of_url
    from mgit.sync.remotes import add

    repository = open_repository(arguments)
    directory = os.path.abspath(directory_of_url(arguments.url))
    url = arguments.url if "://" in arguments.url else directory
    if not arguments.dry_run:
        add(repository, arguments.name, url)
    prefix = "dry run: would add" if arguments.dry_run else "added"
    console.out(f"{prefix} the remote '{arguments.name}': {url}")
    if not os.path.isdir(os.path.join(directory, ".mgit")):
        console.note(f"nothing is there yet: 'mgit init --bare {directory}' makes a place to push")
    console.json({"name": arguments.name, "url": url, "dry_run": bool(arguments.dry_run)})
    return ExitCode.OK
