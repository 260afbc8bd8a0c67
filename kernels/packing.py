"""Packed storage of the disc of an image's transform: its tables, packing and unpacking.

An image of an even box m lives in the rfft layout (m, m//2+1), DC at index 0, ky wrapping. Kernels
see the samples with kx^2 + ky^2 <= radius^2 only, and of each Friedel pair only one, as one vector:
rows ky = -radius ... radius in that order, kx rising inside a row, from 1 in rows ky < 0 and from 0
in rows ky >= 0. Layouts: kernels/README.md; why each pair counts once: docs/math/projection.md.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt
from typing import Any

import numpy as np

__all__ = ["Packing", "pack", "packing", "unpack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Tables of the packed disc of one radius.

    row_start: int32 (2 radius + 2), first sample of row ky at index ky + radius; last is `samples`.
    row_first: int32 (2 radius + 1), the kx of a row's first sample, 0 or 1.
    frequencies: int16 (samples, 2), (kx, ky) of every sample in Fourier pixels.
    """

    radius: int
    row_start: np.ndarray
    row_first: np.ndarray
    frequencies: np.ndarray

    @property
    def samples(self) -> int:
        """Length of a packed image."""
        return len(self.frequencies)

    @property
    def zero(self) -> int:
        """Index of the sample at frequency zero."""
        return int(self.row_start[self.radius])

    def rfft_index(self, box: int) -> np.ndarray:
        """Where each sample stands in a flattened rfft layout (box, box//2+1): int64 (samples).

        Raises ValueError for a box that is odd or too small to hold the disc.
        """
        if box % 2 or self.radius > box // 2 - 1:
            raise ValueError(f"radius {self.radius} does not fit an even box of {box}")
        kx, ky = self.frequencies.astype(np.int64).T
        return np.asarray(ky % box * (box // 2 + 1) + kx)


@lru_cache(maxsize=64)
def packing(radius: int) -> Packing:
    """The tables of a disc; the usual radius of a box m is m/2 - 1.

    The arrays are read-only and shared by all callers. Raises ValueError for a radius below 1 or
    beyond what int16 frequencies hold.
    """
    if not 1 <= radius < 1 << 15:
        raise ValueError(f"radius {radius} is not between 1 and 32767")
    rows = np.arange(-radius, radius + 1)
    first = np.where(rows < 0, 1, 0)
    last = np.array([isqrt(radius * radius - int(ky) ** 2) for ky in rows])
    start = np.concatenate([[0], np.cumsum(last - first + 1)])
    ky = np.repeat(rows, np.diff(start))
    kx = np.arange(start[-1]) - np.repeat(start[:-1] - first, np.diff(start))
    tables = (
        start.astype(np.int32),
        first.astype(np.int32),
        np.stack([kx, ky], axis=1).astype(np.int16),
    )
    for table in tables:
        table.setflags(write=False)
    return Packing(radius=radius, row_start=tables[0], row_first=tables[1], frequencies=tables[2])


def pack(images: Any, disc: Packing) -> Any:
    """Take the disc out of transforms: (..., m, m//2+1) -> (..., samples), NumPy or torch.

    Raises ValueError when the last two sizes are no rfft layout that holds the disc.
    """
    box, half = images.shape[-2:]
    if half != box // 2 + 1:
        raise ValueError(f"shape {tuple(images.shape)} does not end in an rfft layout (m, m//2+1)")
    return images.reshape(*images.shape[:-2], box * half)[..., disc.rfft_index(box)]


def unpack(packed: np.ndarray, disc: Packing, *, box: int) -> np.ndarray:
    """Put packed samples back: (..., samples) -> (..., box, box//2+1), zero outside the disc.

    The part ky < 0 of the column kx = 0 is filled with the conjugates that packing left out.
    """
    half = box // 2 + 1
    image = np.zeros((*packed.shape[:-1], box * half), packed.dtype)
    image[..., disc.rfft_index(box)] = packed
    image = image.reshape(*packed.shape[:-1], box, half)
    column = image[..., 1 : box // 2, 0]
    image[..., : box // 2 : -1, 0] = np.conj(column)
    return image
