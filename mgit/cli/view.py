"""`mgit view`: the report of a revision, or its maps in a viewer."""

from mgit.cli.changes import open_repository
from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from mgit.history.repository import Repository
    from mgit.state.species import Species

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "show a revision as a page, or its maps in ChimeraX or napari"
DESCRIPTION = """Show a revision: one HTML page per default, or the maps of a species in a viewer.

html      one file without scripts or links to elsewhere: per species slices of the
          filtered map, FSC curves, directions of view, series worst first, and how
          it came about. It opens in the browser; where there is none, copy the file.
chimerax  the maps as MRC files and a script that opens them, in ChimeraX
napari    the maps as layers, in napari

The page goes to the repository's cache, or to --output, in the place of an earlier
report only. Maps for ChimeraX go to a temporary directory, or to --output.

examples:
  mgit view
  mgit view v1 --species capsid --output report.html --no-open
  mgit view --with chimerax --species capsid
  mgit view HEAD~1 --with chimerax --no-open --output maps
"""


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: HEAD")
    parser.add_argument(
        "--species", action="append", default=[], metavar="S", help="only this one; repeatable"
    )
    parser.add_argument(
        "--with",
        dest="viewer",
        choices=("html", "chimerax", "napari"),
        default="html",
        help="default: html",
    )
    parser.add_argument(
        "--output", metavar="DIR|FILE", help="where the page (.html, or a directory) or maps go"
    )
    parser.add_argument("--no-open", action="store_true", help="write the files and start nothing")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Gather, write, open."""
    repository = open_repository(arguments)
    show = {"html": _html, "chimerax": _chimerax, "napari": _napari}[arguments.viewer]
    console.json(show(repository, arguments, console))
    return ExitCode.OK


def _html(
    repository: "Repository", arguments: "argparse.Namespace", console: Console
) -> "dict[str, Any]":
    from importlib.metadata import version

    from mgit.cli.context import has_display
    from mgit.cli.display_maps import display_map
    from mgit.cli.render.report_page import report_page
    from mgit.cli.report_files import open_in_browser, report_path, save_report
    from mgit.survey.report import DisplayMap, population_report

    with console.progress("filtering maps", unit="species") as bar:

        def display(species: "Species") -> DisplayMap | None:
            shown = display_map(species)
            bar.advance()
            return shown

        report = population_report(
            repository, arguments.revision, species=arguments.species, display=display
        )
    commit = report.commit.id
    place = report_path(repository, arguments.output, name=report.population, commit=commit)
    save_report(repository, place, report_page(report, version=version("mgit")))
    console.out(f"report of {commit[:10]}: {place}")
    opened = not arguments.no_open and has_display() and open_in_browser(place)
    if not opened and not arguments.no_open:
        console.note("there is no browser here: copy the file to where there is one")
    names = [each.summary.name for each in report.species]
    return {"commit": commit, "species": names, "file": str(place), "opened": opened}


def _chimerax(
    repository: "Repository", arguments: "argparse.Namespace", console: Console
) -> "dict[str, Any]":
    from mgit.cli import map_viewers

    snapshot = repository.snapshot(arguments.revision)
    species = map_viewers.one_species(snapshot, arguments.species)
    program = None
    if not arguments.no_open:
        program = map_viewers.find_chimerax()
        _need_display("ChimeraX")
    script = map_viewers.write_chimerax_files(snapshot, species, arguments.output)
    console.out(f"maps and script of {species.name}: {script}")
    if program is not None:
        map_viewers.start_chimerax(program, script)
    return {"species": [species.name], "file": str(script), "opened": program is not None}


def _napari(
    repository: "Repository", arguments: "argparse.Namespace", console: Console
) -> "dict[str, Any]":
    from mgit.cli import map_viewers
    from mgit.errors import Refused

    if arguments.no_open or arguments.output is not None:
        raise Refused(
            "napari writes no files",
            hint="leave out '--no-open' and '--output', or use '--with chimerax' with them",
        )
    species = map_viewers.one_species(repository.snapshot(arguments.revision), arguments.species)
    napari = map_viewers.find_napari()
    _need_display("napari")
    map_viewers.open_in_napari(napari, species)
    return {"species": [species.name], "file": None, "opened": True}


def _need_display(viewer: str) -> None:
    from mgit.cli.context import has_display
    from mgit.errors import Refused

    if not has_display():
        raise Refused(
            "there is no display to open a window on",
            viewer=viewer,
            hint="'mgit view --no-open' writes a page to copy; '--with chimerax --no-open "
            "--output DIR' writes maps and a script",
        )
