"""Zernike polynomials, and what their signs mean elsewhere (docs/math/aberrations.md)."""

import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.optics.aberrations import (
    EVEN_TERMS,
    ODD_TERMS,
    beam_tilt_coefficients,
    even_from_relion,
    even_phase,
    odd_from_relion,
    odd_phase,
    odd_to_relion,
    phase_correction,
    zernike,
)
from mgit.optics.ctf import ctf, gamma, wavelength_angstrom
from mgit.optics.frequencies import image_frequencies

FREQUENCIES = image_frequencies(24, 1.7)
K = FREQUENCIES.norm(dim=-1)
PHI = torch.atan2(FREQUENCIES[..., 1], FREQUENCIES[..., 0])

RADIAL = {
    (1, 1): lambda r: r,
    (2, 0): lambda r: 2 * r**2 - 1,
    (2, 2): lambda r: r**2,
    (3, 1): lambda r: 3 * r**3 - 2 * r,
    (3, 3): lambda r: r**3,
    (4, 0): lambda r: 6 * r**4 - 6 * r**2 + 1,
    (4, 2): lambda r: 4 * r**4 - 3 * r**2,
    (4, 4): lambda r: r**4,
    (5, 1): lambda r: 10 * r**5 - 12 * r**3 + 3 * r,
    (5, 3): lambda r: 5 * r**5 - 4 * r**3,
    (5, 5): lambda r: r**5,
}


def unit(count: int, place: int) -> torch.Tensor:
    return torch.eye(count, dtype=torch.float64)[place]


@pytest.mark.parametrize(("n", "m"), [(n, s * m) for n, m in RADIAL for s in (1, -1) if m or s > 0])
def test_polynomials_are_the_tabulated_ones(n, m):
    angular = torch.cos(m * PHI) if m >= 0 else torch.sin(-m * PHI)
    expected = RADIAL[n, abs(m)](K) * angular
    assert torch.allclose(zernike(FREQUENCIES, n=n, m=m), expected, atol=1e-14)


@pytest.mark.parametrize(("n", "m"), [(2, 1), (1, 3), (3, -4)])
def test_numbers_without_a_polynomial_are_refused(n, m):
    with pytest.raises(InvalidState):
        zernike(FREQUENCIES, n=n, m=m)


def test_the_lists_are_in_the_order_of_warp_and_relion():
    assert ODD_TERMS[:6] == ((1, -1), (1, 1), (3, -3), (3, -1), (3, 1), (3, 3))
    assert ODD_TERMS[6:] == tuple((5, m) for m in (-5, -3, -1, 1, 3, 5))
    assert EVEN_TERMS[:3] == ((2, -2), (2, 0), (2, 2))
    assert EVEN_TERMS[3:] == tuple((4, m) for m in (-4, -2, 0, 2, 4))


def test_phases_are_sums_of_their_terms():
    coefficients = torch.linspace(-1, 1, 12, dtype=torch.float64)
    expected = sum(
        c * zernike(FREQUENCIES, n=n, m=m)
        for c, (n, m) in zip(coefficients, ODD_TERMS, strict=True)
    )
    assert torch.allclose(odd_phase(FREQUENCIES, coefficients), expected, atol=1e-13)
    both = torch.stack([unit(8, 0), unit(8, 7)])
    found = even_phase(FREQUENCIES, both)
    assert torch.allclose(found[1], zernike(FREQUENCIES, n=4, m=4), atol=1e-14)
    assert found.shape == (2, *K.shape)


def test_odd_phases_change_sign_with_the_frequency_and_even_ones_do_not():
    some = torch.linspace(0.3, 1, 12, dtype=torch.float64)
    assert torch.allclose(odd_phase(-FREQUENCIES, some), -odd_phase(FREQUENCIES, some))
    assert torch.allclose(even_phase(-FREQUENCIES, some[:8]), even_phase(FREQUENCIES, some[:8]))


def test_a_first_order_odd_aberration_is_a_shift():
    """exp(+i c kx) moves the image by -c / (2 pi) along x: the gauge with positions."""
    from mgit.optics.frequencies import shift_factor

    factor = phase_correction(FREQUENCIES, 3.0 * unit(12, 1))
    shift = shift_factor(FREQUENCIES, torch.tensor([-3.0 / (2 * np.pi), 0.0]).double())
    assert torch.allclose(factor, shift, atol=1e-13)


def test_second_order_even_aberrations_are_defocus_and_astigmatism(titan, make_optics):
    """The gauge: c (2 k^2 - 1) is a change of defocus and of the phase shift."""
    wavelength = titan.wavelength_angstrom
    c = 40.0
    aberrated = make_optics(20000.0, zernike_even=c * unit(8, 1))
    plain = make_optics(20000.0 - 2 * c / (np.pi * wavelength), phase_shift=float(np.rad2deg(c)))
    difference = gamma(FREQUENCIES, titan, aberrated) - gamma(FREQUENCIES, titan, plain)
    assert difference.abs().max() < 1e-9
    aberrated = make_optics(20000.0, zernike_even=c * unit(8, 2))
    astigmatic = make_optics(20000.0, -2 * c / (np.pi * wavelength), 0.0)
    difference = gamma(FREQUENCIES, titan, aberrated) - gamma(FREQUENCIES, titan, astigmatic)
    assert difference.abs().max() < 1e-9


def test_relions_odd_aberrations_change_sign_and_come_back():
    theirs = torch.tensor([0.1, -0.2, 3.0, -4.0, 5.0, 6.0], dtype=torch.float64)
    ours = odd_from_relion(theirs)
    assert ours.shape == (12,)
    assert ours[:6].tolist() == [-0.1, 0.2, -3.0, 4.0, -5.0, -6.0]
    assert not ours[6:].any()
    assert odd_to_relion(ours)[:6].tolist() == theirs.tolist()


def test_relions_prediction_is_undone_by_our_correction():
    """RELION turns a prediction P into P exp(+i sum c Z); our factor turns the image back to P."""
    theirs = torch.linspace(-20, 30, 12, dtype=torch.float64)
    image = torch.exp(1j * odd_phase(FREQUENCIES, theirs))
    corrected = image * phase_correction(FREQUENCIES, odd_from_relion(theirs))
    assert torch.allclose(corrected, torch.ones_like(corrected), atol=1e-12)


def test_relions_even_list_starts_with_the_piston():
    theirs = torch.arange(1.0, 10.0, dtype=torch.float64)
    assert even_from_relion(theirs).tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    assert even_from_relion(theirs[:4]).tolist() == [2, 3, 4, 0, 0, 0, 0, 0]


def test_terms_beyond_our_lists_are_refused_unless_zero():
    assert odd_from_relion(torch.zeros(20)).shape == (12,)
    with pytest.raises(InvalidState, match="higher order"):
        odd_from_relion(torch.ones(20))


def test_a_list_of_another_length_is_refused():
    with pytest.raises(InvalidState, match="number of aberration"):
        even_phase(FREQUENCIES, torch.zeros(9, dtype=torch.float64))


def test_beam_tilt_is_pure_third_order_coma():
    tilt = torch.tensor([0.4, -0.9], dtype=torch.float64)
    wavelength = wavelength_angstrom(300.0)
    coefficients = beam_tilt_coefficients(
        tilt, wavelength_angstrom=wavelength, spherical_aberration_millimetre=2.7
    )
    along = (FREQUENCIES * tilt * 1e-3).sum(-1)
    expected = 2 * np.pi * 2.7e7 * wavelength**2 * K**2 * along
    assert torch.allclose(odd_phase(FREQUENCIES, coefficients), expected, atol=1e-12)


def test_beam_tilt_means_to_the_image_what_relion_says():
    """RELION inserts Z3x = -scale tilt / 3, Z1x = 2 Z3x with scale = 20000 pi Cs lambda^2."""
    wavelength = wavelength_angstrom(300.0)
    scale = 2.7 * 20000 * wavelength**2 * np.pi
    theirs = torch.zeros(6, dtype=torch.float64)
    for axis, (first, third) in enumerate(((1, 4), (0, 3))):
        theirs[third] = -scale * (0.4, -0.9)[axis] / 3
        theirs[first] = 2 * theirs[third]
    ours = beam_tilt_coefficients(
        torch.tensor([0.4, -0.9], dtype=torch.float64),
        wavelength_angstrom=wavelength,
        spherical_aberration_millimetre=2.7,
    )
    assert torch.allclose(ours, odd_from_relion(theirs), rtol=1e-12)


def test_derivatives_by_coefficients_are_exact():
    k = image_frequencies(4, 2.0)
    odd = torch.randn(2, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda c: torch.view_as_real(phase_correction(k, c)), (odd,))


@pytest.fixture
def torch_ctf():
    return pytest.importorskip("torch_ctf")


def torch_ctf_image(torch_ctf, **aberrations) -> torch.Tensor:
    return torch_ctf.calculate_ctf_2d(
        defocus=1.5,
        astigmatism=0.0,
        astigmatism_angle=0.0,
        voltage=300.0,
        spherical_aberration=2.7,
        amplitude_contrast=0.1,
        phase_shift=0.0,
        pixel_size=1.7,
        image_shape=(24, 24),
        rfft=True,
        fftshift=False,
        **aberrations,
    )


def test_odd_aberrations_of_an_independent_program_are_corrected(torch_ctf, titan, make_optics):
    """torch-ctf multiplies the CTF by exp(+i phase) as RELION does: what is predicted is turned.

    Its terms are k^3 cos and sin alone: Z_3^1 + 2 Z_1^1 = 3 k^3 cos.
    """
    image = torch_ctf_image(
        torch_ctf, odd_zernike_coeffs={"Z31c": 30.0, "Z31s": -12.0, "Z33c": 8.0, "Z33s": 5.0}
    )
    theirs = 10.0 * (unit(12, 4) + 2 * unit(12, 1)) - 4.0 * (unit(12, 3) + 2 * unit(12, 0))
    theirs = theirs + 8.0 * unit(12, 5) + 5.0 * unit(12, 2)
    corrected = image * phase_correction(FREQUENCIES, odd_from_relion(theirs))
    expected = ctf(FREQUENCIES, titan, make_optics(15000.0))
    assert (corrected - expected).abs().max() < 2e-3
    # The other sign would double the aberration.
    doubled = image * phase_correction(FREQUENCIES, theirs)
    assert (doubled - expected).abs().max() > 0.5


def test_even_aberrations_of_an_independent_program_add_to_gamma(torch_ctf, titan, make_optics):
    image = torch_ctf_image(
        torch_ctf, even_zernike_coeffs={"Z44c": 30.0, "Z44s": -20.0, "Z42c": 40.0, "Z42s": 12.0}
    )
    even = 30.0 * unit(8, 7) - 20.0 * unit(8, 3)
    even = even + 10.0 * (unit(8, 6) + 3 * unit(8, 2)) + 3.0 * (unit(8, 4) + 3 * unit(8, 0))
    found = ctf(FREQUENCIES, titan, make_optics(15000.0, zernike_even=even))
    # The independent program is float32 and rounds the direction of low frequencies.
    assert (found - image).abs().max() < 5e-3
