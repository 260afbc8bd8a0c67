"""What there is to say about one data source and each of its series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mgit.state.documents import read_documents
from mgit.state.item_scores import ItemScore
from mgit.state.protocol import ArrayHandle
from mgit.state.series import Item
from mgit.state.source import Source
from mgit.survey.item_scores import scores_by_item, standing
from mgit.survey.species import DocumentFacts

__all__ = [
    "ItemSummary",
    "Range",
    "SourceSummary",
    "deformation_rms_angstrom",
    "item_summary",
    "source_summary",
    "worst_first",
]

Range = tuple[float, float]
"""Least and greatest value."""

_OPTICS = (
    "pixel_size_angstrom",
    "voltage_kilovolt",
    "spherical_aberration_millimetre",
    "amplitude_contrast",
)
_DISPLACEMENTS = (
    ("image_warp_x", "image_warp_y"),
    ("volume_warp_x", "volume_warp_y", "volume_warp_z"),
    ("global_motion_x", "global_motion_y"),
    ("local_motion_x", "local_motion_y"),
)
"""Components of the displacement fields of an item; each array is one component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSummary:
    """One series at a glance."""

    name: str
    path: str
    kind: str
    binding: str
    """'unbound', 'quick' or 'full': how well its raw data are known."""
    images: int
    images_used: int
    tilt_degree: Range | None
    exposure_e_per_angstrom2: Range | None
    defocus_angstrom: Range | None
    deformation_angstrom: float | None
    """RMS displacement of its deformation fields; None where it has none."""
    excluded: bool
    exclusion_reason: str
    scores: Mapping[str, ItemScore] = field(default_factory=dict)
    """By name of the species, those that were refined in it."""
    standing: float | None = None
    """From 0, the worst series of its species by score, to 1; None without scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSummary:
    """One data source at a glance; items come worst first."""

    name: str
    path: str
    kind: str
    format: str
    items: tuple[ItemSummary, ...]
    attributes: Mapping[str, object]
    """Its own attributes, and those facts of optics in which all its series agree."""
    documents: tuple[DocumentFacts, ...]

    @property
    def images(self) -> int:
        """Images of all its series."""
        return sum(each.images for each in self.items)

    @property
    def images_used(self) -> int:
        """Images that take part; those of excluded series do not."""
        return sum(each.images_used for each in self.items if not each.excluded)

    @property
    def bindings(self) -> dict[str, int]:
        """Numbers of series by how well their raw data are known."""
        kinds = ("unbound", "quick", "full")
        counts = {kind: sum(each.binding == kind for each in self.items) for kind in kinds}
        return {kind: count for kind, count in counts.items() if count}


def source_summary(source: Source) -> SourceSummary:
    """Summarise a source; reads the small arrays of every item."""
    items = list(source.items())
    scores = scores_by_item(source.reader)
    ranks = standing(scores)
    summaries = (
        item_summary(item, scores=scores.get(item.id, {}), standing=ranks.get(item.id))
        for item in items
    )
    found = tuple(sorted(summaries, key=worst_first))
    return SourceSummary(
        name=source.name,
        path=source.path,
        kind=source.kind,
        format=str(source.attributes.get("format", "")),
        items=found,
        attributes={**_shared(items), **source.attributes},
        documents=tuple(
            DocumentFacts(role=each.role, path=each.path, size=each.size)
            for each in read_documents(source.reader, source.path)
        ),
    )


def _shared(items: Sequence[Item]) -> dict[str, object]:
    """Facts of optics that every item states alike."""
    if not items:
        return {}
    first = items[0].attributes
    return {
        name: first[name]
        for name in _OPTICS
        if name in first and all(item.attributes.get(name) == first[name] for item in items)
    }


def worst_first(item: ItemSummary) -> tuple[bool, float, float, float, str]:
    """Sorting key: excluded, score, share of unused images, size of deformation.

    A series without score comes after those with one.
    """
    unused = 1 - item.images_used / item.images if item.images else 0.0
    rank = 1.0 if item.standing is None else item.standing
    return not item.excluded, rank, -unused, -(item.deformation_angstrom or 0.0), item.name


def item_summary(
    item: Item,
    *,
    scores: Mapping[str, ItemScore] | None = None,
    standing: float | None = None,
) -> ItemSummary:
    """Summarise one series. Ranges are over the images in use, or all of them if none is."""
    arrays = item.arrays()
    use = arrays["use"].read() if "use" in arrays else np.ones(1, dtype=bool)
    return ItemSummary(
        name=item.name,
        path=item.path,
        kind=item.kind,
        binding=item.binding,
        images=len(use),
        images_used=int(use.sum()),
        tilt_degree=_range(arrays.get("tilt_angle"), use),
        exposure_e_per_angstrom2=_range(arrays.get("exposure"), use),
        defocus_angstrom=_range(arrays.get("defocus"), use),
        deformation_angstrom=deformation_rms_angstrom(arrays),
        excluded=item.excluded,
        exclusion_reason=str(item.attributes.get("exclusion_reason", "")),
        scores=scores or {},
        standing=standing,
    )


def _range(handle: ArrayHandle | None, use: np.ndarray) -> Range | None:
    if handle is None:
        return None
    values = handle.read()
    if values.shape == use.shape and use.any():
        values = values[use]
    return (float(values.min()), float(values.max())) if values.size else None


def deformation_rms_angstrom(arrays: Mapping[str, ArrayHandle]) -> float | None:
    """Root mean square length of the displacements of all fields together, angstrom.

    Each field's mean square length is the sum over its components of the mean square over its
    grid; fields add in squares, as independent displacements do. None without any field.
    """
    names = [name for field in _DISPLACEMENTS for name in field if name in arrays]
    names += sorted(name for name in arrays if name.startswith("motion_pyramid_"))
    if not names:
        return None
    squares = [float(np.mean(arrays[name].read() ** 2)) for name in names if _size(arrays[name])]
    return float(np.sqrt(sum(squares)))


def _size(handle: ArrayHandle) -> int:
    return int(np.prod(handle.shape))
