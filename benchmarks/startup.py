"""CPU of light verbs next to a bare interpreter: `python -m benchmarks.startup`.

The goal of the design is 0.2 s for the whole process and four times a bare interpreter. Rounds are
interleaved; the minimum of each is what the machine can do, the median what it did.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import machine_facts, run

__all__ = ["main"]

CHECKOUT = Path(__file__).resolve().parent.parent
COMMANDS: dict[str, list[str]] = {
    "bare interpreter": [sys.executable, "-c", "pass"],
    "mgit --help": [sys.executable, "-m", "mgit.cli.main", "--help"],
    "mgit log": [sys.executable, "-m", "mgit.cli.main", "log"],
    "git log": ["git", "--no-pager", "--git-dir=.mgit/git", "log"],
    "import numpy": [sys.executable, "-c", "import numpy"],
}
HEAVY = ("numpy", "torch", "zarr", "numba", "dulwich", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table, or JSON with --json; the exit status is 1 if a heavy module is imported."""
    parser = argparse.ArgumentParser(prog="startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling every time is not what is asked
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        create = [sys.executable, "-m", "benchmarks.ours", "create"]
        run([create], directory=work, environment=environment)
        costs: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(options.rounds):
            for name, command in COMMANDS.items():
                cost = run([command], directory=work, environment=environment)
                costs[name].append(cost.cpu_s)
        heavy = _heavy_modules(work, environment)
    bare = min(costs["bare interpreter"])
    figures = {
        name: {
            "min_cpu_s": round(min(each), 4),
            "median_cpu_s": round(statistics.median(each), 4),
            "times_bare": round(min(each) / bare, 2),
        }
        for name, each in costs.items()
    }
    if options.json:
        record = {"machine": machine_facts(), "verbs": figures, "imported_by_log": heavy}
        sys.stdout.write(json.dumps(record, indent=1) + "\n")
    else:
        for name, each in figures.items():
            sys.stdout.write(
                f"{name:18} {each['min_cpu_s'] * 1e3:7.1f} ms (median"
                f" {each['median_cpu_s'] * 1e3:.1f})  {each['times_bare']:.2f} x bare\n"
            )
        sys.stdout.write(f"heavy modules imported by log: {', '.join(heavy) or 'none'}\n")
    return 1 if heavy else 0


def _heavy_modules(work: Path, environment: dict[str, str]) -> list[str]:
    code = (
        "import sys; from mgit.cli.main import main; main(['log']);"
        f" sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"mgit log failed: {done.stderr}")
    return done.stderr.split()


if __name__ == "__main__":
    raise SystemExit(main())
