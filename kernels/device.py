"""How the .cu kernels are called: entries, launch shapes, order of arguments.

A launcher owns the memory and starts kernels: `load_cuda.CudaLauncher` on a GPU, an emulation on a
CPU in the tests. Both are driven from here, so that what the tests drive is what a GPU runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from kernels.arguments import Correlation, Images, checked_box, checked_poses

__all__ = [
    "ENTRIES", "DeviceImages", "Launcher", "backproject", "backproject_float", "block_threads",
    "correlate", "correlate_values", "correlation_of", "entry_of", "image_bytes", "posed",
    "table_bytes", "upload",
]  # fmt: skip

# Source file of every entry; those of one operation differ in what they leave out.
ENTRIES = {
    "correlate_values": "correlate",
    "correlate_values_curved": "correlate",
    "correlate_gradients": "correlate",
    "correlate_gradients_curved": "correlate",
    "backproject_fixed": "backproject",
    "backproject_fixed_curved": "backproject",
    "backproject_float": "backproject",
    "backproject_float_curved": "backproject",
}
GRADIENT_NUMBERS = 23  # N, D, E, dN/ds (2), dN/dA (9), dD/dA (9)


class Launcher(Protocol):
    """Memory of a device and its kernels. Launches are in order; `to_host` waits for them."""

    def to_device(self, values: np.ndarray) -> Any:
        """Copy a C-contiguous array."""

    def to_host(self, values: Any) -> np.ndarray:
        """Copy an array of the device back."""

    def zeros(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Any:
        """An array of zeros on the device."""

    def wait(self) -> None:
        """Return when everything launched so far is done."""

    def free_bytes(self) -> int:
        """How much memory further arrays may take."""

    def launch(self, entry: str, *, grid: int, block: int, arguments: Sequence[Any]) -> None:
        """Start `grid` blocks of `block` threads of a kernel of ENTRIES.

        arguments: device arrays for pointers; NumPy scalars int32 and float32 by value.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceImages:
    """A batch on a device, in the layouts of `arguments.Images`; shifts are float32.

    frequencies: int16 (samples, 2). zero: index of the sample at frequency zero.
    """

    values: Any
    weights: Any
    group: Any
    matrices: Any
    shifts: Any
    radius: Any
    frequencies: Any
    count: int
    samples: int
    zero: int
    columns: int


def upload(launcher: Launcher, batch: Images) -> DeviceImages:
    """Copy a checked batch to the device."""
    return DeviceImages(
        values=launcher.to_device(batch.values),
        weights=launcher.to_device(batch.weights),
        group=launcher.to_device(batch.group),
        matrices=launcher.to_device(batch.matrices),
        shifts=launcher.to_device(batch.shifts.astype(np.float32)),
        radius=launcher.to_device(batch.radius),
        frequencies=launcher.to_device(batch.disc.frequencies),
        count=len(batch),
        samples=batch.disc.samples,
        zero=batch.disc.zero,
        columns=batch.columns,
    )


def posed(
    launcher: Launcher, batch: DeviceImages, *, matrices: np.ndarray, shifts: np.ndarray
) -> DeviceImages:
    """The same images on the device with other poses; for `arguments.checked_poses`."""
    square, moved = checked_poses(matrices, shifts, batch.count)
    return replace(
        batch,
        matrices=launcher.to_device(square),
        shifts=launcher.to_device(moved.astype(np.float32)),
        columns=matrices.shape[-1],
    )


def image_bytes(samples: int) -> int:
    """Memory that one image, its pose and its results take on a device."""
    pose = 9 + 2 + 2  # matrix, shift, group and radius
    return 4 * (2 * samples + pose + GRADIENT_NUMBERS)


def table_bytes(samples: int, groups: int) -> int:
    """Memory that the weights and frequencies of a batch take on a device."""
    return 4 * samples * (groups + 1)


def block_threads(samples: int) -> int:
    """Threads per image: every thread gets about ten samples or more, 128 threads at most."""
    return 32 if samples < 1000 else 64 if samples < 3000 else 128


def entry_of(operation: str, columns: int) -> str:
    """The entry that reads as many columns of the slice matrices as the caller gave."""
    return f"{operation}_curved" if columns == 3 else operation


def _launch(
    launcher: Launcher,
    operation: str,
    batch: DeviceImages,
    first: Sequence[Any],
    last: Any,
    block: int | None,
) -> None:
    if not batch.count:
        return
    launcher.launch(
        entry_of(operation, batch.columns),
        grid=batch.count,
        block=block or block_threads(batch.samples),
        arguments=[
            *first, batch.values, batch.weights, batch.group, batch.matrices, batch.shifts,
            batch.radius, batch.frequencies, np.int32(batch.samples), np.int32(batch.zero), last,
        ],
    )  # fmt: skip


def correlate_values(
    launcher: Launcher, volume: Any, *, box: int, batch: DeviceImages, block: int | None = None
) -> Any:
    """Terms (n, 3), float32 on the device; volume complex64 (d, d, d//2+1) on the device."""
    results = launcher.zeros((batch.count, 3), np.float32)
    box = checked_box(box)
    _launch(launcher, "correlate_values", batch, (volume, np.int32(box)), results, block)
    return results


def correlate(
    launcher: Launcher, volume: Any, *, box: int, batch: DeviceImages, block: int | None = None
) -> Any:
    """Terms and derivatives (n, 23), float32 on the device: N, D, E, dN/ds, dN/dA, dD/dA.

    Without a third column its derivatives are zero. block: 32, 64 or 128 threads per image.
    """
    results = launcher.zeros((batch.count, GRADIENT_NUMBERS), np.float32)
    box = checked_box(box)
    _launch(launcher, "correlate_gradients", batch, (volume, np.int32(box)), results, block)
    return results


def correlation_of(results: Any, columns: int) -> Correlation:
    """The numbers of `correlate`, (n, 23) of any array library, as named parts (views)."""
    return Correlation(
        terms=results[:, :3],
        d_shift=results[:, 3:5],
        d_numerator=results[:, 5:14].reshape(-1, 3, 3)[:, :, :columns],
        d_power=results[:, 14:].reshape(-1, 3, 3)[:, :, :columns],
    )


def backproject(
    launcher: Launcher,
    sums: Any,
    *,
    box: int,
    quantum: float,
    batch: DeviceImages,
    block: int | None = None,
) -> None:
    """Add images to int64 sums (d, d, d//2+1, 3) on the device, in multiples of `quantum`.

    The caller keeps the sums within 62 bits: `backproject_cpu.reserve`.
    """
    scale = np.float32(1 / quantum)
    first = (sums, np.int32(checked_box(box)))
    _launch(launcher, "backproject_fixed", batch, first, scale, block)


def backproject_float(
    launcher: Launcher, sums: Any, *, box: int, batch: DeviceImages, block: int | None = None
) -> None:
    """Add images to float32 sums (d, d, d//2+1, 4): faster, and different from run to run."""
    first = (sums, np.int32(checked_box(box)))
    _launch(launcher, "backproject_float", batch, first, np.float32(1), block)
