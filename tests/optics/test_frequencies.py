import mrcfile
import numpy as np
import pytest
import torch

from mgit.optics.frequencies import image_frequencies, magnified, polar_cosine, shift_factor


@pytest.mark.parametrize("size", [8, 9, (6, 10), (7, 5)])
def test_frequencies_are_those_of_the_half_transform(size):
    h, w = (size, size) if isinstance(size, int) else size
    found = image_frequencies(size, 1.5)
    assert found.shape == (h, w // 2 + 1, 2)
    assert found[0, 0].tolist() == [0, 0]
    assert found[0, :, 0].numpy() == pytest.approx(np.fft.rfftfreq(w, 1.5))
    assert found[:, 0, 1].numpy() == pytest.approx(np.fft.fftfreq(h, 1.5))


def test_magnification_multiplies_columns_x_y():
    found = magnified(torch.tensor([[1.0, 2.0]]).double(), torch.tensor([[2.0, 1.0], [0.0, 3.0]]))
    assert found.tolist() == [[4.0, 6.0]]


def test_the_quadratic_form_is_the_cosine_of_twice_the_angle(rng):
    k = rng.normal(size=(20, 2))
    phi = np.arctan2(k[:, 1], k[:, 0])
    expected = (k**2).sum(1) * np.cos(2 * (phi - np.deg2rad(33)))
    found = polar_cosine(torch.from_numpy(k), torch.tensor(33.0).double())
    assert found.numpy() == pytest.approx(expected)


def test_content_moves_by_the_shift():
    image = torch.zeros(12, 10, dtype=torch.float64)
    image[3, 2] = 1
    factor = shift_factor(image_frequencies((12, 10), 2.0), torch.tensor([6.0, -4.0]))
    moved = torch.fft.irfft2(torch.fft.rfft2(image) * factor, s=(12, 10))
    assert moved[1, 5] == pytest.approx(1)
    assert moved.abs().sum() == pytest.approx(1, abs=1e-12)


def test_shifts_are_those_of_warp(golden):
    """All frequencies but the Nyquist ones, whose sign along y is a matter of taste."""
    before = mrcfile.read(golden / "shift_reference.mrc").astype(float)
    after = mrcfile.read(golden / "shift_shifted_2.5_3.3.mrc").astype(float)
    factor = shift_factor(image_frequencies(8, 1.0), torch.tensor([2.5, 3.3])).numpy()
    found = (np.fft.rfft2(before) * factor)[np.arange(8) != 4, :4]
    expected = np.fft.rfft2(after)[np.arange(8) != 4, :4]
    assert np.abs(found - expected).max() < 5e-6


def test_derivatives_by_the_shift_are_exact():
    k = image_frequencies(4, 1.0)
    shift = torch.tensor([[0.3, -1.2]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: torch.view_as_real(shift_factor(k, s)), (shift,))
