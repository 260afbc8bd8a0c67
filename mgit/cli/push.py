"""`mgit push`: bring commits to a remote and move its branches."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "bring commits to a remote and move its branches"
DESCRIPTION = """Bring the commits of a branch to a remote, and move its branch of the same name.

The receiver checks every hash and that nothing is missing before any branch moves: a
remote never holds half a push. If somebody else pushed before you, nothing is sent or
lost, and the exit code is 3: 'mgit pull', then push again. An interrupted push is finished
by the same command, and segments that had arrived are not sent again.

Only what you name is pushed: results of refinements that were kept aside
(refs/mgit/refine/...) by their full name, tags with --tags. Links to raw data and settings
are local and never pushed.

--force-with-lease lets the remote's branch lose commits, if it still is where you last saw
it: after 'mgit undo' of something that was pushed already, say.

examples:
  mgit push
  mgit push origin main trial --tags
  mgit push --dry-run
  mgit push origin refs/mgit/refine/1f0c22d1
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("remote", nargs="?", metavar="REMOTE", help="default: origin")
    parser.add_argument(
        "branches", nargs="*", metavar="BRANCH", help="or full ref; default: the current branch"
    )
    parser.add_argument("--tags", action="store_true", help="push all tags, too")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent, in bytes")
    parser.add_argument(
        "--force-with-lease",
        action="store_true",
        help="let the remote's branch lose commits, if it is where you last saw it",
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Plan, send, tell."""
    from mgit.cli.context import signature
    from mgit.cli.transfers import (
        move_lines,
        moves_document,
        named_remote,
        progress_on,
        traffic_document,
        traffic_text,
    )
    from mgit.sync.push import Lease, plan_push, push

    repository = open_repository(arguments)
    name, remote = named_remote(repository, arguments.remote)
    refs = {ref: ref for ref in _refs(repository, arguments)}
    lease: Lease = "with-lease" if arguments.force_with_lease else "fast-forward"
    plan = plan_push(repository, remote, refs, name=name, lease=lease)
    traffic = plan.traffic
    if not arguments.dry_run:
        push(
            repository,
            remote,
            plan,
            name=name,
            who=signature(repository.layout.control),
            lease=lease,
            progress=progress_on(console),
        )
    if not plan.changes:
        console.out("everything is there already")
    else:
        prefix = "dry run: would push" if arguments.dry_run else "pushed"
        console.out(f"{prefix} to {remote.url}: {traffic_text(traffic)}")
        for line in move_lines(plan.changes):
            console.out(line)
    console.json(
        {
            "remote": name,
            "moved": moves_document(plan.changes),
            "traffic": traffic_document(traffic),
            "dry_run": bool(arguments.dry_run),
        }
    )
    return ExitCode.OK


def _refs(repository: "Repository", arguments: "argparse.Namespace") -> list[str]:
    """Full names of the refs to push."""
    from mgit.cli.transfers import current_branch
    from mgit.history.refs import TAG_PREFIX, branch_ref, check_ref_name

    names = arguments.branches or [current_branch(repository)]
    refs = [
        check_ref_name(name) if name.startswith("refs/") else branch_ref(name) for name in names
    ]
    if arguments.tags:
        refs += repository.refs.all(TAG_PREFIX)
    return refs
