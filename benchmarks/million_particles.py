"""A species of a million particles: commit it, move every pose, commit again, compare.

`python -m benchmarks.million_particles`. Goals: less than 5 CPU s for the commit of changed poses
and less than 5 s for the difference. Every step is a fresh process, as a user's command is.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import disk_usage, machine_facts, run

if TYPE_CHECKING:
    from mgit.history.commits import Signature

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__all__ = ["main"]

CHECKOUT = Path(__file__).resolve().parent.parent
GOAL_S = 5.0
STEPS = ("create", "add", "move", "compare")
ITEMS = 500
SPECIES = "ribosome"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all steps and print what they cost; with --step run one of them in this folder."""
    parser = argparse.ArgumentParser(prog="million_particles", description=__doc__)
    parser.add_argument("--particles", type=int, default=1_000_000)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.step:
        _STEP_FUNCTIONS[options.step](options.particles)
        return 0
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling every time is not what is asked
    count = ["--particles", str(options.particles)]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        costs = {}
        for step in STEPS:
            command = [sys.executable, "-m", "benchmarks.million_particles", "--step", step, *count]
            costs[step] = run([command], directory=work, environment=environment).record()
        size, files = disk_usage([work / ".mgit"])
    result = {"particles": options.particles, "bytes": size, "files": files, "steps": costs}
    if options.json:
        sys.stdout.write(json.dumps({"machine": machine_facts(), **result}, indent=1) + "\n")
    else:
        for step, cost in costs.items():
            sys.stdout.write(
                f"{step:8} {cost['cpu_s']:7.2f} CPU s {cost['wall_s']:7.2f} s"
                f" {cost['peak_mb']:7.0f} MB\n"
            )
        sys.stdout.write(f"store    {size / 1e6:.1f} MB in {files} files\n")
    slow = costs["move"]["cpu_s"] > GOAL_S or costs["compare"]["wall_s"] > GOAL_S
    return 1 if slow else 0


def _create(particle_count: int) -> None:
    from mgit.history.repository import Repository

    Repository.init(".", name="benchmark", who=_signature())


def _add(particle_count: int) -> None:
    import numpy as np

    from mgit.digest import RawDigest
    from mgit.history.repository import Repository
    from mgit.state.particles import build_particles
    from mgit.state.species import write_species
    from mgit.state.strings import StringColumn

    rng = np.random.default_rng(1)
    codes = np.sort(rng.integers(0, ITEMS, particle_count)).astype(np.uint32)
    particles = build_particles(
        RawDigest(bytes(32)),
        positions=rng.uniform(0, 6000, (particle_count, 1, 3)),
        angles=rng.uniform(-180, 180, (particle_count, 1, 3)),
        half_sets=rng.integers(1, 3, particle_count).astype(np.uint8),
        item_ids=StringColumn(codes=codes, dictionary=tuple(f"{n:032x}" for n in range(ITEMS))),
        passthrough={"score": rng.random(particle_count)},
    )
    with Repository.open(".").transaction(verb="benchmark") as transaction:
        write_species(
            transaction.draft,
            SPECIES,
            attributes={"diameter_angstrom": "250.0", "pixel_size_angstrom": "1.5"},
            particles=particles,
            half_maps=(np.ones((32, 32, 32), np.float32), np.ones((32, 32, 32), np.float32)),
        )
        transaction.commit(message="Add", who=_signature(), provenance={})


def _move(particle_count: int) -> None:
    """What refine does at its end: every position and every angle is another number."""
    from dataclasses import replace

    import numpy as np

    from mgit.history.repository import Repository
    from mgit.state.names import find_species
    from mgit.state.species import read_species, set_particles

    rng = np.random.default_rng(2)
    with Repository.open(".").transaction(verb="benchmark") as transaction:
        path = find_species(transaction.draft, SPECIES)
        old = read_species(transaction.draft, path).particles.load()
        moved = replace(
            old,
            positions=old.positions + rng.normal(0, 1, old.positions.shape),
            angles=old.angles + rng.normal(0, 0.5, old.angles.shape),
        )
        set_particles(transaction.draft, path, moved)
        transaction.commit(message="Refine", who=_signature(), provenance={})


def _compare(particle_count: int) -> None:
    """What `mgit diff HEAD~1 HEAD` computes."""
    from mgit.history.repository import Repository
    from mgit.survey.difference import tree_difference

    repository = Repository.open(".")
    found = tree_difference(repository.snapshot("HEAD~1"), repository.snapshot("HEAD"))
    difference = found.species[0].difference
    if difference is None or difference.particles.moved != particle_count:
        raise SystemExit(f"the difference is wrong: {difference}")


def _signature() -> "Signature":
    from mgit.history.commits import Signature

    return Signature("Benchmark", "benchmark@example.org", int(time.time()), 0)


_STEP_FUNCTIONS = {"create": _create, "add": _add, "move": _move, "compare": _compare}

if __name__ == "__main__":
    raise SystemExit(main())
