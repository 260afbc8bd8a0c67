"""The movie documents are self-made after the documented layout; no real one is at hand."""

import numpy as np
import pytest

from mgit.errors import InvalidInput, Unsupported
from mgit.exchange.records import GridValues
from mgit.exchange.warp_movie import patch_movie, read_movie
from tests.exchange.warp_documents import ctf, grid, movie

MARGINS = {"margins": ["0", "0", "0"]}


def current(record):
    return {**record.attributes, **record.arrays}


def patched(content, **changes):
    record = read_movie(content, "m.xml")
    values = {**current(record), **changes}
    return patch_movie(record.documents[0], {n: v for n, v in values.items() if v is not None})


def test_canonical_values_of_a_movie():
    record = read_movie(movie(), "frames/m.xml", raw_name="m.tif")
    arrays = {name: grid.values for name, grid in record.arrays.items()}
    assert (record.kind, record.name) == ("frame_series", "m")
    assert record.attributes["excluded"] is True
    assert arrays["defocus_field"].tolist() == [[[15000.0, 17500.0]]]
    assert arrays["doming"].ravel().tolist() == [0.0, 100.0]
    assert arrays["defocus_delta"].tolist() == [500.0]
    assert arrays["phase_shift"].tolist() == [45.0]
    assert arrays["global_motion_y"].ravel().tolist() == [0.0, -1.0, -2.0]
    assert arrays["motion_pyramid_x_0"].shape == (2, 1, 1)
    assert arrays["motion_pyramid_y_1"].tolist() == [[[3.0, 4.0], [5.0, 6.0]]]
    assert "local_motion_x" not in arrays
    assert [file.path for file in record.raw] == ["m.tif"]


def test_an_unchanged_movie_is_returned_byte_for_byte():
    result = patched(movie())
    assert result.document.content == movie()
    assert {line.verdict for line in result.report} == {"kept"}


def test_one_pyramid_node_is_patched_alone():
    level = GridValues(values=np.array([[[3.0, 4.0], [5.5, 6.0]]]), attributes=MARGINS)
    content = patched(movie(), motion_pyramid_x_1=level).document.content
    assert content == movie().replace(b'Value="5"', b'Value="5.5"', 1)


def test_levels_are_appended_and_removed():
    level = GridValues(values=np.full((1, 4, 4), 0.5), attributes=MARGINS)
    longer = patched(movie(), motion_pyramid_x_2=level, motion_pyramid_y_2=level).document
    record = read_movie(longer.content, "m.xml")
    assert record.arrays["motion_pyramid_y_2"].values.tolist() == level.values.tolist()
    values = current(record)
    del values["motion_pyramid_x_2"], values["motion_pyramid_y_2"]
    assert patch_movie(longer, values).document.content == movie()


def test_levels_must_be_numbered_without_gaps():
    with pytest.raises(Unsupported, match="numbered"):
        patched(movie(), motion_pyramid_x_0=None)


def test_a_pyramid_is_begun_behind_the_local_motion():
    bare = movie(PyramidShiftX=None, PyramidShiftY=None)
    level = GridValues(values=np.ones((2, 1, 1)), attributes=MARGINS)
    content = patched(bare, motion_pyramid_x_0=level, motion_pyramid_y_0=level).document.content
    assert current(read_movie(content, "m.xml")).keys() >= {
        "motion_pyramid_x_0",
        "motion_pyramid_y_0",
    }


def test_constants_and_fields_of_the_ctf_are_patched_apart():
    content = patched(movie(), phase_shift=GridValues(values=np.array([90.0]))).document.content
    assert content == movie(CTF=ctf(PhaseShift="0.5"))
    field = GridValues(values=np.array([[[15000.0, 17501.0]]]), attributes=MARGINS)
    content = patched(movie(), defocus_field=field).document.content
    assert content == movie(GridCTF=grid("GridCTF", 2, 1, 1, ["1.5", "1.7501"]))


@pytest.mark.parametrize("name", ["CTF", "GridCTF", "GridMovementX", "GridLocalMovementY"])
def test_a_missing_node_is_refused(name):
    with pytest.raises(InvalidInput, match="missing"):
        read_movie(movie(**{name: None}), "m.xml")


def test_levels_of_both_axes_must_agree():
    with pytest.raises(InvalidInput, match="differ in number"):
        read_movie(movie(PyramidShiftY=None), "m.xml")


def test_a_grid_without_place_is_refused():
    field = GridValues(values=np.ones((1, 3, 3)), attributes=MARGINS)
    with pytest.raises(Unsupported, match="no place"):
        patched(movie(), spherical_aberration_field=field)


def test_the_root_must_be_a_movie():
    with pytest.raises(InvalidInput, match="root"):
        read_movie(b"<TiltSeries/>", "m.xml")
