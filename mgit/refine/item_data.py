"""Series as reconstruction takes them, from the arrays and attributes that an item holds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mgit.errors import InvalidState
from mgit.geometry.series_geometry import series_geometry
from mgit.refine.images import check_size
from mgit.refine.inputs import TiltSeriesData, tilt_series_data
from mgit.refine.raw_stacks import TiltImages
from mgit.refine.slice_weights import ItemWeight

__all__ = ["ItemData", "image_pixel_angstrom", "item_weight", "particle_series", "tilt_series"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemData:
    """An item in memory, as docs/state.md names its parts."""

    name: str
    arrays: Mapping[str, np.ndarray]
    attributes: Mapping[str, Any]
    array_attributes: Mapping[str, Mapping[str, Any]]


def image_pixel_angstrom(name: str, kind: str, attributes: Mapping[str, Any]) -> float:
    """Pixel size of the images that are read: extracted ones may be coarser than the raw ones.

    Raises InvalidState, naming the item, when it is not known.
    """
    key = "pixel_size_angstrom"
    if kind == "particle_series" and "image_pixel_size_angstrom" in attributes:
        key = "image_pixel_size_angstrom"
    if key not in attributes:
        raise InvalidState(
            "the pixel size of a series is not known",
            hint="set it with 'mgit source set'",
            item=name,
        )
    return float(attributes[key])


def item_weight(attributes: Mapping[str, Any]) -> ItemWeight:
    """What the whole item counts in reconstructions.

    Raises InvalidState, naming the item, for numbers that are not finite and negative weights.
    """
    found = ItemWeight(
        scale=float(attributes.get("weight", "1")),
        b_factor=float(attributes.get("b_factor_angstrom2", "0")),
    )
    if not (0 <= found.scale < math.inf and math.isfinite(found.b_factor)):
        raise InvalidState(
            "the weight or the B factor of a series is not a finite number, or is negative",
            hint="import the series again with other values, or leave it out with "
            "'mgit source exclude'",
            item=attributes.get("name", ""),
            weight=found.scale,
            b_factor_angstrom2=found.b_factor,
        )
    return found


def tilt_series(data: ItemData, images: TiltImages) -> TiltSeriesData:
    """A tilt series with its images; these give the size where the metadata have none.

    Raises InvalidState and Unsupported, naming the item, as `tilt_series_data` does, and
    InvalidInput for images of another size than the one that is recorded.
    """
    attributes = dict(data.attributes)
    if "image_dimensions_angstrom" not in attributes:
        attributes.setdefault("image_size_px", list(images.size_px))
    series = tilt_series_data(
        data.name,
        arrays=data.arrays,
        attributes=attributes,
        image=images.image,
        array_attributes=data.array_attributes,
    )
    check_size(series, images.size_px[::-1], tilt=int(series.geometry.used_tilts[0]))
    return series


def particle_series(data: ItemData) -> TiltSeriesData:
    """A series of extracted particles, whose images belong to particles and not to tilts."""

    def image(tilt: int) -> np.ndarray:
        raise InvalidState("a series of extracted particles has no whole images", item=data.name)

    as_tilts = tilt_series_data(
        data.name,
        arrays=data.arrays,
        attributes=data.attributes,
        image=image,
        array_attributes=data.array_attributes,
    )
    geometry = series_geometry(
        data.name,
        "particle_series",
        arrays=data.arrays,
        attributes=data.attributes,
        array_attributes=data.array_attributes,
    )
    return replace(as_tilts, geometry=geometry)
