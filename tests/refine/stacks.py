"""Simulated particles extracted from simulated tilt images, with and without the CTF."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mgit.geometry.tilt_series import tilt_series_model
from mgit.refine.discs import Subject
from mgit.refine.inputs import ParticleSet
from mgit.refine.preparation import prepare
from mgit.refine.stack_images import ParticleStacks
from mgit.simulate.images import lens_of
from mgit.simulate.transfer import contrast_transfer, frequencies
from tests.refine.problems import SMALL, Problem, simulated

POSES_ALONE = replace(
    SMALL,
    shift_error_angstrom=0.0,
    axis_angle_error_degree=0.0,
    stage_angle_error_degree=0.0,
    warp_error_angstrom=0.0,
    defocus_error_angstrom=0.0,
    astigmatism_error_angstrom=0.0,
)
"""Images of a series whose geometry and optics are known: particles alone are out of place."""


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """A problem whose images were cut out; `whole` has the tilt images that they come from."""

    whole: Problem
    data: object
    particles: ParticleSet

    @property
    def reference(self):
        return self.whole.reference

    @property
    def true_poses(self):
        return self.whole.true_particles.poses

    def prepared(self, *, poses=None, data=None):
        """Model and images, as a stage takes them."""
        series = data or self.data
        particles = replace(self.particles, poses=poses or self.particles.poses)
        model = tilt_series_model(series.geometry, particles.poses)
        subject = Subject(reference=self.reference, particles=particles, views=model.views())
        return model, prepare(series, [subject], weight_threshold=0.25, batch=8)[0]


@lru_cache(maxsize=8)
def extracted(settings=POSES_ALONE, *, size=40, multiplied=True, seed=0):
    """Cut `size` pixels about the starting positions out of simulated images."""
    problem = simulated(settings, seed=seed)
    geometry = problem.data.geometry
    seen = tilt_series_model(geometry, problem.particles.poses).views()
    xy, depth = seen.position.numpy(), seen.defocus.numpy()
    whole = [_bright(problem.data.image(tilt)) for tilt in range(settings.tilts)]
    stacks = [
        np.stack(
            [
                _cut(problem, whole[tilt], xy[row, tilt], depth[row, tilt], tilt, size, multiplied)
                for tilt in range(settings.tilts)
            ]
        )
        for row in range(settings.particles)
    ]
    particles = ParticleStacks(
        images=lambda row: stacks[row],
        shown=np.ones((settings.particles, settings.tilts), dtype=bool),
        centre=problem.particles.poses.position[:, 0],
        pixel_size_angstrom=settings.pixel_size_angstrom,
    )
    # The pixel of the series is another one, as in tables of WarpTools.
    placeless = replace(
        geometry, kind="particle_series", pixel_size_angstrom=2.0, image_dimensions_angstrom=None
    )
    return Extracted(
        whole=problem,
        data=replace(problem.data, geometry=placeless, ctf_multiplied=multiplied),
        particles=replace(problem.particles, stacks=particles),
    )


def _bright(image):
    return -(image - image.mean())


def _cut(problem, image, xy, defocus, tilt, size, multiplied):
    """The whole image moved until the particle is in the middle, times its CTF, and cut."""
    settings = problem.settings
    height, width = image.shape
    k = frequencies(image.shape, settings.pixel_size_angstrom)
    middle = np.array([width // 2, height // 2]) * settings.pixel_size_angstrom
    shift = np.exp(-2j * np.pi * (k[0] * (middle - xy)[0] + k[1] * (middle - xy)[1]))
    transform = np.fft.rfft2(image) * shift
    if multiplied:
        transform = transform * contrast_transfer(
            lens_of(settings),
            k,
            defocus=defocus,
            delta=problem.data.optic("defocus_delta")[tilt],
            angle_degree=problem.data.optic("defocus_angle")[tilt],
            phase_degree=problem.data.optic("phase_shift")[tilt],
        )
    moved = np.fft.irfft2(transform, s=image.shape)
    top, left = height // 2 - size // 2, width // 2 - size // 2
    return moved[top : top + size, left : left + size].astype(np.float32)
