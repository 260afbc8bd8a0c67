"""A launcher of `kernels.device` that runs the .cu files on the CPU, compiled with g++."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
KERNELS = HERE.parents[2] / "kernels"


def compile_library(folder: Path) -> Path:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed: the .cu files cannot be emulated")
    library = folder / "kernels.so"
    command = [
        compiler,
        "-std=c++17",
        "-O1",
        "-ffp-contract=off",
        "-Wall",
        "-Werror",
        "-Wno-unknown-pragmas",
    ]
    command += ["-shared", "-fPIC", "-I", str(KERNELS), "-o", str(library)]
    built = subprocess.run(
        [*command, str(HERE / "kernels.cpp")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return library


class EmulatedLauncher:
    def __init__(self, library: Path, *, memory=1 << 34):
        self.library = ctypes.CDLL(str(library))
        self.memory = memory
        self.launched = []
        self.uploaded = []

    def to_device(self, values):
        assert values.flags.c_contiguous
        self.uploaded.append(values.nbytes)
        return values.copy()

    def wait(self):
        pass

    def free_bytes(self):
        return self.memory

    def to_host(self, values):
        return values.copy()

    def zeros(self, shape, dtype):
        return np.zeros(shape, dtype)

    def launch(self, entry, *, grid, block, arguments):
        self.launched.append((entry, grid, block))
        getattr(self.library, f"emulated_{entry}")(grid, block, *map(self._argument, arguments))

    @staticmethod
    def _argument(value):
        if isinstance(value, np.ndarray):
            assert value.flags.c_contiguous
            return ctypes.c_void_p(value.ctypes.data)
        kinds = {np.int32: ctypes.c_int, np.float32: ctypes.c_float}
        return kinds[type(value)](value)
