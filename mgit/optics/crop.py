"""Sizes of exposed images: no more of the transform than still carries signal.

Radiation damage takes the high frequencies of late images; what is below a threshold relative to
the best image is not worth its memory and time, docs/math/ctf.md section 4.
"""

import numpy as np

from mgit.errors import InvalidState

__all__ = ["exposure_dependent_sizes", "kept_share"]

WEIGHT_THRESHOLD = 0.25
"""Relative weight below which frequencies are dropped (Tegunov et al. 2021)."""
SMALLEST = 2


def exposure_dependent_sizes(
    b_factor: np.ndarray,
    *,
    size: int,
    box_angstrom: float,
    threshold: float = WEIGHT_THRESHOLD,
    b_factor_delta: np.ndarray | None = None,
) -> np.ndarray:
    """Even sizes `(n,)` in pixels of the transforms of images with B factors `b_factor` `(n,)`.

    The first shell whose weight relative to the best image's is below `threshold` bounds the size,
    eq. 9. An anisotropic B factor counts in its best direction. size: of the uncropped transform.

    Raises InvalidState for a threshold outside 0 to 1.
    """
    if not 0 < threshold < 1:
        raise InvalidState("the weight threshold is not between 0 and 1", threshold=threshold)
    best = np.asarray(b_factor, dtype=np.float64)
    if b_factor_delta is not None:
        best = best + np.abs(b_factor_delta)
    loss = best.max() - best
    with np.errstate(divide="ignore"):
        limit = np.sqrt(-4 * np.log(threshold) / loss) * box_angstrom
    shells = np.floor(np.minimum(limit, size)) + 1
    return np.asarray(np.clip(2 * shells, SMALLEST, size), dtype=np.int64)


def kept_share(sizes: np.ndarray, *, size: int) -> float:
    """The share of samples that are kept: what memory and time go down to."""
    return float(np.mean((np.asarray(sizes) / size) ** 2))
