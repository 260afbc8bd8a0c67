"""Loading of the CUDA kernels: sources, keys, launch shapes, and machines without a GPU."""

import re
import sys

import numpy as np
import pytest
import torch

from kernels import device, load_cuda
from kernels.load_cuda import (
    CudaFailed,
    CudaLauncher,
    CudaUnavailable,
    cuda_devices,
    source_key,
    source_text,
)
from tests.kernels.conftest import EmulatedCuda
from tests.kernels.emulation.cupy_module import (
    CompileException,
    DriverError,
    FakeCupy,
    OutOfMemoryError,
)
from tests.kernels.problems import correlation_in_torch, make_problem


@pytest.mark.parametrize("name", ["correlate", "backproject"])
def test_the_text_for_nvrtc_stands_alone(name):
    text = source_text(name)
    assert "#include" not in text
    assert "#pragma once" not in text
    assert "cell_of_sample" in text
    for entry, source in device.ENTRIES.items():
        assert (f"({entry}," in text) == (source == name)


@pytest.mark.parametrize("name", ["correlate", "backproject"])
def test_compilers_name_lines_of_the_original_file(name):
    lines = source_text(name).splitlines()
    place, number = next(
        (index, int(found[1]))
        for index, line in enumerate(lines)
        if (found := re.match(rf'#line (\d+) "{name}\.cu"', line))
    )
    original = (load_cuda.FOLDER / f"{name}.cu").read_text().splitlines()
    assert lines[place + 1 :] == original[number - 1 :]


def test_a_key_names_source_options_and_architecture():
    keys = {
        source_key(name, architecture=architecture)
        for name in ("correlate", "backproject")
        for architecture in ("sm_80", "sm_90")
    }
    assert len(keys) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)


def test_without_cupy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(CudaUnavailable, match="'cuda'"):
        CudaLauncher()


@pytest.fixture
def cupy_over_emulation(emulated, monkeypatch):
    fake = FakeCupy(emulated)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


@pytest.mark.parametrize(
    ("failing", "message"), [(None, "no CUDA device"), (DriverError("no driver"), "no driver")]
)
def test_without_a_device_the_message_says_so(emulated, monkeypatch, failing, message):
    fake = FakeCupy(emulated, devices=0)
    if failing:
        fake.failing["getDeviceCount"] = failing
    monkeypatch.setitem(sys.modules, "cupy", fake)
    with pytest.raises(CudaUnavailable, match=message):
        CudaLauncher()
    assert cuda_devices() == 0


def test_a_number_that_no_device_has_is_refused(cupy_over_emulation):
    assert cuda_devices() == 1
    with pytest.raises(CudaUnavailable, match="no CUDA device 1: they are 0 to 0"):
        CudaLauncher(device=1)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("asarray", OutOfMemoryError("out of memory")),
        ("asnumpy", DriverError("illegal address")),
        ("zeros", OutOfMemoryError("out of memory")),
        ("RawModule", CompileException("line 3")),
        ("launch", DriverError("too many resources")),
    ],
)
def test_what_the_device_fails_with_has_one_type(cupy_over_emulation, call, error):
    launcher, problem = CudaLauncher(), make_problem(12, 3)
    cupy_over_emulation.failing[call] = error
    with pytest.raises(CudaFailed, match=str(error)) as caught:
        launcher.to_host(EmulatedCuda(launcher).values(problem))
    assert caught.value.__cause__ is error


def test_facts_name_device_driver_libraries_and_sources(cupy_over_emulation, monkeypatch, tmp_path):
    version = tmp_path / "version"
    version.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23\n")
    monkeypatch.setattr(load_cuda, "DRIVER", version)
    facts = CudaLauncher().facts()
    assert (facts["model"], facts["architecture"]) == ("Emulated", "sm_90")
    assert (facts["driver"], facts["nvrtc"]) == ("570.86.15", "12.8")
    assert facts["source_correlate"] == source_key("correlate", architecture="sm_90")
    assert all(isinstance(each, str) for each in facts.values())


def test_a_system_that_does_not_tell_its_driver_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(load_cuda, "DRIVER", tmp_path / "missing")
    assert load_cuda._driver_version() == "unknown"


@pytest.mark.parametrize("stream", [None, 42])
def test_the_launcher_compiles_a_source_once_and_launches_its_entries(cupy_over_emulation, stream):
    launcher = CudaLauncher(stream=stream)
    problem = make_problem(12, 3)
    implementation = EmulatedCuda(launcher)
    values = implementation.values(problem)
    found = implementation.correlate(problem)
    launcher.wait()
    exact = correlation_in_torch(problem, double=True)
    assert np.allclose(values, exact.terms, rtol=1e-5)
    assert np.allclose(found.terms, exact.terms, rtol=1e-5)
    options = load_cuda.OPTIONS["correlate"]
    assert cupy_over_emulation.compiled == [(source_text("correlate"), options, "nvrtc")]


def test_arrays_of_others_are_adopted_without_a_copy(cupy_over_emulation):
    theirs = torch.arange(3.0)
    CudaLauncher().adopt(theirs)[0] = 7
    assert theirs[0] == 7


@pytest.mark.parametrize(("samples", "threads"), [(1, 32), (360, 32), (1520, 64), (6240, 128)])
def test_larger_images_get_more_threads(samples, threads):
    assert device.block_threads(samples) == threads


@pytest.mark.parametrize("columns", [2, 3])
def test_every_entry_that_is_launched_exists(columns):
    operations = {name.removesuffix("_curved") for name in device.ENTRIES}
    assert {device.entry_of(name, columns) for name in operations} <= set(device.ENTRIES)


@pytest.mark.parametrize("columns", [2, 3])
def test_numbers_of_a_result_have_their_names(columns):
    results = np.arange(46.0).reshape(2, 23)
    found = device.correlation_of(results, columns)
    assert found.terms.tolist() == [[0, 1, 2], [23, 24, 25]]
    assert found.d_shift.tolist() == [[3, 4], [26, 27]]
    assert found.d_numerator.shape == found.d_power.shape == (2, 3, columns)
    assert found.d_numerator[0, :, 0].tolist() == [5, 8, 11]
    assert found.d_power[0, :, 1].tolist() == [15, 18, 21]
