"""The vector that the solver moves, and what it means for the geometry of an item.

Every family has one unit: a change by one unit of any parameter moves projected points by 1 A,
root sum of squares over all images (docs/math/optimiser.md, eq. 2). Gauges are taken out on the
way from the vector to the arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgit.errors import InvalidState
from mgit.geometry.cubic_grid import resize_cubic
from mgit.geometry.poses import ParticlePoses, turned_angles
from mgit.geometry.series_geometry import SeriesGeometry
from mgit.geometry.tilt_series import IMAGE_WARP, STAGE_ANGLE, TiltSeriesModel
from mgit.refine.gauges import tilt_rotations, without_common_shift, without_common_turn

__all__ = ["Families", "Family", "Parameters", "build_parameters", "with_grids"]

GYRATION = 0.775
"""Radius of gyration of a ball over its radius, sqrt(3 / 5): the arm of a turn."""
PROBES = 8
POSE_ARRAYS = ("position", "rotation_vector")


@dataclass(frozen=True, slots=True, kw_only=True)
class Families:
    """Which families move together, and whether the ones they trade with move in the round."""

    poses: bool = False
    image_warp: bool = False
    stage_angles: bool = False
    gauges: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One block of the vector.

    arrays: names in the model, stacked first in `shape`. species: whose, or None for the item's.
    unit: angstrom or degrees of the arrays per unit of the vector.
    """

    name: str
    arrays: tuple[str, ...]
    species: int | None
    shape: tuple[int, ...]
    unit: float = 1.0

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(np.prod(self.shape))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameters:
    """Families of one stage, zero at what the models were built with."""

    models: tuple[TiltSeriesModel, ...]
    families: tuple[Family, ...]
    rotations: Tensor
    gauges: bool

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(family.size for family in self.families)

    def start(self) -> Tensor:
        """The vector that changes nothing, float64."""
        return torch.zeros(self.size, dtype=torch.float64)

    def deltas(self, vector: Tensor) -> list[Tensor]:
        """Changes of every family in angstrom or degrees, gauges taken out; differentiable."""
        found = []
        parts = torch.split(vector, [family.size for family in self.families])
        for family, part in zip(self.families, parts, strict=True):
            delta = part.reshape(family.shape) * family.unit
            if self.gauges and family.name == "image_warp":
                delta = without_common_shift(delta, self.rotations, models=self.models)
            if self.gauges and family.name == "stage_angle":
                used = self.models[0].tilts
                delta = without_common_turn(delta, self.rotations, used=used)
            found.append(delta)
        return found

    def changes(self, vector: Tensor) -> list[dict[str, Tensor]]:
        """Per species the arrays that its model takes in place of its own; differentiable."""
        changes: list[dict[str, Tensor]] = [{} for _ in self.models]
        for family, delta in zip(self.families, self.deltas(vector), strict=True):
            for index, model in enumerate(self.models):
                if family.species in (None, index):
                    for name, change in zip(family.arrays, delta, strict=True):
                        changes[index][name] = model.start[name] + change
        return changes

    def applied(
        self, vector: Tensor, geometry: SeriesGeometry, poses: Sequence[ParticlePoses]
    ) -> tuple[SeriesGeometry, list[ParticlePoses]]:
        """Geometry and poses of all species with the vector's changes in them."""
        arrays: dict[str, np.ndarray] = {}
        moved = list(poses)
        changes = [
            {name: value.detach().numpy() for name, value in each.items()}
            for each in self.changes(vector)
        ]
        for index, change in enumerate(changes):
            arrays.update({name: each for name, each in change.items() if name not in POSE_ARRAYS})
            if "position" in change:
                moved[index] = ParticlePoses(
                    position=change["position"],
                    angles=turned_angles(moved[index].angles, change["rotation_vector"]),
                    displacement=moved[index].displacement,
                )
        return geometry.with_arrays(arrays) if arrays else geometry, moved


def with_grids(
    geometry: SeriesGeometry, *, image_warp: tuple[int, int] | None, stage_angles: bool
) -> SeriesGeometry:
    """The series with the grids that are asked for: made of zeros, or resampled."""
    tilts = geometry.tilt_count
    wanted: dict[str, tuple[int, int, int]] = {}
    if image_warp is not None:
        wanted.update(dict.fromkeys(IMAGE_WARP, (tilts, image_warp[1], image_warp[0])))
    if stage_angles:
        wanted.update(dict.fromkeys(STAGE_ANGLE, (tilts, 1, 1)))
    arrays: dict[str, np.ndarray] = {}
    margins: dict[str, tuple[float, float, float]] = {}
    for name, shape in wanted.items():
        values = geometry.arrays.get(name)
        if values is None:
            arrays[name] = np.zeros(shape)
        elif values.shape != shape:
            old = geometry.margins.get(name, (0.0, 0.0, 0.0))
            arrays[name], new = resize_cubic(values, old, shape)
            margins[name] = (new[0], new[1], new[2])
    return geometry.with_arrays(arrays, margins=margins) if arrays else geometry


def build_parameters(
    models: Sequence[TiltSeriesModel],
    geometry: SeriesGeometry,
    families: Families,
    *,
    inside: Sequence[np.ndarray],
    diameters: Sequence[float],
    seed: int,
) -> Parameters:
    """The vector of a stage. inside: bool `(particles, tilts)` and diameters per species.

    Raises InvalidState when no parameter changes any image.
    """
    found: list[Family] = []
    start = models[0].start
    for name, arrays, wanted in (
        ("image_warp", IMAGE_WARP, families.image_warp),
        ("stage_angle", STAGE_ANGLE, families.stage_angles),
    ):
        if wanted:
            shape = (len(arrays), *start[arrays[0]].shape)
            found.append(Family(name=name, arrays=arrays, species=None, shape=shape))
    if families.poses:
        for index, model in enumerate(models):
            shape = tuple(model.start["position"].shape)
            for name, array in zip(("position", "rotation"), POSE_ARRAYS, strict=True):
                found.append(Family(name=name, arrays=(array,), species=index, shape=(1, *shape)))
    plain = Parameters(
        models=tuple(models),
        families=tuple(found),
        rotations=tilt_rotations(geometry),
        gauges=families.gauges,
    )
    leverage = _leverages(plain, inside, diameters, seed)
    if not all(each > 0 for each in leverage):
        raise InvalidState(
            "a family of parameters changes no image",
            item=geometry.name,
            family=found[int(np.argmin(leverage))].name,
        )
    scaled = tuple(
        Family(
            name=family.name,
            arrays=family.arrays,
            species=family.species,
            shape=family.shape,
            unit=1 / each,
        )
        for family, each in zip(found, leverage, strict=True)
    )
    return Parameters(
        models=plain.models, families=scaled, rotations=plain.rotations, gauges=plain.gauges
    )


def _leverages(
    plain: Parameters, inside: Sequence[np.ndarray], diameters: Sequence[float], seed: int
) -> list[float]:
    """Root mean of the diagonal of J^T J per family, by random signs (Hutchinson), eq. 3."""
    random = np.random.default_rng(seed)
    total = torch.zeros(len(plain.families), dtype=torch.float64)
    for _ in range(PROBES):
        vector = plain.start().requires_grad_()
        changes = plain.changes(vector)
        probed = vector.sum() * 0
        for model, change, seen, diameter in zip(
            plain.models, changes, inside, diameters, strict=True
        ):
            points = _points(model, change, diameter)
            signs = random.choice([-1.0, 1.0], size=tuple(points.shape)) * seen[..., None]
            probed = probed + (points * torch.from_numpy(signs)).sum()
        (gradient,) = torch.autograd.grad(probed, vector)
        for index, part in enumerate(torch.split(gradient, [each.size for each in plain.families])):
            moving = part[part != 0]
            total[index] += moving.square().mean() if len(moving) else 0.0
    return [float(each) for each in torch.sqrt(total / PROBES)]


def _points(model: TiltSeriesModel, change: Mapping[str, Tensor], diameter: float) -> Tensor:
    """What images see of a particle: its centre, and three arms of the radius of gyration."""
    views = model.views(change)
    arm = GYRATION * diameter / 2 / 3**0.5
    arms = arm * views.rotation[..., :2, :].flatten(-2)
    return torch.cat([views.position, arms], dim=-1)
