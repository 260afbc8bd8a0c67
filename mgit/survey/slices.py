"""Central slices of a map as grey values, with the contour of its mask."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

__all__ = ["Slice", "Slices", "central_slices", "contour_segments"]

Axis = Literal["x", "y", "z"]
AXES: tuple[Axis, ...] = ("x", "y", "z")
EDGE_MAX = 512
"""Pixels of a slice's edge; larger ones are averaged over squares."""
CONTOUR_AT = 0.5
DARKEST, BRIGHTEST = 0.5, 99.8
"""Percentiles of the three slices that are black and white."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """The slice through the centre, seen along `axis`: the other two run right and up.

    grey: `(edge, edge)` uint8, the top row first. contour: `(k, 4)` segments x1, y1, x2, y2 of the
    mask's contour in pixels, the origin at the upper left corner of the picture.
    """

    axis: Axis
    right: Axis
    up: Axis
    grey: np.ndarray
    contour: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slices:
    """Slices along x, y and z with common grey values.

    edge_angstrom: length of an edge. masked: whether there is a mask to draw.
    """

    slices: tuple[Slice, ...]
    edge_angstrom: float
    masked: bool


def central_slices(
    density: np.ndarray, *, mask: np.ndarray | None, pixel_size_angstrom: float
) -> Slices:
    """Slices of a map `(z, y, x)` through voxel n // 2, where the centre of the box is."""
    cuts = {axis: _cut(density, axis) for axis in AXES}
    low, high = np.percentile(np.stack(list(cuts.values())), [DARKEST, BRIGHTEST])
    made = []
    for axis in AXES:
        right, up = (other for other in AXES if other != axis)
        grey = np.clip((cuts[axis] - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
        lines = np.empty((0, 4))
        if mask is not None:
            cut = _cut(mask, axis)
            lines = contour_segments(cut, at=CONTOUR_AT) + 0.5  # pixel centres, from the corner
        made.append(
            Slice(
                axis=axis,
                right=right,
                up=up,
                grey=np.round(255 * grey).astype(np.uint8),
                contour=lines,
            )
        )
    return Slices(
        slices=tuple(made),
        edge_angstrom=density.shape[0] * pixel_size_angstrom,
        masked=mask is not None,
    )


def _cut(volume: np.ndarray, axis: Axis) -> np.ndarray:
    """The middle slice with its second axis upwards, averaged where it is too large."""
    middle = volume.shape[0] // 2
    where = {"x": (..., middle), "y": (slice(None), middle), "z": (middle,)}[axis]
    image = np.asarray(volume[where], dtype=np.float64)[::-1]
    factor = ceil(len(image) / EDGE_MAX)
    if factor == 1:
        return image
    edge = len(image) // factor
    image = image[: edge * factor, : edge * factor]
    return np.asarray(image.reshape(edge, factor, edge, factor).mean(axis=(1, 3)))


def contour_segments(image: np.ndarray, *, at: float) -> np.ndarray:
    """Where a picture crosses a value: `(k, 4)` segments x1, y1, x2, y2 between pixel centres.

    Marching squares with linear interpolation along the edges between neighbours; a saddle is
    split into its upper and its lower corner.
    """
    inside = image >= at
    corners = np.stack([inside[:-1, :-1], inside[:-1, 1:], inside[1:, 1:], inside[1:, :-1]])
    rows, columns = np.nonzero(corners.any(axis=0) & ~corners.all(axis=0))
    segments = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        points = _crossings(image, row, column, at)
        segments += [points[n] + points[n + 1] for n in range(0, len(points), 2)]
    return np.array(segments, dtype=np.float64).reshape(-1, 4)


def _crossings(image: np.ndarray, row: int, column: int, at: float) -> list[tuple[float, float]]:
    """Points at which the value lies on the edges of a square of four pixels, clockwise."""
    corners = ((row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column))
    points = []
    for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        first, last = float(image[start]), float(image[end])
        if (first >= at) != (last >= at):
            share = (at - first) / (last - first)
            points.append(
                (start[1] + share * (end[1] - start[1]), start[0] + share * (end[0] - start[0]))
            )
    return points
