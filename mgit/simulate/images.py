"""Tilt images: dark particles, each seen through the CTF at its own depth, in white noise."""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2

from mgit.simulate.forward import Geometry, Views
from mgit.simulate.molecule import Molecule
from mgit.simulate.settings import Settings
from mgit.simulate.transfer import (
    Lens,
    contrast_transfer,
    exposure_decay,
    frequencies,
    reach_px,
)

__all__ = ["Camera", "lens_of", "signal_image", "signal_variance", "solvent_image"]

SOLVENT_RESOLUTION_ANGSTROM = 20.0
"""Structure of the solvent beyond this resolution fades."""


def lens_of(settings: Settings) -> Lens:
    """The microscope of an experiment."""
    return Lens(
        voltage_kilovolt=settings.voltage_kilovolt,
        spherical_aberration_millimetre=settings.spherical_aberration_millimetre,
        amplitude_contrast=settings.amplitude_contrast,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One tilt of one series: everything that all particles in it share."""

    geometry: Geometry
    tilt: int
    lens: Lens
    pixel_size_angstrom: float

    def transfer(self, k: tuple[np.ndarray, ...], defocus: float) -> np.ndarray:
        """CTF, decay and path length in one factor at frequencies (kx, ky)."""
        per_tilt = self.geometry.per_tilt
        ctf = contrast_transfer(
            self.lens,
            k,
            defocus=defocus,
            delta=per_tilt("defocus_delta")[self.tilt],
            angle_degree=per_tilt("defocus_angle")[self.tilt],
            phase_degree=per_tilt("phase_shift")[self.tilt],
        )
        slant = np.cos(np.radians(per_tilt("tilt_angle")[self.tilt]))
        return np.asarray(slant * ctf * exposure_decay(k, per_tilt("exposure")[self.tilt]))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image, pixels."""
        width, height = (round(side / self.pixel_size_angstrom) for side in self.geometry.image)
        return height, width


def signal_image(camera: Camera, seen: Views, molecule: Molecule) -> np.ndarray:
    """`(height, width)` float32: all particles of one tilt, bright on zero, without noise.

    seen: observations of this tilt. Every particle's exact projection, at its exact place between
    pixels, goes through the CTF in a box that holds all the signal that the CTF spreads.
    """
    pixel = camera.pixel_size_angstrom
    image = np.zeros(camera.shape, dtype=np.float32)
    if not len(seen):
        return image
    box = _padded_box(camera, seen, molecule)
    k = frequencies((box, box), pixel)
    for xy, rotation, defocus in zip(seen.xy, seen.rotation, seen.defocus, strict=True):
        corner = np.floor(xy / pixel).astype(int) - box // 2
        inside = np.append(xy - corner * pixel, 0.0)
        flat = molecule.moved(rotation, inside).projection((box, box), pixel_size_angstrom=pixel)
        patch = irfft2(rfft2(flat) * camera.transfer(k, defocus), s=(box, box))
        _add(image, patch, corner)
    return image


def signal_variance(image: np.ndarray, seen: Views, *, box_px: int, pixel: float) -> float:
    """Mean over particles of the variance of a noiseless image within the particles' boxes."""
    found = []
    for xy in seen.xy:
        x, y = np.round(xy / pixel).astype(int) - box_px // 2
        found.append(image[y : y + box_px, x : x + box_px].var(dtype=np.float64))
    return float(np.mean(found))


def solvent_image(camera: Camera, random: np.random.Generator) -> np.ndarray:
    """`(height, width)` float32 structured noise of unit variance, seen through the CTF."""
    shape = camera.shape
    k = frequencies(shape, camera.pixel_size_angstrom)
    fade = np.exp(-((k[0] ** 2 + k[1] ** 2) * SOLVENT_RESOLUTION_ANGSTROM**2))
    factor = fade * camera.transfer(k, camera.geometry.per_tilt("defocus")[camera.tilt])
    image = irfft2(rfft2(random.normal(size=shape)) * factor, s=shape)
    return np.asarray(image / image.std(), dtype=np.float32)


def _padded_box(camera: Camera, seen: Views, molecule: Molecule) -> int:
    spread = reach_px(
        camera.lens,
        defocus=float(np.abs(seen.defocus).max()),
        pixel_size_angstrom=camera.pixel_size_angstrom,
    )
    radius = int(np.ceil(molecule.radius_angstrom / camera.pixel_size_angstrom)) + 2
    return 2 * int(next_fast_len(radius + spread, real=True))


def _add(image: np.ndarray, patch: np.ndarray, corner: np.ndarray) -> None:
    """Add a square patch whose first pixel lies at `corner` (x, y); what sticks out is lost."""
    edge = len(patch)
    x, y = corner
    height, width = image.shape
    left, right = max(x, 0), min(x + edge, width)
    top, bottom = max(y, 0), min(y + edge, height)
    if left < right and top < bottom:
        image[top:bottom, left:right] += patch[top - y : bottom - y, left - x : right - x]
