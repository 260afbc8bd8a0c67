import mrcfile
import numpy as np
import pytest

from mgit.simulate.transfer import (
    Lens,
    contrast_transfer,
    exposure_decay,
    frequencies,
    reach_px,
    wavelength,
)

TITAN = Lens(voltage_kilovolt=300.0, spherical_aberration_millimetre=2.7, amplitude_contrast=0.1)
GOLDEN = (
    (1.1, 300.0, 0.1, (15_000.0, 3_000.0, 25.0, 72.0), 0.9),
    (1.5, 200.0, 0.07, (25_000.0, 0.0, 0.0, 0.0), 1.0),
)


@pytest.mark.parametrize("index", [0, 1])
def test_the_ctf_is_that_of_warp(shared_data, index):
    """Numbers that WarpLib computed; its B factor of -40 A^2 decays as an exposure of 10 does."""
    expected = mrcfile.read(shared_data / "warp_xml_golden" / "ctf_reference.mrc")[index]
    pixel, voltage, contrast, (defocus, delta, angle, phase), scale = GOLDEN[index]
    lens = Lens(
        voltage_kilovolt=voltage, spherical_aberration_millimetre=2.7, amplitude_contrast=contrast
    )
    k = frequencies((256, 256), pixel)
    found = contrast_transfer(
        lens, k, defocus=defocus, delta=delta, angle_degree=angle, phase_degree=phase
    )
    found = scale * found * exposure_decay(k, 10.0)
    # Warp gives the Nyquist row the positive sign, which astigmatism sees.
    rows = np.arange(256) != 128
    assert np.abs(found - expected)[rows].max() < 3e-5


@pytest.mark.parametrize(("voltage", "expected"), [(100, 0.03701), (200, 0.02508), (300, 0.01969)])
def test_wavelengths_are_the_textbooks(voltage, expected):
    assert wavelength(voltage) == pytest.approx(expected, abs=1e-5)


def test_the_ctf_starts_at_the_amplitude_contrast_and_rises():
    k = frequencies((64, 64), 2.0)
    found = contrast_transfer(TITAN, k, defocus=12_000.0)
    assert found[0, 0] == pytest.approx(0.1)
    assert found[0, 1] > found[0, 0]


def test_exposure_takes_high_frequencies_first():
    kx = np.array([0.0, 0.1, 0.2])
    found = exposure_decay((kx, np.zeros(3)), 20.0)
    assert found == pytest.approx([1.0, np.exp(-0.2), np.exp(-0.8)])


def test_nearly_all_of_a_point_lies_within_the_reach():
    pixel, edge = 3.0, 256
    reach = reach_px(TITAN, defocus=30_000.0, pixel_size_angstrom=pixel)
    ctf = contrast_transfer(TITAN, frequencies((edge, edge), pixel), defocus=30_000.0)
    point = np.fft.irfft2(ctf, s=(edge, edge))
    distance = np.hypot(*np.meshgrid(*[np.fft.fftfreq(edge, 1 / edge)] * 2))
    within = (point[distance <= reach + 2] ** 2).sum() / (point**2).sum()
    assert reach < edge / 2
    assert within > 0.97


def test_a_phase_plate_adds_to_the_amplitude_contrast():
    k = frequencies((32, 32), 2.0)
    found = contrast_transfer(TITAN, k, defocus=5_000.0, phase_degree=90.0)
    assert found[0, 0] == pytest.approx(np.sqrt(1 - 0.1**2))
