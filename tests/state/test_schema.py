import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.state.schema import (
    ITEM_ARRAYS,
    ITEM_ATTRIBUTES,
    SPECIES_ATTRIBUTES,
    array_schema,
    attribute_schema,
    canonical_attributes,
    decimal,
    validate_array,
    validate_item,
    validate_species,
)

ITEM = {"name": "TS_01", "kind": "tilt_series"}


def item(**attributes):
    return canonical_attributes({**ITEM, **attributes}, ITEM_ATTRIBUTES, owner="TS_01")


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1.0"), (0.1, "0.1"), (-0.0, "0.0"), (1e-7, "1e-07"), (1e22, "1e+22")]
)
def test_a_decimal_is_the_shortest_text_of_the_float(value, text):
    assert decimal(value) == text
    assert float(text) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_decimal_is_finite(value):
    with pytest.raises(ValueError, match="finite"):
        decimal(value)


@pytest.mark.parametrize("spelling", ["300", "300.0", "3e2", " 300 "])
def test_every_spelling_of_a_decimal_becomes_one(spelling):
    assert item(voltage_kilovolt=spelling)["voltage_kilovolt"] == "300.0"


def test_lists_of_decimals_become_canonical_one_by_one():
    made = item(volume_dimensions_angstrom=("4000", "4e3", "2000.5"))
    assert made["volume_dimensions_angstrom"] == ["4000.0", "4000.0", "2000.5"]


def test_none_means_absent():
    assert item(voltage_kilovolt=None) == ITEM


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("voltage_kilovolt", 300.0),
        ("voltage_kilovolt", "np.float64(300.0)"),
        ("voltage_kilovolt", "nan"),
        ("hand", True),
        ("hand", "1"),
        ("excluded", 1),
        ("image_size_px", [4096]),
        ("image_size_px", 4096),
        ("image_dimensions_angstrom", ["1", "2", "3"]),
        ("aliases", "TS_01"),
        ("kind", "movie"),
        ("name", 7),
        ("raw", ["a.eer"]),
    ],
)
def test_an_attribute_of_another_form_is_refused_by_name(name, value):
    with pytest.raises(InvalidState, match="wrong form") as refused:
        item(**{name: value})
    assert refused.value.fields["attribute"] == name
    assert refused.value.fields["owner"] == "TS_01"


def test_an_unknown_attribute_is_refused_with_the_known_ones():
    with pytest.raises(InvalidState, match="no attribute") as refused:
        item(pixelsize="1.0")
    assert "pixel_size_angstrom" in refused.value.hint


@pytest.mark.parametrize("name", ["name", "kind"])
def test_a_required_attribute_must_be_there(name):
    record = {key: value for key, value in ITEM.items() if key != name}
    with pytest.raises(InvalidState, match="missing"):
        canonical_attributes(record, ITEM_ATTRIBUTES, owner="TS_01")


def test_descriptions_are_found_by_name():
    assert array_schema(ITEM_ARRAYS, "motion_pyramid_y_3").unit == "angstrom"
    assert array_schema(ITEM_ARRAYS, "nothing") is None
    assert attribute_schema(SPECIES_ATTRIBUTES, "symmetry").value_type == "text"
    assert attribute_schema(SPECIES_ATTRIBUTES, "nothing") is None


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("tilt", np.zeros(3), "no array has this name"),
        ("tilt_angle", np.zeros(3, np.float32), "float32, not float64"),
        ("tilt_angle", np.zeros((3, 1)), "2 axes, not 1"),
        ("tilt_angle", np.array([0.0, np.nan, 1.0]), "not finite"),
        ("tilt_angle", np.array([0.0, np.inf, 1.0]), "not finite"),
        ("use", np.zeros(3, np.uint8), "uint8, not bool"),
        ("zernike_odd", np.zeros(11), "length 11, not 12"),
        ("magnification", np.zeros((2, 3)), "length 3, not 2"),
        ("image_warp_x", np.zeros((3, 3)), "2 axes, not 3"),
        ("volume_warp_x", np.zeros((3, 3, 3)), "3 axes, not 4"),
    ],
)
def test_an_array_that_breaks_the_schema_is_refused_by_name(name, values, message):
    with pytest.raises(InvalidState, match=message) as refused:
        validate_item("tilt_series", {name: values}, owner="TS_01")
    assert refused.value.fields["owner"] == "TS_01"
    assert refused.value.fields["array"] == name


def test_the_first_value_that_is_not_finite_is_named():
    with pytest.raises(InvalidState) as refused:
        validate_item("tilt_series", {"tilt_angle": np.array([0.0, np.nan])}, owner="TS_01")
    assert refused.value.fields["first"] == "nan at (1,)"


def test_numbers_of_tilts_agree():
    with pytest.raises(InvalidState, match="3 tilts where 'tilt_angle' has 4"):
        validate_item(
            "tilt_series", {"tilt_angle": np.zeros(4), "exposure": np.zeros(3)}, owner="TS_01"
        )


def test_numbers_of_tilts_agree_with_arrays_that_stay():
    with pytest.raises(InvalidState, match="3 tilts where 'tilt_angle' has 4"):
        validate_item(
            "tilt_series", {"exposure": np.zeros(3)}, owner="TS_01", kept={"tilt_angle": (4,)}
        )


def test_a_frame_series_may_describe_frames_and_micrograph():
    validate_item("frame_series", {"defocus": np.zeros(1), "exposure": np.zeros(40)}, owner="m")


def test_an_array_of_another_kind_of_series_is_refused():
    with pytest.raises(InvalidState, match="tilt_series has no such array"):
        validate_item("tilt_series", {"global_shift": np.zeros((3, 2))}, owner="TS_01")


def test_an_unknown_kind_is_refused():
    with pytest.raises(InvalidState, match="kind"):
        validate_item("movie", {}, owner="m")


@pytest.mark.parametrize("schema", ITEM_ARRAYS, ids=lambda each: each.name)
def test_every_described_array_is_accepted_in_its_form(schema):
    shape = [int(each) if each.isdigit() else 2 for each in schema.dimensions]
    name = schema.name.replace("<j>", "0")
    validate_item(schema.kinds[0], {name: np.zeros(shape, schema.dtype)}, owner="x")


def test_maps_are_equal_cubes():
    cube = np.zeros((4, 4, 4), np.float32)
    validate_species({"half_map_1": cube, "half_map_2": cube, "mask": cube}, owner="r")
    with pytest.raises(InvalidState, match="no cube"):
        validate_species({"mask": cube[:2]}, owner="r")
    with pytest.raises(InvalidState, match="no cube"):
        validate_species({"mask": cube[:0, :0, :0]}, owner="r")
    with pytest.raises(InvalidState, match="edge 2 where 'half_map_1' has 4"):
        validate_species({"half_map_1": cube, "mask": cube[:2, :2, :2]}, owner="r")
    with pytest.raises(InvalidState, match="float64, not float32"):
        validate_species({"mask": cube.astype(float)}, owner="r")
    with pytest.raises(InvalidState, match="no array has this name"):
        validate_species({"map": cube}, owner="r")


def test_an_array_without_description_is_refused():
    with pytest.raises(InvalidState, match="no array has this name"):
        validate_array(None, np.zeros(1), owner="x", array="y")
