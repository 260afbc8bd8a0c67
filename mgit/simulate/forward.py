"""Where, how turned and how defocused a particle appears in every tilt: the simulator's own model.

For a particle at l with angles theta, tilt t, volume centre C_V and image centre C_I (angstrom):

    Omega = Rz(axis_angle) Ry(-(tilt_angle + level_angle_y)) Rx(level_angle_x)
    q     = Omega (l - C_V + volume_warp(l / volume, dose))
    y     = q_xy + axis_offset + C_I
    x     = y - image_warp(y / image, t)
    R     = Rxyz(stage angle) Omega R(theta),        R(theta) = Rz(-psi) Ry(-tilt) Rz(-rot)
    df    = defocus + hand q_z

Rotations are active, right-handed and act on columns (x, y, z). It shares no code with
mgit.geometry, so that a mistake there cannot hide.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidState
from mgit.simulate.grids import natural_cubic, piecewise_linear

__all__ = ["Geometry", "Views", "angles_of", "join_views", "particle_rotations", "stage", "views"]

TILT_ARRAYS = ("tilt_angle", "axis_angle", "exposure", "defocus")
NO_MARGINS = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """One tilt series: canonical arrays by the names of docs/state.md; absent ones are neutral.

    margins: of grids, x y z, by array. image, volume: extents in angstrom, x y (z).
    Raises InvalidState for arrays that do not have one value per tilt.
    """

    name: str
    arrays: Mapping[str, np.ndarray]
    hand: int
    image: tuple[float, float]
    volume: tuple[float, float, float]
    margins: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in TILT_ARRAYS:
            if name not in self.arrays or self.arrays[name].shape != (self.tilts,):
                raise InvalidState(
                    "a tilt series needs one value per tilt", item=self.name, array=name
                )

    @property
    def tilts(self) -> int:
        """Number of tilts."""
        return len(self.arrays["tilt_angle"])

    def per_tilt(self, name: str) -> np.ndarray:
        """`(tilts,)` values of an array, zero if absent."""
        return np.asarray(self.arrays.get(name, np.zeros(self.tilts)), dtype=np.float64)

    @property
    def dose(self) -> np.ndarray:
        """`(tilts,)` exposure scaled to [0, 1]; zero for a single exposure."""
        exposure = self.per_tilt("exposure")
        extent = exposure.max() - exposure.min()
        return np.asarray((exposure - exposure.min()) / (extent if extent > 0 else 1.0))

    def grid(self, name: str, points: np.ndarray) -> np.ndarray:
        """Values of a 3-D grid at `(n, 3)` normalised points, zero if the series has none."""
        if name not in self.arrays:
            return np.zeros(len(points))
        return natural_cubic(self.arrays[name], points, margins=self.margins.get(name, NO_MARGINS))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """Particles in tilts, flat: m observations.

    row: `(m,)` row of the particle table. tilt: `(m,)`. xy: `(m, 2)` angstrom from the image's
    corner. rotation: `(m, 3, 3)` particle -> image. unturned: the same without stage angles, as
    positions see it. defocus: `(m,)` angstrom. hand: `(m,)` change of defocus with z, +1 or -1.
    """

    row: np.ndarray
    tilt: np.ndarray
    xy: np.ndarray
    rotation: np.ndarray
    unturned: np.ndarray
    defocus: np.ndarray
    hand: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: np.ndarray) -> "Views":
        """The chosen observations, by mask or index."""
        return Views(
            row=self.row[chosen],
            tilt=self.tilt[chosen],
            xy=self.xy[chosen],
            rotation=self.rotation[chosen],
            unturned=self.unturned[chosen],
            defocus=self.defocus[chosen],
            hand=self.hand[chosen],
        )


def join_views(parts: Sequence[Views]) -> Views:
    """Observations of several series, one after the other."""
    return Views(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("row", "tilt", "xy", "rotation", "unturned", "defocus", "hand")
        }
    )


def particle_rotations(angles: np.ndarray) -> np.ndarray:
    """`(..., 3, 3)` reference -> volume of `(..., 3)` rot tilt psi in degrees."""
    flat = Rotation.from_euler("zyz", -angles.reshape(-1, 3), degrees=True)  # rot acts first
    return _matrices(flat).reshape(*angles.shape[:-1], 3, 3)


def _matrices(rotations: Rotation) -> np.ndarray:
    return np.asarray(rotations.as_matrix())


def angles_of(rotations: np.ndarray) -> np.ndarray:
    """`(n, 3)` rot tilt psi in degrees, tilt within 0..180, of `(n, 3, 3)` in general position."""
    tilt = np.arccos(np.clip(rotations[:, 2, 2], -1, 1))
    rot = np.arctan2(rotations[:, 2, 1], rotations[:, 2, 0])
    psi = np.arctan2(rotations[:, 1, 2], -rotations[:, 0, 2])
    return np.asarray(np.degrees(np.stack([rot, tilt, psi], axis=1)))


def stage(geometry: Geometry) -> np.ndarray:
    """`(tilts, 3, 3)` volume -> image."""
    angles = [
        geometry.per_tilt("level_angle_x"),
        -(geometry.per_tilt("tilt_angle") + geometry.per_tilt("level_angle_y")),
        geometry.per_tilt("axis_angle"),
    ]
    return _matrices(Rotation.from_euler("xyz", np.stack(angles, axis=1), degrees=True))


def views(
    geometry: Geometry,
    positions: np.ndarray,
    angles: np.ndarray,
    *,
    rows: np.ndarray,
    trajectory: np.ndarray | None = None,
) -> Views:
    """The particles of one series in all its tilts, tilt by tilt.

    positions: `(n, T, 3)` angstrom from the volume's corner, angles: `(n, T, 3)` degrees, both at T
    equally spaced doses. rows: `(n,)`. trajectory: `(n, F, 3)` displacement per tilt, F >= tilts.
    """
    turned = stage(geometry)
    return join_views(
        [
            _one_tilt(
                geometry,
                turned[tilt],
                at,
                _at_dose(angles, geometry.dose[tilt]),
                rows=rows,
                tilt=tilt,
            )
            for tilt, at in _places(geometry, positions, trajectory)
        ]
    )


def _places(
    geometry: Geometry, positions: np.ndarray, trajectory: np.ndarray | None
) -> Iterator[tuple[int, np.ndarray]]:
    for tilt in range(geometry.tilts):
        at = _at_dose(positions, geometry.dose[tilt])
        yield tilt, at if trajectory is None else at + trajectory[:, tilt]


def _at_dose(samples: np.ndarray, dose: float) -> np.ndarray:
    """Monotone (PCHIP) interpolation over the dose, component by component."""
    count = samples.shape[1]
    if count == 1:
        return np.asarray(samples[:, 0])
    return np.asarray(PchipInterpolator(np.linspace(0, 1, count), samples, axis=1)(dose))


def _one_tilt(
    geometry: Geometry,
    turned: np.ndarray,
    at: np.ndarray,
    angles: np.ndarray,
    *,
    rows: np.ndarray,
    tilt: int,
) -> Views:
    count, volume, image = len(at), np.array(geometry.volume), np.array(geometry.image)
    dose = geometry.dose[tilt]
    inside = np.column_stack([at / volume, np.full(count, dose)])
    bent = [
        piecewise_linear(geometry.arrays[f"volume_warp_{axis}"], inside)
        if f"volume_warp_{axis}" in geometry.arrays
        else np.zeros(count)
        for axis in "xyz"
    ]
    q = (at - volume / 2 + np.stack(bent, axis=1)) @ turned.T
    offset = [geometry.per_tilt(f"axis_offset_{axis}")[tilt] for axis in "xy"]
    y = q[:, :2] + offset + image / 2
    time = tilt / (geometry.tilts - 1) if geometry.tilts > 1 else 0.0
    place = np.column_stack([y / image, np.full(count, time)])
    warp = [geometry.grid(f"image_warp_{axis}", place) for axis in "xy"]
    tip = np.column_stack([(at / volume)[:, :2], np.full(count, time)])
    correction = [geometry.grid(f"stage_angle_{axis}", tip) for axis in "xyz"]
    unturned = turned @ particle_rotations(angles)
    extra = _matrices(Rotation.from_euler("xyz", np.stack(correction, axis=1), degrees=True))
    return Views(
        row=rows,
        tilt=np.full(count, tilt),
        xy=y - np.stack(warp, axis=1),
        rotation=extra @ unturned,
        unturned=unturned,
        defocus=geometry.per_tilt("defocus")[tilt] + geometry.hand * q[:, 2],
        hand=np.full(count, geometry.hand),
    )
