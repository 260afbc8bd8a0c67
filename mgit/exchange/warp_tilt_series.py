"""Tilt-series XML of Warp 1.0.9 to 2.x and M: read, and patched in place."""

from collections.abc import Mapping

from mgit.exchange.records import Document, GridValues, SeriesRecord
from mgit.exchange.report import PatchedDocument
from mgit.exchange.warp_fields import (
    Canonical,
    Field,
    Flag,
    NumberAttribute,
    NumberListAttribute,
    Scope,
    SeriesGrid,
    TiltFlags,
    TiltGrid,
    TiltList,
)
from mgit.exchange.warp_item import (
    LevelAngle,
    Selection,
    common_attributes,
    patch_fields,
    raw_files,
    read_fields,
    root_name,
)
from mgit.exchange.warp_optics import CtfCoefficients, CtfNumber, Magnification
from mgit.exchange.warp_terms import refuse_unknown_terms
from mgit.exchange.xml_document import XmlDocument, parse_xml

__all__ = ["FIELDS", "patch_tilt_series", "read_tilt_series"]

MICROMETRE = 10_000
"""Angstrom per micrometre."""
HALF_TURN = 180
"""Degrees per unit of pi."""

FIELDS: tuple[Field, ...] = (
    TiltList("Angles", "tilt_angle"),
    TiltList("Dose", "exposure"),
    TiltFlags("UseTilt", "use"),
    TiltList("AxisAngle", "axis_angle"),
    TiltList("AxisOffsetX", "axis_offset_x"),
    TiltList("AxisOffsetY", "axis_offset_y"),
    LevelAngle("LevelAngleX", "level_angle_x"),
    LevelAngle("LevelAngleY", "level_angle_y"),
    Flag("AreAnglesInverted", "hand", when_true=-1, when_false=1),
    NumberAttribute("Bfactor", "b_factor_angstrom2"),
    NumberAttribute("Weight", "weight"),
    NumberListAttribute("ImageDimensionsAngstrom", "image_dimensions_angstrom", length=2),
    NumberListAttribute("VolumeDimensionsAngstrom", "volume_dimensions_angstrom", length=3),
    Selection(),
    Magnification(),
    CtfNumber("Voltage", "voltage_kilovolt"),
    CtfNumber("Cs", "spherical_aberration_millimetre"),
    CtfNumber("Cc", "chromatic_aberration_millimetre"),
    CtfNumber("Amplitude", "amplitude_contrast"),
    CtfCoefficients("ZernikeCoeffsOdd", "zernike_odd", length=12),
    CtfCoefficients("ZernikeCoeffsEven", "zernike_even", length=8),
    TiltGrid("GridCTF", "defocus", factor=MICROMETRE),
    TiltGrid("GridCTFDefocusDelta", "defocus_delta", factor=MICROMETRE),
    TiltGrid("GridCTFDefocusAngle", "defocus_angle"),
    TiltGrid("GridCTFPhase", "phase_shift", factor=HALF_TURN),
    SeriesGrid("GridMovementX", "image_warp_x"),
    SeriesGrid("GridMovementY", "image_warp_y"),
    SeriesGrid("GridVolumeWarpX", "volume_warp_x", axes=4),
    SeriesGrid("GridVolumeWarpY", "volume_warp_y", axes=4),
    SeriesGrid("GridVolumeWarpZ", "volume_warp_z", axes=4),
    SeriesGrid("GridAngleX", "stage_angle_x"),
    SeriesGrid("GridAngleY", "stage_angle_y"),
    SeriesGrid("GridAngleZ", "stage_angle_z"),
    SeriesGrid("GridDoseBfacs", "exposure_b_factor", lone_node="ignored"),
    SeriesGrid("GridDoseBfacsDelta", "exposure_b_factor_delta"),
    SeriesGrid("GridDoseBfacsAngle", "exposure_b_factor_angle"),
    SeriesGrid("GridDoseWeights", "exposure_weight", neutral=1.0, lone_node="ignored"),
    SeriesGrid("GridLocationBfacs", "location_b_factor"),
    SeriesGrid("GridLocationWeights", "location_weight", neutral=1.0),
)
"""Every place of the document that is applied, with the canonical names that it fills."""


def read_tilt_series(content: bytes, path: str) -> SeriesRecord:
    """Read one tilt series; `path` is the file's place in its project and names it in errors.

    Canonical arrays and attributes are those of docs/state.md. Deformation grids, Zernike lists
    and weight grids that have no effect are left out. Level angles are absent in Warp 1.0.9 and
    are zero then.

    Raises InvalidInput, naming file, node and line, for anything malformed, and Unsupported for
    a non-zero term that cannot be applied.
    """
    scope = _scope(content, path)
    document = scope.document
    refuse_unknown_terms(document, FIELDS)
    values = read_fields(FIELDS, scope)
    attributes = {name: v for name, v in values.items() if not isinstance(v, GridValues)}
    movies = document.child(document.root, "MoviePath").text.split("\n")
    if len(movies) != scope.tilts or not all(movie.strip() for movie in movies):
        node = document.child(document.root, "MoviePath")
        raise document.fault(
            "a list does not have one entry per tilt", node, entries=len(movies), tilts=scope.tilts
        )
    name = root_name(path)
    return SeriesRecord(
        name=name,
        kind="tilt_series",
        attributes={**common_attributes(document), **attributes},
        arrays={name_: v for name_, v in values.items() if isinstance(v, GridValues)},
        documents=(Document(role="warp_tilt_series_xml", path=path, content=content),),
        raw=raw_files(document, "movie", [movie.strip() for movie in movies]),
        aliases=(f"{name}.tomostar", f"{name}.xml"),
    )


def patch_tilt_series(document: Document, values: Mapping[str, Canonical]) -> PatchedDocument:
    """Write current values into the document that a series was read from.

    values: current canonical arrays (GridValues) and attributes by name; names that the format has
        no place for are reported as dropped, except those that no reader of it fills.

    Only values that differ from what the document says are rewritten; without a difference the
    very bytes come back. Raises InvalidState or Unsupported for values that the format cannot hold.
    """
    return patch_fields(FIELDS, _scope(document.content, document.path), document, values)


def _scope(content: bytes, path: str) -> Scope:
    document: XmlDocument = parse_xml(content, path)
    if document.root.tag != "TiltSeries":
        raise document.fault("the root node is not 'TiltSeries'")
    angles = document.child(document.root, "Angles").text
    tilts = len(angles.split("\n")) if angles.strip() else 0
    if tilts < 1:
        raise document.fault(
            "node 'Angles' is empty",
            hint="the series was not processed yet: import its .tomostar or run WarpTools first",
        )
    return Scope(document=document, tilts=tilts)
