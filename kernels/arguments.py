"""What the compiled kernels take and give: layouts, and checks of shapes and ranges.

Kernels do not check bounds, so nothing reaches one that has not passed here. Layouts: README.md.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.packing import Packing

__all__ = [
    "Correlation", "Images", "checked_box", "checked_images", "checked_poses", "checked_volume",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """A batch in the kernels' layouts, all C-contiguous.

    values: float32 (n, 2 samples), real and imaginary parts interleaved.
    weights: float32 (groups, samples). group: int32 (n). matrices: float32 (n, 3, 3), the third
    column zero without curvature. shifts: float64 (n, 2). radius: int32 (n).
    columns: 2 or 3, what the caller's matrices had.
    """

    values: np.ndarray
    weights: np.ndarray
    group: np.ndarray
    matrices: np.ndarray
    shifts: np.ndarray
    radius: np.ndarray
    disc: Packing
    columns: int

    def __len__(self) -> int:
        return len(self.values)

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(kx, ky, what it counts) per sample, float32; (kx, ky) as places, uint32; row starts.

        A place is an index into a table over k = 0 ... radius, -radius ... -1. A sample counts
        1, frequency zero 1/2 (docs/math/projection.md, eq. 6).
        """
        places = np.ascontiguousarray(self.disc.frequencies.T, np.int32)
        table = np.concatenate([places, np.ones((1, self.disc.samples), np.int32)])
        table = table.astype(np.float32)
        table[2, self.disc.zero] = 0.5
        places[1] %= 2 * self.disc.radius + 1
        return table, places.astype(np.uint32), self.disc.row_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """What `correlate` returns; c is 2 or 3, the columns of the slice matrices.

    terms: (n, 3), N, D and E. d_shift: (n, 2), dN/ds. d_numerator: (n, 3, c), dN/dA.
    d_power: (n, 3, c), dD/dA. D does not depend on the shift, E on neither.
    """

    terms: np.ndarray
    d_shift: np.ndarray
    d_numerator: np.ndarray
    d_power: np.ndarray


def checked_volume(volume: np.ndarray) -> tuple[np.ndarray, int]:
    """The volume as flat float32 numbers (2 d d (d//2+1)), and its box d.

    Raises TypeError unless complex64, ValueError unless a half-complex cube of an even box.
    """
    box = volume.shape[0]
    if volume.dtype != np.complex64:
        raise TypeError(f"volume is {volume.dtype}, not complex64")
    checked_box(box)
    if volume.shape != (box, box, box // 2 + 1):
        raise ValueError(f"volume {volume.shape} is no half-complex cube of an even box")
    return np.ascontiguousarray(volume).reshape(-1).view(np.float32), box


def checked_box(box: int) -> int:
    """The box of a volume: even, at least 4, and small enough for 32-bit offsets."""
    if box % 2 or box < 4 or 3 * box * box * (box // 2 + 1) > np.iinfo(np.int32).max:
        raise ValueError(f"a volume's box of {box} is odd, below 4 or beyond 32-bit offsets")
    return box


def checked_images(
    images: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    matrices: np.ndarray,
    shifts: np.ndarray,
    disc: Packing,
    radius: np.ndarray | None,
) -> Images:
    """Convert a batch, refusing what would make a kernel read out of bounds.

    Raises TypeError unless images are complex64, ValueError for shapes, groups or radii that do
    not fit each other.
    """
    if images.dtype != np.complex64:
        raise TypeError(f"images are {images.dtype}, not complex64")
    count = len(images)
    radii = np.full(count, disc.radius) if radius is None else np.asarray(radius)
    _refuse_other_shapes(
        {
            "images": (images.shape, (count, disc.samples)),
            "weights": (weights.shape, (len(weights), disc.samples)),
            "group": (group.shape, (count,)),
            "radius": (radii.shape, (count,)),
        }
    )
    _refuse_outside("group", group, len(weights) - 1)
    _refuse_outside("radius", radii, disc.radius)
    square, moved = checked_poses(matrices, shifts, count)
    return Images(
        values=np.ascontiguousarray(images).view(np.float32),
        weights=np.ascontiguousarray(weights, np.float32),
        group=np.ascontiguousarray(group, np.int32),
        matrices=square,
        shifts=moved,
        radius=np.ascontiguousarray(radii, np.int32),
        disc=disc,
        columns=matrices.shape[-1],
    )


def checked_poses(
    matrices: np.ndarray, shifts: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Matrices as float32 (count, 3, 3) and shifts as float64 (count, 2), C-contiguous.

    Raises ValueError for other shapes and for poses that are not finite.
    """
    columns = 3 if matrices.shape[-1] == 3 else 2
    _refuse_other_shapes(
        {
            "matrices": (matrices.shape, (count, 3, columns)),
            "shifts": (shifts.shape, (count, 2)),
        }
    )
    if not (np.isfinite(matrices).all() and np.isfinite(shifts).all()):
        raise ValueError("a slice matrix or a shift is not finite")
    square = np.zeros((count, 3, 3), np.float32)
    square[:, :, :columns] = matrices
    return square, np.ascontiguousarray(shifts, np.float64)


def _refuse_other_shapes(shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    wrong = [
        f"{name} {shape}, expected {expected}"
        for name, (shape, expected) in shapes.items()
        if shape != expected
    ]
    if wrong:
        raise ValueError("; ".join(wrong))


def _refuse_outside(name: str, values: Any, last: int) -> None:
    if len(values) and not (values.min() >= 0 and values.max() <= last):
        raise ValueError(f"{name} {values.min()} ... {values.max()} is not within 0 ... {last}")
