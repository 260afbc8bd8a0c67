"""A new tilt-series XML from canonical values, for series that came from elsewhere.

A neutral document with one place for every field that is read is made first, and current values
are written into it as into any other document, so that both ways of writing cannot disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from mgit.errors import InvalidState
from mgit.exchange.records import Document, GridValues
from mgit.exchange.report import FieldReport, PatchedDocument
from mgit.exchange.warp_fields import Canonical, SeriesGrid, TiltGrid
from mgit.exchange.warp_tilt_series import FIELDS, patch_tilt_series

__all__ = ["write_tilt_series"]

ROOT_ATTRIBUTES = {
    "AreAnglesInverted": "False",
    "PlaneNormal": "0, 0, 1",
    "Bfactor": "0",
    "Weight": "1",
    "MagnificationCorrection": "1, 0, 0, 1",
    "UnselectFilter": "False",
    "UnselectManual": "null",
    "CTFResolutionEstimate": "0",
}
SIZES = {
    "image_dimensions_angstrom": ("ImageDimensionsAngstrom", "1, 1"),
    "volume_dimensions_angstrom": ("VolumeDimensionsAngstrom", "1, 1, 1"),
}
CTF_PARAMETERS = {
    "PixelSizeDeltaPercent": "0",
    "PixelSizeAngle": "0",
    "Voltage": "300",
    "Defocus": "0",
    "DefocusDelta": "0",
    "DefocusAngle": "0",
    "Cs": "2.7",
    "Cc": "2.7",
    "Amplitude": "0.07",
    "PhaseShift": "0",
    "Bfactor": "0",
    "Scale": "1",
    "ZernikeCoeffsOdd": "",
    "ZernikeCoeffsEven": "",
}
NEEDED_ARRAYS = ("tilt_angle", "exposure")
NEEDED_ATTRIBUTES = (
    "pixel_size_angstrom",
    "voltage_kilovolt",
    "spherical_aberration_millimetre",
    "amplitude_contrast",
)


def write_tilt_series(
    path: str, values: Mapping[str, Canonical], *, movies: Sequence[str]
) -> PatchedDocument:
    """A tilt-series XML at `path` with current values.

    values: canonical arrays (GridValues) and attributes by name. movies: one path per tilt.

    What the format has no place for is reported as dropped when it is not neutral. Raises
    InvalidState for a series without angles, exposures or optics. Level angles that differ between
    tilts are dropped for their mean.
    """
    for name in (*NEEDED_ARRAYS, *NEEDED_ATTRIBUTES):
        if name not in values:
            raise InvalidState(
                f"the series has no '{name}', which Warp needs",
                hint="name other sources with '--source', or import the missing metadata "
                "with 'mgit source update'",
                file=path,
            )
    angles = values["tilt_angle"]
    assert isinstance(angles, GridValues), "arrays are grids"
    tilts = int(angles.values.shape[0])
    if len(movies) != tilts:
        raise InvalidState(
            f"the series has {tilts} tilts and {len(movies)} movies",
            hint="link the raw files of the series again",
            file=path,
        )
    sizes = {label: blank for name, (label, blank) in SIZES.items() if name in values}
    pixel = str(values["pixel_size_angstrom"])
    blank = Document(
        role="warp_tilt_series_xml", path=path, content=_neutral(tilts, movies, pixel, sizes)
    )
    # Absent values read as neutral ones; leaving them out would count as removing them.
    level, lost = _one_level(values, path)
    patched = patch_tilt_series(blank, {**_neutral_values(blank), **values, **level})
    return replace(patched, report=(*patched.report, *lost))


def _one_level(
    values: Mapping[str, Canonical], path: str
) -> tuple[dict[str, Canonical], list[FieldReport]]:
    """Mean level angles where they differ between tilts: Warp holds one per series."""
    level: dict[str, Canonical] = {}
    lost = []
    for name in ("level_angle_x", "level_angle_y"):
        grid = values.get(name)
        if isinstance(grid, GridValues) and (grid.values != grid.values[0]).any():
            level[name] = GridValues(values=np.full(grid.values.shape, grid.values.mean()))
            lost.append(
                FieldReport(
                    document=path, field=f"({name})", verdict="dropped", count=grid.values.size
                )
            )
    return level, lost


def _neutral_values(blank: Document) -> dict[str, Canonical]:
    from mgit.exchange.warp_tilt_series import read_tilt_series

    record = read_tilt_series(blank.content, blank.path)
    return {**record.attributes, **record.arrays}


def _neutral(tilts: int, movies: Sequence[str], pixel_size: str, sizes: Mapping[str, str]) -> bytes:
    root = {**ROOT_ATTRIBUTES, **sizes}
    attributes = " ".join(f"{name}={quoteattr(text)}" for name, text in root.items())
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<TiltSeries {attributes}>"]
    for label in ("Angles", "Dose", "AxisAngle", "AxisOffsetX", "AxisOffsetY"):
        lines.append(_list(label, ["0"] * tilts))
    lines.append(_list("UseTilt", ["True"] * tilts))
    lines.append(_list("MoviePath", movies))
    for field in FIELDS:
        if isinstance(field, TiltGrid):
            lines.append(_grid(field.label, "0", axes=3))
        elif isinstance(field, SeriesGrid):
            lines.append(_grid(field.label, f"{field.neutral:g}", axes=field.axes))
    lines.append(_parameters("OptionsCTF", {"PixelSize": pixel_size}))
    lines.append(_parameters("CTF", CTF_PARAMETERS))
    return "\n".join([*lines, "</TiltSeries>"]).encode("utf-8")


def _list(label: str, entries: Sequence[str]) -> str:
    return f"  <{label}>{escape(chr(10).join(entries))}</{label}>"


def _grid(label: str, value: str, *, axes: int) -> str:
    if axes == 4:
        size = 'Width="1" Height="1" Depth="1" Duration="1"'
        place = 'X="0" Y="0" Z="0" W="0"'
    else:
        size = 'Width="1" Height="1" Depth="1" MarginX="0" MarginY="0" MarginZ="0"'
        place = 'X="0" Y="0" Z="0"'
    node = f'    <Node {place} Value="{value}" />'
    return f"  <{label} {size}>\n{node}\n  </{label}>"


def _parameters(group: str, values: Mapping[str, str]) -> str:
    lines = [
        f"    <Param Name={quoteattr(name)} Value={quoteattr(text)} />"
        for name, text in values.items()
    ]
    return "\n".join([f"  <{group}>", *lines, f"  </{group}>"])
