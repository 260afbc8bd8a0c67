"""`mgit demo`: the main job on simulated data, from images to a verified commit."""

from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "show the main job on simulated data"
DESCRIPTION = """Simulate a tilt series with a known truth, import it with errors, reconstruct,
refine, and print how far it was from the truth before and after, beside what the
true geometry gives; then the log and an audit. Some minutes on two cores.

--kind metadata needs no images and takes seconds: it makes up a RELION project,
imports it, records two rounds of another program, compares, goes back and forth,
exports, and verifies.

Every command is printed before it runs, so that it can be repeated by hand. All
data are simulated: nothing was measured.

  mgit demo            in a new directory below the present one
  mgit demo DIR        in DIR, which must not exist
"""

DEFAULT_DIRECTORY = "mgit-demo"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("where", nargs="?", metavar="DIR", help=f"default: {DEFAULT_DIRECTORY}")
    parser.add_argument(
        "--kind", choices=("tilt", "metadata"), default="tilt", help="default: tilt"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the simulated data; default: 0")
    parser.add_argument(
        "--preset", choices=("demo", "tiny"), default="demo", help="size of --kind tilt"
    )


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Run the journey; the first failing command ends it."""
    from pathlib import Path

    from mgit.cli.demo_steps import StepFailed, Steps

    directory = Path(arguments.directory, arguments.where or _free_name(arguments.directory))
    directory = directory.resolve()
    _refuse_existing(directory)
    steps = Steps(console)
    scores = None
    try:
        if arguments.kind == "tilt":
            from mgit.cli.demo_tilt import tilt_journey

            scores = tilt_journey(
                directory, steps, console, seed=arguments.seed, preset=arguments.preset
            )
        else:
            from mgit.cli.demo_metadata import metadata_journey

            metadata_journey(directory, steps, console, seed=arguments.seed)
    except StepFailed as failed:
        return failed.code
    population = directory / "population"
    console.out(f"\nThe population stays in {population}: try 'mgit -C {population} show'.")
    document = {"directory": str(directory), "commands": steps.ran}
    console.json(document if scores is None else {**document, "scores": scores})
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
