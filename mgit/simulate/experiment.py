"""One experiment drawn at random: tilt scheme, true geometry and poses, and a starting state."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mgit.errors import InvalidInput
from mgit.simulate.forward import Geometry, angles_of, particle_rotations, views
from mgit.simulate.settings import Settings

__all__ = ["Experiment", "Particles", "dose_symmetric", "draw_experiment"]

CANDIDATES = 64
PLACEMENT_TRIALS = 30
"""So many times so many throws that all fail say that the field is full."""
VOLUME_WARP_NODES = (2, 2, 3, 3)
"""Duration, depth, height, width."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Particles:
    """A particle table in row order.

    series: `(n,)` number of the series. positions: `(n, 3)` angstrom from the volume's corner.
    angles: `(n, 3)` rot tilt psi in degrees. half_set: `(n,)` 1 or 2.
    """

    series: np.ndarray
    positions: np.ndarray
    angles: np.ndarray
    half_set: np.ndarray

    def names(self, series: tuple[Geometry, ...]) -> list[str]:
        """Unique names, 'series/number'."""
        return [f"{series[at].name}/{row + 1}" for row, at in enumerate(self.series)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """Truth and starting state of the same series and particles."""

    settings: Settings
    series: tuple[Geometry, ...]
    particles: Particles
    start_series: tuple[Geometry, ...]
    start_particles: Particles


def dose_symmetric(tilts: np.ndarray, exposure_per_tilt: float) -> np.ndarray:
    """`(n,)` exposure before each tilt when tilts are taken from the lowest outwards."""
    order = np.argsort(np.argsort(np.abs(tilts), kind="stable"), kind="stable")
    return np.asarray(order * exposure_per_tilt, dtype=np.float64)


def draw_experiment(settings: Settings, random: np.random.Generator) -> Experiment:
    """Draw everything but the molecule and the noise.

    Raises InvalidInput when the particles do not find room in the slab.
    """
    start = tuple(_nominal(settings, number) for number in range(settings.series))
    true = tuple(_erred(settings, each, random) for each in start)
    number = np.arange(settings.particles) * settings.series // settings.particles
    positions = np.concatenate(
        [
            _placed(settings, geometry, int((number == at).sum()), random)
            for at, geometry in enumerate(true)
        ]
    )
    count = settings.particles
    turns = Rotation.from_quat(random.normal(size=(count, 4))).as_matrix()  # uniform (Haar)
    half = np.concatenate(
        [random.permutation(np.arange((number == at).sum()) % 2) for at in range(settings.series)]
    )
    particles = Particles(
        series=number,
        positions=positions,
        angles=angles_of(turns),
        half_set=(half + 1).astype(np.uint8),
    )
    return Experiment(
        settings=settings,
        series=true,
        particles=particles,
        start_series=start,
        start_particles=_perturbed(settings, particles, random),
    )


def _nominal(settings: Settings, number: int) -> Geometry:
    """A series as alignment and CTF estimation would leave it."""
    tilts = settings.tilts
    reach = settings.tilt_range_degree if tilts > 1 else 0.0
    angle = np.linspace(-reach, reach, tilts)
    slow = np.radians(angle)
    pixel = settings.pixel_size_angstrom
    width, height, depth = (side * pixel for side in settings.volume_px)
    arrays = {
        "tilt_angle": angle,
        "axis_angle": np.full(tilts, settings.axis_angle_degree),
        "level_angle_x": np.full(tilts, settings.level_angle_x_degree),
        "level_angle_y": np.full(tilts, settings.level_angle_y_degree),
        # Stages drift slowly; alignment has found that.
        "axis_offset_x": 3 * pixel * np.sin(2 * slow),
        "axis_offset_y": 2 * pixel * np.cos(3 * slow),
        "exposure": dose_symmetric(angle, settings.exposure_per_tilt),
        "use": np.ones(tilts, dtype=np.bool_),
        "defocus": settings.defocus_angstrom + 150.0 * np.sin(5 * slow),
        "defocus_delta": np.full(tilts, settings.astigmatism_angstrom),
        "defocus_angle": np.full(tilts, settings.astigmatism_angle_degree),
        "phase_shift": np.zeros(tilts),
    }
    return Geometry(
        name=f"TS_{number + 1:02d}",
        arrays=arrays,
        hand=settings.hand,
        image=(width, height),
        volume=(width, height, depth),
    )


def _erred(settings: Settings, nominal: Geometry, random: np.random.Generator) -> Geometry:
    """The true series: nominal values plus errors, and deformations that nobody knows yet."""
    tilts = nominal.tilts
    errors = {
        "tilt_angle": settings.tilt_angle_error_degree,
        "axis_angle": settings.axis_angle_error_degree,
        "axis_offset_x": settings.shift_error_angstrom,
        "axis_offset_y": settings.shift_error_angstrom,
        "defocus": settings.defocus_error_angstrom,
        "defocus_delta": settings.astigmatism_error_angstrom,
    }
    arrays = dict(nominal.arrays)
    for name, error in errors.items():
        arrays[name] = arrays[name] + error * random.normal(size=tilts)
    nodes = (tilts, settings.warp_grid, settings.warp_grid)
    for axis in "xy":
        warp = settings.warp_error_angstrom * random.normal(size=nodes)
        if settings.warp_error_angstrom:
            arrays[f"image_warp_{axis}"] = warp
    for axis in "xyz":
        turn = settings.stage_angle_error_degree * random.normal(size=(tilts, 1, 1))
        if settings.stage_angle_error_degree:
            arrays[f"stage_angle_{axis}"] = turn
    for axis in "xyz":
        bend = settings.volume_warp_error_angstrom * random.normal(size=VOLUME_WARP_NODES)
        if settings.volume_warp_error_angstrom:
            arrays[f"volume_warp_{axis}"] = bend
    return replace(nominal, arrays=arrays)


def _placed(
    settings: Settings, geometry: Geometry, count: int, random: np.random.Generator
) -> np.ndarray:
    """`(count, 3)` places in the slab, a diameter apart, whose boxes lie inside every image."""
    volume = np.array(geometry.volume)
    radius = settings.diameter_angstrom / 2
    margin = settings.box_px * settings.pixel_size_angstrom / 2
    lowest = np.array([margin, margin, radius])
    highest = volume - lowest
    if (lowest > highest).any():
        raise InvalidInput(
            "the slab is thinner than a particle, or the image smaller than a box",
            hint="make thickness or image larger",
            thickness_angstrom=settings.thickness_angstrom,
        )
    placed = np.empty((0, 3))
    failed = 0
    while len(placed) < count:
        if failed == PLACEMENT_TRIALS:
            raise InvalidInput(
                f"only {len(placed)} of {count} particles find room",
                hint="simulate fewer particles, a larger image or a thicker slab",
                series=geometry.name,
            )
        before = len(placed)
        candidates = random.uniform(lowest, highest, size=(CANDIDATES, 3))
        for candidate in candidates[_inside(geometry, candidates, margin)]:
            apart = np.linalg.norm(placed - candidate, axis=1) >= settings.diameter_angstrom
            if apart.all() and len(placed) < count:
                placed = np.vstack([placed, candidate])
        failed = failed + 1 if len(placed) == before else 0
    return placed


def _inside(geometry: Geometry, positions: np.ndarray, margin: float) -> np.ndarray:
    """`(n,)` which of `(n, 3)` places appear further than `margin` from the edge of all images."""
    count = len(positions)
    seen = views(geometry, positions[:, None], np.zeros((count, 1, 3)), rows=np.arange(count))
    far = (seen.xy >= margin) & (seen.xy <= np.array(geometry.image) - margin)
    return np.asarray(far.all(axis=1).reshape(geometry.tilts, count).all(axis=0))


def _perturbed(settings: Settings, true: Particles, random: np.random.Generator) -> Particles:
    count = len(true.positions)
    shifts = settings.position_error_angstrom * random.normal(size=(count, 3))
    # Three components of equal variance make an angle with the wanted root mean square.
    vectors = settings.angle_error_degree / np.sqrt(3) * random.normal(size=(count, 3))
    turns = Rotation.from_rotvec(np.radians(vectors)).as_matrix()
    return replace(
        true,
        positions=true.positions + shifts,
        angles=angles_of(turns @ particle_rotations(true.angles)),
    )
