"""Loading of the CUDA kernels: sources, keys, launch shapes, and machines without a GPU."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from kernels import device, load_cuda
from kernels.load_cuda import CudaLauncher, CudaUnavailable, source_key, source_text


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
