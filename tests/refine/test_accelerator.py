"""Devices by name: which is used, and that nothing falls back in silence."""

import sys

import pytest

from kernels.load_cuda import CudaFailed, source_key
from mgit.errors import DeviceFailed, InvalidInput, Unsupported
from mgit.refine.accelerator import accelerator, chosen_device, device_facts
from tests.kernels.emulation.cupy_module import DriverError


@pytest.mark.parametrize(
    ("wanted", "device"),
    [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:0", "cuda:0"), ("cuda:12", "cuda:12")],
)
def test_a_name_means_one_device(wanted, device):
    assert chosen_device(wanted) == device


def test_auto_is_the_first_device_where_there_is_one(cupy):
    assert chosen_device("auto") == "cuda:0"


def test_auto_is_the_cpu_elsewhere(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert chosen_device("auto") == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:0,1", "cuda:²", "CPU", ""])
def test_other_names_are_refused(name):
    with pytest.raises(InvalidInput, match="no such kind of device"):
        chosen_device(name)


def test_the_cpu_is_no_accelerator():
    assert accelerator("cpu") is None
    assert device_facts("cpu") == {"name": "cpu"}


def test_without_cupy_cuda_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    for ask in (accelerator, device_facts):
        with pytest.raises(Unsupported, match="extra 'cuda'") as caught:
            ask("cuda")
        assert "--device cpu" in caught.value.hint


def test_a_device_that_is_not_there_is_refused_by_number(cupy):
    with pytest.raises(Unsupported, match="no CUDA device 3"):
        accelerator("cuda:3")


def test_a_device_is_opened_once(cupy):
    assert accelerator("cuda") is accelerator("cuda:0")


def test_facts_of_a_device_are_text(cupy):
    facts = device_facts("cuda")
    assert facts["name"] == "cuda:0"
    assert facts["source_backproject"] == source_key("backproject", architecture="sm_90")
    assert all(isinstance(each, str) for each in facts.values())


def test_facts_of_a_device_that_fails_are_refused(cupy):
    def failing(_):
        raise DriverError("gone")

    cupy.cuda.runtime.getDeviceProperties = failing
    with pytest.raises(Unsupported, match="gone"):
        device_facts("cuda")


def test_a_failure_names_item_and_device_and_keeps_its_cause(cupy):
    with (
        pytest.raises(DeviceFailed, match=r"illegal address.*TS_07.*cuda:0") as caught,
        accelerator("cuda").working("TS_07"),
    ):
        raise CudaFailed("illegal address")
    assert isinstance(caught.value.__cause__, CudaFailed)
