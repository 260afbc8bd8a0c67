import numpy as np
import pytest

from mgit.errors import InvalidState
from mgit.exchange.records import GridValues
from mgit.exchange.warp_tilt_series import read_tilt_series
from mgit.exchange.warp_write import write_tilt_series

TILTS = 4
MOVIES = [f"frames/<{tilt}> & co.tif" for tilt in range(TILTS)]
ATTRIBUTES = {
    "pixel_size_angstrom": "1.35",
    "voltage_kilovolt": "200.0",
    "spherical_aberration_millimetre": "2.6",
    "amplitude_contrast": "0.1",
    "hand": -1,
    "volume_dimensions_angstrom": ["100.0", "80.5", "60.0"],
}


def values(**changes):
    random = np.random.default_rng(0)
    names = ("tilt_angle", "exposure", "axis_angle", "axis_offset_x", "axis_offset_y", "defocus")
    arrays = {name: GridValues(values=random.normal(size=TILTS) * 40) for name in names}
    arrays["use"] = GridValues(values=np.array([True, False, True, True]))
    arrays["image_warp_x"] = GridValues(
        values=random.normal(size=(TILTS, 2, 3)), attributes={"margins": ["0", "0", "0"]}
    )
    arrays["volume_warp_y"] = GridValues(values=random.normal(size=(2, 2, 2, 2)))
    return {**ATTRIBUTES, **arrays, **changes}


def test_what_is_written_is_read_back():
    given = values()
    patched = write_tilt_series("ts/TS_9.xml", given, movies=MOVIES)
    record = read_tilt_series(patched.document.content, "ts/TS_9.xml")
    assert record.name == "TS_9"
    assert [raw.path for raw in record.raw if raw.role == "movie"] == MOVIES
    for name, value in given.items():
        if isinstance(value, GridValues):
            assert np.allclose(record.arrays[name].values, value.values, rtol=0, atol=1e-9), name
        else:
            assert record.attributes[name] == value, name


def test_terms_without_a_place_are_dropped_by_name():
    lost = GridValues(values=np.array([1.0, 0.5, 1.0, 1.0]))
    patched = write_tilt_series("a.xml", values(ctf_scale=lost), movies=MOVIES)
    found = [(x.field, x.count) for x in patched.report if x.verdict == "dropped"]
    assert found == [("(ctf_scale)", 1)]


def test_level_angles_that_differ_become_their_mean_and_are_told():
    angles = GridValues(values=np.array([0.0, 1.0, 2.0, 3.0]))
    patched = write_tilt_series("a.xml", values(level_angle_x=angles), movies=MOVIES)
    assert [x.field for x in patched.report if x.verdict == "dropped"] == ["(level_angle_x)"]
    record = read_tilt_series(patched.document.content, "a.xml")
    assert set(record.arrays["level_angle_x"].values) == {1.5}


def test_one_level_angle_for_all_tilts_is_kept():
    angles = GridValues(values=np.full(TILTS, 1.25))
    patched = write_tilt_series("a.xml", values(level_angle_y=angles), movies=MOVIES)
    assert not [x for x in patched.report if x.verdict == "dropped"]


@pytest.mark.parametrize("name", ["tilt_angle", "exposure", "voltage_kilovolt"])
def test_a_series_that_lacks_what_warp_needs_is_refused_by_name(name):
    given = values()
    del given[name]
    with pytest.raises(InvalidState, match=name):
        write_tilt_series("a.xml", given, movies=MOVIES)


def test_one_movie_per_tilt_is_needed():
    with pytest.raises(InvalidState, match="3 movies"):
        write_tilt_series("a.xml", values(), movies=MOVIES[:3])
