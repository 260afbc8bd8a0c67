"""The CUDA kernels compile for every architecture, within their registers and without spills."""

import ctypes
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kernels.device import ENTRIES
from kernels.load_cuda import FOLDER, OPTIONS, source_text

ARCHITECTURES = (80, 90, 120)
REGISTERS, REGISTERS_CURVED = 64, 80
LINES = 300


def report_of(name):
    compiler = shutil.which("nvcc")
    if compiler is None:
        pytest.skip("nvcc is not installed: registers and spills are not checked")
    command = [compiler, *OPTIONS[name], "-fatbin", "-Xptxas", "-v", "-o", "/dev/null"]
    command += ["-Werror", "all-warnings"]
    for number in ARCHITECTURES:
        command += ["-gencode", f"arch=compute_{number},code=sm_{number}"]
    built = subprocess.run(
        [*command, str(FOLDER / f"{name}.cu")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return built.stderr


@pytest.mark.parametrize("name", ["correlate", "backproject"])
def test_every_entry_keeps_within_its_registers_without_spills(name):
    found = re.findall(
        r"Compiling entry function '(\w+)' for 'sm_(\d+)'.*?"
        r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads.*?"
        r"Used (\d+) registers",
        report_of(name),
        flags=re.DOTALL,
    )
    wanted = {
        (entry, str(number))
        for entry, source in ENTRIES.items()
        if source == name
        for number in ARCHITECTURES
    }
    assert {(entry, number) for entry, number, *_ in found} == wanted
    for entry, _, stack, stores, loads, registers in found:
        assert (stack, stores, loads) == ("0", "0", "0"), entry
        limit = REGISTERS_CURVED if entry == "correlate_gradients_curved" else REGISTERS
        assert int(registers) <= limit, entry


def nvrtc_library():
    """The library of the pip wheel nvidia-cuda-nvrtc, wherever this interpreter finds it."""
    found = importlib.util.find_spec("nvidia")
    folders = list(found.submodule_search_locations or []) if found else []
    for folder in folders:
        libraries = [
            each
            for each in sorted(Path(folder).rglob("libnvrtc.so*"))
            if "builtins" not in each.name and "alt" not in each.name
        ]
        if libraries:
            return ctypes.CDLL(str(libraries[0]))
    pytest.skip("the wheel nvidia-cuda-nvrtc is not installed: NVRTC is not checked")


@pytest.mark.parametrize("number", ARCHITECTURES)
@pytest.mark.parametrize("name", ["correlate", "backproject"])
def test_nvrtc_compiles_the_text_that_cupy_hands_it(name, number):
    nvrtc = nvrtc_library()
    program = ctypes.c_void_p()
    text = source_text(name).encode()
    created = nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"k.cu", 0, None, None)
    assert created == 0
    options = [option.encode() for option in (*OPTIONS[name], f"--gpu-architecture=sm_{number}")]
    result = nvrtc.nvrtcCompileProgram(
        program, len(options), (ctypes.c_char_p * len(options))(*options)
    )
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    assert result == 0, log.value.decode()
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    assert size.value > 0
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.cu*")), ids=lambda path: path.name)
def test_a_cuda_file_is_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.cu")), ids=lambda path: path.stem)
def test_no_kernel_stands_without_its_twins(path):
    for twin in ("reference", "cpu"):
        assert path.with_name(f"{path.stem}_{twin}.py").exists()
