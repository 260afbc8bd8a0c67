"""Position, orientation and defocus of every particle in every tilt, docs/math/geometry.md.

    model = tilt_series_model(geometry, poses)
    views = model.views()                          # what the stored values say
    views = model.views({"image_warp_x": nodes})   # with some values replaced, differentiable

The points at which deformations are evaluated are those of the values that the model was built
with. They stay fixed while values change, which makes every deformation a constant sparse matrix
and gradients exact; build a new model to move them (docs/math/geometry.md section 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.cubic_grid import cubic_operator
from mgit.geometry.grid_operator import GridOperator
from mgit.geometry.image_deformation import DeformationOperator, deformation_operator
from mgit.geometry.linear_grid import linear_operator
from mgit.geometry.poses import ParticlePoses, orientations, turned
from mgit.geometry.rotations import axis_matrices, composed
from mgit.geometry.series_geometry import SeriesGeometry
from mgit.geometry.trajectories import interpolate_trajectory, relative_exposure

__all__ = ["TiltSeriesModel", "Views", "merged", "tilt_series_model"]

IMAGE_WARP = ("image_warp_x", "image_warp_y")
VOLUME_WARP = ("volume_warp_x", "volume_warp_y", "volume_warp_z")
STAGE_ANGLE = ("stage_angle_x", "stage_angle_y", "stage_angle_z")
PER_TILT = (
    "tilt_angle",
    "axis_angle",
    "level_angle_x",
    "level_angle_y",
    "axis_offset_x",
    "axis_offset_y",
    "defocus",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """How particles appear in images; tilts are the used ones, in the order of the table.

    position: `(particles, images, 2)` x y, angstrom from the corner of the image.
    rotation: `(particles, images, 3, 3)` particle -> image.
    depth: `(particles, images)` z in the image, angstrom from the volume's centre.
    defocus: `(particles, images)` angstrom, mean of both principal defoci.
    """

    position: Tensor
    rotation: Tensor
    depth: Tensor
    defocus: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiltSeriesModel:
    """A tilt series with its particles, differentiable in everything that refinement moves.

    start: what the model was built with. Keys are canonical array names, and of the particles
        `position`, `angles`, `rotation_vector` (degrees, zero) and `displacement`.
    tilts: rows of the tilt table that take part.
    orientation: particle -> volume rotations of `start`.
    """

    start: Mapping[str, Tensor]
    tilts: np.ndarray
    exposure: Tensor
    orientation: Tensor
    volume_centre: Tensor
    image_centre: Tensor
    hand: int
    pixel_size_angstrom: float
    image_warp: GridOperator | None
    volume_warp: GridOperator | None
    stage: GridOperator | None
    deformation: DeformationOperator | None

    def views(self, changes: Mapping[str, Tensor] | None = None) -> Views:
        """Views of all particles with `changes` in place of the values of `start`.

        Differentiable in `changes`. Raises InvalidState for names that `start` does not have.
        """
        changed = changes or {}
        values = merged(self.start, changed)
        tilt = self._tilt_rotations(values)
        q = _turned(tilt, self._specimen(values))
        x, depth = self._image_positions(values, q)
        defocus = values["defocus"][self.tilts, None] + self.hand * depth
        return Views(
            position=x.permute(2, 0, 1),
            rotation=self._orientations(values, tilt, self._particles(changed)),
            depth=depth.T,
            defocus=defocus.T,
        )

    def _tilt_rotations(self, values: Mapping[str, Tensor]) -> Tensor:
        """Volume -> image rotations `(tilts, 3, 3)`, eq. 3."""
        used = {name: values[name][self.tilts] for name in PER_TILT[:4]}
        return axis_matrices(
            used["level_angle_x"],
            -(used["tilt_angle"] + used["level_angle_y"]),
            used["axis_angle"],
        )

    def _specimen(self, values: Mapping[str, Tensor]) -> Tensor:
        """Centred, warped positions `(tilts or 1, 3, particles)`, before the tilt."""
        position = values["position"]
        if position.shape[1] > 1:
            position = interpolate_trajectory(position, self.exposure)
        place = position.permute(1, 2, 0) - self.volume_centre[None, :, None]
        displacement = values.get("displacement")
        if displacement is not None:
            place = place + displacement[:, self.tilts].permute(1, 2, 0)
        if self.volume_warp is not None:
            nodes = torch.stack([values[name] for name in VOLUME_WARP])
            warp = self.volume_warp.values(nodes)
            place = place + warp.reshape(len(warp), len(self.tilts), -1).permute(1, 0, 2)
        return place

    def _image_positions(self, values: Mapping[str, Tensor], q: Tensor) -> tuple[Tensor, Tensor]:
        """Positions `(tilts, 2, particles)` in the images and depths `(tilts, particles)`."""
        offset = torch.stack([values["axis_offset_x"], values["axis_offset_y"]], dim=1)
        y = q[:, :2] + (offset[self.tilts] + self.image_centre)[:, :, None]
        if self.image_warp is not None:
            nodes = torch.stack([values[name] for name in IMAGE_WARP])
            warp = self.image_warp.values(nodes)
            y = y - warp.reshape(len(warp), len(self.tilts), -1).permute(1, 0, 2)
        if self.deformation is not None:
            coefficients = values["image_deformation"][self.tilts]
            y = y + self.deformation.values(coefficients) * self.pixel_size_angstrom
        return y, q[:, 2]

    def _particles(self, changed: Mapping[str, Tensor]) -> Tensor:
        """Particle -> volume rotations, of which the unchanged part is not computed again."""
        particle = self.orientation
        if "angles" in changed:
            particle = orientations(changed["angles"], self.exposure)
        if "rotation_vector" in changed:
            particle = turned(particle, changed["rotation_vector"], self.exposure)
        return particle

    def _orientations(self, values: Mapping[str, Tensor], tilt: Tensor, particle: Tensor) -> Tensor:
        """Particle -> image rotations `(particles, tilts, 3, 3)`, eq. 4."""
        outer = tilt[:, None]
        if self.stage is not None:
            nodes = torch.stack([values[name] for name in STAGE_ANGLE])
            x, y, z = self.stage.values(nodes).reshape(3, len(self.tilts), -1)
            outer = composed(axis_matrices(x, y, z), outer)
        if outer.shape[1] == 1:
            columns = particle.permute(1, 2, 0, 3).flatten(2)
            images = _turned(outer[:, 0], columns)
            return images.reshape(*images.shape[:2], -1, 3).permute(2, 0, 1, 3)
        return composed(outer.transpose(0, 1), particle)


def merged(start: Mapping[str, Tensor], changes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`start` with `changes`. Raises InvalidState for names that `start` does not have."""
    for name in changes:
        if name not in start:
            raise InvalidState(
                f"the geometry has no '{name}'",
                hint="give the series that array before the model is built",
            )
    return {**start, **changes}


def tilt_series_model(geometry: SeriesGeometry, poses: ParticlePoses) -> TiltSeriesModel:
    """Build the model of a tilt series and the particles of one species in it, in float64.

    Positions in a series of particle stacks are relative to the projected centre of the volume.

    Raises InvalidState, naming the item, when dimensions are unknown, displacements do not have one
    row per tilt, or a series of particle stacks has a deformation of images.
    """
    volume, image = _dimensions(geometry)
    start = _start(geometry, poses)
    tilts = geometry.used_tilts
    exposure = torch.from_numpy(relative_exposure(geometry.arrays["exposure"])[tilts])
    bare = TiltSeriesModel(
        start=start,
        tilts=tilts,
        exposure=exposure,
        orientation=orientations(start["angles"], exposure),
        volume_centre=torch.from_numpy(volume / 2),
        image_centre=torch.from_numpy(image / 2),
        hand=geometry.hand,
        pixel_size_angstrom=geometry.pixel_size_angstrom,
        image_warp=None,
        volume_warp=None,
        stage=None,
        deformation=None,
    )
    bare = _with(bare, volume_warp=_volume_warp(geometry, bare, volume))
    projected = bare.views().position.permute(1, 0, 2).contiguous().numpy()
    if geometry.kind == "particle_series":
        return _with(bare, stage=_stage(geometry, bare, volume))
    return _with(
        bare,
        image_warp=_image_warp(geometry, projected / image, tilts),
        stage=_stage(geometry, bare, volume),
        deformation=_deformation(geometry, projected, image),
    )


def _with(
    model: TiltSeriesModel, **operators: GridOperator | DeformationOperator | None
) -> TiltSeriesModel:
    fields = {name: getattr(model, name) for name in TiltSeriesModel.__slots__}
    return TiltSeriesModel(**{**fields, **operators})


def _dimensions(geometry: SeriesGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Dimensions of volume and image; zero where the place of particle stacks is unknown."""
    volume, image = geometry.volume_dimensions_angstrom, geometry.image_dimensions_angstrom
    if geometry.kind == "particle_series":
        _refuse_unplaced(geometry)
        image = (0.0, 0.0)
        stage = geometry.arrays.get(STAGE_ANGLE[0], np.zeros((1, 1, 1)))
        if VOLUME_WARP[0] not in geometry.arrays and stage.shape[1:] == (1, 1):
            volume = volume or (0.0, 0.0, 0.0)
    if volume is None or image is None:
        raise InvalidState(
            "the dimensions of the tomogram or of the tilt images are not known",
            hint="link the raw images, or set the dimensions with 'mgit source set'",
            item=geometry.name,
        )
    return np.array(volume), np.array(image)


def _refuse_unplaced(geometry: SeriesGeometry) -> None:
    """What depends on the place in the image cannot be applied to extracted particles."""
    deformation = geometry.image_deformation
    moves = [geometry.arrays.get(name, 0.0) for name in IMAGE_WARP]
    moves.append(0.0 if deformation is None else deformation.coefficients)
    if any(np.any(each) for each in moves):
        raise InvalidState(
            "a deformation of images needs places in them, which extracted particles lack",
            hint="add the tilt images as a source of their own",
            item=geometry.name,
        )


def _start(geometry: SeriesGeometry, poses: ParticlePoses) -> dict[str, Tensor]:
    named: dict[str, np.ndarray] = {name: geometry.arrays[name] for name in PER_TILT}
    for family in (IMAGE_WARP, VOLUME_WARP, STAGE_ANGLE):
        named.update({name: geometry.arrays[name] for name in family if name in geometry.arrays})
    if geometry.image_deformation is not None:
        named["image_deformation"] = geometry.image_deformation.coefficients
    named["position"], named["angles"] = poses.position, poses.angles
    named["rotation_vector"] = np.zeros_like(poses.angles, dtype=np.float64)
    if poses.displacement is not None:
        if poses.displacement.shape[1] < geometry.tilt_count:
            raise InvalidState(
                "displacements have fewer rows than the series has tilts",
                item=geometry.name,
                rows=poses.displacement.shape[1],
                tilts=geometry.tilt_count,
            )
        named["displacement"] = poses.displacement
    return {
        name: torch.from_numpy(np.array(values, dtype=np.float64)) for name, values in named.items()
    }


def _turned(matrices: Tensor, columns: Tensor) -> Tensor:
    """Matrices `(tilts, 3, 3)` times columns `(tilts or 1, 3, n)`: `(tilts, 3, n)`."""
    if columns.shape[0] == 1:
        return (matrices.flatten(0, 1) @ columns[0]).reshape(len(matrices), 3, -1)
    return matrices @ columns


def _unwarped(model: TiltSeriesModel) -> np.ndarray:
    """Positions `(tilts, particles, 3)` from the volume's corner, trajectories included."""
    place = model._specimen(model.start) + model.volume_centre[None, :, None]
    expanded = place.expand(len(model.tilts), -1, -1)
    return np.asarray(expanded.transpose(1, 2).contiguous().numpy())


def _volume_warp(
    geometry: SeriesGeometry, model: TiltSeriesModel, volume: np.ndarray
) -> GridOperator | None:
    if VOLUME_WARP[0] not in geometry.arrays:
        return None
    place = _unwarped(model) / volume
    exposure = np.broadcast_to(model.exposure.numpy()[:, None, None], (*place.shape[:2], 1))
    points = np.concatenate([place, exposure], axis=2).reshape(-1, 4)
    return linear_operator(geometry.arrays[VOLUME_WARP[0]].shape, points)


def _image_warp(
    geometry: SeriesGeometry, relative: np.ndarray, tilts: np.ndarray
) -> GridOperator | None:
    """The image warp at projected positions `(tilts, particles, 2)` in units of the image."""
    if IMAGE_WARP[0] not in geometry.arrays:
        return None
    index = tilts / max(1, geometry.tilt_count - 1)
    along = np.broadcast_to(index[:, None, None], (*relative.shape[:2], 1))
    points = np.concatenate([relative, along], axis=2).reshape(-1, 3)
    shape = geometry.arrays[IMAGE_WARP[0]].shape
    return cubic_operator(shape, geometry.margins[IMAGE_WARP[0]], points)


def _stage(
    geometry: SeriesGeometry, model: TiltSeriesModel, volume: np.ndarray
) -> GridOperator | None:
    """Stage angles per tilt, or per tilt and particle where their grid varies over the field."""
    if STAGE_ANGLE[0] not in geometry.arrays:
        return None
    shape = geometry.arrays[STAGE_ANGLE[0]].shape
    index = model.tilts / max(1, geometry.tilt_count - 1)
    if shape[1:] == (1, 1):
        points = np.stack([np.zeros_like(index), np.zeros_like(index), index], axis=1)
    else:
        place = _unwarped(model)[..., :2] / volume[:2]
        along = np.broadcast_to(index[:, None, None], (*place.shape[:2], 1))
        points = np.concatenate([place, along], axis=2).reshape(-1, 3)
    return cubic_operator(shape, geometry.margins[STAGE_ANGLE[0]], points)


def _deformation(
    geometry: SeriesGeometry, projected: np.ndarray, image: np.ndarray
) -> DeformationOperator | None:
    deformation = geometry.image_deformation
    if deformation is None:
        return None
    pixel = geometry.pixel_size_angstrom
    return deformation_operator(
        deformation.kind,
        deformation.grid,
        points_px=projected / pixel,
        image_size_px=(float(image[0]) / pixel, float(image[1]) / pixel),
    )
