"""Position, orientation and defocus of every particle in every frame, docs/math/geometry.md.

Particles of a frame series have x and y in the micrograph; z is an offset of their defocus.
Deformations are evaluated at undeformed positions, fixed while the model lives.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgit.geometry.cubic_grid import cubic_operator
from mgit.geometry.grid_operator import GridOperator
from mgit.geometry.motion import MotionModel, frame_coordinates, motion_model
from mgit.geometry.poses import ParticlePoses, orientations, turned
from mgit.geometry.rotations import axis_matrices, composed
from mgit.geometry.series_geometry import SeriesGeometry
from mgit.geometry.tilt_series import Views, merged
from mgit.geometry.trajectories import interpolate_trajectory

__all__ = ["FrameSeriesModel", "frame_series_model", "pyramid_shapes"]

STAGE_ANGLE = ("stage_angle_x", "stage_angle_y", "stage_angle_z")
DEFOCUS_GRIDS = ("defocus_field", "doming")
TIME_NODES_MIN = 3
"""Fewer nodes in time than this are not worth a level of a motion pyramid."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameSeriesModel:
    """A frame series with its particles, differentiable in everything that refinement moves.

    start: what the model was built with, by canonical name, and of the particles `position`,
        `angles` and `rotation_vector` (degrees, zero).
    """

    start: Mapping[str, Tensor]
    time: Tensor
    motion: MotionModel
    grids: Mapping[str, GridOperator]

    def views(self, changes: Mapping[str, Tensor] | None = None) -> Views:
        """Views of all particles in all frames; `depth` is the particle's z.

        Differentiable in `changes`. Raises InvalidState for names that `start` does not have.
        """
        values = merged(self.start, changes or {})
        position = interpolate_trajectory(values["position"], self.time)
        shape = position.shape[:2]
        moving = {name: values[name] for name in self.motion.start}
        defocus = position[..., 2] + self._base_defocus(values, shape)
        if "doming" in self.grids:
            defocus = defocus + self._field("doming", values).reshape(shape)
        rotation = orientations(values["angles"], self.time)
        rotation = turned(rotation, values["rotation_vector"], self.time)
        if STAGE_ANGLE[0] in self.grids:
            x, y, z = (self._field(name, values).reshape(shape) for name in STAGE_ANGLE)
            rotation = composed(axis_matrices(x, y, z), rotation)
        return Views(
            position=position[..., :2] - self.motion.displacement(moving),
            rotation=rotation.expand(*shape, 3, 3),
            depth=position[..., 2],
            defocus=defocus,
        )

    def _field(self, name: str, values: Mapping[str, Tensor]) -> Tensor:
        return self.grids[name].values(values[name][None])[0]

    def _base_defocus(self, values: Mapping[str, Tensor], shape: torch.Size) -> Tensor:
        """The defocus field at the particles, or the micrograph's one defocus."""
        if "defocus_field" in self.grids:
            return self._field("defocus_field", values).reshape(shape)
        return values["defocus"][0].expand(shape)


def frame_series_model(
    geometry: SeriesGeometry, poses: ParticlePoses, *, frames_in_file: int | None = None
) -> FrameSeriesModel:
    """Build the model of a frame series and the particles of one species in it, in float64.

    frames_in_file: how many frames the measured motion spans, where only the first are used.

    Raises InvalidState, naming the item, when the dimensions are unknown or the frames are not
    covered.
    """
    time = frame_coordinates(geometry.frame_count)
    at = torch.from_numpy(time)
    position = torch.from_numpy(np.array(poses.position, np.float64))
    # Grids are read where a particle is on average: they vary little over its trajectory.
    place = interpolate_trajectory(position, at)[..., :2].mean(dim=1).numpy()
    motion = motion_model(geometry, place, frames_in_file=frames_in_file)
    grids = {}
    for name in (*DEFOCUS_GRIDS, *STAGE_ANGLE):
        if name in geometry.arrays:
            relative = place / np.array(geometry.image_dimensions_angstrom)
            points = np.column_stack(
                [np.repeat(relative, len(time), axis=0), np.tile(time, len(place))]
            )
            shape = geometry.arrays[name].shape
            grids[name] = cubic_operator(shape, geometry.margins[name], points)
    start = dict(motion.start)
    for name in grids:
        start[name] = torch.from_numpy(np.array(geometry.arrays[name], np.float64))
    defocus = geometry.arrays.get("defocus", np.zeros(1))
    start["defocus"] = torch.from_numpy(np.array(defocus, np.float64))
    start["position"] = position
    start["angles"] = torch.from_numpy(np.array(poses.angles, np.float64))
    start["rotation_vector"] = torch.zeros_like(start["angles"])
    return FrameSeriesModel(start=start, time=at, motion=motion, grids=grids)


def pyramid_shapes(
    width: int, height: int, *, frames: int, exposure: float
) -> tuple[tuple[int, int, int], ...]:
    """Node shapes (time, y, x) of the levels of a motion pyramid, finest in time first.

    Level j has width 2^j times, height 2^j times the first; the first has one time node per
    e/A^2 of `exposure`, at most one per frame; each next one about a quarter of them, while that
    is 3 or more (docs/math/geometry.md eq. 10).
    """
    count = max(1, min(int(np.ceil(exposure)), frames))
    shapes = [(count, height, width)]
    while (count := (count + 3) // 4) >= TIME_NODES_MIN:
        scale = 2 ** len(shapes)
        shapes.append((count, height * scale, width * scale))
    return tuple(shapes)
