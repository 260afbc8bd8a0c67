import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidState
from mgit.optics.alias import alias_free_size, fft_friendly_size, phase_gradient_max
from mgit.optics.ctf import Microscope, Optics, gamma

MICROSCOPE = Microscope(
    voltage_kilovolt=300.0, spherical_aberration_millimetre=2.7, amplitude_contrast=0.1
)


def sampled_gradient(defocus, delta, frequency_max, even=None) -> float:
    """|grad gamma| by autograd of the CTF's own phase on a dense polar grid."""
    radius = torch.linspace(0, frequency_max, 900, dtype=torch.float64)[:, None]
    angle = torch.arange(72, dtype=torch.float64) * (2 * np.pi / 72)
    k = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    k.requires_grad_()
    largest = 0.0
    for z, d in zip(np.ravel(defocus), np.ravel(delta), strict=True):
        optics = Optics(
            defocus=torch.tensor(z),
            defocus_delta=torch.tensor(d),
            defocus_angle=torch.tensor(0.0).double(),
            phase_shift=torch.tensor(0.0).double(),
            zernike_even=None if even is None else torch.from_numpy(even),
        )
        (gradient,) = torch.autograd.grad(gamma(k, MICROSCOPE, optics).sum(), k)
        largest = max(largest, float(gradient.norm(dim=-1).max()))
    return largest


@pytest.mark.parametrize("frequency_max", [0.05, 0.2, 0.33, 0.6])
def test_the_largest_gradient_is_the_true_one(rng, frequency_max):
    defocus = rng.uniform(2000, 40000, 4)
    delta = rng.uniform(-2000, 2000, 4)
    found = phase_gradient_max(
        MICROSCOPE, defocus=defocus, defocus_delta=delta, frequency_max=frequency_max
    )
    assert found == pytest.approx(sampled_gradient(defocus, delta, frequency_max), rel=1e-4)


@pytest.mark.parametrize("defocus", [0.0, -8000.0, 1200.0])
def test_focus_and_overfocus_are_covered(defocus):
    place = np.array([defocus])
    found = phase_gradient_max(
        MICROSCOPE, defocus=place, defocus_delta=np.zeros(1), frequency_max=0.5
    )
    assert found == pytest.approx(sampled_gradient(place, np.zeros(1), 0.5), rel=1e-4)


def test_every_particle_and_tilt_counts():
    """The lowest exposure is not the largest defocus."""
    defocus = np.array([[20000.0, 20500.0], [23000.0, 19000.0]])
    alone = phase_gradient_max(
        MICROSCOPE, defocus=np.array([23000.0]), defocus_delta=np.zeros(1), frequency_max=0.2
    )
    together = phase_gradient_max(
        MICROSCOPE, defocus=defocus, defocus_delta=np.zeros((2, 2)), frequency_max=0.2
    )
    assert together == alone


@pytest.mark.parametrize("size", [0.0, 2.0, 200.0])
def test_even_aberrations_count(rng, size):
    even = rng.normal(size=8) * size
    found = phase_gradient_max(
        MICROSCOPE,
        defocus=np.array([2e4]),
        defocus_delta=np.zeros(1),
        frequency_max=0.3,
        zernike_even=even,
    )
    true = sampled_gradient(np.array([2e4]), np.zeros(1), 0.3, even)
    assert found == pytest.approx(true, rel=1e-3)


def test_even_aberrations_and_astigmatism_are_bounded_closely(rng):
    even, delta = rng.normal(size=8) * 30, np.array([1500.0])
    values = {"defocus": np.array([2e4]), "defocus_delta": delta, "frequency_max": 0.3}
    found = phase_gradient_max(MICROSCOPE, **values, zernike_even=even)
    true = sampled_gradient(*values.values(), even)
    assert true * (1 - 1e-3) <= found <= true * 1.1


def test_the_size_is_the_papers_rule_with_the_diagonal_and_the_particle():
    # 2 pi lambda z k at 2 um and 4 A: one ring per 2 pixels, times sqrt 2, plus the particle.
    k, z = 0.25, 20000.0
    plain = Microscope(
        voltage_kilovolt=300.0, spherical_aberration_millimetre=0.0, amplitude_contrast=0.1
    )
    gradient = phase_gradient_max(
        plain, defocus=np.array([z]), defocus_delta=np.zeros(1), frequency_max=k
    )
    assert gradient == pytest.approx(2 * np.pi * plain.wavelength_angstrom * z * k)
    needed = np.sqrt(2) * 2 * plain.wavelength_angstrom * z * k + 150
    size = alias_free_size(gradient, diameter_angstrom=150.0, pixel_size_angstrom=2.0)
    assert size == fft_friendly_size(needed / 2.0)
    assert needed / 2.0 <= size < 1.1 * needed / 2.0


def test_the_box_samples_every_ring_twice():
    """Between neighbouring samples of the transform gamma changes by less than pi."""
    gradient = phase_gradient_max(
        MICROSCOPE, defocus=np.array([30000.0]), defocus_delta=np.zeros(1), frequency_max=0.25
    )
    size = alias_free_size(gradient, diameter_angstrom=0.0, pixel_size_angstrom=2.0)
    assert gradient / (size * 2.0) <= np.pi / np.sqrt(2) + 1e-9
    assert gradient / (0.65 * size * 2.0) > np.pi / np.sqrt(2)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(InvalidState, match="not finite"):
        phase_gradient_max(
            MICROSCOPE, defocus=np.array([np.nan]), defocus_delta=np.zeros(1), frequency_max=0.1
        )


@given(st.floats(0, 5000))
def test_friendly_sizes_are_even_smooth_and_close(pixels):
    size = fft_friendly_size(pixels)
    assert size % 2 == 0
    assert size >= pixels
    assert size <= max(2, 1.1 * pixels + 4)
    rest = size
    for factor in (2, 3, 5, 7):
        while rest % factor == 0:
            rest //= factor
    assert rest == 1


def test_friendly_sizes_are_the_smallest():
    assert [fft_friendly_size(n) for n in (1, 2, 13, 22, 127, 257)] == [2, 2, 14, 24, 128, 270]
    assert fft_friendly_size(33, multiple=4) == 36
