"""Sections of stacks, and which files of a manifest are the images of a tilt series."""

from dataclasses import replace

import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.mrc import write_stack
from mgit.refine.raw_stacks import BoundFile, needed_roles, read_section, tilt_images


@pytest.fixture
def stack(tmp_path):
    values = np.arange(3 * 4 * 6, dtype=np.float32).reshape(3, 4, 6)
    path = tmp_path / "stack.mrc"
    write_stack(path, values, pixel_size_angstrom=2.0, label="test")
    return path, values


def bound(path, role="stack"):
    return BoundFile(role=role, path=path.name, place=path)


def test_a_section_is_read_alone(stack):
    path, values = stack
    np.testing.assert_array_equal(read_section(path, 2), values[2])


def test_a_section_that_is_not_there_is_refused(stack):
    with pytest.raises(InvalidInput, match="fewer images"):
        read_section(stack[0], 3)


def test_a_truncated_stack_is_refused_with_the_series(stack):
    path, _ = stack
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InvalidInput, match="shorter than its header") as error:
        tilt_images("TS_1", [bound(path)], tilts=3)
    assert error.value.fields["item"] == "TS_1"


def test_one_stack_gives_the_rows_of_the_table(stack):
    path, values = stack
    images = tilt_images("TS_1", [bound(path)], tilts=3)
    assert images.size_px == (6, 4)
    np.testing.assert_array_equal(images.image(1), values[1])


def test_rows_are_the_sections_that_the_table_names(stack):
    path, values = stack
    images = tilt_images("TS_1", [replace(bound(path), sections=(3, 1))], tilts=2)
    np.testing.assert_array_equal(images.image(0), values[2])
    np.testing.assert_array_equal(images.image(1), values[0])


@pytest.mark.parametrize("sections", [(1, 2, 4), (1, 2)])
def test_sections_that_the_stack_or_the_table_lack_are_refused(stack, sections):
    with pytest.raises(InvalidInput, match="one image per row"):
        tilt_images("TS_1", [replace(bound(stack[0]), sections=sections)], tilts=3)


def test_a_stack_of_another_length_is_refused(stack):
    with pytest.raises(InvalidInput, match="one image per row"):
        tilt_images("TS_1", [bound(stack[0])], tilts=5)


def test_single_images_go_before_movies_and_the_gain_is_no_image():
    roles = ["movie", "movie", "tilt_image", "tilt_image", "gain"]
    assert needed_roles(roles, kind="tilt_series", tilts=2) == ("tilt_image",)
    assert needed_roles(["movie", "movie", "gain"], kind="tilt_series", tilts=2) == ("movie",)
    assert needed_roles(["gain"], kind="tilt_series", tilts=2) == ()
    assert needed_roles(["stack"] * 4, kind="particle_series", tilts=2) == ("stack",)


def test_a_series_without_one_image_per_tilt_is_refused(stack):
    with pytest.raises(NotFound, match="each of 2 tilts"):
        tilt_images("TS_1", [bound(stack[0], "tilt_image")], tilts=2)


def test_a_movie_that_is_not_averaged_is_refused(stack):
    with pytest.raises(Unsupported, match="not averaged"):
        tilt_images("TS_1", [bound(stack[0], "movie")], tilts=1)


def test_other_formats_than_mrc_are_refused(tmp_path):
    path = tmp_path / "image.tif"
    path.write_bytes(b"II*\0")
    with pytest.raises(Unsupported, match="only MRC"):
        tilt_images("TS_1", [bound(path, "tilt_image")], tilts=1)


@pytest.mark.parametrize("sections", [(), (2, 1, 3)])
def test_an_image_that_is_not_finite_is_refused_by_item_tilt_and_file(tmp_path, sections):
    path = tmp_path / "stack.mrc"
    write_stack(path, np.ones((3, 4, 6), np.float32), pixel_size_angstrom=2.0, label="test")
    content = bytearray(path.read_bytes())
    content[1024 + 4 * (24 + 7) : 1024 + 4 * (24 + 8)] = np.float32(np.nan).tobytes()
    path.write_bytes(content)
    images = tilt_images("TS_1", [replace(bound(path), sections=sections)], tilts=3)
    with pytest.raises(InvalidInput, match="not finite") as error:
        images.image(0 if sections else 1)
    assert error.value.fields == {"item": "TS_1", "tilt": 1 if sections else 2, "file": str(path)}
