"""One torch thread, double precision, and the goldens of WarpLib."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mgit.optics.ctf import Microscope, Optics


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture
def golden(shared_data: Path) -> Path:
    return shared_data / "warp_xml_golden"


@pytest.fixture
def titan() -> Microscope:
    return Microscope(
        voltage_kilovolt=300.0, spherical_aberration_millimetre=2.7, amplitude_contrast=0.1
    )


@pytest.fixture
def make_optics():
    """Optics of one image, or of a batch where values are lists."""

    def make(defocus=18000.0, delta=0.0, angle=0.0, phase_shift=0.0, **more) -> Optics:
        values = (defocus, delta, angle, phase_shift)
        tensors = [torch.tensor(value, dtype=torch.float64) for value in values]
        more = {name: torch.as_tensor(v, dtype=torch.float64) for name, v in more.items()}
        return Optics(
            defocus=tensors[0],
            defocus_delta=tensors[1],
            defocus_angle=tensors[2],
            phase_shift=tensors[3],
            **more,
        )

    return make
