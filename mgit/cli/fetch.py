"""`mgit fetch`: bring what is new at a remote, and change no branch."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "bring what is new at a remote; branches stay"
DESCRIPTION = """Bring what is new at a remote. Its branches become REMOTE/BRANCH here, names that
every verb understands: 'mgit log origin/main', 'mgit diff main origin/main'. Your own
branches stay where they are; 'mgit pull' or 'mgit merge origin/main' takes the news in.

New tags come along. A tag of yours is never moved.

examples:
  mgit fetch
  mgit fetch ada --prune
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("remote", nargs="?", metavar="REMOTE", help="default: origin")
    parser.add_argument(
        "--prune", action="store_true", help="forget branches that the remote no longer has"
    )
    parser.add_argument("--dry-run", action="store_true", help="say which branches would move")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Ask, bring, tell."""
    from mgit.cli.context import signature
    from mgit.cli.transfers import (
        move_lines,
        moves_document,
        named_remote,
        progress_on,
        traffic_document,
        traffic_text,
    )
    from mgit.sync.fetch import fetch, planned_moves

    repository = open_repository(arguments)
    name, remote = named_remote(repository, arguments.remote)
    if arguments.dry_run:
        moves = planned_moves(repository, remote.references(), name=name, prune=arguments.prune)
        console.out(f"dry run: {len(moves)} refs would move" if moves else "nothing is new")
        for line in move_lines(moves):
            console.out(line)
        console.json({"remote": name, "moved": moves_document(moves), "dry_run": True})
        return ExitCode.OK
    fetched = fetch(
        repository,
        remote,
        name=name,
        who=signature(repository.layout.control),
        prune=arguments.prune,
        progress=progress_on(console),
    )
    if fetched.moved:
        console.out(f"from {remote.url}: {traffic_text(fetched.traffic)}")
    else:
        console.out("nothing is new")
    for line in move_lines(fetched.moved):
        console.out(line)
    for tag in fetched.kept_tags:
        console.warning(f"the remote has another tag '{tag}'; yours stays")
    console.json(
        {
            "remote": name,
            "moved": moves_document(fetched.moved),
            "kept_tags": list(fetched.kept_tags),
            "traffic": traffic_document(fetched.traffic),
            "dry_run": False,
        }
    )
    return ExitCode.OK
