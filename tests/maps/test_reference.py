"""References: slices of them are projections, halves share low frequencies only."""

import numpy as np
import pytest
import torch

from kernels.correlate_reference import project
from kernels.packing import pack, packing
from mgit.errors import InvalidInput
from mgit.maps.fsc import fourier_shell_correlation
from mgit.maps.masks import soft_sphere
from mgit.maps.reference import (
    ReferenceSettings,
    prepare_references,
    reference_box,
    shared_low_frequencies,
    sliceable,
)
from tests.maps.phantom import handed_phantom, random_rotations

BOX = 32


def noise(seed, box=BOX):
    return np.random.default_rng(seed).normal(size=(box,) * 3).astype(np.float32)


def slices_of(volume, rotations, *, box, oversampling):
    matrices = np.ascontiguousarray(rotations.transpose(0, 2, 1)[:, :, :2]) * oversampling
    found = project(
        torch.from_numpy(volume.astype(np.complex128)),
        torch.from_numpy(matrices),
        disc=packing(box // 2 - 1),
    )
    return found.numpy()


def test_an_axial_slice_is_the_transform_of_the_sum_along_z():
    density = handed_phantom().density(BOX)
    volume = sliceable(density, oversampling=2)
    found = slices_of(volume, np.eye(3)[None], box=BOX, oversampling=2)[0]
    image = np.fft.rfft2(np.fft.ifftshift(density.sum(0)))
    expected = pack(image, packing(BOX // 2 - 1))
    # The correction for interpolation stays where a sample falls on the grid.
    assert np.abs(found - expected).max() < 0.08 * np.abs(expected).max()


@pytest.mark.parametrize(("oversampling", "error"), [(1, 0.06), (2, 0.012)])
def test_slices_are_projections(oversampling, error):
    phantom = handed_phantom(width=(1.2, 1.5))
    rotations = random_rotations(40)
    volume = sliceable(phantom.density(BOX), oversampling=oversampling)
    found = slices_of(volume, rotations, box=BOX, oversampling=oversampling)
    plane = np.pad(packing(BOX // 2 - 1).frequencies.astype(float), ((0, 0), (0, 1)))
    expected = phantom.transform(plane @ rotations / BOX)
    assert np.linalg.norm(found - expected) < error * np.linalg.norm(expected)


def test_the_correction_for_interpolation_is_needed():
    phantom = handed_phantom(count=3, reach=10.0, width=(1.2, 1.5))
    rotations = random_rotations(40)
    plain = np.fft.rfftn(np.fft.ifftshift(phantom.density(BOX)))
    volumes = (sliceable(phantom.density(BOX), oversampling=1), plain)
    plane = np.pad(packing(BOX // 2 - 1).frequencies.astype(float), ((0, 0), (0, 1)))
    expected = phantom.transform(plane @ rotations / BOX)
    scales = [
        np.vdot(expected, slices_of(v, rotations, box=BOX, oversampling=1)).real
        / np.vdot(expected, expected).real
        for v in volumes
    ]
    assert abs(scales[0] - 1) < 0.03
    assert scales[1] < 0.9


def test_halves_agree_below_the_shell_and_keep_to_themselves_beyond():
    first, second = noise(1), noise(2)
    one, other = shared_low_frequencies(first, second, below_shell=6)
    curve = fourier_shell_correlation(one, other)
    assert np.allclose(curve[:5], 1, atol=1e-5)
    assert np.abs(curve[7:]).max() < 0.2
    assert np.allclose(one + other, first + second, atol=1e-4)
    assert one.dtype == np.float32


@pytest.mark.parametrize(
    ("pixel", "resolution", "box", "expected"),
    [
        (1.0, 4.0, 64, 32),
        (1.0, 2.0, 64, 64),
        (1.0, 1.0, 64, 64),
        (2.0, 7.9, 50, 26),
        (1, 99, 64, 8),
    ],
)
def test_the_box_of_a_reference_keeps_the_field_of_view(pixel, resolution, box, expected):
    found, size = reference_box(box, pixel_size_angstrom=pixel, resolution_angstrom=resolution)
    assert found == expected
    assert found * size == pytest.approx(box * pixel)


def test_prepared_references_hold_the_particle_and_nothing_around_it():
    phantom = handed_phantom(reach=6.0, width=(1.2, 1.5))
    box = 48
    truth = phantom.density(box)
    halves = [truth + 0.02 * noise(seed, box) for seed in (1, 2)]
    halves[0][2, 2, 2] = halves[1][2, 2, 2] = 50.0
    mask = soft_sphere(box, diameter_voxel=22, edge_voxel=2)
    settings = ReferenceSettings(resolution_angstrom=6.0, shared_angstrom=16.0)
    made = prepare_references(*halves, mask=mask, pixel_size_angstrom=2.0, settings=settings)
    assert (made.box, made.oversampling) == (32, 2)
    assert made.pixel_size_angstrom == pytest.approx(3.0)
    assert made.first.shape == (64, 64, 33)
    assert made.first.dtype == np.complex64
    rotations = random_rotations(20)
    found = slices_of(made.first, rotations, box=32, oversampling=2)
    plane = np.pad(packing(15).frequencies.astype(float), ((0, 0), (0, 1)))
    # Sums over voxels of 1.5 times the size are 1.5^3 times smaller.
    expected = phantom.transform(plane @ rotations / 32 / 1.5) / 1.5**3
    assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected)
    assert not np.array_equal(made.first, made.second)


def test_a_profile_weighs_shells():
    truth = handed_phantom().density(BOX)
    mask = soft_sphere(BOX, diameter_voxel=14, edge_voxel=2)
    settings = ReferenceSettings(resolution_angstrom=2.0)
    options = {"mask": mask, "pixel_size_angstrom": 1.0, "settings": settings}
    plain = prepare_references(truth, truth, **options)
    weighed = prepare_references(truth, truth, profile=np.full(BOX, 0.25), **options)
    assert np.allclose(weighed.first, plain.first / 4, atol=1e-3 * np.abs(plain.first).max())


def test_maps_of_other_boxes_are_refused():
    settings = ReferenceSettings(resolution_angstrom=4.0)
    with pytest.raises(InvalidInput, match="differ"):
        prepare_references(
            noise(1), noise(1, 16), mask=noise(1), pixel_size_angstrom=1, settings=settings
        )


@pytest.mark.parametrize("changed", [{"resolution_angstrom": 0}, {"oversampling": 0}])
def test_settings_that_mean_nothing_are_refused(changed):
    with pytest.raises(InvalidInput):
        ReferenceSettings(**{"resolution_angstrom": 4.0, **changed})
