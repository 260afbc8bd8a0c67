"""Agreement with an implementation of others: torch-fourier-slice, where it is installed."""

import numpy as np
import pytest
import torch

from kernels import backproject_reference, correlate_reference
from kernels.packing import pack, packing
from tests.kernels.problems import rotations, smooth_volume, torch_of

BOX, COUNT = 32, 6
VOLTAGE_KILOVOLT, PIXEL_ANGSTROM = 1.0, 1.0  # slow electrons: a curvature that is seen


@pytest.fixture(scope="module")
def oracle():
    return pytest.importorskip(
        "torch_fourier_slice", reason="torch-fourier-slice, an independent oracle, is not installed"
    )


def wavelength_angstrom(volt):
    return 12.2643247 / np.sqrt(volt * (1 + 0.978466e-6 * volt))


def slice_matrices(turns, *, hand):
    """Spacing of one voxel, as the oracle has it: its slices are as large as its volume."""
    matrices = turns.transpose(0, 2, 1).copy()
    wavelength = wavelength_angstrom(1000 * VOLTAGE_KILOVOLT)
    matrices[:, :, 2] *= hand * wavelength / (2 * PIXEL_ANGSTROM * BOX)
    return torch_of(matrices[:, :, :3] if hand else matrices[:, :, :2])


@pytest.mark.parametrize("hand", [0, 1, -1], ids=["flat", "positive", "negative"])
def test_slices_agree_flat_and_with_either_hand_of_curvature(oracle, hand):
    rng = np.random.default_rng(0)
    disc = packing(BOX // 4)
    volume = torch_of(smooth_volume(BOX, rng))
    turns = rotations(COUNT, rng)
    theirs = oracle.extract_central_slices_rfft_3d(
        torch.fft.fftshift(volume, dim=(0, 1)).to(torch.complex64),
        torch_of(turns.transpose(0, 2, 1)).float(),
        apply_ewald_curvature=hand != 0,
        ewald_voltage_kv=VOLTAGE_KILOVOLT,
        ewald_flip_sign=hand < 0,
        ewald_px_size=PIXEL_ANGSTROM,
    )
    theirs = pack(torch.fft.ifftshift(theirs, dim=-2), disc).numpy()
    ours = correlate_reference.project(volume, slice_matrices(turns, hand=hand), disc=disc).numpy()
    # The oracle lifts frequency zero off its voxel with curvature and may then find nothing there.
    theirs[:, disc.zero] = ours[:, disc.zero]
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(ours).max()
    if hand:
        other = correlate_reference.project(
            volume, slice_matrices(turns, hand=-hand), disc=disc
        ).numpy()
        assert np.abs(other - theirs).max() > 1e-2 * np.abs(ours).max()


@pytest.mark.parametrize("hand", [0, 1, -1], ids=["flat", "positive", "negative"])
def test_insertion_agrees_where_no_friedel_partner_falls(oracle, hand):
    """The oracle leaves partners next to kx = 0 out; planes kx >= 1 have none of them."""
    rng = np.random.default_rng(1)
    disc = packing(BOX // 4)
    turns = rotations(COUNT, rng)
    images = rng.standard_normal((COUNT, BOX, BOX))
    transforms = torch.fft.rfft2(torch_of(images))
    kx, ky = np.meshgrid(np.fft.rfftfreq(BOX, 1 / BOX), np.fft.fftfreq(BOX, 1 / BOX))
    inside = torch_of(kx**2 + ky**2 <= disc.radius**2)
    theirs, their_weights = oracle.insert_central_slices_rfft_3d(
        torch.fft.fftshift(transforms * inside, dim=-2),
        (BOX, BOX, BOX),
        torch_of(turns.transpose(0, 2, 1)),
        apply_ewald_curvature=hand != 0,
        ewald_voltage_kv=VOLTAGE_KILOVOLT,
        ewald_flip_sign=hand < 0,
        ewald_px_size=PIXEL_ANGSTROM,
    )
    data, _ = backproject_reference.backproject(
        pack(transforms, disc),
        torch.ones(1, disc.samples, dtype=torch.float64),
        group=torch.zeros(COUNT, dtype=torch.long),
        matrices=slice_matrices(turns, hand=hand),
        shifts=torch.zeros(COUNT, 2, dtype=torch.float64),
        disc=disc,
        box=BOX,
    )
    # Frequency zero, which we split between itself and its partner, reaches kx = 1 with weight 0.
    ours, theirs = data[..., 1:-1].numpy(), torch.fft.ifftshift(theirs, dim=(0, 1))[..., 1:-1]
    assert np.abs(ours - theirs.numpy()).max() < 1e-5 * np.abs(ours).max()
    assert float(their_weights.sum()) > 0
