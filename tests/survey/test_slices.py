"""Central slices, their grey values and the contour of the mask."""

import numpy as np
import pytest

from mgit.survey.slices import EDGE_MAX, central_slices, contour_segments


def marked(x, y, z, box=8):
    density = np.zeros((box,) * 3, np.float32)
    density[z, y, x] = 1
    return density


@pytest.mark.parametrize(
    ("axis", "voxel", "place"),
    [
        ("z", (6, 5, 4), (2, 6)),  # x to the right, y up: row 7 - 5
        ("y", (6, 4, 5), (2, 6)),
        ("x", (4, 6, 5), (2, 6)),
    ],
)
def test_a_voxel_of_the_central_slice_stands_right_and_up(axis, voxel, place):
    found = central_slices(marked(*voxel), mask=None, pixel_size_angstrom=2.0)
    (one,) = [each for each in found.slices if each.axis == axis]
    assert tuple(np.argwhere(one.grey)[0]) == place
    assert {axis, one.right, one.up} == {"x", "y", "z"}
    assert found.edge_angstrom == 16.0
    assert not found.masked
    assert not len(one.contour)


def test_grey_values_are_common_to_the_slices_and_span_the_range():
    density = np.zeros((8, 8, 8), np.float32)
    density[4] = 1.0
    density[:, 4] += 1.0
    found = {
        each.axis: each.grey
        for each in central_slices(density, mask=None, pixel_size_angstrom=1.0).slices
    }
    assert found["z"].min() == found["y"].min() == 128
    assert found["x"].min() == 0
    assert found["z"].max() == 255


def test_a_flat_map_is_black():
    flat = np.full((4, 4, 4), 3.0, np.float32)
    (first, *_) = central_slices(flat, mask=None, pixel_size_angstrom=1.0).slices
    assert not first.grey.any()


def test_a_large_slice_is_averaged():
    box = EDGE_MAX + 2

    class Volume:
        shape = (box,) * 3

        def __getitem__(self, where):
            return np.arange(box * box, dtype=np.float32).reshape(box, box)

    (first, *_) = central_slices(Volume(), mask=None, pixel_size_angstrom=1.0).slices
    assert first.grey.shape == (box // 2, box // 2)


def test_the_contour_of_a_ball_is_its_circle():
    axes = np.indices((32, 32, 32)) - 16.0
    radius = np.sqrt((axes**2).sum(axis=0))
    mask = np.clip((10 - radius) / 4 + 0.5, 0, 1)
    found = central_slices(mask, mask=mask, pixel_size_angstrom=1.0)
    assert found.masked
    for each in found.slices:
        ends = each.contour.reshape(-1, 2)
        # Voxel 16 is at 16.5 from the left and, upwards, at 16.5 from the bottom of 32.
        assert np.hypot(ends[:, 0] - 16.5, ends[:, 1] - 15.5) == pytest.approx(10, abs=0.15)
        length = np.hypot(*(each.contour[:, 2:] - each.contour[:, :2]).T).sum()
        assert length == pytest.approx(2 * np.pi * 10, rel=0.02)


def test_a_saddle_has_two_lines_and_a_border_none():
    assert len(contour_segments(np.array([[1.0, 0.0], [0.0, 1.0]]), at=0.5)) == 2
    assert contour_segments(np.ones((3, 3)), at=0.5).shape == (0, 4)
    (line,) = contour_segments(np.array([[0.0, 1.0], [0.0, 1.0]]), at=0.25).tolist()
    assert sorted(line) == [0.0, 0.25, 0.25, 1.0]
