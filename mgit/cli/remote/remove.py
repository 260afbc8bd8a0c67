"""`mgit remote remove`: forget a remote."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "forget a remote"
DESCRIPTION = """Forget a remote and where its branches were. Nothing is changed at the remote, and
no commit is lost that a branch or a tag of this repository holds.
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="of the remote")
    parser.add_argument("--dry-run", action="store_true", help="say what would be forgotten")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Forget it."""
    from mgit.cli.context import signature
    from mgit.sync.remotes import remove, url_of

    repository = open_repository(arguments)
    url = url_of(repository, arguments.name)
    if not arguments.dry_run:
        remove(repository, arguments.name, who=signature(repository.layout.control))
    prefix = "dry run: would remove" if arguments.dry_run else "removed"
    console.out(f"{prefix} the remote '{arguments.name}' ({url})")
    console.json({"name": arguments.name, "url": url, "dry_run": bool(arguments.dry_run)})
    return ExitCode.OK
