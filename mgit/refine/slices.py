"""Where images go in a volume: on one central slice, or on the two that the Ewald sphere makes.

docs/math/ctf.md, section 5. With curvature an image becomes two, the side band of the slice above
the central plane and the one below, each with half of the weight, so that where the curvature does
not matter they add up to the image times its CTF.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from mgit.errors import Unsupported
from mgit.optics.ewald import band_correlation, curvature_matters
from mgit.refine.inputs import TiltSeriesData

__all__ = [
    "Ewald",
    "EwaldMode",
    "Slices",
    "band_pair",
    "bend",
    "height_columns",
    "slice_matrices",
]

EwaldMode = Literal["auto", "on", "off"]
COMMON_DIAMETERS = 2.0
"""Slices have something in common as those of a ball of this many diameters have: signal of the
particle itself, and noise in voxels of a volume that is twice as wide (docs/math/ctf.md eq. 14)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ewald:
    """How a reconstruction treats the curvature.

    mode: 'auto' takes it in where the depth of field at the finest period of the map is less than
    the particle's diameter (eq. 12). reverse: the hand; True agrees with the depth that the series'
    defocus has.
    """

    mode: EwaldMode = "auto"
    reverse: bool = True

    def applies(
        self, series: TiltSeriesData, *, finest_angstrom: float, diameter_angstrom: float
    ) -> bool:
        """Whether images of a series are split into side bands.

        Raises Unsupported, naming the item, when that is asked of images times their CTF, of which
        only the sum of both bands is left; 'auto' leaves these as they are.
        """
        if self.mode == "off":
            return False
        if self.mode == "on":
            if series.ctf_multiplied:
                raise Unsupported(
                    "images that are multiplied by the CTF have no side bands any more",
                    hint="use '--ewald auto', or add the tilt images as a source of their own",
                    item=series.name,
                )
            return True
        return not series.ctf_multiplied and curvature_matters(
            finest_angstrom,
            diameter_angstrom=diameter_angstrom,
            wavelength_angstrom=series.microscope.wavelength_angstrom,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slices:
    """How images of one series and one size become slices.

    scale: volume samples per image sample. box_angstrom: edge of the image. curved: whether there
    is one slice for each side band. reverse: the hand, as `Ewald` has it.
    """

    series: TiltSeriesData
    scale: float
    box_angstrom: float
    diameter_angstrom: float
    curved: bool
    reverse: bool = True

    def weight(self, band: Tensor, frequencies: Tensor) -> Tensor:
        """What images with the complex CTF `band` `(n, h, w)` weigh, both bands together, eq. 13.

        CTF^2 where the slices of both bands are one, 1/2 where they have nothing in common.
        """
        square = band.real.square()
        if not self.curved:
            return square
        common = band_correlation(
            frequencies,
            self.series.microscope.wavelength_angstrom,
            diameter_angstrom=COMMON_DIAMETERS * self.diameter_angstrom,
        )
        return 0.5 * (1 + common * (2 * square - 1))

    def of(
        self,
        transforms: Tensor,
        band: Tensor,
        rotation: np.ndarray,
        *,
        packed: Callable[[Tensor], Tensor],
    ) -> Iterator[tuple[Tensor, np.ndarray, float]]:
        """Packed images, slice matrices and share of the weight of every slice.

        transforms: `(n, h, w)`, half transforms of images. band: their complex CTF. rotation:
        `(n, 3, 3)` particle -> image. packed: half transforms of real images -> packed discs.
        """
        flat = slice_matrices(rotation, self.series, scale=self.scale)
        if not self.curved:
            applied = transforms if self.series.ctf_multiplied else transforms * band.real
            yield packed(applied), flat, 1.0
            return
        # Neither band alone is the transform of a real image; its two parts are.
        real, imaginary = (packed(transforms * part) for part in (band.real, band.imag))
        upper, lower = band_pair(real, imaginary, self.series, reverse=self.reverse)
        column = height_columns(
            rotation, self.series, scale=self.scale, box_angstrom=self.box_angstrom
        )[:, :, None]
        yield upper, np.concatenate([flat, column], axis=2), 0.5
        yield lower, np.concatenate([flat, -column], axis=2), 0.5


def band_pair(
    real: Tensor, imaginary: Tensor, series: TiltSeriesData, *, reverse: bool
) -> tuple[Tensor, Tensor]:
    """Half of P above the plane and half of Q below it, eq. 11.

    real, imaginary: images times both parts of the complex CTF C. P is the image times conj C where
    more z in the image is more underfocus, unless `reverse` says otherwise.
    """
    turned = 0.5j * imaginary
    conjugate, plain = 0.5 * real - turned, 0.5 * real + turned
    agrees = reverse == (series.geometry.hand > 0)
    return (conjugate, plain) if agrees else (plain, conjugate)


def slice_matrices(rotation: np.ndarray, series: TiltSeriesData, *, scale: float) -> np.ndarray:
    """Slice matrices scale R^T m `(n, 3, 2)` of rotations `(n, 3, 3)`: docs/math/projection.md."""
    magnification = series.optics.get("magnification", np.eye(2))
    return np.asarray(scale * np.einsum("nji,jc->nic", rotation[:, :2, :], magnification))


def height_columns(
    rotation: np.ndarray, series: TiltSeriesData, *, scale: float, box_angstrom: float
) -> np.ndarray:
    """Third columns `(n, 3)` of slice matrices for the upper band: docs/math/projection.md eq. 1.

    Frequencies count as they are in the specimen; of an anisotropic magnification the mean does.
    """
    return np.asarray(scale * bend(series, box_angstrom=box_angstrom) * rotation[:, 2, :])


def bend(series: TiltSeriesData, *, box_angstrom: float) -> float:
    """Height of the sphere over the plane at one Fourier pixel, in Fourier pixels: 1 / (2 R_E)."""
    area = abs(float(np.linalg.det(series.optics.get("magnification", np.eye(2)))))
    return area * series.microscope.wavelength_angstrom / (2 * box_angstrom)
