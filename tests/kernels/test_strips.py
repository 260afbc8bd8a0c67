"""What the numba twins share: their cache, and how work is handed to threads."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kernels import backproject_cpu, correlate_cpu, strips

KERNELS = Path(strips.__file__).parent
COMPILED = [correlate_cpu._values, correlate_cpu._gradients, backproject_cpu._spread]


@pytest.mark.parametrize("function", COMPILED, ids=lambda each: each.__name__)
def test_the_cache_of_a_compiled_function_is_named_by_its_source(function):
    assert re.fullmatch(rf"{function.__name__}_[0-9a-f]{{16}}", function.py_func.__qualname__)
    assert function.targetoptions["nogil"]


def test_nothing_compiles_at_import():
    code = (
        "from kernels import backproject_cpu as b, correlate_cpu as c;"
        "assert not (c._values.signatures or c._gradients.signatures or b._spread.signatures)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=KERNELS.parent, check=True, timeout=60)


PROGRAM = """
import numpy as np
from kernels.correlate_cpu import correlate_values
from kernels.packing import packing
disc = packing(3)
batch = dict(weights=np.ones((1, disc.samples)), group=np.zeros(1, int), disc=disc,
             matrices=2 * np.eye(3)[None, :, :2], shifts=np.zeros((1, 2)))
images = np.ones((1, disc.samples), np.complex64)
print(correlate_values(np.ones((16, 16, 9), np.complex64), images, **batch)[0, 0])
"""


@pytest.mark.slow
def test_a_change_of_a_shared_pass_is_not_hidden_by_the_cache(tmp_path):
    shutil.copytree(KERNELS, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))

    def run():
        command = [sys.executable, "-c", PROGRAM]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    before = run()
    shared = tmp_path / "kernels" / "strips.py"
    text = shared.read_text()
    assert text.count("<= edge else") == 1
    shared.write_text(text.replace("<= edge else", "<= zero else"))
    assert run() != before
    shared.write_text(text)
    assert run() == before


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("threads", [0, 1, 3])
def test_spans_cover_everything_once(count, threads):
    seen = np.zeros(count, int)

    def work(span):
        seen[slice(*span)] += 1

    strips.over_spans(work, count, threads=threads)
    assert (seen == 1).all()


def test_a_failure_in_a_thread_is_not_lost():
    def work(span):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        strips.over_spans(work, 10, threads=2)


def test_phases_beyond_a_cropped_radius_are_zero_and_never_garbage():
    turns = np.full((2, 2, 2 * 6 + 1), np.nan, np.float32)
    strips.phase_tables(np.array([0.1, -0.2]), 3, turns)
    assert np.isfinite(turns).all()
    assert not turns[:, :, 4:10].any()
    expected = np.exp(-2j * np.pi * 0.1 * np.array([0, 1, 2, 3]))
    np.testing.assert_allclose(turns[0, 0, :4] + 1j * turns[0, 1, :4], expected, atol=1e-6)
    np.testing.assert_allclose(turns[0, 1, [-1, -2, -3]], -turns[0, 1, [1, 2, 3]], atol=1e-6)
