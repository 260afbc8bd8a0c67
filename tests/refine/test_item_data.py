"""What reconstruction takes from the arrays and attributes of an item."""

import numpy as np
import pytest

from mgit.errors import InvalidState, Unsupported
from mgit.refine.item_data import (
    ItemData,
    image_pixel_angstrom,
    item_weight,
    particle_series,
    tilt_series,
)
from mgit.refine.raw_stacks import TiltImages

ATTRIBUTES = {
    "pixel_size_angstrom": "2.0",
    "volume_dimensions_angstrom": ["100.0", "100.0", "50.0"],
    "voltage_kilovolt": "300.0",
    "spherical_aberration_millimetre": "2.7",
    "amplitude_contrast": "0.07",
}


def item(**arrays):
    tilts = {name: np.zeros(3) for name in ("tilt_angle", "axis_angle", "exposure")}
    return ItemData(
        name="TS_1", arrays={**tilts, **arrays}, attributes=ATTRIBUTES, array_attributes={}
    )


IMAGES = TiltImages(image=lambda tilt: np.zeros((40, 50)), size_px=(50, 40))


def test_the_images_give_the_size_that_the_metadata_lack():
    series = tilt_series(item(), IMAGES)
    assert series.geometry.image_dimensions_angstrom == (100.0, 80.0)
    assert series.image(0).shape == (40, 50)


def test_extracted_particles_need_no_size_of_images():
    series = particle_series(item())
    assert series.geometry.kind == "particle_series"
    with pytest.raises(InvalidState, match="no whole images"):
        series.image(0)


def test_a_term_that_cannot_be_applied_is_refused_by_name():
    with pytest.raises(Unsupported) as error:
        tilt_series(item(defocus_field=np.full((1, 2, 2), -5.0)), IMAGES)
    assert error.value.fields == {"item": "TS_1", "array": "defocus_field"}


def test_extracted_images_have_their_own_pixel_size():
    attributes = {"pixel_size_angstrom": "1.5", "image_pixel_size_angstrom": "12.0"}
    assert image_pixel_angstrom("a", "particle_series", attributes) == 12
    assert image_pixel_angstrom("a", "tilt_series", attributes) == 1.5
    with pytest.raises(InvalidState, match="pixel size"):
        image_pixel_angstrom("a", "tilt_series", {})


def test_the_weight_of_an_item_is_neutral_unless_it_is_stated():
    assert item_weight({}).scale == 1
    for wrong in ({"weight": "nan"}, {"weight": "-1"}, {"b_factor_angstrom2": "inf"}):
        with pytest.raises(InvalidState) as error:
            item_weight({"name": "TS_1", **wrong})
        assert error.value.fields["item"] == "TS_1"
    stated = item_weight({"weight": "0.5", "b_factor_angstrom2": "-20.0"})
    assert (stated.scale, stated.b_factor) == (0.5, -20)
