"""Figures of the report: what stands where."""

import base64
import re

import numpy as np
import pytest

from mgit.cli.render.figures import directions_figure, fsc_figure, scale_length, slice_figure
from mgit.state.fsc_metrics import FscMetrics
from mgit.survey.directions import direction_histogram
from mgit.survey.slices import central_slices
from tests.cli.render.pages import Page

FREQUENCY = np.linspace(0, 0.25, 26)
CURVE = np.clip(1.2 - 6 * FREQUENCY, -0.4, 1)


def of(page, tag, kind):
    return [each for name, each in page.elements if name == tag and each.get("class") == kind]


@pytest.mark.parametrize(("most", "length"), [(100, 100), (99, 50), (7, 5), (3, 2), (0.3, 0.2)])
def test_scale_bars_have_round_lengths(most, length):
    assert scale_length(most) == pytest.approx(length)


def test_a_slice_has_its_picture_the_contour_and_a_bar_to_scale():
    mask = np.zeros((30, 30, 30), np.float32)
    mask[10:20, 10:20, 10:20] = 1
    found = central_slices(mask, mask=mask, pixel_size_angstrom=4.0)
    page = Page(slice_figure(found.slices[0], found))
    (image,) = [each for tag, each in page.elements if tag == "image"]
    kind, _, content = image["href"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content).startswith(b"\x89PNG")
    (bar,) = of(page, "rect", "scale")
    assert float(bar["width"]) * 4.0 == pytest.approx(20.0)  # of 120 A
    assert "20 A" in page.text
    assert len(of(page, "path", "contour")) == 1
    bare = central_slices(mask, mask=None, pixel_size_angstrom=4.0)
    assert not of(Page(slice_figure(bare.slices[0], bare)), "path", "contour")


def test_curves_criterion_and_resolution_share_their_axes():
    curves = FscMetrics(frequency=FREQUENCY, corrected=CURVE, unmasked=CURVE / 2)
    page = Page(fsc_figure(curves, resolution_angstrom=5.0))
    kinds = [each["class"] for tag, each in page.elements if tag == "polyline"]
    assert kinds == ["curve unmasked", "curve corrected"]
    (line,) = of(page, "polyline", "curve corrected")
    points = [tuple(map(float, each.split(","))) for each in line["points"].split()]
    (level,) = of(page, "line", "criterion")
    (mark,) = of(page, "line", "mark")
    # The curve is 0.143 at (1.2 - 0.143) / 6 = 1/5.68 A; 1/5 A is four fifths of the axis.
    left, right = points[0][0], points[-1][0]
    assert float(mark["x1"]) == pytest.approx(left + 0.8 * (right - left), abs=0.1)
    crossing = np.interp(
        -float(level["y1"]), [-y for _, y in points[::-1]], [x for x, _ in points[::-1]]
    )
    assert (crossing - left) / (right - left) * 0.25 == pytest.approx(1 / 5.68, abs=0.002)
    assert "5 A" in page.text
    ticks = [
        float(text)
        for text in re.findall(r">([\d.]+)</text>", fsc_figure(curves, resolution_angstrom=None))
        if text not in ("0.0", "0.5", "1.0", "0.143")
    ]
    assert ticks == sorted(ticks, reverse=True)
    assert min(ticks) >= 4


def test_a_curve_of_a_few_huge_voxels_still_has_a_tick():
    curves = FscMetrics(frequency=np.array([0.0, 0.004]), corrected=np.array([1.0, 0.5]))
    assert "250" in Page(fsc_figure(curves, resolution_angstrom=3.0)).text


def test_directions_fill_the_ellipse_and_the_pole_is_at_the_top():
    random = np.random.default_rng(0)
    angles = np.stack(
        [
            random.uniform(-180, 180, 5000),
            np.degrees(np.arccos(random.uniform(-1, 1, 5000))),
            np.zeros(5000),
        ],
        axis=1,
    )
    page = Page(directions_figure(direction_histogram(angles)))
    cells = [each for tag, each in page.elements if tag == "polygon"]
    area = 0.0
    for cell in cells:
        x, y = np.array([tuple(map(float, p.split(","))) for p in cell["points"].split()]).T
        assert ((x / 200) ** 2 + (y / 100) ** 2).max() < 1.005
        area += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(np.pi * 200 * 100, rel=0.02)
    assert all(0 < float(each["fill-opacity"]) <= 1 for each in cells)

    top = Page(directions_figure(direction_histogram(np.array([[-170.0, 5.0, 0.0]]))))
    (one,) = [each for tag, each in top.elements if tag == "polygon"]
    x, y = np.array([tuple(map(float, p.split(","))) for p in one["points"].split()]).T
    assert y.min() == -100
    assert y.max() < 0
    assert x.max() <= 0


def test_equal_areas_of_the_sphere_have_equal_areas_in_the_figure():
    angles = np.array([[10.0, 3.0, 0], [10.0, 93.0, 0]])
    found = direction_histogram(angles)
    page = Page(directions_figure(found))
    areas = []
    for cell in (each for tag, each in page.elements if tag == "polygon"):
        x, y = np.array([tuple(map(float, p.split(","))) for p in cell["points"].split()]).T
        areas.append(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)
    filled = found.count > 0
    share = (
        np.cos(np.radians(found.tilt_from[filled])) - np.cos(np.radians(found.tilt_to[filled]))
    ) * (found.rot_to - found.rot_from)[filled]
    assert areas[0] / areas[1] == pytest.approx(share[0] / share[1], rel=0.05)
