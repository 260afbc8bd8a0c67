"""A small RELION 5 tomography project, made up: for the demo, the tutorial and tests.

Nothing in it was measured. Two tilt series of 41 tilts hold particles at random places in random
orientations; the two half-maps are sums of Gaussians with independent noise. Three rounds stand
side by side as RELION writes them: extraction, a CTF refinement (new defoci) and a pose refinement
(turned and shifted particles).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mgit.exchange.mrc import write_volume
from mgit.exchange.star_format import write_star

__all__ = ["MadeProject", "make_project"]

COMMENT = "made up by mgit: not a measurement"
PIXEL_SIZE_ANGSTROM = 3.0
VOLUME_PX = (640, 640, 160)
TILTS = 41
TILT_STEP_DEGREE = 3.0
EXPOSURE_PER_TILT = 3.0
BOX_PX = 32
DIAMETER_ANGSTROM = 150
GAUSSIANS = 12
POSE_CHANGE_DEGREE = 1.5
POSE_CHANGE_ANGSTROM = 2.0
DEFOCUS_CHANGE_ANGSTROM = 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeProject:
    """Files of the project, relative to `directory`."""

    directory: Path
    tomograms: Path
    refined_tomograms: Path
    particles: Path
    refined_particles: Path
    half_1: Path
    half_2: Path
    mask: Path


def make_project(
    directory: Path, *, series: int = 2, particles_per_series: int = 60, seed: int = 0
) -> MadeProject:
    """Write the project into `directory`, which is made; equal arguments give equal files."""
    random = np.random.default_rng(seed)
    names = [f"TS_{number:02d}" for number in range(1, series + 1)]
    defocus = {name: 30_000 + random.normal(0, 300, TILTS) for name in names}
    refined = {
        name: values + random.normal(0, DEFOCUS_CHANGE_ANGSTROM, TILTS)
        for name, values in defocus.items()
    }
    poses = _Poses.random(random, names, particles_per_series)
    half_1, half_2, mask = _maps(random)
    made = MadeProject(
        directory=directory,
        tomograms=directory / "Tomograms/job004/tomograms.star",
        refined_tomograms=directory / "CtfRefine/job007/tomograms.star",
        particles=directory / "Extract/job005/particles.star",
        refined_particles=directory / "Refine3D/job006/run_data.star",
        half_1=directory / "Refine3D/job006/run_half1_class001_unfil.mrc",
        half_2=directory / "Refine3D/job006/run_half2_class001_unfil.mrc",
        mask=directory / "MaskCreate/job003/mask.mrc",
    )
    _write_tomograms(made.tomograms, directory, defocus)
    _write_tomograms(made.refined_tomograms, directory, refined)
    _write(made.particles, poses.star())
    _write(made.refined_particles, poses.refined(random).star())
    for path, values in ((made.half_1, half_1), (made.half_2, half_2), (made.mask, mask)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(path, values, pixel_size_angstrom=PIXEL_SIZE_ANGSTROM, label=COMMENT)
    return made


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _numbers(values: np.ndarray | Sequence[float]) -> list[str]:
    return [f"{value:.6f}" for value in values]


def _write_tomograms(path: Path, root: Path, defocus: Mapping[str, np.ndarray]) -> None:
    tables = {name: path.parent / "tilt_series" / f"{name}.star" for name in defocus}
    rows = len(defocus)
    columns = {
        "rlnTomoName": list(defocus),
        "rlnVoltage": ["300.000000"] * rows,
        "rlnSphericalAberration": ["2.700000"] * rows,
        "rlnAmplitudeContrast": ["0.100000"] * rows,
        "rlnMicrographOriginalPixelSize": _numbers([PIXEL_SIZE_ANGSTROM] * rows),
        "rlnTomoHand": ["-1.000000"] * rows,
        "rlnOpticsGroupName": ["optics1"] * rows,
        "rlnTomoTiltSeriesPixelSize": _numbers([PIXEL_SIZE_ANGSTROM] * rows),
        "rlnTomoTiltSeriesStarFile": [str(table.relative_to(root)) for table in tables.values()],
        **{
            f"rlnTomoSize{axis}": [str(size)] * rows
            for axis, size in zip("XYZ", VOLUME_PX, strict=True)
        },
    }
    _write(path, write_star([("global", columns, True)], comment=COMMENT))
    for name, table in tables.items():
        _write(table, _tilt_table(name, defocus[name]))


def _tilt_table(name: str, defocus: np.ndarray) -> bytes:
    tilt = (np.arange(TILTS) - TILTS // 2) * TILT_STEP_DEGREE
    # Dose-symmetric: the exposure grows with the distance from zero tilt.
    order = np.argsort(np.argsort(np.abs(tilt), kind="stable"), kind="stable")
    columns = {
        "rlnMicrographName": [f"tilts/{name}_{number:03d}.mrc" for number in range(TILTS)],
        "rlnMicrographPreExposure": _numbers(order * EXPOSURE_PER_TILT),
        "rlnTomoNominalStageTiltAngle": _numbers(tilt),
        "rlnTomoXTilt": _numbers(np.zeros(TILTS)),
        "rlnTomoYTilt": _numbers(tilt),
        "rlnTomoZRot": _numbers(np.full(TILTS, 85.0)),
        "rlnTomoXShiftAngst": _numbers(4 * np.sin(tilt / 20)),
        "rlnTomoYShiftAngst": _numbers(6 * np.cos(tilt / 15)),
        "rlnDefocusU": _numbers(defocus + 200),
        "rlnDefocusV": _numbers(defocus - 200),
        "rlnDefocusAngle": _numbers(np.full(TILTS, 30.0)),
    }
    return write_star([(name, columns, True)], comment=COMMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Poses:
    names: tuple[str, ...]
    positions: np.ndarray
    angles: np.ndarray

    @classmethod
    def random(cls, random: np.random.Generator, series: Sequence[str], count: int) -> "_Poses":
        total = count * len(series)
        extent = np.array(VOLUME_PX) * PIXEL_SIZE_ANGSTROM / 2 - DIAMETER_ANGSTROM / 2
        tilt = np.degrees(np.arccos(random.uniform(-1, 1, total)))
        rot, psi = random.uniform(-180, 180, (2, total))
        return cls(
            names=tuple(name for name in series for _ in range(count)),
            positions=np.concatenate([_apart(random, count, extent) for _ in series]),
            angles=np.stack([rot, tilt, psi], axis=1),
        )

    def refined(self, random: np.random.Generator) -> "_Poses":
        shape = self.positions.shape
        return _Poses(
            names=self.names,
            positions=self.positions + random.normal(0, POSE_CHANGE_ANGSTROM, shape),
            angles=self.angles + random.normal(0, POSE_CHANGE_DEGREE, shape),
        )

    def star(self) -> bytes:
        """The table of RELION 5 for 2-D stacks, half-sets alternating."""
        rows = range(len(self.names))
        optics = {
            "rlnOpticsGroup": ["1"],
            "rlnOpticsGroupName": ["optics1"],
            "rlnSphericalAberration": ["2.700000"],
            "rlnVoltage": ["300.000000"],
            "rlnTomoTiltSeriesPixelSize": _numbers([PIXEL_SIZE_ANGSTROM]),
            "rlnImagePixelSize": _numbers([PIXEL_SIZE_ANGSTROM]),
            "rlnImageSize": [str(BOX_PX)],
        }
        axes = {
            f"rlnCenteredCoordinate{axis}Angst": _numbers(self.positions[:, at])
            for at, axis in enumerate("XYZ")
        }
        angles = {
            f"rlnAngle{angle}": _numbers(self.angles[:, at])
            for at, angle in enumerate(("Rot", "Tilt", "Psi"))
        }
        particles = {
            "rlnTomoName": list(self.names),
            "rlnTomoParticleName": [f"{name}/{row + 1}" for row, name in enumerate(self.names)],
            "rlnOpticsGroup": ["1" for _ in rows],
            "rlnRandomSubset": [str(row % 2 + 1) for row in rows],
            **axes,
            **angles,
        }
        blocks = [
            ("general", {"rlnTomoSubTomosAre2DStacks": ["1"]}, False),
            ("optics", optics, True),
            ("particles", particles, True),
        ]
        return write_star(blocks, comment=COMMENT)


def _apart(random: np.random.Generator, count: int, extent: np.ndarray) -> np.ndarray:
    """`(count, 3)` places within +-extent, no two closer than a diameter: particles are solid."""
    placed = np.empty((0, 3))
    while len(placed) < count:
        candidate = random.uniform(-extent, extent)
        if (np.linalg.norm(placed - candidate, axis=1) > DIAMETER_ANGSTROM).all():
            placed = np.vstack([placed, candidate])
    return placed


def _maps(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two half-maps of one blurred asymmetric object, zero outside a sphere, and a soft mask."""
    axis = (np.arange(BOX_PX) - BOX_PX // 2) * PIXEL_SIZE_ANGSTROM
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    density = np.zeros((BOX_PX,) * 3)
    for centre in random.normal(0, BOX_PX * PIXEL_SIZE_ANGSTROM / 10, (GAUSSIANS, 3)):
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        density += np.exp(-squared / (2 * 6.0**2))
    radius = np.sqrt(x**2 + y**2 + z**2)
    edge = BOX_PX * PIXEL_SIZE_ANGSTROM / 2
    mask = np.clip((0.9 * edge - radius) / (0.2 * edge), 0, 1)
    halves = [(density + random.normal(0, 0.05, density.shape)) * mask for _ in range(2)]
    return halves[0].astype(np.float32), halves[1].astype(np.float32), mask.astype(np.float32)
