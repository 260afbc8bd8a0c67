"""Summaries of sources and series."""

import numpy as np
import pytest

from mgit.digest import RawDigest
from mgit.state.raw import RawEntry
from mgit.state.series import (
    read_item,
    set_excluded,
    set_use,
    update_item_arrays,
    update_item_attributes,
)
from mgit.state.source import read_source
from mgit.survey.source import deformation_rms_angstrom, source_summary
from mgit.testing.memory import MemoryTree
from tests.survey.populations import FIRST, SECOND, SOURCE, add_series, add_source


@pytest.fixture
def tree():
    made = MemoryTree()
    add_source(made)
    return made


def items(tree):
    return {each.name: each for each in source_summary(read_source(tree, SOURCE)).items}


def test_ranges_are_over_the_images_in_use(tree):
    set_use(tree, FIRST, np.array([True, True, True, False]))
    found = items(tree)["TS_01"]
    assert (found.images, found.images_used) == (4, 3)
    assert found.exposure_e_per_angstrom2 == (0.0, 6.0)
    assert found.tilt_degree[0] == -40.0


def test_images_of_excluded_series_do_not_count_as_used(tree):
    set_excluded(tree, FIRST, excluded=True, reason="ice")
    found = source_summary(read_source(tree, SOURCE))
    assert (found.images, found.images_used) == (8, 4)
    assert found.items[0].exclusion_reason == "ice"


def test_the_worst_come_first(tree):
    add_series(tree, "TS_00")
    add_series(tree, "TS_09", image_warp_x=(np.full((4, 3, 3), 99.0), {}))
    set_use(tree, SECOND, np.array([True, False, False, True]))
    set_excluded(tree, FIRST, excluded=True)
    assert list(items(tree)) == ["TS_01", "TS_02", "TS_09", "TS_00"]


def test_the_deformation_is_the_length_of_displacements(tree):
    grids = {
        "image_warp_x": (np.full((4, 3, 3), 3.0), {}),
        "image_warp_y": (np.full((4, 3, 3), -4.0), {}),
    }
    update_item_arrays(tree, FIRST, grids)
    arrays = read_item(tree, FIRST).arrays()
    assert deformation_rms_angstrom(arrays) == pytest.approx(5.0)
    assert deformation_rms_angstrom({"defocus": arrays["defocus"]}) is None


def test_bindings_are_counted(tree):
    digest = str(RawDigest.of(b"movie"))
    add_series(tree, "TS_07", raw=[RawEntry(role="movie", path="a.eer", digest=digest)])
    assert source_summary(read_source(tree, SOURCE)).bindings == {"unbound": 2, "full": 1}


def test_optics_that_all_series_share_are_the_sources(tree):
    found = source_summary(read_source(tree, SOURCE)).attributes
    assert "voltage_kilovolt" not in found
    for path, voltage in ((FIRST, "300"), (SECOND, "300")):
        update_item_attributes(tree, path, {"voltage_kilovolt": voltage})
    assert source_summary(read_source(tree, SOURCE)).attributes["voltage_kilovolt"] == "300.0"
    update_item_attributes(tree, FIRST, {"voltage_kilovolt": "200"})
    assert "voltage_kilovolt" not in source_summary(read_source(tree, SOURCE)).attributes


def test_a_frame_series_is_one_image(tree):
    from mgit.state.names import source_path
    from mgit.state.series import write_item
    from mgit.state.source import write_source

    write_source(tree, "movies", kind="frame_series")
    write_item(
        tree,
        "movies",
        name="movie_1",
        kind="frame_series",
        attributes={"pixel_size_angstrom": "0.8"},
        arrays={
            "defocus": (np.array([15000.0]), {}),
            "local_motion_x": (np.full((2, 3, 3), 3.0), {}),
            "local_motion_y": (np.full((2, 3, 3), 4.0), {}),
        },
    )
    found = source_summary(read_source(tree, source_path("movies")))
    (item,) = found.items
    assert (found.images, found.images_used) == (1, 1)
    assert item.defocus_angstrom == (15000.0, 15000.0)
    assert (item.tilt_degree, item.exposure_e_per_angstrom2) == (None, None)
    assert item.deformation_angstrom == pytest.approx(5.0)


def test_a_series_without_any_image_in_use_has_the_range_of_all(tree):
    set_use(tree, FIRST, np.zeros(4, dtype=bool))
    assert items(tree)["TS_01"].tilt_degree == (-40.0, 40.0)
    assert items(tree)["TS_01"].images_used == 0
