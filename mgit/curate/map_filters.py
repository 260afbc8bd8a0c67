"""The mean map of a species and the way to its filter, where the libraries for it are there."""

import numpy as np

from mgit.errors import Unsupported
from mgit.state.species import Species

TYPE_CHECKING = False  # The other module imports scipy, which state control does without.
if TYPE_CHECKING:
    from mgit.curate.filtered_maps import PreparedFilter

__all__ = ["mean_map", "prepared_filter"]


def mean_map(species: Species) -> np.ndarray:
    """The mean of the half-maps, `(z, y, x)` float32. Raises NotFound."""
    first, second = (species.map(name).read() for name in ("half_map_1", "half_map_2"))
    return np.asarray((first + second) / np.float32(2))


def prepared_filter(
    species: Species, *, b_factor_angstrom2: float | None = None
) -> "PreparedFilter":
    """How the mean map is filtered and sharpened (`filtered_maps.prepared`, which see).

    Raises Unsupported where the numerical libraries are not installed.
    """
    try:
        from mgit.curate.filtered_maps import prepared
    except ModuleNotFoundError as error:
        raise Unsupported(
            "filtering maps needs a library that is not installed",
            library=str(error.name),
            hint="pip install 'mgit[refine]'",
        ) from error
    return prepared(species, b_factor_angstrom2=b_factor_angstrom2)
