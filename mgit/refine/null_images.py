"""Noise in place of images, for the null test: the data's spectra and CTF zeros without signal.

Every image keeps the amplitude of each of its Fourier components and gets random phases
(docs/math/target.md, section 6). What is refined against such images gains what noise gains: the
same weights, the same CTF, the same numbers of particles and tilts.
"""

from dataclasses import replace

import numpy as np

from mgit.digest import ContentDigest
from mgit.refine.inputs import ParticleSet, TiltSeriesData

__all__ = ["null_particles", "null_series", "phase_randomised"]

SEED_WORDS = 4


def null_series(series: TiltSeriesData, *, seed: int) -> TiltSeriesData:
    """The series with noise in place of its whole images; equal for equal seed, name and tilt."""
    recorded = series.image

    def image(tilt: int) -> np.ndarray:
        return phase_randomised(recorded(tilt), _random(seed, series.name, tilt))

    return replace(series, image=image)


def null_particles(particles: ParticleSet, *, item: str, seed: int) -> ParticleSet:
    """The particles with noise in place of their extracted images, where they have any.

    Equal for equal seed, item, species and row of the particle.
    """
    stacks = particles.stacks
    if stacks is None:
        return particles
    extracted = stacks.images

    def images(row: int) -> np.ndarray:
        random = _random(seed, f"{item}\0{particles.species}", row)
        return np.stack([phase_randomised(image, random) for image in extracted(row)])

    return replace(particles, stacks=replace(stacks, images=images))


def phase_randomised(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An image `(height, width)` float32 of equal Fourier amplitudes and mean, phases random.

    Phases are those of white noise, so that they are uniform and opposite at opposite frequencies.
    """
    transform = np.fft.rfft2(np.asarray(image, dtype=np.float64))
    noise = np.fft.rfft2(random.normal(size=image.shape))
    turned = np.abs(transform) * (noise / np.abs(noise))
    turned[0, 0] = transform[0, 0]
    return np.asarray(np.fft.irfft2(turned, s=image.shape), dtype=np.float32)


def _random(seed: int, name: str, row: int) -> np.random.Generator:
    raw = ContentDigest.of(name.encode()).raw
    words = np.frombuffer(raw, dtype="<u4")[:SEED_WORDS]
    return np.random.default_rng([seed, row, *words.tolist()])
