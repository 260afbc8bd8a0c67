from dataclasses import replace

import numpy as np
import pytest

from mgit.simulate.images import (
    Camera,
    lens_of,
    signal_image,
    signal_variance,
    solvent_image,
)
from mgit.simulate.transfer import frequencies


def camera_of(truth, tilt: int) -> Camera:
    return Camera(
        geometry=truth.series[0],
        tilt=tilt,
        lens=lens_of(truth.settings),
        pixel_size_angstrom=truth.settings.pixel_size_angstrom,
    )


@pytest.mark.parametrize("tilt", [0, 2])
def test_an_image_is_the_sum_of_whole_projections_through_their_ctfs(simulated, tilt):
    """Boxes lose nothing: every particle drawn over the whole image gives the same."""
    truth = simulated.truth
    camera, seen = camera_of(truth, tilt), truth.views()
    seen = seen.take(seen.tilt == tilt)
    image = signal_image(camera, seen, truth.molecule)
    pixel, (height, width) = camera.pixel_size_angstrom, camera.shape
    pad = 64
    shape = (height + 2 * pad, width + 2 * pad)
    whole = np.zeros(shape)
    k = frequencies(shape, pixel)
    for xy, rotation, defocus in zip(seen.xy, seen.rotation, seen.defocus, strict=True):
        place = np.append(xy + pad * pixel, 0.0)
        flat = truth.molecule.moved(rotation, place).projection(shape, pixel_size_angstrom=pixel)
        whole += np.fft.irfft2(np.fft.rfft2(flat) * camera.transfer(k, defocus), s=shape)
    expected = whole[pad:-pad, pad:-pad]
    assert np.abs(image - expected).max() < 2e-3 * np.abs(expected).max()


def test_particles_that_stick_out_are_cut_not_wrapped(simulated):
    truth = simulated.truth
    camera, seen = camera_of(truth, 2), truth.views()
    one = seen.take(np.flatnonzero(seen.tilt == 2)[:1])
    image = signal_image(camera, replace(one, xy=np.array([[2.0, 300.0]])), truth.molecule)
    assert np.abs(image[:, :10]).max() > 10 * np.abs(image[:, -10:]).max()
    away = signal_image(camera, replace(one, xy=np.array([[-5000.0, 300.0]])), truth.molecule)
    assert not away.any()


def test_each_particle_has_the_ctf_of_its_own_depth(simulated):
    truth = simulated.truth
    camera, seen = camera_of(truth, 2), truth.views()
    one = seen.take(np.flatnonzero(seen.tilt == 2)[:1])
    here = signal_image(camera, one, truth.molecule)
    deeper = signal_image(camera, replace(one, defocus=one.defocus + 4_000), truth.molecule)
    ratio = np.fft.rfft2(deeper) / np.fft.rfft2(here)
    k = frequencies(here.shape, camera.pixel_size_angstrom)
    wanted = camera.transfer(k, one.defocus[0] + 4_000) / camera.transfer(k, one.defocus[0])
    low = np.hypot(*k) < 1 / 60  # below the first zero
    assert np.abs(ratio - wanted)[low].max() < 0.02


def test_tilt_and_exposure_take_contrast(simulated):
    camera = camera_of(simulated.truth, 0)  # -60 degrees, exposure 9
    first = replace(
        camera,
        geometry=replace(
            camera.geometry,
            arrays={
                **camera.geometry.arrays,
                "tilt_angle": np.zeros(5),
                "exposure": np.zeros(5),
            },
        ),
    )
    k = (np.array([0.05]), np.array([0.03]))
    exposure = camera.geometry.arrays["exposure"][0]
    ratio = camera.transfer(k, 2e4) / first.transfer(k, 2e4)
    assert ratio == pytest.approx(0.5 * np.exp(-exposure * (0.05**2 + 0.03**2)))


def test_the_variance_is_that_of_the_boxes(rng, simulated):
    seen = simulated.truth.views()
    image = np.zeros((128, 128), dtype=np.float32)
    assert signal_variance(image, seen, box_px=24, pixel=5.0) == 0
    noise = rng.normal(size=(128, 128)) * 3
    assert signal_variance(noise, seen, box_px=24, pixel=5.0) == pytest.approx(9, rel=0.1)


def test_solvent_has_unit_variance_and_fades_with_resolution(simulated, rng):
    image = solvent_image(camera_of(simulated.truth, 2), rng)
    assert image.std() == pytest.approx(1, rel=1e-5)
    power = np.abs(np.fft.rfft2(image)) ** 2
    radius = np.hypot(*frequencies(image.shape, 5.0))
    assert power[radius > 0.09].mean() < 1e-3 * power[radius < 0.03].mean()
