"""What a species is aligned to: its half-maps, weighted by how far they can be believed.

docs/math/half_sets.md. A half-map is multiplied by its FSC with the other half, the Wiener filter
for a map of signal-to-noise ratio FSC / (1 - FSC). An imported reference stands in for both halves.
"""

from dataclasses import dataclass

import numpy as np

from mgit.maps.crop import pad_map
from mgit.maps.fsc import half_map_fsc
from mgit.maps.reference import ReferenceSettings, prepare_references
from mgit.refine.inputs import ReferenceSet
from mgit.refine.reconstruct_species import FSC_SEED

__all__ = ["REFERENCE_ANGSTROM", "Density", "Known", "known_resolution", "reference_set"]

REFERENCE_ANGSTROM = 40.0
"""An imported reference is trusted to this resolution unless the user says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Density:
    """The maps of one species: `first` and `second` `(n, n, n)`, equal for a reference.

    mask: of the same box. box: edge in voxels that the references shall have, at least n.
    external: whether both are one imported map, so that they say nothing of each other.
    """

    species: str
    first: np.ndarray
    second: np.ndarray
    mask: np.ndarray
    pixel_size_angstrom: float
    diameter_angstrom: float
    box: int
    external: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """How far a species' maps can be believed. profile: weight per shell, None for all one."""

    resolution_angstrom: float
    profile: np.ndarray | None


def known_resolution(
    density: Density, *, override: float | None = None, limit: float | None = None
) -> Known:
    """Resolution and weights of the references of a species.

    override: resolution that the species is said to have. limit: no finer than this, angstrom; an
    imported reference is used to `limit`, or to 40 A where there is none.
    """
    nyquist = 2 * density.pixel_size_angstrom
    if density.external:
        resolution = override or limit or REFERENCE_ANGSTROM
        return Known(resolution_angstrom=max(nyquist, resolution, limit or 0.0), profile=None)
    fsc = half_map_fsc(density.first, density.second, mask=density.mask, seed=FSC_SEED)
    resolution = override or fsc.resolution_angstrom(density.pixel_size_angstrom)
    return Known(
        resolution_angstrom=max(nyquist, resolution, limit or 0.0),
        profile=np.maximum(0.0, fsc.corrected),
    )


def reference_set(density: Density, known: Known) -> ReferenceSet:
    """The references of a species, with Nyquist at the resolution that is known."""
    first, second, mask = (
        pad_map(each.astype(np.float32), density.box) if density.box > len(each) else each
        for each in (density.first, density.second, density.mask)
    )
    references = prepare_references(
        first,
        second,
        mask=mask,
        pixel_size_angstrom=density.pixel_size_angstrom,
        settings=ReferenceSettings(
            resolution_angstrom=known.resolution_angstrom,
            diameter_angstrom=density.diameter_angstrom,
        ),
        profile=_padded(known.profile, density.box // 2),
    )
    return ReferenceSet(
        species=density.species,
        references=references,
        diameter_angstrom=density.diameter_angstrom,
    )


def _padded(profile: np.ndarray | None, shells: int) -> np.ndarray | None:
    """The profile on the shells of a larger box: the same frequencies lie closer together."""
    if profile is None or len(profile) == shells:
        return profile
    at = np.arange(shells) * len(profile) / shells
    return np.asarray(np.interp(at, np.arange(len(profile)), profile))
