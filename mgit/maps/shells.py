"""Sums over shells of a half-complex transform, and functions of the radius applied to one.

A half-complex transform stores one of every Friedel pair with 0 < kx < n/2 and both members of the
pairs in the planes kx = 0 and kx = n/2, so samples count 2 and 1: docs/math/fsc.md, eq. 1.
Planes are taken one after the other, which keeps the extra memory to one plane and fixes the order
of every sum.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from mgit.errors import InvalidInput

__all__ = [
    "ShellRule",
    "checked_cube",
    "checked_half_complex",
    "plane_radii",
    "scaled_by_radius",
    "shell_means",
    "shell_sums",
]

ShellRule = Literal["split", "relion"]
"""`split`: a sample of radius r is shared linearly by floor(r) and floor(r) + 1, and Friedel
partners count. `relion`: it belongs to the nearest shell and every stored sample counts once, which
gives the planes kx = 0 and kx = n/2 twice the weight of others; for figures to set beside RELION's.
"""


def plane_radii(box: int, plane: int) -> np.ndarray:
    """Radii in Fourier pixels of plane kz of a half-complex cube: float64 (d, d//2+1)."""
    kz = plane if plane <= box // 2 else plane - box
    ky = np.fft.fftfreq(box, 1 / box)[:, None]
    kx = np.arange(box // 2 + 1, dtype=np.float64)[None, :]
    return np.asarray(np.sqrt(kx * kx + ky * ky + float(kz * kz)))


def checked_half_complex(transform: np.ndarray) -> int:
    """The box d of a half-complex cube (d, d, d//2+1).

    Raises InvalidInput for any other shape and for odd boxes.
    """
    box = transform.shape[0] if transform.ndim == 3 else 1
    if box % 2 or transform.shape != (box, box, box // 2 + 1):
        raise InvalidInput("a transform is no half-complex cube of even box", shape=transform.shape)
    return int(box)


def checked_cube(density: np.ndarray) -> int:
    """The box n of a cubic map of even box.

    Raises InvalidInput for any other shape and for a map that is not finite.
    """
    box = density.shape[0] if density.ndim == 3 else 1
    if box % 2 or density.shape != (box, box, box):
        raise InvalidInput(
            "a map is no cube of even box",
            shape=density.shape,
            hint="pad or crop the map to an even cube",
        )
    if not np.isfinite(density).all():
        raise InvalidInput("a map holds values that are not finite", shape=density.shape)
    return int(box)


def shell_sums(
    planes: Callable[[int], Sequence[np.ndarray]], *, box: int, rule: ShellRule = "split"
) -> np.ndarray:
    """Sums over the shells 0 ... d/2 - 1 of terms of a half-complex cube.

    planes: for plane index kz the real terms, each (d, d//2+1).
    Returns float64 (terms + 1, d/2); the last row counts the samples. Samples of radius d/2 and
    more are left out.
    """
    count = box // 2
    both = np.ones((box, count + 1))
    if rule == "split":
        both[:, 1:count] = 2.0
    sums: np.ndarray | None = None
    for plane in range(box):
        radii = plane_radii(box, plane)
        inside = radii < (count if rule == "split" else count - 0.5)
        if not inside.any():
            continue
        radii, weight = radii[inside], both[inside]
        low = np.floor(radii) if rule == "split" else np.floor(radii + 0.5)
        share = radii - low if rule == "split" else np.zeros_like(radii)
        index = low.astype(np.intp)
        terms = [np.asarray(term)[inside] * weight for term in planes(plane)] + [weight]
        found = np.stack(
            [
                np.bincount(index, term * (1 - share), minlength=count + 1)
                + np.bincount(index + 1, term * share, minlength=count + 1)[: count + 1]
                for term in terms
            ]
        )
        sums = found if sums is None else sums + found
    if sums is None:
        raise InvalidInput("a transform has no shells", box=box)
    return np.asarray(sums[:, :count])


def shell_means(values: np.ndarray, *, rule: ShellRule = "split") -> np.ndarray:
    """Mean of a real half-complex cube over each shell: float64 (d/2)."""
    sums = shell_sums(lambda z: (values[z],), box=checked_half_complex(values), rule=rule)
    return np.asarray(sums[0] / np.maximum(sums[1], np.finfo(np.float64).tiny))


def scaled_by_radius(
    transform: np.ndarray, profile: np.ndarray, *, spacing: float = 1.0
) -> np.ndarray:
    """A transform times a function of the radius, of the dtype of the transform.

    profile: values at radii 0, spacing, 2 spacing, ... Fourier pixels, linear in between; zero
    beyond its last radius.
    """
    box = checked_half_complex(transform)
    at = np.arange(len(profile)) * spacing
    scaled = np.empty_like(transform)
    for plane in range(box):
        factor = np.interp(plane_radii(box, plane), at, profile, right=0.0)
        scaled[plane] = transform[plane] * factor
    return scaled
