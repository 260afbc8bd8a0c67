"""`mgit pull`: fetch, then take the news into the current branch."""

from mgit.cli import merge
from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.errors import DirtyStage, NotFound

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "fetch, and take the news into the current branch"
DESCRIPTION = """Fetch from a remote and join what is new there into the current branch.

If you have no commits that the remote lacks, the branch moves forward. If you have, both
are joined by a merge commit, as 'mgit merge REMOTE/BRANCH' does it: what both sides changed
differently is refused with exit code 3, every such thing is named, and your branch stays.

'mgit undo' takes a pull back. What was fetched stays and costs nothing.

examples:
  mgit pull
  mgit pull origin main --ff-only
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("remote", nargs="?", metavar="REMOTE", help="default: origin")
    parser.add_argument(
        "branch", nargs="?", metavar="BRANCH", help="default: as the current branch is called"
    )
    parser.add_argument("-m", "--message", help="message of the merge commit, if there is one")
    parser.add_argument("--ff-only", action="store_true", help="only move the branch, or refuse")
    parser.add_argument("--dry-run", action="store_true", help="fetch, and say what would happen")
    parser.add_argument("--sign", action="store_true", help="sign with the key of the settings")
    parser.set_defaults(no_commit=False, no_ff=False)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Fetch, then merge."""
    from mgit.cli.context import signature
    from mgit.cli.transfers import current_branch, named_remote, progress_on, traffic_text
    from mgit.sync.fetch import fetch, tracking_ref

    repository = open_repository(arguments)
    if repository.stage.read() is not None:
        raise DirtyStage("'pull' would pass over staged changes")
    name, remote = named_remote(repository, arguments.remote)
    branch = arguments.branch or current_branch(repository)
    who = signature(repository.layout.control)
    fetched = fetch(repository, remote, name=name, who=who, progress=progress_on(console))
    if fetched.moved:
        console.out(f"from {remote.url}: {traffic_text(fetched.traffic)}")
    for tag in fetched.kept_tags:
        console.warning(f"the remote has another tag '{tag}'; yours stays")
    if repository.refs.get(tracking_ref(name, branch)) is None:
        raise NotFound(
            f"the remote '{name}' has no branch '{branch}'",
            hint="name the branch: 'mgit pull REMOTE BRANCH', or 'mgit push' yours",
        )
    arguments.revision = f"{name}/{branch}"
    return merge.run(arguments, console)
