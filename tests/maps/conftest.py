"""What tests of maps share: a phantom, its central slices, their sums."""

import numpy as np
import pytest
import torch

from kernels.backproject_reference import backproject
from kernels.packing import packing


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def slice_sums():
    """Sums of exact central slices of a phantom with known CTFs: numerator, weight."""

    def sums(phantom, rotations, *, box, oversampling=1, with_ctf=True, noise=0.0, seed=3):
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        rng = np.random.default_rng(seed)
        disc = packing(box // 2 - 1)
        plane = np.pad(disc.frequencies.astype(np.float64), ((0, 0), (0, 1)))
        images = phantom.transform(plane @ rotations / box)
        square = (plane**2).sum(1) / box**2
        bends = rng.uniform(60, 120, size=(len(rotations), 1))
        ctf = np.sin(bends * square + 0.1) if with_ctf else np.ones(images.shape)
        noisy = rng.normal(size=(2, *images.shape)) * noise
        images = ctf * images + noisy[0] + 1j * noisy[1]
        data, weight = backproject(
            torch.from_numpy(ctf * images),
            torch.from_numpy(ctf**2),
            group=torch.arange(len(rotations)),
            matrices=torch.from_numpy(
                np.ascontiguousarray(rotations.transpose(0, 2, 1)[:, :, :2] * oversampling)
            ),
            shifts=torch.zeros(len(rotations), 2, dtype=torch.float64),
            disc=disc,
            box=box * oversampling,
        )
        torch.set_num_threads(before)
        return data.numpy(), weight.numpy()

    return sums
