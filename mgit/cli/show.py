"""`mgit show`: a commit, or anything at a path of a revision."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

    from mgit.cli.targets import Place
    from mgit.history.repository import Repository

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "show a commit, a species, a source or any path of a revision"
DESCRIPTION = """Show a commit, or what stands at a path of a revision.

  mgit show                                  the last commit and what it changed
  mgit show v1                               another one
  mgit show species/capsid                   counts, resolution, FSC, provenance
  mgit show HEAD~2:sources/hiv               its series, worst first
  mgit show :sources/hiv/items/TS_01         its arrays with units and ranges
  mgit show :sources/hiv/items/TS_01/defocus statistics; --json gives the values
  mgit show :species/capsid/documents/run_data.star --raw > run_data.star
  mgit show :                                the whole population
"""
SERIES_SHOWN = 50


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument(
        "place", nargs="?", default="HEAD", metavar="[REV][:PATH]", help="default: HEAD"
    )
    parser.add_argument("--raw", action="store_true", help="write a document's bytes, as imported")
    parser.add_argument("--all", action="store_true", help="list every series")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Find out what stands there and show it."""
    from mgit.cli.targets import find_place

    repository = open_repository(arguments)
    place = find_place(repository, arguments.place)
    if arguments.raw:
        return _write_raw(place)
    limit = None if arguments.all else SERIES_SHOWN
    document = _show(repository, place, console, limit)
    console.json(document)
    return ExitCode.OK


def _write_raw(place: "Place") -> int:
    import sys

    from mgit.errors import Refused

    kind = place.target.kind if place.target is not None else "commit"
    if place.target is not None and kind == "document":
        content = place.snapshot.array(place.target.path).read().tobytes()
    elif place.target is not None and kind == "file":
        content = place.snapshot.blob(place.target.path)
    else:
        raise Refused(
            f"'--raw' writes documents and files, and this is a {kind}",
            hint="'mgit export' writes maps, tables and metadata for other programs",
        )
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    return ExitCode.OK


def _show(repository: "Repository", place: "Place", console: Console, limit: int | None) -> object:
    """Show a place in the terminal; the same as a JSON record."""
    from mgit.cli.log_format import decorations
    from mgit.cli.render import nodes
    from mgit.cli.render.records import as_record
    from mgit.cli.render.show_targets import show_target
    from mgit.survey.commits import commit_summary

    if place.target is None:
        summary = commit_summary(repository, place.commit)
        names = decorations(repository.refs, repository.resolve).get(place.commit, ())
        nodes.show_commit(console, summary, names, limit=limit)
        return as_record(summary) if console.wants_json else None
    return show_target(repository, place, console, limit=limit)
