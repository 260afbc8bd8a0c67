"""`mgit source link` and what it shares with `mgit source hash`."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from mgit.curate.binding import SourceBound
    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "bind_and_finish", "configure", "run"]

HELP = "say where this machine keeps a source's raw data"
DESCRIPTION = """Say where this machine keeps the raw data of a source.

The link stays on this machine: it is never versioned and never pushed. Raw files
are looked up below the directory by the trailing parts of the path that the
metadata write. Those that are found are digested quickly (size, head, tail and 64
sampled MiB; small files completely) and recorded in a commit; files that were
recorded before must be the same.

examples:
  mgit source link hiv /data/EMPIAR-10164
  mgit source link hiv --forget
"""

ABSENT_SHOWN_MAX = 5


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", metavar="NAME", help="the source")
    parser.add_argument("where", nargs="?", metavar="DIR", help="directory of the raw files")
    parser.add_argument("--forget", action="store_true", help="forget the link")
    change_options(parser)


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Remember the link and bind what is found."""
    from pathlib import Path

    from mgit.curate.raw_access import RawAccess
    from mgit.errors import Refused
    from mgit.state.names import find_source

    repository = open_repository(arguments)
    access = RawAccess(repository, arguments.name)
    find_source(repository.snapshot("HEAD"), arguments.name)
    if arguments.forget:
        access.links.unlink(arguments.name)
        console.out(f"source {arguments.name} has no link on this machine")
        console.json({"source": arguments.name, "directory": None})
        return ExitCode.OK
    if arguments.where is None:
        directory = access.links.directory(arguments.name)
        if directory is None:
            raise Refused(f"source '{arguments.name}' has no link", hint="give the directory")
        console.out(str(directory))
        console.json({"source": arguments.name, "directory": str(directory)})
        return ExitCode.OK
    code = bind_and_finish(
        repository, arguments, console, verb="source link", directory=Path(arguments.where)
    )
    if not arguments.dry_run:
        access.remember(Path(arguments.where))
    return code


def bind_and_finish(
    repository: "Repository",
    arguments: "argparse.Namespace",
    console: Console,
    *,
    verb: str,
    directory: "Path | None",
    complete: bool = False,
    again: bool = False,
) -> int:
    """Digest what is here, put it into the manifests, commit if anything is new, and tell."""
    from mgit.curate.binding import bind_files
    from mgit.curate.provenance import provenance
    from mgit.curate.raw_access import RawAccess
    from mgit.errors import NotFound

    access = RawAccess(repository, arguments.name)
    with begin(repository, arguments, verb=verb) as transaction:
        places, digests = access.digest_manifests(
            transaction.draft,
            directory=directory,
            complete=complete,
            again=again,
            progress=console.progress,
        )
        if not places:
            raise NotFound(
                "none of the source's raw files was found",
                source=arguments.name,
                directory=directory or access.links.directory(arguments.name) or "(no link)",
                hint=f"'mgit source show {arguments.name}' lists them as the metadata write them",
            )
        report = bind_files(transaction.draft, arguments.name, places=places, digests=digests)
        facts = {}
        if report.changed:
            facts = finish(
                transaction,
                repository,
                arguments,
                console,
                message=f"Record raw data of source {report.name}: {_counts(report)}",
                provenance=provenance({"name": report.name, "complete": complete}),
            )
        else:
            console.out("nothing new is known about the raw files")
    console.out(f"  raw data: {_counts(report)}")
    if report.absent:
        shown = ", ".join(report.absent[:ABSENT_SHOWN_MAX])
        console.out(f"  {len(report.absent)} files are not here: {shown}")
    console.json({**facts, "source": report.name, "bindings": dict(report.bindings)})
    return ExitCode.OK


def _counts(report: "SourceBound") -> str:
    return ", ".join(f"{count} {name}" for name, count in report.bindings.items() if count)
