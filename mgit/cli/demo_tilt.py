"""The demonstration of refinement, on simulated tilt series whose truth is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgit.cli.console import Console
from mgit.cli.context import core_count
from mgit.cli.demo_steps import Steps
from mgit.refine.settings import PRESETS

__all__ = ["compared", "tilt_journey"]

RECIPE = "standard"
ROWS = (
    ("position error, RMS", "position_rms_angstrom", "A", 2),
    ("orientation error, RMS", "orientation_rms_degree", "deg", 2),
    ("defocus error, RMS", "tilt_defocus_rms_angstrom", "A", 0),
    ("half-maps, FSC 0.143", "fsc_half_maps_angstrom", "A", 2),
    ("map to truth, FSC 0.5", "fsc_truth_angstrom", "A", 2),
)
BEFORE, TRUE = "before", "true geometry"


def tilt_journey(
    directory: Path, steps: Steps, console: Console, *, seed: int, preset: str
) -> Mapping[str, Any]:
    """Simulate, import, reconstruct, refine, compare with the truth, verify; the scores."""
    data, population, truth = (directory / name for name in ("data", "population", "truth"))
    threads = ["--threads", str(core_count())]
    steps.run(["simulate", str(data), "--preset", preset, "--seed", str(seed)])
    _import(steps, population, data, ["--relion", str(data / "tomograms.star")], data)
    steps.run(["reconstruct", *threads], directory=population)
    steps.run(["refine", "--preset", RECIPE, *threads], directory=population)
    console.out("\nThe same particles with the true geometry, to compare with:")
    settings = ["--warp", str(data / "truth" / "warp_tiltseries.settings")]
    _import(steps, truth, data, settings, data / "truth")
    steps.run(["reconstruct", *threads], directory=truth)
    rounds = len(PRESETS[RECIPE])
    places = [f"HEAD~{rounds}", "HEAD", str(truth)]
    words = ["score", *places, "--truth", str(data / "truth.json")]
    scores = steps.asked(words, directory=population)["scores"]
    _tell(scores, console)
    steps.run(["log", "--graph", "--oneline"], directory=population)
    steps.run(["verify", "--deep", "--provenance"], directory=population)
    return dict(zip((BEFORE, "after", "true_geometry"), scores, strict=True))


def _import(
    steps: Steps, population: Path, data: Path, source: Sequence[str], tables: Path
) -> None:
    steps.run(["init", str(population), "--name", "demo"])
    steps.run(["source", "add", "grid1", *source], directory=population)
    steps.run(["source", "link", "grid1", str(data)], directory=population)
    table = ["--particles", str(tables / "particles.star"), "--diameter", "150"]
    steps.run(["species", "add", "made", *table], directory=population)


def compared(scores: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str, str]]:
    """Rows of the table: measure, before, after, by how much, with the true geometry."""
    before, after, true = scores
    rows = []
    for label, key, unit, digits in ROWS:
        cells = [_cell(each[key], unit, digits) for each in (before, after, true)]
        gain = "-"
        if before[key] and after[key]:
            gain = f"{before[key] / after[key]:.1f}x"
        rows.append((label, cells[0], cells[1], gain, cells[2]))
    return rows


def _tell(scores: Sequence[Mapping[str, Any]], console: Console) -> None:
    console.out(
        "\nSimulated data: errors against the known truth, one rotation and shift removed\n"
    )
    console.table(("", BEFORE, "after", "gain", TRUE), compared(scores), align="lrrrr")


def _cell(value: float | None, unit: str, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f} {unit}"
