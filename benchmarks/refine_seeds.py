"""Refinement of simulated tilt series of several seeds: errors before and after, and the floor.

    python -m benchmarks.refine_seeds --seeds 0 1 2 3 4 --save

For every seed `mgit demo` runs whole. Then the same recipe is run from the same start with the
noiseless truth map in place of the half-maps before every round: the floor of these images.
All data are simulated. Prints a table and writes JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import machine_facts
from mgit.refine.settings import PRESETS

RECIPE = "standard"
FLOOR_ANGSTROM = 9.0
"""Band of the truth map: a little beyond what the true geometry reconstructs to."""
ROWS = (
    ("position error, RMS, A", "position_rms_angstrom"),
    ("orientation error, RMS, degrees", "orientation_rms_degree"),
    ("defocus error, RMS, A", "tilt_defocus_rms_angstrom"),
    ("half-maps, FSC 0.143, A", "fsc_half_maps_angstrom"),
    ("map to truth, FSC 0.5, A", "fsc_truth_angstrom"),
)
RESULTS = Path(__file__).parent / "results"


def mgit(words: Sequence[str], directory: Path) -> Any:
    """Run a verb in a process of its own; its JSON document."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mgit", "-C", str(directory), *words, "--json", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"mgit {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def measured(seed: int, place: Path) -> dict[str, Any]:
    """Scores of one seed: before, after, true geometry, floor; and the seconds of the demo."""
    began = time.monotonic()
    scores = mgit(["demo", str(place / "demo"), "--seed", str(seed)], place)["scores"]
    seconds = time.monotonic() - began
    return {**scores, "floor": floor(place / "demo"), "demo_s": seconds}


def floor(demo: Path) -> Mapping[str, Any]:
    """The recipe against the noiseless map, on a branch of the demo's population."""
    population = demo / "population"
    start = f"HEAD~{len(PRESETS[RECIPE])}"
    mgit(["switch", "-c", "floor", start], population)
    for options in PRESETS[RECIPE]:
        mgit(
            ["species", "update", "made", "--reference", str(demo / "data" / "truth_map.mrc"),
             "--no-check"],
            population,
        )  # fmt: skip
        recipe = demo / "round.toml"
        lines = [f"{name} = {_toml(value)}" for name, value in options.items()]
        recipe.write_text("\n".join(["[[round]]", *lines, f"resolution = {FLOOR_ANGSTROM}"]) + "\n")
        mgit(["refine", "--recipe", str(recipe), "--force"], population)
    truth = str(demo / "data" / "truth.json")
    found: Mapping[str, Any] = mgit(["score", "--truth", truth], population)["scores"][0]
    return found


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return '"' + "x".join(map(str, value)) + '"'
    return json.dumps(value)


def table(found: Mapping[int, Mapping[str, Any]]) -> str:
    """Markdown: one block of rows per measure, one column per seed."""
    seeds = list(found)
    lines = ["| | " + " | ".join(f"seed {seed}" for seed in seeds) + " |"]
    lines.append("|---|" + "---:|" * len(seeds))
    for label, key in ROWS:
        for state in ("before", "after", "floor", "true_geometry"):
            values = [found[seed][state][key] for seed in seeds]
            cells = ["-" if each is None else f"{each:.2f}" for each in values]
            lines.append(f"| {label}: {state.replace('_', ' ')} | " + " | ".join(cells) + " |")
    for label, key in ROWS[:3]:
        gains = [found[seed]["before"][key] / found[seed]["after"][key] for seed in seeds]
        lines.append(f"| {label}: gain | " + " | ".join(f"{each:.1f}x" for each in gains) + " |")
        above = [found[seed]["after"][key] / found[seed]["floor"][key] for seed in seeds]
        lines.append(
            f"| {label}: after over floor | " + " | ".join(f"{each:.2f}" for each in above) + " |"
        )
    shells = [
        found[seed]["true_geometry"]["fsc_truth_angstrom"]
        / found[seed]["after"]["fsc_truth_angstrom"]
        for seed in seeds
    ]
    lines.append(
        "| shell radius to truth, of the true geometry's | "
        + " | ".join(f"{100 * each:.0f} %" for each in shells)
        + " |"
    )
    minutes = [found[seed]["demo_s"] / 60 for seed in seeds]
    lines.append(
        "| minutes of `mgit demo` | " + " | ".join(f"{each:.1f}" for each in minutes) + " |"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure every seed, print the table, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--save", action="store_true", help="write JSON to benchmarks/results")
    arguments = parser.parse_args()
    found: dict[int, Mapping[str, Any]] = {}
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as directory:
            found[seed] = measured(seed, Path(directory))
        print(table({seed: found[seed]}), flush=True)
    facts = machine_facts()
    print(table(found))
    if arguments.save:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        file = RESULTS / f"{time.strftime('%Y-%m-%d')}-refine-seeds.json"
        record = {"commit": commit, "machine": facts, "recipe": RECIPE, "seeds": found}
        file.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
