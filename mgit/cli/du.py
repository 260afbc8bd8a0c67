"""`mgit du`: disk use per species, source and commit."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.survey.disk import DiskUse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "show disk use per species, source and commit"
DESCRIPTION = """Show disk use: per species and source of a revision, and per commit of all branches
and tags.

'raw' are decoded bytes, 'stored' the same on disk, 'own' what nothing else in the
revision shares. A commit counts what it brought: chunks that none of the commits
before it has. Equal content is stored once, however often it is referred to.

examples:
  mgit du
  mgit du v1 --commits 50
"""
COMMITS_SHOWN = 20


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")
    parser.add_argument(
        "--commits",
        type=int,
        default=COMMITS_SHOWN,
        metavar="N",
        help=f"list at most N commits, the latest first; default {COMMITS_SHOWN}",
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Measure and tell."""
    from mgit.cli.render.records import as_record
    from mgit.errors import Refused
    from mgit.survey.disk import disk_use

    if arguments.commits < 0:
        raise Refused("the number of commits is negative", number=arguments.commits)
    found = disk_use(open_repository(arguments), arguments.revision)
    _render(found, console, arguments.commits)
    if console.wants_json:
        console.json(as_record(found))
    return ExitCode.OK


def _render(found: "DiskUse", console: Console, most: int) -> None:
    from mgit.cli.render.numbers import byte_count

    rows = [
        (
            f"{each.kind} {each.name}",
            byte_count(each.raw_bytes),
            byte_count(each.stored_bytes),
            byte_count(each.own_bytes),
            f"{each.absent} chunks are not here" if each.absent else "",
        )
        for each in found.nodes
    ]
    console.table(("in this revision", "raw", "stored", "own", ""), rows, "lrrr")
    console.out()
    shown = found.commits[:most]
    brought = [
        (
            f"{each.commit[:10]} {each.subject}",
            byte_count(each.raw_bytes),
            byte_count(each.stored_bytes),
        )
        for each in shown
    ]
    console.table(("brought by commit", "raw", "stored"), brought, "lrr")
    if len(shown) < len(found.commits):
        console.out(f"and {len(found.commits) - len(shown)} more commits: '--commits N'")
    console.out()
    totals = [
        ("data", byte_count(found.store_bytes)),
        ("  of no branch, tag or stage", byte_count(found.garbage_bytes)),
        ("history", byte_count(found.git_bytes)),
        ("caches and settings", byte_count(found.other_bytes)),
    ]
    console.table(("on disk", ""), totals, "lr")
