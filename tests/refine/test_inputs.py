"""Plain values that refinement takes, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidState, Unsupported
from mgit.optics.ctf import wavelength_angstrom
from mgit.refine.inputs import ParticleSet, tilt_series_data
from tests.refine.problems import simulated

ATTRIBUTES = {
    "pixel_size_angstrom": "6.0",
    "image_dimensions_angstrom": ["768", "768"],
    "volume_dimensions_angstrom": ["768", "768", "204"],
    "voltage_kilovolt": "300",
    "spherical_aberration_millimetre": "2.7",
    "amplitude_contrast": "0.07",
}


def build(arrays=None, attributes=None):
    tilts = np.linspace(-40, 40, 3)
    base = {"tilt_angle": tilts, "axis_angle": 0 * tilts, "exposure": np.arange(3.0)}
    return tilt_series_data(
        "TS_A",
        arrays={**base, **(arrays or {})},
        attributes={**ATTRIBUTES, **(attributes or {})},
        array_attributes={"exposure_weight": {"margins": ["0", "0", "0.1"]}},
        image=lambda _tilt: np.zeros((128, 128)),
    )


def test_optics_that_a_series_lacks_are_zero():
    data = build()
    assert data.name == "TS_A"
    assert not data.optic("phase_shift").any()
    assert data.microscope.voltage_kilovolt == 300


def test_weight_grids_keep_their_margins():
    data = build({"exposure_weight": np.ones((3, 1, 1))})
    assert data.margins == {"exposure_weight": (0.0, 0.0, 0.1)}


def test_flags_of_the_images_are_kept():
    data = build(attributes={"ctf_premultiplied": True, "exposure_filtered": True})
    assert data.ctf_multiplied
    assert data.exposure_filtered
    assert not build().ctf_multiplied


@pytest.mark.parametrize("name", ["phase_shift_field", "defocus_field", "doming"])
def test_a_term_that_cannot_be_applied_is_refused_by_name_unless_zero(name):
    build({name: np.zeros((1, 2, 2))})
    with pytest.raises(Unsupported, match=f"TS_A.*{name}"):
        build({name: np.ones((1, 2, 2))})


def test_a_beam_tilt_adds_to_the_odd_aberrations():
    tilt = {"beam_tilt_x_milliradian": "0.2", "beam_tilt_y_milliradian": "-0.1"}
    alone = build(attributes=tilt).odd_aberrations
    third = 2 * np.pi * 2.7e7 * wavelength_angstrom(300.0) ** 2 / 3 * 1e-3
    expected = np.zeros(12)
    expected[[1, 0, 4, 3]] = third * np.array([0.4, -0.2, 0.2, -0.1])
    np.testing.assert_allclose(alone, expected, rtol=1e-12)
    stored = np.linspace(-1, 1, 12)
    np.testing.assert_allclose(build({"zernike_odd": stored}, tilt).odd_aberrations, alone + stored)
    assert not build().odd_aberrations.any()


def test_a_beam_tilt_that_is_not_finite_is_refused_by_name():
    with pytest.raises(InvalidState, match="TS_A"):
        build(attributes={"beam_tilt_x_milliradian": "nan"})


def test_misshapen_and_non_finite_optics_are_refused():
    with pytest.raises(InvalidState, match="zernike_odd"):
        build({"zernike_odd": np.zeros(3)})
    with pytest.raises(InvalidState, match="phase_shift"):
        build({"phase_shift": np.full(3, np.nan)})


def test_an_unknown_microscope_is_refused():
    attributes = {key: value for key, value in ATTRIBUTES.items() if key != "voltage_kilovolt"}
    with pytest.raises(InvalidState, match="voltage_kilovolt"):
        tilt_series_data(
            "TS_A",
            arrays={name: np.zeros(3) for name in ("tilt_angle", "axis_angle", "exposure")},
            attributes=attributes,
            image=lambda _tilt: np.zeros((8, 8)),
        )


def test_references_are_those_of_the_particles_own_half():
    reference = simulated().reference
    assert reference.half(1) is reference.references.first
    assert reference.half(2) is reference.references.second
    assert reference.box_angstrom == pytest.approx(32 * 6)


def test_particles_without_a_half_are_refused_and_names_fall_back_to_rows():
    particles = simulated().particles
    assert particles.name_of(2) == "row 3"
    assert replace(particles, names=tuple("abcdefghijkl")).name_of(2) == "c"
    with pytest.raises(InvalidState, match="half-set"):
        ParticleSet(species="molecule", poses=particles.poses, half_set=0 * particles.half_set)
