"""Motion of a movie's frames at given places, docs/math/geometry.md section 6.

Grids of whole-frame, local and refined motion, RELION's shifts and its third-order polynomial: all
are displacements to be subtracted from the place in the aligned average, all are linear in their
parameters. Frame series and the movies of single tilts use them alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.cubic_grid import cubic_operator
from mgit.geometry.grid_operator import GridOperator
from mgit.geometry.series_geometry import SeriesGeometry

__all__ = ["MotionModel", "frame_coordinates", "motion_model"]

MEASURED = ("global_motion", "local_motion")
"""Motion found by alignment of the whole movie: its grids span all frames of the file."""
PYRAMID = "motion_pyramid"
TERMS = 6
POWERS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionModel:
    """Displacements of fixed places over the frames of one movie.

    start: arrays by canonical name. grids: operators by the stem of both component names.
    """

    start: Mapping[str, Tensor]
    grids: Mapping[tuple[str, str], GridOperator]
    frames: int
    places: int
    shift_rows: slice
    polynomial: Tensor | None

    def displacement(self, changes: Mapping[str, Tensor] | None = None) -> Tensor:
        """`(places, frames, 2)` angstrom, to be subtracted; differentiable in `changes`."""
        values = {**self.start, **(changes or {})}
        shape = (2, self.places, self.frames)
        total = torch.zeros(shape, dtype=torch.float64)
        for (x, y), operator in self.grids.items():
            nodes = torch.stack([values[x], values[y]])
            total = total + operator.values(nodes).reshape(shape)
        if "global_shift" in values:
            total = total + values["global_shift"][self.shift_rows].T[:, None]
        if self.polynomial is not None:
            coefficients = values["motion_polynomial"].reshape(2, TERMS * POWERS)
            total = total + (coefficients @ self.polynomial).reshape(shape)
        return total.permute(1, 2, 0)


def frame_coordinates(frames: int) -> np.ndarray:
    """Coordinates 0..1 of the frames, in time and so in exposure; a single frame is at 0."""
    return np.arange(frames) / max(1, frames - 1)


def motion_model(
    geometry: SeriesGeometry, places: np.ndarray, *, frames_in_file: int | None = None
) -> MotionModel:
    """The motion of `places` `(n, 2)`, angstrom from the corner, in the frames of a movie.

    frames_in_file: how many frames the measured grids span, where only the first are used.

    Raises InvalidState, naming the item, when the image's dimensions are unknown or
    shifts do not cover the frames.
    """
    if geometry.image_dimensions_angstrom is None:
        raise InvalidState(
            "the dimensions of the movie are not known",
            hint="link the raw images, or set the dimensions with 'mgit source set'",
            item=geometry.name,
        )
    relative = places / np.array(geometry.image_dimensions_angstrom)
    frames, arrays = geometry.frame_count, geometry.arrays
    span = frames / (frames_in_file or frames)
    grids = {}
    for x in sorted(arrays):
        stem = next((s for s in (*MEASURED, PYRAMID) if x.startswith(f"{s}_x")), None)
        if stem is None:
            continue
        time = frame_coordinates(frames) * (1.0 if stem == PYRAMID else span)
        points = _points(relative, time)
        name = (x, x.replace("_x", "_y"))
        grids[name] = cubic_operator(arrays[x].shape, geometry.margins[x], points)
    used = {name for pair in grids for name in pair}
    used |= {"global_shift", "motion_polynomial"} & set(arrays)
    return MotionModel(
        start={name: torch.from_numpy(np.array(arrays[name], np.float64)) for name in sorted(used)},
        grids=grids,
        frames=frames,
        places=len(places),
        shift_rows=_shift_rows(geometry),
        polynomial=_polynomial_terms(relative, frames) if "motion_polynomial" in used else None,
    )


def _points(relative: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Grid coordinates `(places * frames, 3)`, frames fastest."""
    count, frames = len(relative), len(time)
    x, y = (np.repeat(relative[:, axis], frames) for axis in range(2))
    return np.stack([x, y, np.tile(time, count)], axis=1)


def _shift_rows(geometry: SeriesGeometry) -> slice:
    """Rows of `global_shift` of the frames that are used; the table may list all frames."""
    shifts = geometry.arrays.get("global_shift")
    if shifts is None:
        return slice(0, 0)
    first = geometry.frame_start - 1
    first = first if len(shifts) >= first + geometry.frame_count else 0
    if len(shifts) < geometry.frame_count or shifts.shape[1:] != (2,):
        raise InvalidState(
            "the shifts of whole frames do not cover the frames that are used",
            item=geometry.name,
            shifts=shifts.shape,
            frames=geometry.frame_count,
        )
    return slice(first, first + geometry.frame_count)


def _polynomial_terms(relative: np.ndarray, frames: int) -> Tensor:
    """`(18, places * frames)`: {1, x, x^2, y, y^2, xy} times {z, z^2, z^3}, RELION's order.

    x and y run from -1/2 to 1/2 over the image, z counts frames from the first that is used.
    """
    x, y = (relative - 0.5).T
    field = np.stack([np.ones_like(x), x, x * x, y, y * y, x * y])
    z = np.arange(frames, dtype=np.float64)
    time = np.stack([z, z**2, z**3])
    terms = np.einsum("tn,pf->tpnf", field, time)
    return torch.from_numpy(terms.reshape(TERMS * POWERS, -1))
