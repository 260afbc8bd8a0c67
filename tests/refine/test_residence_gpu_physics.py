"""The comparison of refinement on a device with that on the CPU, on an emulated device."""

import numpy as np
import pytest

from benchmarks import gpu_physics
from kernels import device
from tests.kernels.emulation.cupy_module import DriverError


def test_gradient_and_sums_of_the_emulated_device_pass(cupy):
    gradient = gpu_physics.check_gradient("cuda:0")
    assert gradient["passed"]
    assert 0 < gradient["difference"] < 1e-5
    sums = gpu_physics.check_reconstruction("cuda:0")
    assert sums["passed"]
    assert sums["largest_sum_quanta"] > 1000


@pytest.mark.slow
def test_a_refined_item_passes(cupy):
    found = gpu_physics.check_refinement("cuda:0", larger=False)
    assert found["passed"]
    assert found["equal_bits_when_repeated"]


def test_a_kernel_with_a_wrong_derivative_is_noticed(cupy, monkeypatch):
    right = device.correlation_of

    def wrong(results, columns):
        found = right(results.copy(), columns)
        found.d_numerator[:] *= 1.01
        return found

    monkeypatch.setattr(device, "correlation_of", wrong)
    assert not gpu_physics.check_gradient("cuda:0")["passed"]


def test_sums_that_differ_by_a_quantum_are_noticed(cupy, monkeypatch):
    right = device.backproject

    def wrong(launcher, sums, **options):
        right(launcher, sums, **options)
        sums[0, 0, 0, 0] += np.int64(1)

    monkeypatch.setattr(device, "backproject", wrong)
    found = gpu_physics.check_reconstruction("cuda:0")
    assert not found["passed"]
    assert sum(found["sums_that_differ"]) == 2


def test_a_check_that_stops_has_failed_and_says_why(cupy):
    cupy.failing["launch"] = DriverError("illegal address")
    found = gpu_physics.physics("cuda:0", larger=False)
    assert not any(record["passed"] for record in found.values())
    assert all("illegal address" in record["error"] for record in found.values())
