"""Simulate tilt series into a directory: images, metadata of a starting state, and the truth."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.mrc import write_stack, write_volume
from mgit.simulate.atoms import read_atoms
from mgit.simulate.documents import (
    COMMENT,
    image_name,
    particle_table,
    relion_documents,
    warp_documents,
)
from mgit.simulate.experiment import Experiment, draw_experiment
from mgit.simulate.forward import Views
from mgit.simulate.images import (
    Camera,
    lens_of,
    signal_image,
    signal_variance,
    solvent_image,
)
from mgit.simulate.molecule import Molecule, made_molecule
from mgit.simulate.settings import Settings
from mgit.simulate.truth import Truth

__all__ = ["Simulated", "simulate_tilt_series"]

MASK_EDGE_ANGSTROM = 12.0
BACKGROUND = 20.0
"""Mean of every image, in units of the noise: detectors count upwards from nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What stands in `directory`; paths are relative to it.

    signal_scale: from the molecule's density to units of the noise. images: their number.
    """

    directory: Path
    truth: Truth
    images: int
    signal_scale: float


def simulate_tilt_series(
    directory: Path,
    settings: Settings,
    *,
    seed: int,
    atoms: Path | None = None,
    advance: Callable[[int], None] = lambda _images: None,
) -> Simulated:
    """Draw an experiment and write it; equal arguments give equal files.

    directory: is made; must not hold anything. atoms: a PDB or mmCIF file instead of a made-up
        molecule. advance: told about every finished image.

    Written are the starting state for RELION 5 and for Warp at the top, the same for the true state
    in Warp's form below `truth/`, `truth.json`, `truth_map.mrc` and `mask.mrc`.

    Raises InvalidInput before anything is written when the settings do not fit together.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InvalidInput("the directory holds something", directory=directory)
    of_molecule, of_experiment, of_noise = (
        np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(3)
    )
    molecule = _molecule(settings, of_molecule, atoms)
    experiment = draw_experiment(settings, of_experiment)
    truth = Truth(
        settings=settings,
        molecule=molecule,
        series=experiment.series,
        particles=experiment.particles,
        signal_scale=1.0,
    )
    signal, scale = _signal(truth, advance)
    truth = Truth(
        settings=settings,
        molecule=molecule,
        series=experiment.series,
        particles=experiment.particles,
        signal_scale=scale,
    )
    (directory / "images").mkdir(parents=True, exist_ok=True)
    for (series, tilt), image in signal.items():
        camera = _camera(truth, series, tilt)
        values = BACKGROUND - scale * image + _noise(settings, camera, of_noise)
        name = image_name(experiment.series[series].name, tilt)
        write_stack(
            directory / "images" / name,
            values[None].astype(np.float32),
            pixel_size_angstrom=settings.pixel_size_angstrom,
            label=COMMENT,
        )
    _write_documents(directory, experiment, truth)
    return Simulated(directory=directory, truth=truth, images=len(signal), signal_scale=scale)


def _molecule(settings: Settings, random: np.random.Generator, atoms: Path | None) -> Molecule:
    if atoms is None:
        return made_molecule(
            random,
            gaussians=settings.gaussians,
            diameter_angstrom=settings.diameter_angstrom,
            width_angstrom=settings.gaussian_width_angstrom,
        )
    molecule = read_atoms(atoms, width_angstrom=settings.gaussian_width_angstrom)
    if 2 * molecule.radius_angstrom > settings.box_px * settings.pixel_size_angstrom:
        raise InvalidInput(
            f"the molecule is {2 * molecule.radius_angstrom:.0f} A wide and does not fit the box",
            hint="simulate with a larger --box or --pixel-size",
            file=atoms,
        )
    return molecule


def _camera(truth: Truth, series: int, tilt: int) -> Camera:
    return Camera(
        geometry=truth.series[series],
        tilt=tilt,
        lens=lens_of(truth.settings),
        pixel_size_angstrom=truth.settings.pixel_size_angstrom,
    )


Images = dict[tuple[int, int], np.ndarray]


def _signal(truth: Truth, advance: Callable[[int], None]) -> tuple[Images, float]:
    """Noiseless images by (series, tilt), and the factor that gives them the wanted SNR."""
    settings = truth.settings
    seen = truth.views()
    images: Images = {}
    variances = []
    for series, geometry in enumerate(truth.series):
        own = seen.take(truth.particles.series[seen.row] == series)
        for tilt in range(geometry.tilts):
            here: Views = own.take(own.tilt == tilt)
            image = signal_image(_camera(truth, series, tilt), here, truth.molecule)
            images[series, tilt] = image
            variances.append(
                signal_variance(
                    image, here, box_px=settings.box_px, pixel=settings.pixel_size_angstrom
                )
            )
            advance(1)
    variance = float(np.mean(variances))
    # Without noise the signal has unit variance, so that images keep a handy scale.
    wanted = settings.snr if math.isfinite(settings.snr) else 1.0
    return images, math.sqrt(wanted / variance)


def _noise(settings: Settings, camera: Camera, random: np.random.Generator) -> np.ndarray:
    noise = np.zeros(camera.shape)
    if math.isfinite(settings.snr):
        noise += random.normal(size=camera.shape)
    if settings.solvent:
        noise += settings.solvent * solvent_image(camera, random)
    return noise


def _write_documents(directory: Path, experiment: Experiment, truth: Truth) -> None:
    settings, pixel = truth.settings, truth.settings.pixel_size_angstrom
    start, true = experiment.start_series, experiment.series
    files = {
        **relion_documents(start, experiment.start_particles, settings),
        **warp_documents(start, settings),
        **{f"truth/{path}": each for path, each in warp_documents(true, settings).items()},
        "truth/particles.star": particle_table(true, experiment.particles, settings),
        "truth.json": truth.to_json(),
    }
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    maps = {"truth_map.mrc": truth.density(), "mask.mrc": _mask(settings)}
    for name, values in maps.items():
        write_volume(directory / name, values, pixel_size_angstrom=pixel, label=COMMENT)


def _mask(settings: Settings) -> np.ndarray:
    """A ball of the particle's diameter with a soft edge, `(z, y, x)` float32."""
    axis = (np.arange(settings.box_px) - settings.box_px // 2) * settings.pixel_size_angstrom
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    beyond = np.clip((radius - settings.diameter_angstrom / 2) / MASK_EDGE_ANGSTROM, 0, 1)
    return np.asarray((1 + np.cos(np.pi * beyond)) / 2, dtype=np.float32)
