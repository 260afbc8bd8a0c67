"""Which particles an image shows whole, and which none does."""

from collections.abc import Sequence

import numpy as np

from mgit.errors import InvalidState

__all__ = ["contained", "refuse_outside", "seen_nowhere"]

NAMES_MAX = 5


def contained(
    position: np.ndarray, image_dimensions: tuple[float, float], *, diameter: float
) -> np.ndarray:
    """Whether a disc of `diameter` around `position` `(..., 2)` lies in the image; bool `(...)`.

    All lengths are angstrom; the image spans 0 to its dimensions.
    """
    low = position >= diameter / 2
    high = position <= np.asarray(image_dimensions) - diameter / 2
    return np.asarray((low & high).all(axis=-1))


def seen_nowhere(inside: np.ndarray) -> np.ndarray:
    """Indices of particles that no image contains; `inside` is bool `(particles, images)`."""
    return np.flatnonzero(~inside.any(axis=1))


def refuse_outside(
    inside: np.ndarray, *, names: Sequence[str], item: str, species: str | None = None
) -> None:
    """Raises InvalidState naming the particles of `item` that lie outside every image."""
    outside = seen_nowhere(inside)
    if not outside.size:
        return
    shown = ", ".join(names[index] for index in outside[:NAMES_MAX])
    more = "" if outside.size <= NAMES_MAX else f" and {outside.size - NAMES_MAX} more"
    raise InvalidState(
        f"{outside.size} of {inside.shape[0]} particles lie outside every image: {shown}{more}",
        hint="check the coordinate pixel size and the hand, or take in a table without these "
        "particles with 'mgit species update NAME --particles TABLE'",
        species=species,
        item=item,
    )
