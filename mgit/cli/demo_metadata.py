"""The demonstration of state control, on metadata that another program might have written."""

from pathlib import Path

from mgit.cli.console import Console
from mgit.cli.demo_steps import Steps
from mgit.simulate.made_project import make_project

__all__ = ["metadata_journey"]


def metadata_journey(directory: Path, steps: Steps, console: Console, *, seed: int) -> None:
    """Import a made-up RELION project, record rounds, go back and forth, export, verify."""
    made = make_project(directory / "relion", seed=seed)
    population = directory / "population"
    console.out(f"A made-up RELION project stands in {made.directory}.")
    steps.run(["init", str(population), "--name", "demo"])
    maps = ["--half1", str(made.half_1), "--half2", str(made.half_2), "--mask", str(made.mask)]
    table = ["--particles", str(made.particles), "--diameter", "150"]
    for words in (
        ["source", "add", "lamellae", "--relion", str(made.tomograms)],
        ["species", "add", "blob", *maps, *table],
        ["source", "update", "lamellae", "--relion", str(made.refined_tomograms)],
        ["species", "update", "blob", "--particles", str(made.refined_particles)],
        ["source", "exclude", "lamellae", "TS_02", "--tilts", "1-3,41"],
        ["diff", "HEAD~1", "HEAD"],
        ["diff", "HEAD~3", "HEAD", "species/blob"],
        ["restore", "sources/lamellae", "--from", "HEAD~4"],
        ["undo"],
        ["undo"],
        ["show", "HEAD:species/blob"],
        ["undo", "--redo"],
        ["export", "HEAD", str(directory / "exported")],
        ["log", "--graph", "--oneline"],
        ["verify", "--deep", "--provenance"],
    ):
        steps.run(words, directory=population)
