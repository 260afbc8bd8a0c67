import numpy as np
import pytest
import torch

from mgit.optics.ctf import complex_ctf, ctf, wavelength_angstrom
from mgit.optics.ewald import (
    band_limited,
    curvature_matters,
    depth_of_field_angstrom,
    ewald_height,
    reconstruction_factor,
    side_bands,
)
from mgit.optics.frequencies import image_frequencies


def test_the_height_is_that_of_the_sphere():
    wavelength = wavelength_angstrom(300.0)
    k = image_frequencies(32, 0.8)
    square = k.square().sum(-1)
    sphere = (1 - torch.sqrt(1 - wavelength**2 * square)) / wavelength
    found = ewald_height(k, wavelength)
    assert (found - sphere).abs().max() < 1e-3 * sphere.max()
    assert found[0, 0] == 0


def test_side_bands_average_to_the_real_ctf_and_swap_with_the_hand(titan, make_optics):
    k, optics = image_frequencies(16, 1.1), make_optics(15000.0, 600.0, 30.0)
    p, q = side_bands(k, titan, optics)
    assert torch.allclose((p + q) / 2, ctf(k, titan, optics).to(p.dtype), atol=1e-14)
    other_p, other_q = side_bands(k, titan, optics, reverse=False)
    assert torch.equal(p, other_q)
    assert torch.equal(q, other_p)
    assert torch.equal(other_p, complex_ctf(k, titan, optics))


def test_a_point_above_focus_is_seen_by_one_band_at_its_own_height(titan, make_optics):
    """A scatterer at height z has its defocus changed by z: P and Q carry exp(+-2 pi i kz z).

    Image of a point at depth z: CTF of defocus + h z. Each side band of it equals the band of the
    plane times a phase of the height of the sphere, with opposite signs for both bands.
    """
    k, z = image_frequencies(32, 1.5), 300.0
    here = complex_ctf(k, titan, make_optics(12000.0))
    there = complex_ctf(k, titan, make_optics(12000.0 + z))
    height = ewald_height(k, titan.wavelength_angstrom)
    assert torch.allclose(there, here * torch.exp(-2j * np.pi * height * z), atol=1e-9)


def test_the_depth_of_field_shrinks_with_the_square_of_the_resolution():
    wavelength = wavelength_angstrom(300.0)
    assert depth_of_field_angstrom(3.0, wavelength) == pytest.approx(320, abs=1)
    assert curvature_matters(2.0, diameter_angstrom=200.0, wavelength_angstrom=wavelength)
    assert not curvature_matters(3.0, diameter_angstrom=200.0, wavelength_angstrom=wavelength)


def test_the_factor_is_ctf_squared_where_bands_overlap_and_a_quarter_where_not(titan, make_optics):
    k, optics = image_frequencies(64, 1.5), make_optics(10000.0)
    close = reconstruction_factor(k, titan, optics, diameter_angstrom=1e9)
    assert torch.allclose(close, ctf(k, titan, optics).square(), atol=1e-4)
    apart = reconstruction_factor(k, titan, optics, diameter_angstrom=1.0)
    far = k.norm(dim=-1) > 0.05
    assert torch.allclose(apart[far], torch.full_like(apart[far], 0.25), atol=1e-12)


def test_the_factor_is_the_formula_in_between(titan, make_optics):
    k, optics = image_frequencies(64, 1.5), make_optics(10000.0, 500.0, 20.0)
    found = reconstruction_factor(k, titan, optics, diameter_angstrom=200.0)
    kx, ky = k[5, 12].numpy()
    size, phi = np.hypot(kx, ky), np.arctan2(ky, kx)
    defocus = 10000.0 + 250.0 * np.cos(2 * (phi - np.deg2rad(20)))
    u = 2 * defocus * titan.wavelength_angstrom * size / 200.0
    assert 0 < u < 1
    a = 2 / np.pi * (np.arccos(u) - u * np.sin(np.arccos(u)))
    amplitude = abs(float(ctf(k, titan, optics)[5, 12]))
    assert found[5, 12] == pytest.approx((0.5 * (1 + a * (2 * amplitude - 1))) ** 2)


def test_the_factor_agrees_with_an_independent_program(titan, make_optics):
    other = pytest.importorskip("torch_ctf")
    expected = other.get_ctf_weighting(
        defocus_um=1.0,
        voltage_kv=300.0,
        spherical_aberration_mm=2.7,
        pixel_size=1.5,
        particle_diameter_angstrom=300.0,
        image_shape=(32, 32),
    )
    from mgit.optics.ctf import Microscope

    pure = Microscope(
        voltage_kilovolt=300.0, spherical_aberration_millimetre=2.7, amplitude_contrast=0.0
    )
    k = image_frequencies(32, 1.5)
    found = reconstruction_factor(k, pure, make_optics(10000.0), diameter_angstrom=300.0)
    assert (2 * found.sqrt() - expected.squeeze()).abs().max() < 2e-2


def test_band_limiting_keeps_what_the_box_can_hold():
    """A factor whose kernel is narrower than the box passes unchanged, sample by sample."""
    wide, narrow = image_frequencies(64, 2.0), image_frequencies(32, 2.0)
    smooth = torch.exp(-400.0 * wide.square().sum(-1))
    found = band_limited(smooth, 32)
    assert found.shape == (32, 17)
    assert torch.allclose(found, torch.exp(-400.0 * narrow.square().sum(-1)), atol=1e-9)


def test_band_limiting_removes_rings_that_alias():
    """Rings finer than two samples of the small box vanish to their mean."""
    k = image_frequencies(256, 2.0)
    rings = torch.cos(2 * np.pi * 100.0 * k[..., 0])  # a kernel at 100 angstrom
    found = band_limited(0.5 + 0.5 * rings, 64)  # a box that reaches 64 angstrom
    assert torch.allclose(found, torch.full_like(found, 0.5), atol=1e-9)


@pytest.mark.parametrize("size", [8, 9])
def test_a_box_of_the_same_size_changes_nothing(size):
    k = image_frequencies(size, 1.0)
    factor = torch.exp(-k.square().sum(-1))
    assert torch.allclose(band_limited(factor, size), factor, atol=1e-12)
