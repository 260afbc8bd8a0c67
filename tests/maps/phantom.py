"""A density whose map and whose projections are known in closed form: a sum of Gaussians.

Lengths in voxels, frequencies in cycles per voxel; the transform of a Gaussian is a Gaussian.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Phantom:
    centres: np.ndarray  # (n, 3), (x, y, z) from the particle's centre
    amplitudes: np.ndarray
    widths: np.ndarray

    def density(self, box):
        """Values at the voxels of a map whose centre is voxel box // 2: (z, y, x)."""
        at = np.arange(box) - box // 2
        density = np.zeros((box, box, box))
        for (x, y, z), amplitude, width in zip(
            self.centres, self.amplitudes, self.widths, strict=True
        ):
            gz, gy, gx = (np.exp(-((at - c) ** 2) / (2 * width**2)) for c in (z, y, x))
            density += amplitude * gz[:, None, None] * gy[:, None] * gx
        return density.astype(np.float32)

    def transform(self, frequencies):
        """Continuous transform at frequencies (..., 3): complex (...)."""
        square = (frequencies**2).sum(-1)
        total = np.zeros(frequencies.shape[:-1], np.complex128)
        for centre, amplitude, width in zip(
            self.centres, self.amplitudes, self.widths, strict=True
        ):
            size = amplitude * (2 * np.pi * width**2) ** 1.5
            decay = np.exp(-2 * np.pi**2 * width**2 * square)
            total += size * decay * np.exp(-2j * np.pi * (frequencies @ centre))
        return total


def handed_phantom(*, seed=1, count=12, reach=5.0, width=(0.8, 1.2)):
    """Gaussians at random places in a ball: no symmetry, no mirror."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radii = reach * rng.uniform(0, 1, size=(count, 1)) ** (1 / 3)
    return Phantom(
        centres=directions * radii,
        amplitudes=rng.uniform(0.5, 1.5, size=count),
        widths=rng.uniform(*width, size=count),
    )


def symmetric_phantom(operators, **options):
    """A handed phantom and all its mates."""
    unit = handed_phantom(**options)
    return Phantom(
        centres=np.concatenate([unit.centres @ operator.T for operator in operators]),
        amplitudes=np.tile(unit.amplitudes, len(operators)),
        widths=np.tile(unit.widths, len(operators)),
    )


def random_rotations(count, *, seed=2):
    """Rotations uniform over the group, from unit quaternions: (n, 3, 3)."""
    w, x, y, z = (q := np.random.default_rng(seed).normal(size=(4, count))) / np.linalg.norm(
        q, axis=0
    )
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
        ],
        -2,
    )
