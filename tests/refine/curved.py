"""Images of thick particles by atoms, each at its own defocus: no slice, no sphere is in them."""

from dataclasses import dataclass

import numpy as np

from mgit.geometry.poses import ParticlePoses
from mgit.geometry.rotations import zyz_matrices
from mgit.refine.inputs import ParticleSet, tilt_series_data

VOLT, CS_ANGSTROM, AMPLITUDE = 100_000.0, 2.0e7, 0.1


@dataclass(frozen=True, kw_only=True)
class Thick:
    """A ball of atoms. hand: sign of the change of defocus with height."""

    diameter: float
    pixel: float
    size: int
    atoms: np.ndarray
    width: float = 0.7
    hand: int = 1

    def density(self, box):
        """Samples `(box, box, box)` of the atoms, z y x, centred on voxel box // 2."""
        k = np.fft.fftfreq(box, self.pixel)
        kx = np.fft.rfftfreq(box, self.pixel)
        waves = [
            np.exp(-2j * np.pi * np.outer(each, at) - 2 * (np.pi * self.width * each[:, None]) ** 2)
            for each, at in zip((kx, k, k), self.atoms.T, strict=True)
        ]
        transform = np.einsum("xn,yn,zn->zyx", *waves, optimize=True)
        real = np.fft.irfftn(transform, s=(box,) * 3, axes=(0, 1, 2))
        return np.fft.fftshift(real).astype(np.float32)

    def image(self, rotation, defocus):
        """`(size, size)`, bright on zero, the particle at the centre of pixel size // 2."""
        wavelength = 12.2643247 / np.sqrt(VOLT * (1 + 0.978466e-6 * VOLT))
        x, y, z = rotation @ self.atoms.T
        kx = np.fft.rfftfreq(self.size, self.pixel)
        ky = np.fft.fftfreq(self.size, self.pixel)
        square = kx**2 + ky[:, None] ** 2
        gamma = np.pi * (
            0.5 * CS_ANGSTROM * wavelength**3 * square**2 - wavelength * square * defocus
        ) - np.arcsin(AMPLITUDE)
        # An atom at height z has the defocus of the middle plus z; -sin of its phase, in two parts.
        below, above = (
            self._waves(ky, y, sign * wavelength * z) @ self._waves(kx, x, sign * wavelength * z).T
            for sign in (-self.hand, self.hand)
        )
        wave = 0.5j * (np.exp(1j * gamma) * below - np.exp(-1j * gamma) * above)
        return np.fft.fftshift(np.fft.irfft2(wave, s=(self.size, self.size)))

    def _waves(self, k, at, bend):
        k = k[:, None]
        phase = -2j * np.pi * k * at + 1j * np.pi * k**2 * bend
        return np.exp(phase - 2 * (np.pi * self.width * k) ** 2)

    def series(self, image, defocus, *, name="TS"):
        """One untilted image with one particle in its middle."""
        edge = repr(self.size * self.pixel)
        return tilt_series_data(
            name,
            arrays={
                **{each: np.zeros(1) for each in ("tilt_angle", "axis_angle", "exposure")},
                "defocus": np.array([defocus]),
            },
            attributes={
                "pixel_size_angstrom": repr(self.pixel),
                "image_dimensions_angstrom": [edge, edge],
                "volume_dimensions_angstrom": [edge, edge, edge],
                "voltage_kilovolt": repr(VOLT / 1000),
                "spherical_aberration_millimetre": repr(CS_ANGSTROM / 1e7),
                "amplitude_contrast": repr(AMPLITUDE),
                "hand": self.hand,
            },
            image=lambda _tilt: -image,
        )

    def particle(self, angles, *, half_set=1):
        """The particle of such an image."""
        middle = np.full((1, 1, 3), self.size * self.pixel / 2)
        return ParticleSet(
            species="ball",
            poses=ParticlePoses(position=middle, angles=np.reshape(angles, (1, 1, 3))),
            half_set=np.array([half_set]),
        )


def ball_of_atoms(random, *, count, diameter):
    """Centres `(count, 3)` inside a ball."""
    found = random.normal(size=(count, 3))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found * (0.45 * diameter * random.uniform(size=(count, 1)) ** (1 / 3))


def drawn_angles(random, count):
    """Rot, tilt, psi in degrees of evenly distributed orientations `(count, 3)`."""
    rot, psi = random.uniform(0, 360, (2, count))
    tilt = np.degrees(np.arccos(random.uniform(-1, 1, count)))
    return np.stack([rot, tilt, psi], axis=1)


def particle_rotation(angles):
    """Particle -> image."""
    import torch

    return zyz_matrices(torch.from_numpy(angles)[None]).numpy()[0]
