"""The programs that check and time kernels, as far as they run without a GPU."""

import json
import sys

import numpy as np
import pytest

from benchmarks import gpu_check, kernels_cpu
from kernels import device
from kernels.load_cuda import CudaLauncher, CudaUnavailable
from tests.kernels.emulation.cupy_module import DriverError, FakeCupy


def test_the_gpu_check_passes_on_the_emulated_kernels(emulated):
    records = gpu_check.check_parity(emulated, boxes=(16,))
    assert {record["part"] for record in records} >= {"terms", "d_power", "values", "fixed"}
    assert {record["columns"] for record in records} == {2, 3}
    assert [record for record in records if not record["passed"]] == []
    assert gpu_check.check_equal_bits(emulated, box=16)


def test_the_gpu_check_notices_a_wrong_kernel(emulated, monkeypatch):
    right = device.correlation_of

    def wrong(results, columns):
        return right(results * np.float32(1.001), columns)

    monkeypatch.setattr(device, "correlation_of", wrong)
    failed = [r["part"] for r in gpu_check.check_parity(emulated, boxes=(16,)) if not r["passed"]]
    assert set(failed) == {"terms", "d_shift", "d_numerator", "d_power"}


def test_every_timed_operation_launches(emulated):
    for call in gpu_check._calls(emulated, 16, 20).values():
        call(64)
    entries = [entry for entry, grid, block in emulated.launched[-4:] if (grid, block) == (20, 64)]
    assert sorted(entries) == sorted(e for e in device.ENTRIES if not e.endswith("_curved"))


@pytest.fixture
def fake(emulated, monkeypatch, tmp_path):
    """The check on an emulated device, with problems that such a one gets through."""
    fake = FakeCupy(emulated)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr(kernels_cpu, "RESULTS", tmp_path)
    monkeypatch.setattr(gpu_check, "TIMED", {16: 4})
    monkeypatch.setattr(
        gpu_check, "physics", lambda device, larger: {f"{device} {larger}": {"passed": True}}
    )
    return fake


def test_the_whole_check_passes_on_the_emulated_device(fake, tmp_path, capsys):
    assert gpu_check.main(["--quick"]) == 0
    (written,) = tmp_path.glob("*-gpu.json")
    found = json.loads(written.read_text())
    assert found["passed"]
    assert found["device"]["model"] == "Emulated"
    assert found["device"]["libraries"].keys() == {"numba", "numpy", "scipy", "torch"}
    assert found["physics"] == {"cuda:0 False": {"passed": True}}
    assert {record["operation"] for record in found["timing"]} >= {"correlate_gradients"}
    assert capsys.readouterr().out.endswith("passed\n")


@pytest.mark.parametrize("call", ["launch", "asarray", "RawModule"])
def test_a_device_that_fails_fails_the_check_which_says_how(fake, tmp_path, capsys, call):
    fake.failing[call] = DriverError("illegal address")
    assert gpu_check.main(["--quick", "--no-timing"]) == 1
    found = json.loads(next(tmp_path.glob("*-gpu.json")).read_text())
    assert not found["passed"]
    assert "illegal address" in found["errors"]["parity"]
    assert "stopped with CudaFailed" in capsys.readouterr().out


def test_refinement_that_differs_fails_the_check(fake, monkeypatch):
    monkeypatch.setattr(gpu_check, "physics", lambda *_, **__: {"refined item": {"passed": False}})
    assert gpu_check.main(["--quick", "--no-timing"]) == 1


def test_a_number_that_no_device_has_exits_3(fake, capsys):
    assert gpu_check.main(["--device", "4"]) == 3
    assert "no CUDA device 4" in capsys.readouterr().err


def test_without_cuda_the_check_says_why_and_exits_3(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert gpu_check.main([]) == 3
    assert "CuPy is not installed" in capsys.readouterr().err


def test_the_benchmark_judges_goals_and_ratios():
    entry = {
        "box": 64,
        "images_per_second_best": {"correlate": 20_000, "backproject": 100},
        "ratios": {"gradient_per_value": 3.0, "torch_per_correlate": 9.0},
    }
    lines = kernels_cpu.verdicts([entry])
    assert [line.rpartition(" ")[2] for line in lines] == ["met", "MISSED", "MISSED", "met"]


def test_the_benchmarks_batches_are_what_kernels_take():
    volume, images, batch = kernels_cpu.batch_of(8, 3)
    assert volume.dtype == images.dtype == np.complex64
    assert volume.shape == (16, 16, 9)
    assert images.shape == (3, batch["disc"].samples)
    products = np.einsum("nji,njk->nik", batch["matrices"], batch["matrices"])
    assert np.allclose(products, 4 * np.eye(2), atol=1e-5)


@pytest.mark.gpu
def test_the_kernels_pass_on_this_machines_gpu():
    try:
        launcher = CudaLauncher()
    except CudaUnavailable as missing:
        pytest.skip(str(missing))
    records = gpu_check.check_parity(launcher)
    assert [record for record in records if not record["passed"]] == []
    assert gpu_check.check_equal_bits(launcher)
