"""`mgit demo`: a journey through state control on a made-up project."""

from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from mgit.simulate.made_project import MadeProject

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "show a journey on a made-up project"
DESCRIPTION = """Make up a small RELION project, import it, record two rounds of another
program, compare, go back and forth, export, and verify.

Every command is printed before it runs, so that it can be repeated by hand. The
project's metadata and maps are synthetic; no image is refined.

  mgit demo            in a new directory below the present one
  mgit demo DIR        in DIR, which must not exist
"""

DEFAULT_DIRECTORY = "mgit-demo"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("where", nargs="?", metavar="DIR", help=f"default: {DEFAULT_DIRECTORY}")
    parser.add_argument("--seed", type=int, default=0, help="of the made-up data; default: 0")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Make the project and run the journey; the first failing command ends it."""
    from pathlib import Path

    from mgit.simulate.made_project import make_project

    directory = Path(arguments.directory, arguments.where or _free_name(arguments.directory))
    directory = directory.resolve()
    _refuse_existing(directory)
    made = make_project(directory / "relion", seed=arguments.seed)
    population = directory / "population"
    console.out(f"A made-up RELION project stands in {made.directory}.")
    ran = []
    for words in _journey(made, population):
        code = _step(words, population, console)
        ran.append({"command": ["mgit", *words], "exit_code": code})
        if code != ExitCode.OK:
            return code
    console.out(f"\nThe population stays in {population}: try 'mgit -C {population} show'.")
    console.json({"directory": str(directory), "commands": ran})
    return ExitCode.OK


def _free_name(directory: str) -> str:
    import os

    name, number = DEFAULT_DIRECTORY, 1
    while os.path.exists(os.path.join(directory, name)):
        number += 1
        name = f"{DEFAULT_DIRECTORY}-{number}"
    return name


def _refuse_existing(directory: "Path") -> None:
    from mgit.errors import Refused

    if directory.exists():
        raise Refused("the directory exists", directory=directory, hint="name a new one")


def _journey(made: "MadeProject", population: "Path") -> "Iterator[list[str]]":
    """The commands in order, without `mgit`."""
    yield ["init", str(population), "--name", "demo"]
    yield ["source", "add", "lamellae", "--relion", str(made.tomograms)]
    maps = ["--half1", str(made.half_1), "--half2", str(made.half_2), "--mask", str(made.mask)]
    table = ["--particles", str(made.particles), "--diameter", "150"]
    yield ["species", "add", "blob", *maps, *table]
    yield ["source", "update", "lamellae", "--relion", str(made.refined_tomograms)]
    yield ["species", "update", "blob", "--particles", str(made.refined_particles)]
    yield ["source", "exclude", "lamellae", "TS_02", "--tilts", "1-3,41"]
    yield ["diff", "HEAD~1", "HEAD"]
    yield ["diff", "HEAD~3", "HEAD", "species/blob"]
    yield ["restore", "sources/lamellae", "--from", "HEAD~4"]
    yield ["undo"]
    yield ["undo"]
    yield ["show", "HEAD:species/blob"]
    yield ["undo", "--redo"]
    yield ["export", "HEAD", str(population.parent / "exported")]
    yield ["log", "--graph", "--oneline"]
    yield ["verify", "--deep", "--provenance"]


def _step(words: "list[str]", population: "Path", console: Console) -> int:
    from mgit.cli.main import main

    console.out(
        f"\n{console.styled('$', 'dim')} {console.styled('mgit ' + ' '.join(words), 'bold')}"
    )
    options = ["--quiet"] if not console.wants_json else ["--quiet", "--json"]
    inside = [] if words[0] == "init" else ["-C", str(population)]
    if console.wants_json:
        return _silently([*inside, *words, *options])
    import sys

    sys.stdout.flush()
    return main([*inside, *words, *options])


def _silently(words: "list[str]") -> int:
    """Run one command with its JSON document thrown away: the demo prints one of its own."""
    import contextlib
    import io

    from mgit.cli.main import main

    with contextlib.redirect_stdout(io.StringIO()):
        return main(words)
