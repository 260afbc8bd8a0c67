import numpy as np
import pytest
import torch

from mgit.optics.ctf import complex_ctf, ctf, wavelength_angstrom
from mgit.optics.ewald import (
    band_correlation,
    band_limited,
    curvature_matters,
    depth_of_field_angstrom,
    ewald_height,
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


def test_slices_have_in_common_what_a_ball_at_their_distance_has():
    """Against the transform of a sampled ball, at half the wavelength times k^2 above and below."""
    wavelength, diameter = wavelength_angstrom(100.0), 300.0
    height = np.linspace(-diameter / 2, diameter / 2, 20001)
    area = (diameter / 2) ** 2 - height**2
    for k in (0.02, 0.1, 0.2, 0.35):
        frequency = torch.tensor([[[0.0, k]]], dtype=torch.float64)
        found = band_correlation(frequency, wavelength, diameter_angstrom=diameter)
        expected = (area * np.cos(2 * np.pi * wavelength * k**2 * height)).sum() / area.sum()
        assert found.item() == pytest.approx(expected, abs=1e-5)


def test_slices_at_the_origin_are_one_and_nothing_jumps_beside_it():
    k = torch.zeros(400, 1, 2, dtype=torch.float64)
    k[:, 0, 0] = torch.linspace(0, 0.01, 400)
    found = band_correlation(k, 0.037, diameter_angstrom=2000.0)[:, 0]
    assert found[0] == 1
    assert (found.diff() <= 0).all()
    assert found.diff().abs().max() < 1e-3


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
