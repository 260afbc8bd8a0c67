"""Crop and pad maps, in real space about the centre n // 2 and in Fourier space.

docs/math/reconstruction.md, section "Sizes". Fourier padding followed by cropping to the first size
is the identity; the frequency of Nyquist of the smaller box is shared by both signs of it.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy import fft

from mgit.errors import InvalidInput
from mgit.maps.shells import checked_cube, checked_half_complex

__all__ = [
    "crop_map",
    "pad_map",
    "resample_map",
    "resize_transform",
    "resized_map",
    "unwrapped_map",
    "wrapped_map",
]


def pad_map(density: np.ndarray, box: int) -> np.ndarray:
    """The map in the middle of zeros; voxel n // 2 comes to box // 2.

    Raises InvalidInput unless box is at least the map's.
    """
    n = _checked(density, box)
    if box < n:
        raise InvalidInput("a map cannot be padded to a smaller box", map_box=n, box=box)
    start = box // 2 - n // 2
    padded = np.zeros((box, box, box), density.dtype)
    padded[start : start + n, start : start + n, start : start + n] = density
    return padded


def crop_map(density: np.ndarray, box: int) -> np.ndarray:
    """The middle of the map; voxel n // 2 comes to box // 2.

    Raises InvalidInput unless box is at most the map's.
    """
    n = _checked(density, box)
    if box > n:
        raise InvalidInput("a map cannot be cropped to a larger box", map_box=n, box=box)
    start = n // 2 - box // 2
    part = slice(start, start + box)
    return np.ascontiguousarray(density[part, part, part])


def wrapped_map(density: np.ndarray, box: int) -> np.ndarray:
    """The map among zeros with its centre n // 2 at index 0, as transforms take it.

    Raises InvalidInput unless box is at least the map's.
    """
    n = _checked(density, box)
    if box < n:
        raise InvalidInput("a map cannot be padded to a smaller box", map_box=n, box=box)
    wrapped = np.zeros((box,) * 3, density.dtype)
    for centred, cyclic in _octants(n, box):
        wrapped[cyclic] = density[centred]
    return wrapped


def unwrapped_map(density: np.ndarray, box: int) -> np.ndarray:
    """The map about index 0, as an inverse transform gives it, with index 0 at box // 2.

    Raises InvalidInput unless box is at most the map's.
    """
    n = _checked(density, box)
    if box > n:
        raise InvalidInput("a map cannot be cropped to a larger box", map_box=n, box=box)
    centred = np.empty((box,) * 3, density.dtype)
    for there, cyclic in _octants(box, n):
        centred[there] = density[cyclic]
    return centred


def _octants(n: int, box: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Parts of a centred map of even n, and where they lie in a box about index 0."""
    half = n // 2
    axis = ((slice(half, n), slice(0, half)), (slice(0, half), slice(box - half, box)))
    for parts in product(axis, repeat=3):
        yield tuple(part[0] for part in parts), tuple(part[1] for part in parts)


def resized_map(density: np.ndarray, box: int) -> np.ndarray:
    """Pad or crop in real space, whichever the box asks for."""
    return crop_map(density, box) if box <= density.shape[0] else pad_map(density, box)


def resample_map(density: np.ndarray, box: int) -> np.ndarray:
    """The same field of view on another even number of voxels, by Fourier cropping or padding.

    Values are kept, not sums: a constant map stays itself. The centre stays at index box // 2.
    Raises InvalidInput for odd boxes.
    """
    n = checked_cube(density)
    if box == n:
        return density.copy()
    transform = fft.rfftn(np.fft.ifftshift(density))
    resized = resize_transform(transform, box) * (box / n) ** 3
    resampled = np.fft.fftshift(fft.irfftn(resized, s=(box,) * 3, axes=(0, 1, 2)))
    return np.asarray(resampled.astype(density.dtype, copy=False))


def resize_transform(transform: np.ndarray, box: int) -> np.ndarray:
    """Crop or pad a half-complex cube to an even box; coefficients keep their values.

    Raises InvalidInput for odd boxes.
    """
    n = checked_half_complex(transform)
    if box % 2 or box < 2:
        raise InvalidInput("a box is not even", box=box)
    if box == n:
        return transform.copy()
    resized = _resize_half_axis(transform, box, n)
    for axis in (0, 1):
        resized = _resize_full_axis(resized, box, n, axis)
    return np.ascontiguousarray(resized)


def _resize_half_axis(transform: np.ndarray, box: int, n: int) -> np.ndarray:
    smaller = min(box, n) // 2
    shape = (*transform.shape[:2], box // 2 + 1)
    resized = np.zeros(shape, transform.dtype)
    resized[..., : smaller + 1] = transform[..., : smaller + 1]
    # The inverse transform takes the real part of the last column, which adds the conjugate
    # partner of the other sign at half weight each.
    resized[..., smaller] *= 2.0 if box < n else 0.5
    return resized


def _resize_full_axis(transform: np.ndarray, box: int, n: int, axis: int) -> np.ndarray:
    moved = np.moveaxis(transform, axis, 0)
    smaller = min(box, n) // 2
    resized = np.zeros((box, *moved.shape[1:]), transform.dtype)
    resized[:smaller] = moved[:smaller]
    resized[box - smaller + 1 :] = moved[n - smaller + 1 :]
    if box < n:
        resized[smaller] = moved[smaller] + moved[n - smaller]
    else:
        resized[smaller] = resized[box - smaller] = moved[smaller] / 2
    return np.moveaxis(resized, 0, axis)


def _checked(density: np.ndarray, box: int) -> int:
    n = checked_cube(density)
    if box % 2 or box < 2:
        raise InvalidInput("a box is not even", box=box)
    return n
