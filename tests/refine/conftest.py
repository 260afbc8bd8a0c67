"""A CUDA device that is emulated: CuPy's calls over the .cu files compiled for the CPU."""

import sys

import pytest

from mgit.refine import accelerator
from tests.kernels.emulation.cupy_module import FakeCupy
from tests.kernels.emulation.launcher import EmulatedLauncher, compile_library


@pytest.fixture(scope="session")
def emulated_library(tmp_path_factory):
    return compile_library(tmp_path_factory.mktemp("emulation"))


@pytest.fixture
def cupy(emulated_library, monkeypatch):
    """The emulated CuPy in place of a real one, its device not opened yet."""
    fake = FakeCupy(EmulatedLauncher(emulated_library))
    monkeypatch.setitem(sys.modules, "cupy", fake)
    accelerator._opened.cache_clear()
    yield fake
    accelerator._opened.cache_clear()
