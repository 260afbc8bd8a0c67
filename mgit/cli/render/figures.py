"""Figures of the report as SVG: map slices, FSC curves, directions of view."""

import base64
from math import cos, floor, log10, pi, radians, sin, sqrt

import numpy as np

from mgit.cli.render.markup import Markup, element, joined
from mgit.cli.render.numbers import rounded
from mgit.cli.render.png import grey_png
from mgit.state.fsc_metrics import FscMetrics
from mgit.survey.curves import CRITERION
from mgit.survey.directions import Directions
from mgit.survey.slices import Slice, Slices

__all__ = ["CURVES", "directions_figure", "fsc_figure", "scale_length", "slice_figure"]

CURVES = {
    "corrected": "corrected",
    "masked": "in the mask",
    "unmasked": "without mask",
    "phase_randomised": "phases randomised",
}
"""Curves by their names in the metrics, and what they are called."""
WIDTH, HEIGHT = 640, 330
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 44
FSC_LOW, FSC_HIGH = -0.1, 1.0
PERIODS_ANGSTROM = (
    *(100, 50, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.7, 2.4, 2.2, 2, 1.8, 1.6, 1.5),
    *(1.4, 1.3, 1.2, 1.1, 1),
)
TICK_PX = 42
NEWTON_STEPS = 30
EDGE_STEPS = 4
CROWDED_PERCENTILE = 98


def slice_figure(picture: Slice, slices: Slices) -> Markup:
    """One slice with the contour of the mask and a scale bar."""
    edge = picture.grey.shape[0]
    length = scale_length(slices.edge_angstrom / 3)
    bar = length / slices.edge_angstrom * edge
    margin = edge / 20
    content = base64.b64encode(grey_png(picture.grey)).decode("ascii")
    path = "".join(
        f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" for x1, y1, x2, y2 in picture.contour.tolist()
    )
    label = f"slice along {picture.axis}, {picture.right} to the right, {picture.up} upwards"
    return element(
        "svg",
        element("title", label),
        element("image", width=edge, height=edge, href=f"data:image/png;base64,{content}"),
        element("path", d=path, class_="contour") if path else "",
        element(
            "rect",
            x=f"{margin:.1f}",
            y=f"{edge - 1.2 * margin:.1f}",
            width=f"{bar:.1f}",
            height=f"{margin / 5:.2f}",
            class_="scale",
        ),
        element(
            "text",
            f"{rounded(length)} A",
            x=f"{margin:.1f}",
            y=f"{edge - 1.6 * margin:.1f}",
            style=f"font-size:{1.1 * margin:.2f}px",
            class_="scale",
        ),
        viewBox=f"0 0 {edge} {edge}",
        role="img",
        class_="slice",
    )


def scale_length(most: float) -> float:
    """The longest of 1, 2, 5 times a power of ten that is not above `most`."""
    power = 10.0 ** floor(log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9))


def fsc_figure(curves: FscMetrics, *, resolution_angstrom: float | None) -> Markup:
    """The curves over spatial frequency, with the criterion and the resolution."""
    last = float(curves.frequency[-1])
    names = [name for name in reversed(CURVES) if getattr(curves, name) is not None]
    lines = [
        element(
            "polyline",
            points=_points(curves.frequency, getattr(curves, name), last),
            class_=f"curve {name}",
        )
        for name in names
    ]
    level = f"{_y(CRITERION):.1f}"
    parts = [
        *(_rule(value) for value in (0.0, 0.5, 1.0)),
        *_period_ticks(last),
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=level, y2=level, class_="criterion"),
        element("text", f"{CRITERION:g}", x=LEFT - 6, y=f"{_y(CRITERION) + 4:.1f}", class_="y"),
        *lines,
    ]
    if resolution_angstrom is not None and 1 / resolution_angstrom <= last:
        parts.append(_marker(1 / resolution_angstrom / last, resolution_angstrom))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(element("text", "resolution, A", x=middle, y=HEIGHT - 8, class_="x"))
    title = element("title", "Fourier shell correlation of the half-maps")
    return element("svg", title, *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", class_="plot")


def _points(frequency: np.ndarray, values: np.ndarray, last: float) -> str:
    return " ".join(
        f"{_x(place / last):.1f},{_y(value):.1f}"
        for place, value in zip(frequency.tolist(), values.tolist(), strict=True)
    )


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    inside = min(max(value, FSC_LOW), FSC_HIGH)
    return TOP + (FSC_HIGH - inside) / (FSC_HIGH - FSC_LOW) * (HEIGHT - TOP - BOTTOM)


def _rule(value: float) -> Markup:
    level = f"{_y(value):.1f}"
    return joined(
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=level, y2=level, class_="grid"),
        element("text", f"{value:.1f}", x=LEFT - 6, y=f"{_y(value) + 4:.1f}", class_="y"),
    )


def _period_ticks(last: float) -> list[Markup]:
    """Labelled periods, as many as stand apart."""
    ticks = []
    before = float(LEFT)
    for period in PERIODS_ANGSTROM:
        place = _x(1 / period / last)
        if 1 / period > last or place - before < TICK_PX:
            continue
        before = place
        ticks.append(_tick(place, f"{period:g}"))
    if not ticks:  # maps of a few voxels only
        ticks.append(_tick(_x(1.0), rounded(1 / last)))
    return ticks


def _tick(place: float, label: str) -> Markup:
    low = HEIGHT - BOTTOM
    at = f"{place:.1f}"
    return joined(
        element("line", x1=at, x2=at, y1=low, y2=low + 5, class_="axis"),
        element("text", label, x=at, y=low + 18, class_="x"),
    )


def _marker(share: float, resolution: float) -> Markup:
    place = _x(share)
    left = share > 0.75
    return joined(
        element(
            "line", x1=f"{place:.1f}", x2=f"{place:.1f}", y1=TOP, y2=HEIGHT - BOTTOM, class_="mark"
        ),
        element(
            "text",
            f"{rounded(resolution)} A",
            x=f"{place + (-6 if left else 6):.1f}",
            y=TOP + 12,
            class_="mark end" if left else "mark",
        ),
    )


def directions_figure(found: Directions) -> Markup:
    """Cells on the sphere in Mollweide's equal-area projection, darker where more particles are."""
    # A few crowded cells, often at the poles, must not make all others look empty.
    most = max(float(np.percentile(found.density, CROWDED_PERCENTILE)), 1.0)
    cells = [
        _cell(tuple(edges), min(density / most, 1.0), count)
        for *edges, density, count in zip(
            found.rot_from.tolist(),
            found.rot_to.tolist(),
            found.tilt_from.tolist(),
            found.tilt_to.tolist(),
            found.density.tolist(),
            found.count.tolist(),
            strict=True,
        )
    ]
    rim = element("ellipse", cx=0, cy=0, rx=200, ry=100, class_="rim")
    labels = [
        element("text", "tilt 0", x=0, y=-106, class_="x"),
        element("text", "tilt 180", x=0, y=117, class_="x"),
        element("text", "rot -180", x=-198, y=-86, class_="x start"),
        element("text", "rot 180", x=198, y=-86, class_="x end"),
    ]
    title = element("title", "directions of view")
    return element(
        "svg", title, rim, *cells, *labels, viewBox="-206 -122 412 246", role="img", class_="sphere"
    )


def _cell(edges: tuple[float, ...], share: float, count: int) -> Markup:
    if not count:
        return Markup("")
    rot_from, rot_to, tilt_from, tilt_to = edges
    # Parallels are straight in this projection, meridians are not.
    down = [tilt_from + (tilt_to - tilt_from) * step / EDGE_STEPS for step in range(EDGE_STEPS + 1)]
    rim = [(rot_from, tilt) for tilt in down] + [(rot_to, tilt) for tilt in reversed(down)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_mollweide(*each) for each in rim))
    return element("polygon", points=points, fill_opacity=f"{0.06 + 0.94 * share:.2f}")


def _mollweide(rot: float, tilt: float) -> tuple[float, float]:
    """Place of a direction in an ellipse of 400 by 200, tilt 0 at its top.

    2 t + sin 2t = pi sin(latitude) by Newton's method, which converges slowly at the poles only
    (Snyder, Map Projections, USGS 1395, 1987, p. 251).
    """
    latitude = pi / 2 - radians(tilt)
    if abs(abs(latitude) - pi / 2) < 1e-9:
        return 0.0, -100.0 if latitude > 0 else 100.0
    angle = latitude
    for _ in range(NEWTON_STEPS):
        wrong = 2 * angle + sin(2 * angle) - pi * sin(latitude)
        angle -= wrong / (2 + 2 * cos(2 * angle))
    x, y = 2 * sqrt(2) / pi * radians(rot) * cos(angle), sqrt(2) * sin(angle)
    return x / sqrt(2) * 100, -y / sqrt(2) * 100
