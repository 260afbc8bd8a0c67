"""`mgit source exclude`, and what it shares with `mgit source include`."""

from mgit.cli.changes import begin, change_options, finish, open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "change_selection", "configure", "run", "selection_options"]

HELP = "take series or single tilts out of use"
DESCRIPTION = """Take series, or single tilts of one series, out of use.

Nothing is deleted: 'mgit source include' brings them back in one line.

examples:
  mgit source exclude hiv TS_03 --reason 'ice too thick'
  mgit source exclude hiv TS_01 --tilts 1,38-41
"""

NAMED_MAX = 3


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    selection_options(parser)
    parser.add_argument("--reason", help="why, for those who look at the population later")
    change_options(parser)


def selection_options(parser: "argparse.ArgumentParser") -> None:
    """Add the options that choose series and tilts."""
    parser.add_argument("name", metavar="NAME", help="the source")
    parser.add_argument("items", nargs="*", metavar="SERIES", help="series by name")
    parser.add_argument(
        "--tilts", metavar="LIST", help="single tilts of one series, e.g. 3,7-9; counted from 1"
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Exclude and commit."""
    return change_selection(arguments, console, verb="source exclude", use=False)


def change_selection(
    arguments: "argparse.Namespace", console: Console, *, verb: str, use: bool
) -> int:
    """Exclude or include what the command line names, commit, and tell."""
    from mgit.curate.provenance import provenance
    from mgit.curate.selection import select_items, select_tilts, tilt_numbers
    from mgit.errors import Refused

    repository = open_repository(arguments)
    done = "Include" if use else "Exclude"
    reason = getattr(arguments, "reason", None)
    with begin(repository, arguments, verb=verb) as transaction:
        if arguments.tilts is not None:
            if len(arguments.items) != 1:
                raise Refused("single tilts belong to one series", hint="name one series")
            changed = select_tilts(
                transaction.draft,
                arguments.name,
                arguments.items[0],
                tilt_numbers(arguments.tilts),
                use=use,
            )
            noun = "tilt" if changed.tilts == 1 else "tilts"
            what = f"{changed.tilts} {noun} of {arguments.items[0]}"
        else:
            changed = select_items(
                transaction.draft,
                arguments.name,
                tuple(arguments.items),
                excluded=not use,
                reason=reason,
            )
            few = 0 < len(changed.items) <= NAMED_MAX
            what = ", ".join(changed.items) if few else f"{len(changed.items)} series"
        settings = {"name": arguments.name, "items": list(arguments.items), "reason": reason or ""}
        facts = finish(
            transaction,
            repository,
            arguments,
            console,
            message=f"{done} {what} of source {arguments.name}",
            provenance=provenance({**settings, "tilts": arguments.tilts or ""}),
        )
    console.json({**facts, "source": arguments.name, "series": changed.items})
    return ExitCode.OK
