"""Simulated tilt series in memory, as refinement takes them."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from mgit.geometry.poses import ParticlePoses
from mgit.geometry.rotations import rotation_distance, zyz_matrices
from mgit.geometry.tilt_series import tilt_series_model
from mgit.maps.reference import HalfReferences, sliceable
from mgit.refine.inputs import ParticleSet, ReferenceSet, TiltSeriesData, tilt_series_data
from mgit.refine.preparation import Subject, prepare
from mgit.simulate.experiment import Particles, draw_experiment
from mgit.simulate.forward import views
from mgit.simulate.images import Camera, lens_of, signal_image
from mgit.simulate.molecule import made_molecule
from mgit.simulate.settings import Settings

torch.set_num_threads(1)

SMALL = Settings(
    particles=12,
    tilts=5,
    image_size_px=128,
    pixel_size_angstrom=6.0,
    thickness_angstrom=200.0,
    box_px=32,
    diameter_angstrom=100.0,
    gaussians=80,
    gaussian_width_angstrom=5.0,
    defocus_angstrom=20_000.0,
    snr=1.0,
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Images of the truth, the state to start from, and noiseless references."""

    settings: Settings
    data: TiltSeriesData
    reference: ReferenceSet
    particles: ParticleSet
    true_data: TiltSeriesData
    true_particles: ParticleSet

    def subjects(self):
        model = tilt_series_model(self.data.geometry, self.particles.poses)
        seen = model.views()
        subject = Subject(reference=self.reference, particles=self.particles, views=seen)
        return model, subject

    def prepared(self, *, dtype=torch.float32):
        model, subject = self.subjects()
        found = prepare(self.data, [subject], weight_threshold=0.25, batch=8, dtype=dtype)
        return model, found[0]


@lru_cache(maxsize=16)
def simulated(settings=SMALL, *, seed=0):
    """Draw, project and image one tilt series."""
    of_molecule, of_experiment, of_noise = (np.random.default_rng([seed, k]) for k in range(3))
    molecule = made_molecule(
        of_molecule,
        gaussians=settings.gaussians,
        diameter_angstrom=settings.diameter_angstrom,
        width_angstrom=settings.gaussian_width_angstrom,
    )
    experiment = draw_experiment(settings, of_experiment)
    images = _images(settings, experiment, molecule, of_noise)
    density = molecule.density(settings.box_px, pixel_size_angstrom=settings.pixel_size_angstrom)
    volume = sliceable(density, oversampling=2)
    reference = ReferenceSet(
        species="molecule",
        references=HalfReferences(
            first=volume,
            second=volume,
            box=settings.box_px,
            pixel_size_angstrom=settings.pixel_size_angstrom,
            oversampling=2,
        ),
        diameter_angstrom=settings.diameter_angstrom,
    )
    return Problem(
        settings=settings,
        reference=reference,
        data=_series(settings, experiment.start_series[0], images),
        particles=_particles(experiment.start_particles),
        true_data=_series(settings, experiment.series[0], images),
        true_particles=_particles(experiment.particles),
    )


def _images(settings, experiment, molecule, random):
    geometry, table = experiment.series[0], experiment.particles
    rows = np.arange(len(table.positions))
    seen = views(geometry, table.positions[:, None], table.angles[:, None], rows=rows)
    lens = lens_of(settings)
    cameras = [
        Camera(
            geometry=geometry,
            tilt=tilt,
            lens=lens,
            pixel_size_angstrom=settings.pixel_size_angstrom,
        )
        for tilt in range(settings.tilts)
    ]
    parts = [seen.take(seen.tilt == tilt) for tilt in range(settings.tilts)]
    signals = [
        signal_image(camera, part, molecule) for camera, part in zip(cameras, parts, strict=True)
    ]
    if np.isfinite(settings.snr):
        deviation = np.sqrt(np.mean([signal.var() for signal in signals]) / settings.snr)
    else:
        deviation = 0.0
    noise = random.normal(size=(len(signals), *signals[0].shape))
    return [
        (20 * max(deviation, 1e-3) - signal + deviation * grain).astype(np.float32)
        for signal, grain in zip(signals, noise, strict=True)
    ]


def _series(settings, geometry, images):
    return tilt_series_data(
        geometry.name,
        arrays=geometry.arrays,
        attributes={
            "pixel_size_angstrom": repr(settings.pixel_size_angstrom),
            "image_dimensions_angstrom": [repr(each) for each in geometry.image],
            "volume_dimensions_angstrom": [repr(each) for each in geometry.volume],
            "voltage_kilovolt": repr(settings.voltage_kilovolt),
            "spherical_aberration_millimetre": repr(settings.spherical_aberration_millimetre),
            "amplitude_contrast": repr(settings.amplitude_contrast),
            "hand": geometry.hand,
        },
        image=lambda tilt: images[tilt],
    )


def _particles(table: Particles):
    return ParticleSet(
        species="molecule",
        poses=ParticlePoses(position=table.positions[:, None], angles=table.angles[:, None]),
        half_set=table.half_set,
    )


def with_images(data, change):
    """The series with every image changed."""
    return replace(data, image=lambda tilt: change(data.image(tilt)))


def errors_of(problem, series, particles):
    """(position RMS in angstrom without common 3-D shift, orientation RMS degrees, defocus RMS)."""
    seen = tilt_series_model(series.geometry, particles.poses).views()
    true = tilt_series_model(problem.true_data.geometry, problem.true_particles.poses).views()
    turn = zyz_matrices(torch.from_numpy(particles.poses.angles[:, 0])).numpy()
    true_turn = zyz_matrices(torch.from_numpy(problem.true_particles.poses.angles[:, 0])).numpy()
    moved = (seen.position - true.position).numpy()
    stage = true.rotation.numpy()
    # What a shift c of the map by -c does to all: R_pt c.
    design = stage[..., :2, :].reshape(-1, 3)
    shift, *_ = np.linalg.lstsq(design, moved.reshape(-1), rcond=None)
    rest = moved.reshape(-1) - design @ shift
    rotations = seen.rotation.numpy()
    common = _common(rotations.reshape(-1, 3, 3), stage.reshape(-1, 3, 3))
    angle = rotation_distance(rotations @ common, stage)
    defocus = (seen.defocus - true.defocus).numpy()
    assert turn.shape == true_turn.shape
    return (
        float(np.sqrt((rest.reshape(moved.shape) ** 2).sum(-1).mean())),
        float(np.sqrt((angle**2).mean())),
        float(np.sqrt((defocus**2).mean())),
    )


def _common(found, true):
    """Rotation Q of the map's frame with found Q ~ true."""
    u, _, v = np.linalg.svd(np.einsum("nji,njk->ik", found, true))
    return u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
