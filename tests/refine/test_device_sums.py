"""Reconstruction on an emulated device: the CPU's bits, its memory, and how it fails."""

import sys

import numpy as np
import pytest

from kernels import backproject_cpu
from mgit.errors import DeviceFailed, InvalidInput, Unsupported
from mgit.refine.reconstruct_item import Budget, HalfSums, ItemWeight, MapGrid, add_tilt_series
from tests.kernels.emulation.cupy_module import DriverError
from tests.refine.problems import simulated, with_images

GRID = MapGrid(box=32, padded=34, pixel_size_angstrom=6.0, diameter_angstrom=100.0)


def sums_of(problem, *, device, threads=1, data=None):
    sums = HalfSums(GRID, images_max=1000, device=device)
    budget = Budget(threads=threads, device=device)
    series = data or problem.data
    add_tilt_series(sums, series, problem.particles, weight=ItemWeight(), budget=budget)
    return sums


@pytest.mark.parametrize("threads", [1, 2])
def test_sums_on_a_device_are_those_of_the_cpu_bit_for_bit(cupy, threads):
    problem = simulated()
    on_cpu = sums_of(problem, device="cpu")
    on_device = sums_of(problem, device="cuda", threads=threads)
    assert {entry for entry, _, _ in cupy.launcher.launched} == {"backproject_fixed"}
    for ours, theirs in zip(on_device.halves, on_cpu.halves, strict=True):
        assert theirs.sums.any()
        assert np.array_equal(ours.sums, theirs.sums)
        assert ours.reach == pytest.approx(theirs.reach)


def test_sums_may_be_looked_at_and_merged_into_on_the_way(cupy):
    problem = simulated()
    once = [each.sums.copy() for each in sums_of(problem, device="cuda").halves]
    sums = sums_of(problem, device="cuda")
    for half in sums.halves:
        backproject_cpu.merge(half, half)
    budget = Budget(device="cuda")
    add_tilt_series(sums, problem.data, problem.particles, weight=ItemWeight(), budget=budget)
    for half, single in zip(sums.halves, once, strict=True):
        assert np.array_equal(half.sums, 3 * single)


def test_a_device_that_is_too_small_names_item_and_bytes(cupy):
    problem = simulated()
    cupy.launcher.memory = 1000
    with pytest.raises(Unsupported, match=r"too small.*TS_01.*bytes_needed"):
        sums_of(problem, device="cuda")


@pytest.mark.parametrize("call", ["asarray", "launch", "zeros"])
def test_a_failed_call_stops_with_the_item_named(cupy, call):
    cupy.failing[call] = DriverError("illegal address")
    with pytest.raises(DeviceFailed, match=r"illegal address.*TS_01.*cuda:0"):
        sums_of(simulated(), device="cuda")


def test_a_failure_on_the_way_home_names_the_last_item(cupy):
    sums = sums_of(simulated(), device="cuda")
    cupy.failing["asnumpy"] = DriverError("device lost")
    with pytest.raises(DeviceFailed, match=r"device lost.*TS_01"):
        _ = sums.halves


def test_images_that_are_too_loud_are_refused_as_on_the_cpu(cupy):
    problem = simulated()
    sums = HalfSums(GRID, images_max=1, device="cuda")
    budget = Budget(device="cuda")
    for half in sums.halves:
        half.reach = backproject_cpu.LARGEST_SUM * half.quantum
    with pytest.raises(InvalidInput, match="TS_01"):
        add_tilt_series(sums, problem.data, problem.particles, weight=ItemWeight(), budget=budget)
    assert cupy.launcher.launched == []


def test_without_a_device_cuda_is_refused_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(Unsupported, match="CuPy is not installed"):
        HalfSums(GRID, images_max=1, device="cuda")


def test_broken_images_are_refused_before_they_reach_the_device(cupy):
    problem = simulated()
    broken = with_images(problem.data, lambda image: image * np.nan)
    with pytest.raises(InvalidInput, match="TS_01"):
        sums_of(problem, device="cuda", data=broken)
    assert cupy.launcher.launched == []
