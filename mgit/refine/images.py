"""Whole tilt images made ready: no gradient, no slow waves, unit variance, protein bright."""

import numpy as np
import torch

from mgit.errors import InvalidInput
from mgit.refine.inputs import TiltSeriesData
from mgit.refine.tilt_numbers import exclusion, tilt_number

__all__ = ["check_size", "normalised_image", "prepared_image"]

FLAT = 1e-6
"""A standard deviation below this share of the largest value is rounding, not an image."""
SIZE_TOLERANCE_PX = 2.0


def prepared_image(series: TiltSeriesData, tilt: int, *, longest_angstrom: float) -> np.ndarray:
    """Image of row `tilt` of the table: `(height, width)` float32, mean 0, deviation 1.

    longest_angstrom: longer periods are removed. Raises InvalidInput naming the item and the tilt
    (counted from 1) for images that are not finite, flat, or not of the geometry's size.
    """
    image = np.asarray(series.image(tilt))
    pixel = series.geometry.pixel_size_angstrom
    check_size(series, image.shape, tilt=tilt)
    if not np.isfinite(image).all():
        raise InvalidInput(
            "a tilt image is not finite",
            hint=f"copy it again, or run {exclusion(series.name, tilt)}",
            item=series.name,
            tilt=tilt_number(tilt),
        )
    try:
        normalised = normalised_image(image, longest_px=longest_angstrom / pixel)
    except InvalidInput as error:
        raise InvalidInput(
            error.message,
            hint=f"run {exclusion(series.name, tilt)}",
            item=series.name,
            tilt=tilt_number(tilt),
        ) from error
    return -normalised if series.dark else normalised


def check_size(series: TiltSeriesData, shape: tuple[int, ...], *, tilt: int) -> None:
    """Raises InvalidInput, naming item and tilt, for a shape that is not the geometry's.

    A difference of two pixels is rounding.
    """
    pixel = series.geometry.pixel_size_angstrom
    known = series.geometry.image_dimensions_angstrom
    if len(shape) != 2 or known is None or _far(shape[::-1], known, pixel):
        expected = None if known is None else tuple(round(each / pixel) for each in known[::-1])
        raise InvalidInput(
            "a tilt image does not have the size that its series has",
            hint="link the stack that belongs to the series, at its pixel size",
            item=series.name,
            tilt=tilt_number(tilt),
            shape=shape,
            expected=expected,
        )


def normalised_image(image: np.ndarray, *, longest_px: float) -> np.ndarray:
    """The image without its plane and without periods above `longest_px`, deviation 1; float32.

    Raises InvalidInput for a flat image.
    """
    values = torch.from_numpy(np.array(image, dtype=np.float32))
    height, width = values.shape
    largest = float(values.abs().max())
    values = values - values.mean()
    values = values - _plane(values)
    transform = torch.fft.rfft2(values)
    ky = torch.fft.fftfreq(height)[:, None]
    kx = torch.fft.rfftfreq(width)[None, :]
    radius = torch.sqrt(ky * ky + kx * kx)
    transform = torch.where((radius >= 1 / longest_px) & (radius <= 0.5), transform, 0)
    values = torch.fft.irfft2(transform, s=(height, width))
    deviation = float(values.std(correction=0))
    if not deviation > FLAT * largest:
        raise InvalidInput("a tilt image is flat")
    return np.asarray((values / deviation).numpy())


def _plane(values: torch.Tensor) -> torch.Tensor:
    """The least-squares plane without its mean; both axes are orthogonal on a grid."""
    height, width = values.shape
    y = torch.arange(height, dtype=torch.float32) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float32) - (width - 1) / 2
    slope_y = (values.mean(1) * y).sum() / (y * y).sum().clamp(min=1.0)
    slope_x = (values.mean(0) * x).sum() / (x * x).sum().clamp(min=1.0)
    return slope_y * y[:, None] + slope_x * x[None, :]


def _far(size: tuple[int, ...], expected: tuple[float, float], pixel: float) -> bool:
    return any(
        abs(count - length / pixel) > SIZE_TOLERANCE_PX
        for count, length in zip(size, expected, strict=True)
    )
