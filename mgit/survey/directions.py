"""From which directions a particle is seen: a histogram on cells of nearly equal area.

The beam runs along z of the image; in the particle's frame that is R^T z =
(cos rot sin tilt, sin rot sin tilt, cos tilt) for Euler angles of docs/math/geometry.md, eq. 1. For
series of tilts it is the view of the untilted image.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Directions", "direction_histogram"]

RINGS_MIN, RINGS_MAX = 6, 18
PARTICLES_PER_CELL = 12
"""Particles per cell, on average, that the number of rings aims at."""
CELLS_PER_RING2 = 4 / np.pi
"""Cells of n rings are about n^2 times this."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directions:
    """Directions of `particles` particles on cells that cover the sphere, all arrays `(cells,)`.

    rot_from, rot_to, tilt_from, tilt_to: edges of a cell in degrees; rot from -180 to 180, tilt
    from 0 to 180. count: particles. density: of particles, relative to an even distribution.
    """

    particles: int
    rot_from: np.ndarray
    rot_to: np.ndarray
    tilt_from: np.ndarray
    tilt_to: np.ndarray
    count: np.ndarray
    density: np.ndarray


def direction_histogram(angles: np.ndarray) -> Directions:
    """Histogram of viewing directions; angles `(n, 3)`: rot, tilt, psi in degrees.

    Rings of equal width in tilt hold cells in proportion to the sine of their middle, at a density
    that fits the number of particles. Symmetry is not considered.
    """
    rot, tilt = _sphere(angles)
    wanted = np.sqrt(len(angles) / PARTICLES_PER_CELL / CELLS_PER_RING2)
    rings = int(np.clip(np.round(wanted), RINGS_MIN, RINGS_MAX))
    middle = (np.arange(rings) + 0.5) * np.pi / rings
    cells = np.maximum(1, np.round(2 * rings * np.sin(middle))).astype(int)
    first = np.concatenate([[0], np.cumsum(cells)])
    ring = np.minimum((tilt / 180 * rings).astype(int), rings - 1)
    place = np.minimum(((rot + 180) / 360 * cells[ring]).astype(int), cells[ring] - 1)
    count = np.bincount(first[ring] + place, minlength=int(first[-1]))
    of_ring = np.repeat(np.arange(rings), cells)
    number = np.arange(int(first[-1])) - first[of_ring]
    edges = np.arange(rings + 1) * 180 / rings
    cap = np.cos(np.radians(edges))
    share = (cap[of_ring] - cap[of_ring + 1]) / 2 / cells[of_ring]  # of the sphere's area
    return Directions(
        particles=len(angles),
        rot_from=number * 360 / cells[of_ring] - 180,
        rot_to=(number + 1) * 360 / cells[of_ring] - 180,
        tilt_from=edges[of_ring],
        tilt_to=edges[of_ring + 1],
        count=count,
        density=count / share / max(1, len(angles)),
    )


def _sphere(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rot in [-180, 180) and tilt in [0, 180] of the same directions."""
    rot, tilt = np.radians(angles[:, 0]), np.radians(angles[:, 1])
    x, y, z = np.cos(rot) * np.sin(tilt), np.sin(rot) * np.sin(tilt), np.cos(tilt)
    turned = np.degrees(np.arctan2(y, x))
    return (turned + 180) % 360 - 180, np.degrees(np.arccos(np.clip(z, -1, 1)))
