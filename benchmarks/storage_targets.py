"""mgit against its peers on six iterations of realistic state, in one interleaved run.

`python -m benchmarks.storage_targets --help`; docs/benchmarks.md describes what is measured.
"""

import argparse
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import blake3
import numpy as np

from benchmarks.measure import (
    CommandFailed,
    copy_changed,
    disk_usage,
    fsync_count,
    machine_facts,
    run,
)
from benchmarks.peers import PEERS, Peer, Site
from benchmarks.report import render
from benchmarks.workload import ITERATIONS, ONE_ITEM, Workload, changed_paths, write_workload

__all__ = ["main"]

Outcome = TypeVar("Outcome")
CHECKOUT = Path(__file__).resolve().parent.parent
RESULTS = CHECKOUT / "benchmarks" / "results"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One peer of a run: its measurements so far, or why there are none."""

    peer: Peer
    version: str = ""
    failure: str | None = None
    rounds: list[dict[str, object]] = field(default_factory=list)
    fsyncs: dict[str, int | None] = field(default_factory=dict)

    def record(self) -> dict[str, object]:
        """The entry as JSON."""
        return {
            "name": self.peer.name,
            "version": self.version,
            "settings": self.peer.settings,
            "failure": self.failure,
            "rounds": self.rounds,
            "fsyncs": self.fsyncs,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A run's fixed part: where it happens, on which workload, with which tools."""

    scratch: Path
    workload: Path
    search_path: str
    peers_python: str | None

    def site(self, peer: Peer) -> Site:
        """The folder of one peer; not yet made."""
        return Site(
            folder=self.scratch / peer.name,
            checkout=CHECKOUT,
            search_path=self.search_path,
            peers_python=self.peers_python,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, print the table, write the JSON result."""
    options = _parser().parse_args(arguments)
    workload = Workload.of_scale(options.scale, solvent=options.solvent)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        bench = _bench(Path(scratch), options.peers_python)
        size = write_workload(workload, bench.workload)
        entries = [_entry(bench, peer) for peer in _chosen(options.only)]
        for index in range(options.rounds):
            _say(f"round {index + 1} of {options.rounds}")
            _round(bench, entries, random.Random(workload.seed + index))
        if not options.no_fsyncs:
            _say("counting fsyncs")
            for entry in _alive(entries):
                entry.fsyncs = _guarded(entry, _fsyncs, bench, entry.peer) or {}
        result: dict[str, Any] = {
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
            "commit": _commit(),
            "machine": machine_facts(),
            "numpy": np.__version__,
            "workload": {
                **workload.record(),
                "bytes": size,
                "digest": _workload_digest(bench.workload),
            },
            "entries": [entry.record() for entry in entries],
        }
    sys.stdout.write(render(result))
    if options.save:
        _say(f"wrote {_save(result, options.label)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="storage_targets", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the 418 MB workload")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--solvent", choices=("sphere", "none"), default="sphere")
    parser.add_argument("--only", nargs="*", help="names of peers; all by default")
    parser.add_argument("--peers-python", help="interpreter that has icechunk, dvc, datalad")
    parser.add_argument("--scratch", help="folder for working files (default: the temporary one)")
    parser.add_argument("--label", default="", help="appended to the result's file name")
    parser.add_argument("--no-fsyncs", action="store_true", help="skip the pass under strace")
    parser.add_argument("--save", action="store_true", help="write the result into the repository")
    return parser


def _bench(scratch: Path, peers_python: str | None) -> Bench:
    search = os.environ.get("PATH", os.defpath)
    if peers_python is not None:
        search = f"{Path(peers_python).parent}{os.pathsep}{search}"
    (scratch / "workload").mkdir()
    return Bench(
        scratch=scratch,
        workload=scratch / "workload",
        search_path=search,
        peers_python=peers_python,
    )


def _chosen(names: Sequence[str] | None) -> Sequence[Peer]:
    unknown = set(names or ()) - {peer.name for peer in PEERS}
    if unknown:
        raise SystemExit(f"no such peer: {', '.join(sorted(unknown))}")
    return [peer for peer in PEERS if not names or peer.name in names]


def _entry(bench: Bench, peer: Peer) -> Entry:
    site = bench.site(peer)
    missing = peer.missing(site)
    return Entry(peer=peer, failure=missing, version="" if missing else peer.version(site))


def _alive(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.failure is None]


def _guarded(entry: Entry, step: Callable[..., Outcome], *arguments: object) -> Outcome | None:
    """Run a step of one peer; a failure is recorded in the result and the others go on."""
    try:
        return step(*arguments)
    except CommandFailed as error:
        entry.failure = f"failed: {error}"
        _say(f"{entry.peer.name} {entry.failure}")
        return None


def _shuffled(entries: Sequence[Entry], order: random.Random) -> Iterator[Entry]:
    alive = _alive(entries)
    order.shuffle(alive)
    yield from alive


def _round(bench: Bench, entries: Sequence[Entry], order: random.Random) -> None:
    """Every peer records iteration k before any records k + 1, in an order drawn each time."""
    measured: dict[str, dict[str, Any]] = {}
    for entry in _alive(entries):
        measured[entry.peer.name] = {"commits": []}
        _guarded(entry, _create, bench, entry.peer)
    for iteration in range(ITERATIONS):
        for entry in _shuffled(entries, order):
            cost = _guarded(entry, _commit_cost, bench, entry.peer, iteration)
            measured[entry.peer.name]["commits"].append(cost)
    for entry in _shuffled(entries, order):
        size, files = disk_usage(entry.peer.store(bench.site(entry.peer)))
        measured[entry.peer.name].update(bytes=size, files=files)
    for what in ("verify", "log"):
        for entry in _shuffled(entries, order):
            cost = _guarded(entry, _verb_cost, bench, entry.peer, what)
            measured[entry.peer.name][what] = cost
    for entry in _alive(entries):
        measured[entry.peer.name]["rates"] = _guarded(entry, _rates, bench, entry.peer)
    for entry in _shuffled(entries, order):
        cost = _guarded(entry, _commit_cost, bench, entry.peer, ONE_ITEM)
        measured[entry.peer.name]["one_item"] = cost
    for entry in entries:
        if entry.failure is None:
            entry.rounds.append(measured[entry.peer.name])
        shutil.rmtree(bench.site(entry.peer).folder, ignore_errors=True)


def _create(bench: Bench, peer: Peer) -> None:
    site = bench.site(peer)
    site.prepare()
    run(peer.create(site), directory=site.work, environment=site.environment())


def _commit_cost(bench: Bench, peer: Peer, iteration: int) -> dict[str, float]:
    site = bench.site(peer)
    commands = peer.commit(site, _stage(bench, site, iteration))
    return run(commands, directory=site.work, environment=site.environment()).record()


def _stage(bench: Bench, site: Site, iteration: int) -> list[str]:
    """Put an iteration's files into the working folder; not charged to the peer."""
    changed = changed_paths(bench.workload, iteration)
    copy_changed(bench.workload / str(iteration), site.work / "state", changed)
    return changed


def _verb_cost(bench: Bench, peer: Peer, what: str) -> dict[str, float]:
    site = bench.site(peer)
    commands = peer.verify(site) if what == "verify" else peer.log(site)
    return run(commands, directory=site.work, environment=site.environment()).record()


def _rates(bench: Bench, peer: Peer) -> dict[str, float]:
    site = bench.site(peer)
    rates: dict[str, float] = {}
    for command in peer.rates(site):
        environment = dict(site.environment())
        done = subprocess.run(command, cwd=site.work, env=environment, capture_output=True)
        if done.returncode:
            raise CommandFailed(done.stderr.decode(errors="replace")[-2000:])
        rates.update(json.loads(done.stdout))
    return rates


def _fsyncs(bench: Bench, peer: Peer) -> dict[str, int | None]:
    """Synchronising calls of the first, the second and a one-item commit."""
    _create(bench, peer)
    site = bench.site(peer)
    counts = {}
    for label, iteration in (("first", 0), ("second", 1), ("one_item", ONE_ITEM)):
        commands = peer.commit(site, _stage(bench, site, iteration))
        counts[label] = fsync_count(commands, directory=site.work, environment=site.environment())
    shutil.rmtree(site.folder, ignore_errors=True)
    return counts


def _workload_digest(directory: Path) -> str:
    hasher = blake3.blake3()
    for path in sorted(directory.rglob("*.npy")):
        hasher.update(path.read_bytes())
    return f"b3:{hasher.hexdigest()}"


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout.strip()


def _save(result: dict[str, Any], label: str) -> str:
    RESULTS.mkdir(exist_ok=True)
    suffix = f"-{label}" if label else ""
    path = RESULTS / f"{result['date']}-{result['commit']}{suffix}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return str(path.relative_to(CHECKOUT))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
