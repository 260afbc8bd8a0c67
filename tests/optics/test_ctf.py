import mrcfile
import numpy as np
import pytest
import torch

from mgit.errors import InvalidState
from mgit.optics.ctf import Microscope, Optics, complex_ctf, ctf, gamma, wavelength_angstrom
from mgit.optics.frequencies import image_frequencies, magnified
from mgit.optics.weights import WeightTerms, weight_image

# The two CTFs of gen_ctf.txt, in our units: defocus and its difference in angstrom, phase shift
# in degrees (units of pi there), B in angstrom^2.
GOLDEN = [
    (1.1, 300.0, 0.1, (15000.0, 3000.0, 25.0, 72.0), 0.9),
    (1.5, 200.0, 0.07, (25000.0, 0.0, 0.0, 0.0), 1.0),
]


def scalar_weight(scale: float, b: float) -> WeightTerms:
    zero = torch.tensor(0.0).double()
    return WeightTerms(
        scale=torch.tensor(scale).double(),
        b_factor=torch.tensor(b).double(),
        b_factor_delta=zero,
        b_factor_angle=zero,
    )


@pytest.mark.parametrize("index", [0, 1])
def test_the_ctf_is_that_of_warp(golden, make_optics, index):
    expected = mrcfile.read(golden / "ctf_reference.mrc")[index]
    pixel, voltage, contrast, values, scale = GOLDEN[index]
    microscope = Microscope(
        voltage_kilovolt=voltage, spherical_aberration_millimetre=2.7, amplitude_contrast=contrast
    )
    k = image_frequencies(256, pixel)
    found = ctf(k, microscope, make_optics(*values)) * weight_image(k, scalar_weight(scale, -40.0))
    # Warp gives the Nyquist row the positive sign, which astigmatism sees; nobody uses the row.
    rows = np.arange(256) != 128
    assert np.abs(found.numpy() - expected)[rows].max() < 3e-5


@pytest.mark.parametrize(("voltage", "expected"), [(100, 0.03701), (200, 0.02508), (300, 0.01969)])
def test_wavelengths_are_the_textbooks(voltage, expected):
    assert wavelength_angstrom(voltage) == pytest.approx(expected, abs=1e-5)


def test_low_frequencies_have_the_amplitude_contrast_and_protein_is_positive(titan, make_optics):
    k = image_frequencies(64, 1.0)
    found = ctf(k, titan, make_optics(12000.0))
    assert found[0, 0] == pytest.approx(0.1)
    assert found[0, 1] > found[0, 0]


def test_underfocus_moves_the_first_zero_inwards(titan, make_optics):
    k = image_frequencies((1, 4000), 1.0)
    zeros = [
        int(torch.nonzero(ctf(k, titan, make_optics(defocus))[0] < 0)[0])
        for defocus in (5000.0, 10000.0, 20000.0)
    ]
    assert zeros == sorted(zeros, reverse=True)


def test_the_angle_points_to_the_larger_defocus(titan, make_optics):
    """Along the angle the defocus is U = mean + delta / 2, across it V = mean - delta / 2."""
    k = 0.1
    for angle in (0.0, 35.0, 120.0):
        astigmatic = make_optics(20000.0, 4000.0, angle)
        for offset, defocus in ((0, 22000.0), (90, 18000.0)):
            phi = np.deg2rad(angle + offset)
            at = torch.tensor([[[k * np.cos(phi), k * np.sin(phi)]]])
            expected = gamma(at, titan, make_optics(defocus))
            assert gamma(at, titan, astigmatic) == pytest.approx(expected.numpy(), abs=1e-9)


def test_the_cosine_form_of_the_literature(titan, make_optics):
    """-sin(g - asin A) = A cos g - sqrt(1 - A^2) sin g with g the phase of a pure phase object."""
    k = image_frequencies(32, 2.0)
    pure = Microscope(
        voltage_kilovolt=300.0, spherical_aberration_millimetre=2.7, amplitude_contrast=0.0
    )
    g = gamma(k, pure, make_optics(15000.0))
    expected = 0.1 * torch.cos(g) - np.sqrt(1 - 0.01) * torch.sin(g)
    assert torch.allclose(ctf(k, titan, make_optics(15000.0)), expected, atol=1e-12)


def test_one_side_band_has_the_ctf_as_its_real_part(titan, make_optics):
    k = image_frequencies(32, 1.2)
    optics = make_optics(15000.0, 800.0, 40.0, 10.0)
    band = complex_ctf(k, titan, optics)
    assert torch.allclose(band.real, ctf(k, titan, optics), atol=1e-14)
    assert torch.allclose(band.abs(), torch.ones_like(band.real), atol=1e-14)
    expected = torch.exp(1j * (gamma(k, titan, optics) + np.pi / 2))
    assert torch.allclose(band, expected, atol=1e-12)


def test_batches_are_their_members(titan, make_optics):
    k = image_frequencies(16, 1.5)
    many = make_optics([9e3, 2e4, 3e4], [0.0, 500.0, 900.0], [0.0, 20.0, 80.0], [0.0, 5.0, 90.0])
    found = ctf(k, titan, many)
    assert found.shape == (3, 16, 9)
    one = make_optics(2e4, 500.0, 20.0, 5.0)
    assert torch.allclose(found[1], ctf(k, titan, one), atol=1e-14)


def test_added_spherical_aberration_adds(titan, make_optics):
    k = image_frequencies(16, 1.0)
    other = Microscope(
        voltage_kilovolt=300.0, spherical_aberration_millimetre=3.0, amplitude_contrast=0.1
    )
    found = ctf(k, titan, make_optics(spherical_aberration=0.3))
    assert torch.allclose(found, ctf(k, other, make_optics()), atol=1e-10)


def test_magnification_reaches_the_ctf(titan, make_optics):
    """A magnified image has the CTF of the frequencies in the specimen."""
    matrix = torch.tensor([[1.02, 0.01], [0.005, 0.98]], dtype=torch.float64)
    k = image_frequencies(16, 1.0)
    found = ctf(magnified(k, matrix), titan, make_optics())
    at = (matrix @ k[3, 5]).reshape(1, 1, 2)
    assert found[3, 5] == pytest.approx(ctf(at, titan, make_optics()).item())


@pytest.mark.parametrize(
    "name",
    [
        "defocus",
        "defocus_delta",
        "defocus_angle",
        "phase_shift",
        "zernike_even",
        "spherical_aberration",
    ],
)
def test_derivatives_by_every_parameter_are_exact(titan, make_optics, name):
    k = image_frequencies(6, 3.0)
    base = make_optics(
        [9e3, 2e4],
        [300.0, 500.0],
        [10.0, 20.0],
        [0.0, 5.0],
        zernike_even=torch.randn(2, 8, generator=torch.Generator().manual_seed(1)),
        spherical_aberration=[0.1, 0.2],
    )
    fields = {key: getattr(base, key) for key in Optics.__slots__}

    def value(parameter: torch.Tensor) -> torch.Tensor:
        return torch.view_as_real(complex_ctf(k, titan, Optics(**{**fields, name: parameter})))

    start = fields[name].clone().requires_grad_()
    assert torch.autograd.gradcheck(value, (start,), eps=1e-4, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize(("voltage", "contrast"), [(0.0, 0.1), (300.0, 1.5), (float("nan"), 0.1)])
def test_impossible_microscopes_are_refused(voltage, contrast):
    with pytest.raises(InvalidState):
        Microscope(
            voltage_kilovolt=voltage,
            spherical_aberration_millimetre=2.7,
            amplitude_contrast=contrast,
        )


@pytest.mark.parametrize("angle", [0.0, 30.0, 115.0])
def test_the_ctf_agrees_with_an_independent_program(titan, make_optics, angle):
    """torch-ctf computes in float32, hence the tolerance."""
    other = pytest.importorskip("torch_ctf")
    expected = other.calculate_ctf_2d(
        defocus=1.5,
        astigmatism=0.3,
        astigmatism_angle=angle,
        voltage=300.0,
        spherical_aberration=2.7,
        amplitude_contrast=0.1,
        phase_shift=20.0,
        pixel_size=2.0,
        image_shape=(32, 40),
        rfft=True,
        fftshift=False,
    )
    k = image_frequencies((32, 40), 2.0)
    found = ctf(k, titan, make_optics(15000.0, 6000.0, angle, 20.0))
    assert (found - expected).abs().max() < 2e-3
