import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.geometry.series_geometry import series_geometry


def test_absent_angles_and_offsets_are_zero_and_all_tilts_are_used():
    geometry = series_geometry(
        "a",
        "tilt_series",
        arrays={"tilt_angle": np.zeros(3), "axis_angle": np.ones(3), "exposure": np.arange(3)},
        attributes={"pixel_size_angstrom": "2.0", "image_size_px": [100, 60]},
    )
    assert geometry.arrays["level_angle_x"].tolist() == [0, 0, 0]
    assert geometry.used_tilts.tolist() == [0, 1, 2]
    assert geometry.image_dimensions_angstrom == (200.0, 120.0)
    assert geometry.hand == 1


def test_excluded_tilts_are_not_among_the_used(make_series):
    geometry = make_series(4, use=np.array([True, False, True, False]))
    assert geometry.used_tilts.tolist() == [0, 2]
    assert geometry.tilt_count == 4


def test_arrays_without_geometry_are_left_out(make_series):
    geometry = make_series(3, phase_shift=np.full(3, np.nan), zernike_odd=np.ones(12))
    assert "phase_shift" not in geometry.arrays
    assert "zernike_odd" not in geometry.arrays


def test_margins_are_read_in_the_order_x_y_z(make_series):
    warp = np.zeros((7, 2, 3))
    geometry = make_series(
        image_warp_x=warp,
        image_warp_y=warp,
        array_attributes={
            name: {"margins": ["0.1", "0.2", "0"]} for name in ("image_warp_x", "image_warp_y")
        },
    )
    assert geometry.margins["image_warp_x"] == (0.1, 0.2, 0.0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"defocus": np.zeros(3)}, "one entry per tilt"),
        ({"axis_angle": np.full(7, np.nan)}, "not finite"),
        ({"use": np.zeros(7, bool)}, "every tilt is excluded"),
        ({"image_warp_x": np.zeros((7, 2, 2))}, "do not share one grid"),
        ({"stage_angle_x": np.zeros((7, 1, 1)), "stage_angle_y": np.zeros((7, 1, 1))}, "one grid"),
        (
            {"image_warp_x": np.zeros((7, 2, 2)), "image_warp_y": np.zeros((7, 2, 3))},
            "do not share one grid",
        ),
        ({"motion_polynomial": np.zeros(18)}, "36 coefficients"),
        ({"image_deformation": np.zeros((7, 3))}, "unknown type"),
        ({"image_warp_x": np.zeros((0, 2, 2))}, "empty"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(make_series, arrays, message):
    with pytest.raises(InvalidState, match=message) as caught:
        make_series(7, **arrays)
    assert caught.value.fields["item"] == "TS_1"


@pytest.mark.parametrize("values", [np.zeros((6, 3)), np.zeros(7), np.full((7, 3), np.nan)])
def test_a_deformation_that_does_not_fit_is_refused_by_array(make_series, values):
    attributes = {"image_deformation": {"type": "linear", "unit": "pixel", "grid": [0, 0]}}
    with pytest.raises(InvalidState, match="deformation") as caught:
        make_series(7, image_deformation=values, array_attributes=attributes)
    assert caught.value.fields["array"] == "image_deformation"


@pytest.mark.parametrize("hand", [0, 2])
def test_a_hand_that_is_no_sign_is_refused(hand):
    arrays = {name: np.zeros(2) for name in ("tilt_angle", "axis_angle", "exposure")}
    attributes = {"pixel_size_angstrom": "1.0", "hand": hand}
    with pytest.raises(InvalidState, match="hand"):
        series_geometry("a", "tilt_series", arrays=arrays, attributes=attributes)


@pytest.mark.parametrize("missing", ["tilt_angle", "axis_angle", "exposure"])
def test_a_series_that_was_never_aligned_is_refused(missing):
    arrays = {name: np.zeros(2) for name in ("tilt_angle", "axis_angle", "exposure")}
    del arrays[missing]
    with pytest.raises(InvalidState, match=missing) as caught:
        series_geometry(
            "a", "tilt_series", arrays=arrays, attributes={"pixel_size_angstrom": "1.0"}
        )
    assert "align" in caught.value.hint


def test_a_pixel_size_is_needed(make_series):
    with pytest.raises(InvalidState, match="pixel size"):
        make_series(attributes={"pixel_size_angstrom": "0"})


def test_arrays_are_replaced_in_a_copy(make_series, rng):
    geometry = make_series()
    warp = {f"image_warp_{axis}": rng.normal(size=(7, 3, 3)) for axis in "xy"}
    changed = geometry.with_arrays(warp)
    assert "image_warp_x" not in geometry.arrays
    assert changed.arrays["image_warp_x"] is warp["image_warp_x"]
    assert changed.margins["image_warp_x"] == (0.0, 0.0, 0.0)
    moved = changed.with_arrays(warp, margins=dict.fromkeys(warp, (0.1, 0.1, 0.0)))
    assert moved.margins["image_warp_y"] == (0.1, 0.1, 0.0)
    with pytest.raises(InvalidState):
        geometry.with_arrays({"image_warp_x": warp["image_warp_x"]})
