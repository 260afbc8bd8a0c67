"""CUDA devices by name: which is used, what it is, and failures that name the item.

'cpu' is no accelerator. What was asked for is used or refused: nothing falls back in silence.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from kernels.device import Launcher
from kernels.load_cuda import CudaFailed, CudaLauncher, CudaUnavailable, cuda_devices
from mgit.errors import DeviceFailed, InvalidInput, Unsupported

__all__ = ["Accelerator", "accelerator", "chosen_device", "device_facts"]

CPU, CUDA = "cpu", "cuda"


class Accelerator:
    """One CUDA device of this process. A process that was forked after its first use cannot."""

    def __init__(self, name: str, launcher: Launcher) -> None:
        """name: as in 'cuda:0'."""
        self.name = name
        self._launcher = launcher
        self._lock = threading.Lock()

    @contextmanager
    def working(self, item: str) -> Iterator[Launcher]:
        """The launcher, for one thread at a time, on behalf of an item.

        Raises DeviceFailed, naming item and device, when a call of the device fails.
        """
        try:
            with self._lock:
                yield self._launcher
        except CudaFailed as error:
            raise DeviceFailed(
                f"the device failed: {error}",
                hint="look at the driver's log, then repeat the command, or use '--device cpu'",
                item=item,
                device=self.name,
            ) from error


def chosen_device(wanted: str) -> str:
    """The device that `wanted` means: 'cpu' or 'cuda:N'; 'auto' is the first one, if there is any.

    Raises InvalidInput for another name; whether the device can be used shows in `accelerator`.
    """
    if wanted == "auto":
        return f"{CUDA}:0" if cuda_devices() else CPU
    found = re.fullmatch(r"cuda(?::([0-9]+))?", wanted)
    if found is not None:
        return f"{CUDA}:{int(found[1] or 0)}"
    if wanted != CPU:
        raise InvalidInput(
            "there is no such kind of device", hint="give auto, cpu, cuda or cuda:N", device=wanted
        )
    return CPU


def accelerator(device: str) -> Accelerator | None:
    """The device of that name, one per process; None for 'cpu'.

    Raises InvalidInput for a name that means nothing, Unsupported for a device that is not there.
    """
    name = chosen_device(device)
    return None if name == CPU else _opened(name)


@cache
def _opened(name: str) -> Accelerator:
    return Accelerator(name, _launcher(name))


def _launcher(name: str) -> CudaLauncher:
    try:
        return CudaLauncher(device=int(name.partition(":")[2]))
    except (CudaUnavailable, CudaFailed) as error:
        raise Unsupported(
            f"the device cannot be used: {error}",
            hint="use '--device cpu', or make the device ready: docs/howto/gpu.md",
            device=name,
        ) from error


def device_facts(device: str) -> Mapping[str, str]:
    """What results depend on, for provenance: the device and, on CUDA, its driver and libraries.

    Raises as `accelerator` does.
    """
    name = chosen_device(device)
    if name == CPU:
        return {"name": CPU}
    launcher = _launcher(name)
    try:
        return {"name": name, **launcher.facts()}
    except CudaFailed as error:
        raise Unsupported(
            f"the device cannot be used: {error}",
            hint="use '--device cpu', or make the device ready: docs/howto/gpu.md",
            device=name,
        ) from error
