"""Check and time the CUDA device at hand: kernels, refinement and reconstruction, throughput.

    python -m benchmarks.gpu_check

Needs CuPy and a CUDA device, and says so where there is none (exit status 3). Every kernel is
compared with the torch reference in float64; it may err at most twice as much as plain torch does
in float32. Refinement is compared with the CPU's (benchmarks/gpu_physics.py). Writes
benchmarks/results/DATE-COMMIT-gpu.json. Exit status 1 when a comparison fails.
"""

import argparse
import datetime
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numba
import numpy as np
import scipy
import torch

from benchmarks.gpu_physics import FAILURES, physics
from benchmarks.kernels_cpu import batch_of, commit, save
from benchmarks.measure import machine_facts
from kernels import backproject_cpu, backproject_reference, correlate_reference, device
from kernels.arguments import checked_images
from kernels.load_cuda import CudaFailed, CudaLauncher, CudaUnavailable

__all__ = ["check_parity", "checked", "main", "time_kernels"]

PARITY_BOXES = (16, 32, 50, 64)
PARITY_IMAGES = 16
# Images per call at each box: enough to fill the device, less than a gigabyte of images.
TIMED = {32: 200_000, 64: 60_000, 128: 16_000}
REPEATS = 5
# Images per second that the design asks for on an H100: must, target.
BARS = {
    ("correlate_gradients", 64): (4e6, 8e6),
    ("correlate_gradients", 128): (1e6, 2.5e6),
    ("backproject_fixed", 128): (0.3e6, 0.6e6),
    ("backproject_float", 128): (0.3e6, 0.6e6),
}
# Bytes that a sample asks of the memory system: eight voxels and the image, its weight and tables.
BYTES_PER_SAMPLE = {"correlate": 64 + 16, "backproject_fixed": 192 + 16, "backproject_float": 144}


def _curved(batch: dict[str, Any], *, curvature: float) -> dict[str, Any]:
    """The batch with a third column that lifts samples, of both hands."""
    matrices = batch["matrices"]
    normal = np.cross(matrices[:, :, 0], matrices[:, :, 1]) / 2
    signs = np.where(np.arange(len(matrices)) % 2, 1, -1)[:, None]
    third = (curvature * signs * normal).astype(np.float32)
    return {**batch, "matrices": np.concatenate([matrices, third[:, :, None]], axis=2)}


def _blurred(volume: np.ndarray, *, sigma: float) -> np.ndarray:
    """A volume without kinks that matter: the map of the noise, confined by a Gaussian."""
    box = volume.shape[0]
    axis = np.fft.fftfreq(box, 1 / box)
    squares = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
    real = np.fft.irfftn(volume, s=(box, box, box), axes=(0, 1, 2)) * np.exp(
        -squares / (2 * sigma**2)
    )
    smooth = np.fft.rfftn(real)
    return np.asarray(smooth / np.abs(smooth).mean()).astype(np.complex64)


def _in_torch(values: dict[str, Any], real: torch.dtype) -> dict[str, Any]:
    found = {}
    for name, value in values.items():
        tensor = torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        floating = torch.is_tensor(tensor) and tensor.is_floating_point()
        found[name] = tensor.to(real) if floating else tensor
    return found


def _reference(
    volume: np.ndarray, images: np.ndarray, batch: dict[str, Any], *, double: bool
) -> dict[str, np.ndarray]:
    """Named parts of both operators in plain torch on the CPU."""
    real, wide = (torch.float64, torch.complex128) if double else (torch.float32, torch.complex64)
    in_torch = _in_torch(batch, real)
    ours, theirs = torch.from_numpy(volume).to(wide), torch.from_numpy(images).to(wide)
    parts = correlate_reference.correlate_one_pass(ours, theirs, **in_torch)
    data, weight = backproject_reference.backproject(theirs, box=volume.shape[0], **in_torch)
    names = ("terms", "d_shift", "d_numerator", "d_power")
    found = {name: part.numpy() for name, part in zip(names, parts, strict=True)}
    sums = torch.stack([data.real, data.imag, weight], dim=-1)
    return {**found, "values": found["terms"], "fixed": sums.numpy(), "float": sums.numpy()}


def _on_device(
    launcher: Any, volume: np.ndarray, images: np.ndarray, batch: dict[str, Any]
) -> dict[str, np.ndarray]:
    """The same parts by the kernels."""
    uploaded = _upload(launcher, images, batch)
    box = volume.shape[0]
    on_device = launcher.to_device(volume)
    results = launcher.to_host(device.correlate(launcher, on_device, box=box, batch=uploaded))
    values = device.correlate_values(launcher, on_device, box=box, batch=uploaded)
    named = device.correlation_of(results, uploaded.columns)
    fixed = launcher.zeros((box, box, box // 2 + 1, 3), np.int64)
    quantum = backproject_cpu.QUANTUM
    device.backproject(launcher, fixed, box=box, quantum=quantum, batch=uploaded)
    floating = launcher.zeros((box, box, box // 2 + 1, 4), np.float32)
    device.backproject_float(launcher, floating, box=box, batch=uploaded)
    return {
        "terms": named.terms,
        "d_shift": named.d_shift,
        "d_numerator": named.d_numerator,
        "d_power": named.d_power,
        "values": launcher.to_host(values),
        "fixed": launcher.to_host(fixed) * quantum,
        "float": launcher.to_host(floating)[..., :3],
    }


def _upload(launcher: Any, images: np.ndarray, batch: dict[str, Any]) -> device.DeviceImages:
    checked = checked_images(
        images, batch["weights"], batch["group"], batch["matrices"], batch["shifts"],
        batch["disc"], None,
    )  # fmt: skip
    return device.upload(launcher, checked)


def check_parity(launcher: Any, boxes: tuple[int, ...] = PARITY_BOXES) -> list[dict[str, Any]]:
    """Errors of every part at several boxes, flat and curved: as records with a verdict."""
    records = []
    for box in boxes:
        volume, images, flat = batch_of(box, PARITY_IMAGES, seed=box)
        volume = _blurred(volume, sigma=box / 16)
        for columns, batch in ((2, flat), (3, _curved(flat, curvature=0.01))):
            exact = _reference(volume, images, batch, double=True)
            plain = _reference(volume, images, batch, double=False)
            found = _on_device(launcher, volume, images, batch)
            records += [
                {"box": box, "columns": columns, "part": part}
                | _compared(found[part], plain[part], exact[part])
                for part in exact
            ]
    return records


def _compared(found: np.ndarray, plain: np.ndarray, exact: np.ndarray) -> dict[str, Any]:
    scale = float(np.abs(exact).max())
    error, allowed = (float(np.abs(each - exact).max()) for each in (found, plain))
    smallest_meaningful = 4 * float(np.finfo(np.float32).eps) * scale
    return {
        "error": error,
        "error_of_plain_float32": allowed,
        "scale": scale,
        "passed": bool(error <= 2 * allowed + smallest_meaningful),
    }


def check_equal_bits(launcher: Any, box: int = 32) -> bool:
    """Whether fixed-point sums are equal for every launch shape and order of images."""
    _, images, batch = batch_of(box, PARITY_IMAGES)
    order = np.random.default_rng(0).permutation(PARITY_IMAGES)
    moved = {**batch, **{n: batch[n][order] for n in ("group", "matrices", "shifts")}}
    size = 2 * box
    found = []
    for block, (some, chosen) in (
        (32, (images, batch)),
        (64, (images, batch)),
        (128, (images[order], moved)),
    ):
        sums = launcher.zeros((size, size, size // 2 + 1, 3), np.int64)
        uploaded = _upload(launcher, some, chosen)
        device.backproject(
            launcher, sums, box=size, quantum=backproject_cpu.QUANTUM, batch=uploaded, block=block
        )
        found.append(launcher.to_host(sums))
    return all(np.array_equal(found[0], each) for each in found[1:])


def _calls(launcher: Any, box: int, count: int) -> dict[str, Callable[[int], None]]:
    """Each operation as a function of the threads per image."""
    volume, images, batch = batch_of(box, min(count, 2000))
    size, repeats = volume.shape[0], -(-count // len(images))
    poses = np.random.default_rng(1).permutation(np.resize(np.arange(len(images)), count))
    tiled = {name: batch[name][poses] for name in ("group", "matrices", "shifts")}
    uploaded = _upload(launcher, np.tile(images, (repeats, 1))[:count], {**batch, **tiled})
    on_device = launcher.to_device(volume)
    fixed = launcher.zeros((size, size, size // 2 + 1, 3), np.int64)
    floating = launcher.zeros((size, size, size // 2 + 1, 4), np.float32)
    quantum = backproject_cpu.QUANTUM
    return {
        "correlate_gradients": lambda block: device.correlate(
            launcher, on_device, box=size, batch=uploaded, block=block
        ),
        "correlate_values": lambda block: device.correlate_values(
            launcher, on_device, box=size, batch=uploaded, block=block
        ),
        "backproject_fixed": lambda block: device.backproject(
            launcher, fixed, box=size, quantum=quantum, batch=uploaded, block=block
        ),
        "backproject_float": lambda block: device.backproject_float(
            launcher, floating, box=size, batch=uploaded, block=block
        ),
    }


def time_kernels(launcher: Any, cupy: Any) -> list[dict[str, Any]]:
    """Images per second of every operation, box and launch shape, images on the device."""
    records = []
    for box, count in TIMED.items():
        calls = _calls(launcher, box, count)
        samples = batch_of(box, 1)[2]["disc"].samples
        for name, call in calls.items():
            size = next(v for k, v in BYTES_PER_SAMPLE.items() if name.startswith(k))
            for block in (32, 64, 128):
                seconds = _fastest(call, block, cupy)
                rate = count / seconds
                records.append(
                    {
                        "operation": name,
                        "box": box,
                        "images": count,
                        "block": block,
                        "images_per_second": round(rate),
                        "gigabytes_per_second_asked": round(rate * samples * size / 1e9),
                        "bars": BARS.get((name, box)),
                    }
                )
        del calls
        cupy.get_default_memory_pool().free_all_blocks()
    return records


def _fastest(call: Callable[[int], None], block: int, cupy: Any) -> float:
    call(block)
    times = []
    for _ in range(REPEATS):
        start, stop = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        call(block)
        stop.record()
        stop.synchronize()
        times.append(cupy.cuda.get_elapsed_time(start, stop) / 1e3)
    return min(times)


def _facts(launcher: Any) -> dict[str, Any]:
    """Device, driver, libraries, compiled sources, and what the compiler made of them."""
    libraries = {each.__name__: each.__version__ for each in (numba, np, scipy, torch)}
    kernels = {
        entry: {
            "registers": launcher.kernel(entry).num_regs,
            "local_bytes": launcher.kernel(entry).local_size_bytes,
        }
        for entry in device.ENTRIES
    }
    return {**launcher.facts(), "libraries": libraries, "kernels": kernels}


def _attempt(results: dict[str, Any], name: str, check: Callable[[], Any]) -> None:
    """Keep what a check finds, or what it fails with: the others shall run all the same."""
    start = time.perf_counter()
    try:
        results[name] = check()
    except FAILURES as error:
        results.setdefault("errors", {})[name] = f"{type(error).__name__}: {error}"
    results.setdefault("seconds", {})[name] = round(time.perf_counter() - start, 1)


def _print_table(results: dict[str, Any]) -> None:
    parity = results.get("parity", [])
    for record in [each for each in parity if not each["passed"]]:
        print("differs:", *(f"{key} {value}" for key, value in record.items()), sep="  ")
    passed = sum(record["passed"] for record in parity)
    print(f"parity with float64: {passed} of {len(parity)} comparisons passed")
    print(f"fixed-point sums equal for every launch and order: {results.get('equal_bits')}")
    for name, record in results.get("physics", {}).items():
        print(f"{name}: {'passed' if record['passed'] else 'FAILED'}")
        print(*(f"    {key}: {value}" for key, value in record.items()), sep="\n")
    for record in results.get("timing", []):
        values = (
            f"{record[key]:>16,}" for key in ("images_per_second", "gigabytes_per_second_asked")
        )
        bars = (
            ""
            if record["bars"] is None
            else "  must {:,.0f}, target {:,.0f}".format(*record["bars"])
        )
        print(
            f"{record['operation']:22} m = {record['box']:3}, {record['block']:3} threads",
            *values,
            bars,
        )
    for name, error in results.get("errors", {}).items():
        print(f"{name}: stopped with {error}")


def _passed(results: dict[str, Any]) -> bool:
    return (
        "errors" not in results
        and bool(results["parity"])
        and all(record["passed"] for record in results["parity"])
        and results["equal_bits"]
        and all(record["passed"] for record in results["physics"].values())
    )


def checked(launcher: Any, cupy: Any, *, where: str, timing: bool, quick: bool) -> dict[str, Any]:
    """Everything that is compared and timed; quick: small problems, for an emulated device."""
    results: dict[str, Any] = {}
    boxes = (16,) if quick else PARITY_BOXES
    _attempt(results, "device", lambda: _facts(launcher))
    _attempt(results, "parity", lambda: check_parity(launcher, boxes))
    _attempt(results, "equal_bits", lambda: check_equal_bits(launcher, 16 if quick else 32))
    _attempt(results, "physics", lambda: physics(where, larger=not quick))
    if timing:
        _attempt(results, "timing", lambda: time_kernels(launcher, cupy))
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, time, print, write the JSON; the exit status tells whether all comparisons passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-timing", action="store_true", help="compare only")
    parser.add_argument("--quick", action="store_true", help="smaller problems")
    parser.add_argument("--device", type=int, default=0, metavar="N", help="number of the device")
    options = parser.parse_args(arguments)
    try:
        launcher = CudaLauncher(device=options.device)
    except (CudaUnavailable, CudaFailed) as missing:
        print(f"gpu_check: {missing}", file=sys.stderr)
        return 3
    results = checked(
        launcher,
        import_module("cupy"),
        where=f"cuda:{options.device}",
        timing=not options.no_timing,
        quick=options.quick,
    )
    _print_table(results)
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine_facts(),
        "passed": _passed(results),
        **results,
    }
    print(f"wrote {save(result, label='gpu')}")
    print("passed" if result["passed"] else "FAILED")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
