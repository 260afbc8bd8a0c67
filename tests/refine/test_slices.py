"""Images on one slice or on the two of the Ewald sphere: algebra, and atoms as the truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgit.errors import Unsupported
from mgit.maps.fsc import fourier_shell_correlation
from mgit.optics.ctf import Microscope
from mgit.optics.frequencies import image_frequencies
from mgit.refine.reconstruct_item import Budget, HalfSums, MapGrid, add_tilt_series
from mgit.refine.slice_weights import ItemWeight
from mgit.refine.slices import Ewald, Slices, band_pair, bend, height_columns, slice_matrices
from tests.refine.curved import Thick, ball_of_atoms, drawn_angles, particle_rotation
from tests.refine.problems import simulated

GRID = MapGrid(box=32, padded=34, pixel_size_angstrom=6.0, diameter_angstrom=100.0)
MANY_VOLTS = Microscope(
    voltage_kilovolt=1e9, spherical_aberration_millimetre=2.7, amplitude_contrast=0.07
)


def sums_of(series, particles, *, mode, reverse=True, device="cpu"):
    sums = HalfSums(GRID, images_max=1000, device=device)
    ewald = Ewald(mode=mode, reverse=reverse)
    add_tilt_series(
        sums, series, particles, weight=ItemWeight(), budget=Budget(device=device), ewald=ewald
    )
    return np.stack([half.sums * half.quantum for half in sums.halves])


def test_without_curvature_both_bands_add_up_to_the_flat_slice():
    """At a wavelength near zero the sphere is a plane, whatever the CTF."""
    problem = simulated()
    even = {**problem.data.optics, "zernike_even": np.array([100.0, -300.0, 50.0, 0, 0, 0, 0, 0])}
    series = replace(problem.data, microscope=MANY_VOLTS, optics=even)
    flat, curved = (sums_of(series, problem.particles, mode=mode) for mode in ("off", "on"))
    scale = np.abs(flat).max(axis=(0, 1, 2, 3))
    assert (scale > 0).all()
    np.testing.assert_allclose(curved / scale, flat / scale, atol=1e-6)


def test_curved_sums_of_a_device_are_those_of_the_cpu_bit_for_bit(cupy):
    problem = simulated()
    ours, theirs = (
        sums_of(problem.data, problem.particles, mode="on", device=each) for each in ("cuda", "cpu")
    )
    assert theirs.any()
    np.testing.assert_array_equal(ours, theirs)


def test_auto_splits_images_of_particles_that_are_thicker_than_the_depth_of_field():
    series, ewald = simulated().data, Ewald()
    assert ewald.applies(series, finest_angstrom=2.0, diameter_angstrom=200.0)
    assert not ewald.applies(series, finest_angstrom=3.0, diameter_angstrom=200.0)
    never = Ewald(mode="off")
    assert not never.applies(series, finest_angstrom=2.0, diameter_angstrom=200.0)
    always = Ewald(mode="on")
    assert always.applies(series, finest_angstrom=30.0, diameter_angstrom=20.0)


def test_images_that_carry_the_ctf_stay_flat_or_are_refused_by_name():
    series = replace(simulated().data, ctf_multiplied=True)
    assert not Ewald().applies(series, finest_angstrom=2.0, diameter_angstrom=200.0)
    with pytest.raises(Unsupported, match="side bands") as error:
        Ewald(mode="on").applies(series, finest_angstrom=2.0, diameter_angstrom=200.0)
    assert error.value.fields["item"] == series.name


def test_bands_change_sides_with_the_hand_of_the_flag_and_of_the_series():
    series = simulated().data
    series = replace(series, geometry=replace(series.geometry, hand=1))
    real, imaginary = torch.tensor([1.0]), torch.tensor([0.25])
    upper, lower = band_pair(real, imaginary, series, reverse=True)
    assert (upper, lower) == (0.5 - 0.125j, 0.5 + 0.125j)
    assert band_pair(real, imaginary, series, reverse=False) == (lower, upper)
    other = replace(series, geometry=replace(series.geometry, hand=-1))
    assert band_pair(real, imaginary, other, reverse=True) == (lower, upper)


def test_the_third_column_is_the_sphere_above_the_plane():
    """lambda k^2 / 2 along the image's axis, in the volume's frame and samples."""
    series = simulated().data
    rotation = particle_rotation(np.array([30.0, 50.0, -20.0]))[None]
    box, scale = 240.0, 1.7
    (column,) = height_columns(rotation, series, scale=scale, box_angstrom=box)
    k = 7 / box
    height = series.microscope.wavelength_angstrom * k**2 / 2
    expected = rotation[0].T @ [0, 0, height] * box * scale
    np.testing.assert_allclose(column * 7**2, expected, rtol=1e-12)
    stretched = replace(series, optics={**series.optics, "magnification": np.diag([1.1, 1.0])})
    assert bend(stretched, box_angstrom=box) == pytest.approx(1.1 * bend(series, box_angstrom=box))
    flat = slice_matrices(rotation, stretched, scale=scale)
    np.testing.assert_allclose(flat[0, :, 0], 1.1 * scale * rotation[0, 0], rtol=1e-12)


def test_bands_weigh_the_square_of_the_ctf_where_slices_are_one_and_a_half_where_not():
    series = simulated().data
    slices = Slices(
        series=series, scale=1.0, box_angstrom=400.0, diameter_angstrom=200.0, curved=True
    )
    frequencies = image_frequencies(64, 0.5)
    band = torch.full((1, 64, 33), 0.6 + 0.8j, dtype=torch.complex128)
    weight = slices.weight(band, frequencies)[0]
    k = frequencies.norm(dim=-1)
    assert weight[0, 0] == pytest.approx(0.36)
    assert torch.allclose(weight[k > 0.6], torch.tensor(0.5, dtype=torch.float64), atol=0.02)
    flat = replace(slices, curved=False).weight(band, frequencies)
    assert torch.allclose(flat, torch.tensor(0.36, dtype=torch.float64))


def curves(ball, images, defocus, angles, *, box):
    """FSC to the truth: flat, curved, and curved to the wrong side."""
    grid = MapGrid(
        box=box, padded=box, pixel_size_angstrom=ball.pixel, diameter_angstrom=ball.diameter
    )
    truth, found = ball.density(box), []
    for ewald in (Ewald(mode="off"), Ewald(mode="on"), Ewald(mode="on", reverse=False)):
        sums = HalfSums(grid, images_max=10 * len(images))
        for image, z, angle in zip(images, defocus, angles, strict=True):
            add_tilt_series(
                sums,
                ball.series(image, z),
                ball.particle(angle),
                weight=ItemWeight(),
                budget=Budget(),
                ewald=ewald,
            )
        data = sums.halves[0].sums
        transform = (data[..., 0] + 1j * data[..., 1]) / np.maximum(
            data[..., 2], 1e-3 * data[..., 2].mean()
        )
        density = np.fft.fftshift(np.fft.irfftn(transform, s=(box,) * 3, axes=(0, 1, 2)))
        found.append(fourier_shell_correlation(density.astype(np.float32), truth))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("hand", [1, -1])
def test_thick_particles_are_sharper_with_curvature_and_blurred_by_the_wrong_side(hand):
    """160 A at 1.25 A pixels and 100 kV: the phase error at the surface is 1.5 at Nyquist."""
    random = np.random.default_rng(hand + 2)
    ball = Thick(
        diameter=160.0,
        pixel=1.25,
        size=384,
        atoms=ball_of_atoms(random, count=300, diameter=160.0),
        hand=hand,
    )
    angles, defocus = drawn_angles(random, 60), random.uniform(4000, 9000, 60)
    images = [
        ball.image(particle_rotation(angle), z) for angle, z in zip(angles, defocus, strict=True)
    ]
    images = [image + image.std() * random.normal(size=image.shape) for image in images]
    flat, curved, wrong = (
        each[53:77].mean() for each in curves(ball, images, defocus, angles, box=160)
    )
    assert curved > flat + 0.15
    assert curved > wrong + 0.15
