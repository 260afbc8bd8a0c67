"""Loading of the CUDA kernels: sources, keys, launch shapes, and machines without a GPU."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kernels import device, load_cuda
from kernels.load_cuda import CudaLauncher, CudaUnavailable, source_key, source_text
from tests.kernels.conftest import EmulatedCuda
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


class DriverError(Exception):
    pass


def fake_cupy(count):
    def devices():
        if isinstance(count, Exception):
            raise count
        return count

    runtime = SimpleNamespace(getDeviceCount=devices, CUDARuntimeError=DriverError)
    return SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))


@pytest.mark.parametrize(
    ("count", "message"), [(0, "no CUDA device"), (DriverError("no driver"), "no driver")]
)
def test_without_a_device_the_message_says_so(monkeypatch, count, message):
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy(count))
    with pytest.raises(CudaUnavailable, match=message):
        CudaLauncher()


class FakeDevice:
    """A context manager that counts how deep it is entered."""

    def __init__(self, number=0):
        self.depth = 0

    def __enter__(self):
        self.depth += 1

    def __exit__(self, *_):
        self.depth -= 1


class FakeStream(FakeDevice):
    def synchronize(self):
        self.waited = True


@pytest.fixture
def cupy_over_emulation(emulated, monkeypatch):
    """A CuPy whose arrays are NumPy's and whose compiled modules are the emulated kernels."""
    stream, compiled = FakeStream(), []

    class RawModule:
        def __init__(self, *, code, options, backend):
            compiled.append((code, options, backend))

        def get_function(self, entry):
            def run(grid, block, arguments):
                assert stream.depth == 1
                assert entry in compiled[-1][0]
                emulated.launch(entry, grid=grid[0], block=block[0], arguments=arguments)

            return run

    fake = fake_cupy(1)
    fake.cuda.Device = FakeDevice
    fake.cuda.ExternalStream = lambda handle: stream
    fake.cuda.get_current_stream = lambda: stream
    fake.RawModule, fake.compiled = RawModule, compiled
    fake.zeros, fake.asarray, fake.asnumpy, fake.from_dlpack = (
        np.zeros,
        np.asarray,
        np.asarray,
        np.from_dlpack,
    )
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


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
    assert cupy_over_emulation.compiled == [(source_text("correlate"), load_cuda.OPTIONS, "nvrtc")]


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
