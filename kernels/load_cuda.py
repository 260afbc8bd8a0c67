"""Compile the .cu files at run time with CuPy (NVRTC), and launch them.

Nothing here touches a device at import. CuPy keeps compiled code on disk; `source_key` names what
was compiled, for provenance.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from kernels.device import ENTRIES

__all__ = [
    "OPTIONS", "CudaFailed", "CudaLauncher", "CudaUnavailable", "cuda_devices", "source_key",
    "source_text",
]  # fmt: skip

FOLDER = Path(__file__).resolve().parent
# Sums of backproject are the CPU's, bit for bit, where no product is fused with its sum.
OPTIONS = {"correlate": ("--std=c++17",), "backproject": ("--std=c++17", "--fmad=false")}
INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', flags=re.MULTILINE)
DRIVER = Path("/proc/driver/nvidia/version")


class CudaUnavailable(RuntimeError):
    """CuPy or a CUDA device is missing; the message says which, and what to do."""


class CudaFailed(RuntimeError):
    """The device, its driver or its compiler refused a call; the message is theirs."""


@cache
def source_text(name: str) -> str:
    """The text of `name`.cu with its headers put in place, as NVRTC gets it."""
    text = (FOLDER / f"{name}.cu").read_text(encoding="utf-8")

    def header(match: re.Match[str]) -> str:
        included = (FOLDER / match[1]).read_text(encoding="utf-8").replace("#pragma once\n", "\n")
        line = text.count("\n", 0, match.start()) + 2
        return f'#line 1 "{match[1]}"\n{included}\n#line {line} "{name}.cu"'

    return INCLUDE.sub(header, text)


def source_key(name: str, *, architecture: str) -> str:
    """BLAKE3 of source, options and architecture: 64 hex digits."""
    parts = [source_text(name), *OPTIONS[name], architecture]
    return blake3("\0".join(parts).encode()).hexdigest()


def _cupy() -> tuple[Any, int]:
    """CuPy and the number of its devices, at least one."""
    try:
        cupy = import_module("cupy")
    except ImportError as error:
        raise CudaUnavailable(
            "CuPy is not installed: install mgit with its extra 'cuda'"
        ) from error
    try:
        devices = int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise CudaUnavailable(f"the CUDA driver does not answer: {error}") from error
    if not devices:
        raise CudaUnavailable("CuPy finds no CUDA device")
    return cupy, devices


def cuda_devices() -> int:
    """How many CUDA devices can be used; 0 where CuPy, the driver or a device is missing."""
    try:
        return _cupy()[1]
    except CudaUnavailable:
        return 0


class CudaLauncher:
    """Kernels and memory of one CUDA device; a `device.Launcher`.

    stream: the handle of a CUDA stream to launch on, such as that of torch's current stream; None
    launches on CuPy's own. Raises CudaUnavailable without CuPy or that device; every method raises
    CudaFailed when the device does.
    """

    def __init__(self, *, device: int = 0, stream: int | None = None) -> None:
        self._cupy, count = _cupy()
        if not 0 <= device < count:
            raise CudaUnavailable(f"there is no CUDA device {device}: they are 0 to {count - 1}")
        self._number = device
        self._device = self._cupy.cuda.Device(device)
        self._failures = (RuntimeError, MemoryError, self._cupy.cuda.compiler.CompileException)
        self._modules: dict[str, Any] = {}
        try:
            with self._device:
                self._stream = (
                    self._cupy.cuda.get_current_stream()
                    if stream is None
                    else self._cupy.cuda.ExternalStream(stream)
                )
        except self._failures as error:
            raise CudaFailed(f"CUDA device {device} cannot be opened: {error}") from error

    @contextmanager
    def _active(self) -> Iterator[Any]:
        """The device and its stream made current; what CuPy raises becomes CudaFailed."""
        try:
            with self._device, self._stream:
                yield self._cupy
        except self._failures as error:
            raise CudaFailed(f"{type(error).__name__}: {error}") from error

    def to_device(self, values: np.ndarray) -> Any:
        with self._active() as cupy:
            return cupy.asarray(values)

    def adopt(self, tensor: Any) -> Any:
        """An array of the device that another library owns, through DLPack, without a copy."""
        with self._active() as cupy:
            return cupy.from_dlpack(tensor)

    def to_host(self, values: Any) -> np.ndarray:
        with self._active() as cupy:
            return np.asarray(cupy.asnumpy(values))

    def zeros(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Any:
        with self._active() as cupy:
            return cupy.zeros(shape, dtype)

    def free_bytes(self) -> int:
        with self._active() as cupy:
            free, _ = cupy.cuda.runtime.memGetInfo()
            return int(free) + int(cupy.get_default_memory_pool().free_bytes())

    def wait(self) -> None:
        """Return when everything launched so far is done; raises what a kernel failed with."""
        with self._active():
            self._stream.synchronize()

    def kernel(self, entry: str) -> Any:
        """The compiled entry, a CuPy function with its registers and local bytes."""
        name = ENTRIES[entry]
        with self._active() as cupy:
            if name not in self._modules:
                self._modules[name] = cupy.RawModule(
                    code=source_text(name), options=OPTIONS[name], backend="nvrtc"
                )
            return self._modules[name].get_function(entry)

    def launch(self, entry: str, *, grid: int, block: int, arguments: Sequence[Any]) -> None:
        kernel = self.kernel(entry)
        with self._active():
            kernel((grid,), (block,), tuple(arguments))

    def facts(self) -> dict[str, str]:
        """What results may depend on: device, driver, libraries and compiled sources."""
        with self._active() as cupy:
            properties = cupy.cuda.runtime.getDeviceProperties(self._number)
            architecture = f"sm_{properties['major']}{properties['minor']}"
            sources = sorted(set(ENTRIES.values()))
            return {
                "model": properties["name"].decode(),
                "architecture": architecture,
                "driver": _driver_version(),
                "driver_cuda": str(cupy.cuda.runtime.driverGetVersion()),
                "runtime_cuda": str(cupy.cuda.runtime.runtimeGetVersion()),
                "nvrtc": ".".join(map(str, cupy.cuda.nvrtc.getVersion())),
                "cupy": str(cupy.__version__),
            } | {f"source_{name}": source_key(name, architecture=architecture) for name in sources}


def _driver_version() -> str:
    """Version of the kernel module of the driver; 'unknown' where the system does not tell."""
    try:
        found = re.search(r"\s(\d+\.\d+[.\d]*)\s", DRIVER.read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else "unknown"
