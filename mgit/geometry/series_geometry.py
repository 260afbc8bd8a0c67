"""The geometry of one series as a value: canonical arrays and the scalars they need.

Names, units and shapes are those of docs/state.md; the value is built from plain mappings, so that
state, an importer or a simulation can supply them alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from mgit.errors import InvalidState

__all__ = ["ImageDeformation", "SeriesGeometry", "series_geometry"]

PER_TILT = (
    "tilt_angle",
    "axis_angle",
    "level_angle_x",
    "level_angle_y",
    "axis_offset_x",
    "axis_offset_y",
    "exposure",
    "use",
    "defocus",
)
ABSENT_IS_ZERO = ("level_angle_x", "level_angle_y", "axis_offset_x", "axis_offset_y", "defocus")
NEEDED_OF_TILT_SERIES = ("tilt_angle", "axis_angle", "exposure")
GRIDS = (
    "image_warp_x",
    "image_warp_y",
    "volume_warp_x",
    "volume_warp_y",
    "volume_warp_z",
    "stage_angle_x",
    "stage_angle_y",
    "stage_angle_z",
    "defocus_field",
    "doming",
    "global_motion_x",
    "global_motion_y",
    "local_motion_x",
    "local_motion_y",
)
PYRAMIDS = ("motion_pyramid_x_", "motion_pyramid_y_")
PAIRED = (("x", "y"), ("x", "y", "z"))
PLAIN = ("global_shift", "motion_polynomial")
POLYNOMIAL_COEFFICIENTS = 36

SeriesKind = Literal["tilt_series", "frame_series", "particle_series"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDeformation:
    """RELION's deformation of tilt images: coefficients per tilt and how to read them.

    coefficients: `(tilts, k)`. grid: nodes along x and y. unit: 'pixel' of the raw images.
    """

    kind: Literal["spline", "linear", "fourier"]
    grid: tuple[int, int]
    coefficients: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesGeometry:
    """What turns a particle's pose into positions, orientations and depths in the images.

    arrays: canonical arrays by name, float64 (`use` bool); absent ones have no effect.
    margins: x, y, z of every spline grid in `arrays`.
    volume_dimensions, image_dimensions: x y z and x y, angstrom; None where they are unknown.
    hand: sign of the change of defocus with z in the image.
    frame_count, frame_start: frames of a movie that are used, and the first of them from 1.
    """

    name: str
    kind: SeriesKind
    arrays: Mapping[str, np.ndarray]
    pixel_size_angstrom: float
    image_dimensions_angstrom: tuple[float, float] | None
    volume_dimensions_angstrom: tuple[float, float, float] | None = None
    margins: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    image_deformation: ImageDeformation | None = None
    hand: int = 1
    frame_count: int = 1
    frame_start: int = 1

    @property
    def tilt_count(self) -> int:
        """Rows of the tilt table, excluded tilts included."""
        return int(self.arrays["tilt_angle"].shape[0])

    @property
    def used_tilts(self) -> np.ndarray:
        """Rows of the tilt table that take part, ascending, int64."""
        return np.flatnonzero(self.arrays["use"])

    def with_arrays(
        self,
        arrays: Mapping[str, np.ndarray],
        *,
        margins: Mapping[str, tuple[float, float, float]] | None = None,
    ) -> "SeriesGeometry":
        """The same series with some arrays replaced or added, margins 0 unless given."""
        merged = {**self.arrays, **arrays}
        fresh = {name: (0.0, 0.0, 0.0) for name in arrays if name not in self.margins}
        changed = replace(self, arrays=merged, margins={**fresh, **self.margins, **(margins or {})})
        _check(changed)
        return changed


def series_geometry(
    name: str,
    kind: SeriesKind,
    *,
    arrays: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any],
    array_attributes: Mapping[str, Mapping[str, Any]] | None = None,
) -> SeriesGeometry:
    """Build the geometry of an item from its canonical arrays and attributes (docs/state.md).

    array_attributes: attributes of arrays by name: `margins`, and type, grid and unit of
        `image_deformation`. Arrays that say nothing about geometry are left out. A series of
        particle stacks without tilts is one image without tilt.

    Raises InvalidState, naming item and array, for missing, misshapen or non-finite values.
    """
    extra = array_attributes or {}
    kept: dict[str, np.ndarray] = {}
    for key, values in arrays.items():
        if key == "use":
            kept[key] = np.asarray(values, dtype=np.bool_)
        elif key in PER_TILT or key in GRIDS or key in PLAIN or key.startswith(PYRAMIDS):
            kept[key] = np.asarray(values, dtype=np.float64)
    if kind == "particle_series" and "tilt_angle" not in kept:
        kept |= {key: np.zeros(1) for key in NEEDED_OF_TILT_SERIES}
    if kind != "frame_series":
        _complete_tilts(kept, name)
    pixel = float(attributes.get("pixel_size_angstrom", "nan"))
    geometry = SeriesGeometry(
        name=name,
        kind=kind,
        arrays=kept,
        pixel_size_angstrom=pixel,
        image_dimensions_angstrom=_image_dimensions(attributes, pixel),
        volume_dimensions_angstrom=_lengths(attributes, "volume_dimensions_angstrom", 3),
        margins={key: _margins(extra.get(key, {})) for key in kept if kept[key].ndim >= 3},
        image_deformation=_deformation(arrays, extra, name),
        hand=int(attributes.get("hand", 1)),
        frame_count=int(attributes.get("frame_count", 1)),
        frame_start=int(attributes.get("frame_start", 1)),
    )
    _check(geometry)
    return geometry


def _complete_tilts(arrays: dict[str, np.ndarray], name: str) -> None:
    for key in NEEDED_OF_TILT_SERIES:
        if key not in arrays:
            raise InvalidState(
                f"a tilt series without '{key}' has no geometry",
                hint="align the tilt series and import it again",
                item=name,
            )
    count = arrays["tilt_angle"].shape
    for key in ABSENT_IS_ZERO:
        arrays.setdefault(key, np.zeros(count))
    arrays.setdefault("use", np.ones(count, dtype=np.bool_))


def _lengths(attributes: Mapping[str, Any], key: str, count: int) -> Any:
    texts = attributes.get(key)
    if texts is None:
        return None
    values = tuple(float(text) for text in texts)
    if len(values) != count:
        raise InvalidState(f"'{key}' does not have {count} numbers", value=texts)
    return values


def _image_dimensions(attributes: Mapping[str, Any], pixel: float) -> tuple[float, float] | None:
    lengths = _lengths(attributes, "image_dimensions_angstrom", 2)
    size: Sequence[int] | None = attributes.get("image_size_px")
    if lengths is None and size is not None:
        return size[0] * pixel, size[1] * pixel
    known: tuple[float, float] | None = lengths
    return known


def _margins(attributes: Mapping[str, Any]) -> tuple[float, float, float]:
    x, y, z = (float(text) for text in attributes.get("margins", ("0", "0", "0")))
    return x, y, z


def _deformation(
    arrays: Mapping[str, np.ndarray], extra: Mapping[str, Mapping[str, Any]], name: str
) -> ImageDeformation | None:
    if "image_deformation" not in arrays:
        return None
    attributes = extra.get("image_deformation", {})
    kind = attributes.get("type")
    if kind not in ("spline", "linear", "fourier") or attributes.get("unit", "pixel") != "pixel":
        raise InvalidState(
            "an image deformation is of unknown type or unit",
            hint="spline, linear and fourier deformations in pixels can be applied",
            item=name,
            type=kind,
        )
    x, y = (int(size) for size in attributes.get("grid", (0, 0)))
    values = np.asarray(arrays["image_deformation"], dtype=np.float64)
    if (
        values.ndim != 2
        or len(values) != len(arrays["tilt_angle"])
        or not np.isfinite(values).all()
    ):
        raise InvalidState(
            "an image deformation is not finite, or does not have one row per tilt",
            item=name,
            array="image_deformation",
            shape=values.shape,
        )
    return ImageDeformation(kind=kind, grid=(x, y), coefficients=values)


def _check(geometry: SeriesGeometry) -> None:
    """Raises InvalidState for shapes that do not fit each other and values that are not finite."""
    arrays = geometry.arrays
    for key, values in arrays.items():
        if not np.isfinite(values).all():
            raise InvalidState(
                "an array of the geometry is not finite", item=geometry.name, array=key
            )
        if values.size == 0:
            raise InvalidState("an array of the geometry is empty", item=geometry.name, array=key)
    if geometry.kind != "frame_series":
        for key in PER_TILT:
            if arrays[key].shape != (geometry.tilt_count,):
                raise InvalidState(
                    "an array does not have one entry per tilt", item=geometry.name, array=key
                )
        if not arrays["use"].any():
            raise InvalidState(
                "every tilt is excluded",
                hint="exclude the series itself with 'mgit source exclude'",
                item=geometry.name,
            )
    polynomial = arrays.get("motion_polynomial")
    if polynomial is not None and polynomial.shape != (POLYNOMIAL_COEFFICIENTS,):
        raise InvalidState("a motion polynomial does not have 36 coefficients", item=geometry.name)
    _check_components(geometry)
    if geometry.hand not in (1, -1):
        raise InvalidState(
            "the hand of a series is neither 1 nor -1",
            hint="import the series again with the sign that its format writes",
            item=geometry.name,
            hand=geometry.hand,
        )
    if not geometry.pixel_size_angstrom > 0:
        raise InvalidState("the pixel size is not positive", item=geometry.name)


def _check_components(geometry: SeriesGeometry) -> None:
    """The x, y (and z) of one deformation share shape and margins."""
    for key in geometry.arrays:
        if not (
            key.startswith(("image_", "volume_", "stage_", "global_motion", "local_motion"))
            or key.startswith(PYRAMIDS)
        ):
            continue
        stem = "_x" if "_x" in key else "_y" if "_y" in key else "_z"
        partners = [key.replace(stem, f"_{axis}") for axis in "xyz"]
        needed = partners if key.startswith(("volume_", "stage_")) else partners[:2]
        for other in needed:
            same = (
                other in geometry.arrays
                and geometry.arrays[other].shape == geometry.arrays[key].shape
                and geometry.margins.get(other) == geometry.margins.get(key)
            )
            if not same:
                raise InvalidState(
                    "the components of a deformation do not share one grid",
                    item=geometry.name,
                    array=key,
                    other=other,
                )
