"""`mgit status`: where the repository stands."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.history.repository import Repository
    from mgit.survey.status import Status

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "show the branch and what is staged"
DESCRIPTION = """Show where the repository stands: the branch and its tip, what the population
holds, what is staged for the next commit, and what asks for attention: series
without raw data, excluded series, species whose maps or poses are out of date.

examples:
  mgit status
  mgit status --json
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("--all", action="store_true", help="list every staged series")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Look and tell."""
    from mgit.cli.render.records import as_record
    from mgit.survey.status import status

    repository = open_repository(arguments)
    found = status(repository)
    stopped = _stopped(repository)
    _render_place(found, console)
    _render_stage(found, console, everything=arguments.all)
    _render_attention(found, stopped, console)
    if console.wants_json:
        console.json({**as_record(found), "refinements_to_resume": stopped})
    return ExitCode.OK


def _stopped(repository: "Repository") -> "list[str]":
    """Branches with a refinement that began and has not ended, '' for a detached HEAD.

    Reads the requests themselves: the module that writes them brings the optimiser along.
    One that is damaged counts for an unknown branch, "?".
    """
    import json
    import os

    base = os.path.join(repository.layout.local, "refine")
    branches = set()
    for name in os.listdir(base) if os.path.isdir(base) else ():
        try:
            with open(os.path.join(base, name, "run.json"), encoding="utf-8") as file:
                branches.add(json.load(file)["branch"] or "")
        except (OSError, ValueError, KeyError):
            branches.add("?")
    return sorted(branches)


def _render_place(found: "Status", console: Console) -> None:
    from mgit.cli.render.numbers import counted

    where = f"on branch {found.branch}" if found.branch else "HEAD is detached, on no branch"
    console.out(console.styled(f"population {found.name}, {where}", "bold"))
    if found.head is None:
        console.out("  no commit yet")
        return
    console.out(f"  {console.styled(found.head.id[:10], 'yellow')} {found.head.subject}")
    counts = found.counts
    sources, species = "no source", "no species"
    if counts.sources:
        series = counted(counts.items, "series", "series")
        sources = f"{counted(counts.sources, 'source')} with {series}"
    if counts.species:
        particles = counted(counts.particles, "particle")
        species = f"{counted(counts.species, 'species', 'species')} with {particles}"
    console.out(f"  {sources}, {species}")


def _render_stage(found: "Status", console: Console, *, everything: bool) -> None:
    from mgit.cli.render.difference import ITEMS_SHOWN, show_difference

    console.out()
    if found.staged is None:
        console.out("nothing is staged")
        return
    console.out("staged; 'mgit commit' records it, 'mgit restore --staged' drops it:")
    for message in found.staged.messages:
        console.out(f"  {message.splitlines()[0]}")
    console.out()
    show_difference(console, found.staged.difference, limit=None if everything else ITEMS_SHOWN)
    if not found.staged.difference:
        console.out("nothing differs from the commit it was staged on")
    if found.staged.outdated:
        console.warning("HEAD moved since this was staged: it can only be dropped and repeated")


def _render_attention(found: "Status", stopped: "list[str]", console: Console) -> None:
    from mgit.cli.render.numbers import word

    lines = [
        f"  source {name}: {count} series without raw data; 'mgit source link {name} DIR'"
        for name, count in found.unbound.items()
    ]
    lines += [f"  source {name}: {count} series excluded" for name, count in found.excluded.items()]
    lines += [
        f"  species {name}: {', '.join(map(word, flags))}" for name, flags in found.flags.items()
    ]
    lines += [
        f"  branch {branch or '(detached HEAD)'}: a refinement has not ended; "
        "'mgit refine --resume' goes on with it"
        for branch in stopped
    ]
    if lines:
        console.out()
        console.out("to attend to:")
        for line in lines:
            console.out(line)
