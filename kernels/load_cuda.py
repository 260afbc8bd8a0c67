"""Compile the .cu files at run time with CuPy (NVRTC), and launch them.

Nothing here touches a device at import. CuPy keeps compiled code on disk; `source_key` names what
was compiled, for provenance.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from kernels.device import ENTRIES

__all__ = ["OPTIONS", "CudaLauncher", "CudaUnavailable", "source_key", "source_text"]

FOLDER = Path(__file__).resolve().parent
OPTIONS = ("--std=c++17",)
INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', flags=re.MULTILINE)


class CudaUnavailable(RuntimeError):
    """CuPy or a CUDA device is missing; the message says which, and what to do."""


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
    parts = [source_text(name), *OPTIONS, architecture]
    return blake3("\0".join(parts).encode()).hexdigest()


def _cupy() -> Any:
    try:
        cupy = import_module("cupy")
    except ImportError as error:
        raise CudaUnavailable(
            "CuPy is not installed: install mgit with its extra 'cuda', or run on the CPU"
        ) from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise CudaUnavailable(f"the CUDA driver does not answer: {error}") from error
    if not devices:
        raise CudaUnavailable("CuPy finds no CUDA device")
    return cupy


class CudaLauncher:
    """Kernels and memory of one CUDA device; a `device.Launcher`.

    stream: the handle of a CUDA stream to launch on, such as that of torch's current stream; None
    launches on CuPy's own. Raises CudaUnavailable without CuPy or a device.
    """

    def __init__(self, *, device: int = 0, stream: int | None = None) -> None:
        self._cupy = _cupy()
        self._device = self._cupy.cuda.Device(device)
        with self._device:
            self._stream = (
                self._cupy.cuda.get_current_stream()
                if stream is None
                else self._cupy.cuda.ExternalStream(stream)
            )
        self._modules: dict[str, Any] = {}

    def to_device(self, values: np.ndarray) -> Any:
        with self._device, self._stream:
            return self._cupy.asarray(values)

    def adopt(self, tensor: Any) -> Any:
        """An array of the device that another library owns, through DLPack, without a copy."""
        with self._device, self._stream:
            return self._cupy.from_dlpack(tensor)

    def to_host(self, values: Any) -> np.ndarray:
        with self._device, self._stream:
            return np.asarray(self._cupy.asnumpy(values))

    def zeros(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Any:
        with self._device, self._stream:
            return self._cupy.zeros(shape, dtype)

    def wait(self) -> None:
        """Return when everything launched so far is done; raises what a kernel failed with."""
        self._stream.synchronize()

    def kernel(self, entry: str) -> Any:
        """The compiled entry, a CuPy function with its registers and local bytes."""
        name = ENTRIES[entry]
        if name not in self._modules:
            with self._device:
                self._modules[name] = self._cupy.RawModule(
                    code=source_text(name), options=OPTIONS, backend="nvrtc"
                )
        with self._device:
            return self._modules[name].get_function(entry)

    def launch(self, entry: str, *, grid: int, block: int, arguments: Sequence[Any]) -> None:
        with self._device, self._stream:
            self.kernel(entry)((grid,), (block,), tuple(arguments))
