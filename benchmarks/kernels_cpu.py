"""Throughput of the numba kernels on one core, next to plain torch, in one process.

Every round times every contender once, so that a busy machine slows all of them; the ratio of a
round is judged by its median, the throughput by the fastest round. Times are CPU times of the
calling thread: what other processes do counts only through caches and memory.
"""

import argparse
import datetime
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

from benchmarks.measure import machine_facts
from kernels import backproject_cpu, backproject_reference, correlate_cpu, correlate_reference
from kernels.packing import packing

__all__ = ["batch_of", "commit", "main", "save"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BOXES = (32, 64, 128)
BACKPROJECT_BOXES = (64, 128)
SAMPLES_PER_CALL = 600_000
TORCH_SAMPLES_PER_CALL = 40_000  # larger batches are slower per image: they leave the cache
OVERSAMPLING = 2
# Images per second and core that the design asks for, and ratios that it gates.
GOALS = {
    ("correlate", 32): 130_000,
    ("correlate", 64): 16_000,
    ("correlate", 128): 2_800,
    ("backproject", 64): 7_000,
    ("backproject", 128): 1_100,
}
GRADIENT_PER_VALUE_MAX = 2.5
NUMBA_PER_TORCH_MIN = 4.0

Batch = dict[str, Any]


def batch_of(box: int, count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Batch]:
    """A random volume, packed images and poses in all directions, complex64 and float32."""
    rng = np.random.default_rng(seed)
    disc = packing(box // 2 - 1)
    size = OVERSAMPLING * box

    def noise(*shape: int) -> np.ndarray:
        real = rng.standard_normal((*shape, 2), dtype=np.float32)
        return np.ascontiguousarray(real).view(np.complex64)[..., 0]

    turns = np.linalg.qr(rng.standard_normal((count, 3, 3)))[0]
    return (
        noise(size, size, size // 2 + 1),
        noise(count, disc.samples),
        {
            "weights": rng.uniform(0.5, 1, (1, disc.samples)).astype(np.float32),
            "group": np.zeros(count, np.int32),
            "matrices": (OVERSAMPLING * turns[:, :, :2]).astype(np.float32),
            "shifts": rng.uniform(-0.02, 0.02, (count, 2)).astype(np.float32),
            "disc": disc,
        },
    )


def _in_torch(batch: Batch) -> Batch:
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in batch.items()
    }


def _contenders(box: int) -> dict[str, tuple[int, Callable[[], object]]]:
    """Images per call and the call, by name."""
    samples = packing(box // 2 - 1).samples
    many, few = max(8, SAMPLES_PER_CALL // samples), max(4, TORCH_SAMPLES_PER_CALL // samples)
    volume, images, batch = batch_of(box, many)
    one_volume, one_images = torch.from_numpy(volume), torch.from_numpy(images[:few])
    in_torch = _in_torch(
        {
            name: value[:few] if name in {"group", "matrices", "shifts"} else value
            for name, value in batch.items()
        }
    )
    sums = backproject_cpu.accumulator(volume.shape[0])
    contenders: dict[str, tuple[int, Callable[[], object]]] = {
        "correlate": (many, lambda: correlate_cpu.correlate(volume, images, **batch)),
        "correlate_values": (many, lambda: correlate_cpu.correlate_values(volume, images, **batch)),
        "torch_one_pass": (
            few,
            lambda: correlate_reference.correlate_one_pass(one_volume, one_images, **in_torch),
        ),
    }
    if box in BACKPROJECT_BOXES:
        contenders["backproject"] = (
            many,
            lambda: backproject_cpu.backproject(sums, images, **batch),
        )
        contenders["torch_index_add"] = (
            many,
            lambda: backproject_reference.backproject(
                torch.from_numpy(images), box=volume.shape[0], **_in_torch(batch)
            ),
        )
    return contenders


def _seconds(call: Callable[[], object]) -> float:
    before = time.thread_time()
    call()
    return time.thread_time() - before


def measure(box: int, rounds: int) -> dict[str, Any]:
    """Images per second of every contender at one box, and ratios within rounds."""
    contenders = _contenders(box)
    for _, call in contenders.values():  # compile, fault pages in
        call()
    per_image: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (count, call) in contenders.items():
            per_image[name].append(_seconds(call) / count)

    def ratio(slow: str, fast: str) -> float:
        pairs = zip(per_image[slow], per_image[fast], strict=True)
        return round(statistics.median(a / b for a, b in pairs), 2)

    ratios = {
        "gradient_per_value": ratio("correlate", "correlate_values"),
        "torch_per_correlate": ratio("torch_one_pass", "correlate"),
    }
    if "backproject" in contenders:
        ratios["torch_per_backproject"] = ratio("torch_index_add", "backproject")
    return {
        "box": box,
        "samples": packing(box // 2 - 1).samples,
        "images_per_second_best": {n: round(1 / min(times)) for n, times in per_image.items()},
        "images_per_second_median": {
            n: round(1 / statistics.median(times)) for n, times in per_image.items()
        },
        "ratios": ratios,
    }


def verdicts(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line per goal and gate, met or missed."""
    lines = []
    for entry in entries:
        box, best, ratios = entry["box"], entry["images_per_second_best"], entry["ratios"]
        checks = [
            (f"{name} images/s", best[name], GOALS[name, box], best[name] >= GOALS[name, box])
            for name in ("correlate", "backproject")
            if (name, box) in GOALS and name in best
        ]
        value = ratios["gradient_per_value"]
        limit = GRADIENT_PER_VALUE_MAX
        checks.append(("gradient pass / value pass", value, limit, value <= limit))
        for name in ("torch_per_correlate", "torch_per_backproject"):
            if name in ratios:
                met = ratios[name] >= NUMBA_PER_TORCH_MIN
                checks.append(
                    (name.replace("_per_", " / "), ratios[name], NUMBA_PER_TORCH_MIN, met)
                )
        lines += [
            f"m = {box:3}  {label:28} {found:>10}  wanted {wanted:>8}  {'met' if met else 'MISSED'}"
            for label, found, wanted, met in checks
        ]
    return lines


def commit() -> str:
    """The checkout's commit, abbreviated; 'unknown' without Git."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    if shutil.which(command[0]) is None:
        return "unknown"
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def save(result: Mapping[str, Any], *, label: str) -> Path:
    """Write a result into benchmarks/results, named by date, commit and label."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result['date']}-{result['commit']}-{label}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Measure, print, and with --save write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, nargs="+", default=BOXES, metavar="M")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--save", action="store_true", help="write the result into the repository")
    options = parser.parse_args()
    torch.set_num_threads(1)
    entries = []
    for box in options.boxes:
        entries.append(measure(box, options.rounds))
        best, median = (entries[-1][f"images_per_second_{kind}"] for kind in ("best", "median"))
        for name, value in best.items():
            print(f"m = {box:3}  {name:18} {value:>8} images/s best, {median[name]:>8} median")
    print(*verdicts(entries), sep="\n")
    if options.save:
        result = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": commit(),
            "machine": machine_facts(),
            "versions": {each.__name__: each.__version__ for each in (numba, np, torch)},
            "rounds": options.rounds,
            "entries": entries,
        }
        print(f"wrote {save(result, label='kernels-cpu').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
