"""Implementations of the operators, each behind the call of the reference."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from kernels import backproject_cpu, correlate_cpu, device
from kernels.arguments import checked_images
from tests.kernels.emulation.launcher import EmulatedLauncher, compile_library


@pytest.fixture(autouse=True)
def one_thread_of_torch() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def emulated(tmp_path_factory) -> EmulatedLauncher:
    return EmulatedLauncher(compile_library(tmp_path_factory.mktemp("emulation")))


class NumbaTwin:
    name = "numba"

    def correlate(self, problem, **options):
        return correlate_cpu.correlate(problem.volume, problem.images, **problem.batch(), **options)

    def values(self, problem, **options):
        return correlate_cpu.correlate_values(
            problem.volume, problem.images, **problem.batch(), **options
        )

    def backproject(self, problem, **options):
        sums = backproject_cpu.accumulator(problem.box)
        backproject_cpu.backproject(sums, problem.images, **problem.batch(), **options)
        return backproject_cpu.totals(sums)


class EmulatedCuda:
    name = "emulated CUDA"

    def __init__(self, launcher):
        self.launcher = launcher

    def uploaded(self, problem):
        batch = problem.batch()
        checked = checked_images(
            problem.images, batch["weights"], batch["group"], batch["matrices"], batch["shifts"],
            batch["disc"], batch["radius"],
        )  # fmt: skip
        return {"box": problem.box, "batch": device.upload(self.launcher, checked)}

    def correlate(self, problem, **options):
        uploaded = self.uploaded(problem)
        volume = self.launcher.to_device(problem.volume)
        found = device.correlate(self.launcher, volume, **uploaded, **options)
        return device.correlation_of(self.launcher.to_host(found), uploaded["batch"].columns)

    def values(self, problem, **options):
        volume = self.launcher.to_device(problem.volume)
        return device.correlate_values(self.launcher, volume, **self.uploaded(problem), **options)

    def backproject(self, problem, **options):
        box = problem.box
        quantum = backproject_cpu.QUANTUM
        sums = self.launcher.zeros((box, box, box // 2 + 1, 3), np.int64)
        device.backproject(
            self.launcher, sums, quantum=quantum, **self.uploaded(problem), **options
        )
        return backproject_cpu.totals(backproject_cpu.Accumulator(sums=sums, quantum=quantum))


@pytest.fixture(params=["numba", "emulated"])
def implementation(request):
    """Everything that claims to compute what the reference does."""
    if request.param == "numba":
        return NumbaTwin()
    return EmulatedCuda(request.getfixturevalue("emulated"))


@pytest.fixture
def emulated_cuda(emulated):
    return EmulatedCuda(emulated)
