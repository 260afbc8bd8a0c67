"""Movie (frame-series) XML of Warp and M: read, and patched in place."""

from collections.abc import Iterator, Mapping

from mgit.errors import Unsupported
from mgit.exchange.records import Document, GridValues, SeriesRecord
from mgit.exchange.report import PatchedDocument
from mgit.exchange.warp_fields import Canonical, Field, NumberAttribute, Scope, SeriesGrid
from mgit.exchange.warp_grids import Grid, grid_edits, read_grid, render_grid
from mgit.exchange.warp_item import (
    Selection,
    common_attributes,
    patch_fields,
    raw_files,
    read_fields,
    root_name,
)
from mgit.exchange.warp_optics import (
    CtfCoefficients,
    CtfConstant,
    CtfNumber,
    Magnification,
)
from mgit.exchange.warp_terms import refuse_unknown_terms
from mgit.exchange.xml_document import Edit, parse_xml

__all__ = ["FIELDS", "Pyramid", "patch_movie", "read_movie"]

MICROMETRE = 10_000
"""Angstrom per micrometre."""
HALF_TURN = 180
"""Degrees per unit of pi."""


class Pyramid(Field):
    """Repeated `PyramidShiftX` or `PyramidShiftY` nodes: one grid per level."""

    def __init__(self, label: str, stem: str) -> None:
        self.label, self.stem, self.names = label, stem, (f"{stem}_<j>",)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{stem_<level>: (d, h, w) float64}`, level 0 first in the document."""
        levels = scope.document.root.all(self.label)
        grids = (read_grid(scope.document, level, axes=3) for level in levels)
        return {
            f"{self.stem}_{level}": GridValues(
                values=grid.values, attributes={"margins": list(grid.margins)}
            )
            for level, grid in enumerate(grids)
        }

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Rewrites changed nodes; levels are appended or removed at the end of the list."""
        document = scope.document
        elements = document.root.all(self.label)
        grids = list(self._grids(wanted))
        edits: list[Edit] = []
        for element, grid in zip(elements, grids, strict=False):
            edits += grid_edits(document, element, grid)
        for element in elements[len(grids) :]:
            edits.append(document.removed(element))
        surplus = grids[len(elements) :]
        if surplus:
            anchor = (
                elements or document.root.all("GridLocalMovementY") or document.root.children
            )[-1]
            edits.append(
                document.inserted_after(anchor, [render_grid(self.label, g) for g in surplus])
            )
        return edits

    def _grids(self, wanted: Mapping[str, Canonical]) -> Iterator[Grid]:
        for level in range(len(wanted)):
            value = wanted.get(f"{self.stem}_{level}")
            if not isinstance(value, GridValues):
                raise Unsupported(
                    "the levels of a pyramid must be numbered from 0", field=self.stem
                )
            margins = tuple(value.attributes.get("margins", ("0", "0", "0")))
            yield Grid(values=value.values, margins=margins)


FIELDS: tuple[Field, ...] = (
    NumberAttribute("Bfactor", "b_factor_angstrom2"),
    NumberAttribute("Weight", "weight"),
    Selection(),
    Magnification(),
    CtfNumber("Voltage", "voltage_kilovolt"),
    CtfNumber("Cs", "spherical_aberration_millimetre"),
    CtfNumber("Cc", "chromatic_aberration_millimetre"),
    CtfNumber("Amplitude", "amplitude_contrast"),
    CtfConstant("DefocusDelta", "defocus_delta", factor=MICROMETRE),
    CtfConstant("DefocusAngle", "defocus_angle"),
    CtfConstant("PhaseShift", "phase_shift", factor=HALF_TURN),
    CtfCoefficients("ZernikeCoeffsOdd", "zernike_odd", length=12),
    CtfCoefficients("ZernikeCoeffsEven", "zernike_even", length=8),
    SeriesGrid("GridCTF", "defocus_field", factor=MICROMETRE),
    SeriesGrid(
        "GridCTFDefocusDelta",
        "defocus_delta_field",
        factor=MICROMETRE,
        lone_node="superseded",
        required=False,
    ),
    SeriesGrid(
        "GridCTFDefocusAngle", "defocus_angle_field", lone_node="superseded", required=False
    ),
    SeriesGrid(
        "GridCTFPhase",
        "phase_shift_field",
        factor=HALF_TURN,
        lone_node="superseded",
        required=False,
    ),
    SeriesGrid("GridCTFCs", "spherical_aberration_field", required=False),
    SeriesGrid("GridCTFDoming", "doming", factor=MICROMETRE, required=False),
    SeriesGrid("GridMovementX", "global_motion_x"),
    SeriesGrid("GridMovementY", "global_motion_y"),
    SeriesGrid("GridLocalMovementX", "local_motion_x"),
    SeriesGrid("GridLocalMovementY", "local_motion_y"),
    Pyramid("PyramidShiftX", "motion_pyramid_x"),
    Pyramid("PyramidShiftY", "motion_pyramid_y"),
    SeriesGrid("GridAngleX", "stage_angle_x", required=False),
    SeriesGrid("GridAngleY", "stage_angle_y", required=False),
    SeriesGrid("GridAngleZ", "stage_angle_z", required=False),
    SeriesGrid("GridDoseBfacs", "exposure_b_factor", lone_node="ignored", required=False),
    SeriesGrid("GridDoseBfacsDelta", "exposure_b_factor_delta", required=False),
    SeriesGrid("GridDoseBfacsAngle", "exposure_b_factor_angle", required=False),
    SeriesGrid(
        "GridDoseWeights", "exposure_weight", neutral=1.0, lone_node="ignored", required=False
    ),
    SeriesGrid("GridLocationBfacs", "location_b_factor", required=False),
    SeriesGrid("GridLocationWeights", "location_weight", neutral=1.0, required=False),
)
"""Every place of the document that is applied. Nodes that are not required came with M."""


def read_movie(content: bytes, path: str, *, raw_name: str | None = None) -> SeriesRecord:
    """Read one frame series; `path` is the file's place in its project and names it in errors.

    raw_name: path of the movie file, which the document itself does not name.

    `defocus_field` is the absolute defocus. Where a field of astigmatism or phase shift exists it
    supersedes the constants `defocus_delta`, `defocus_angle` and `phase_shift`.
    `spherical_aberration_field` and `doming` are added to the constant and to the defocus.

    Raises InvalidInput, naming file, node and line, for anything malformed, and Unsupported for
    a non-zero term that cannot be applied.
    """
    scope = _scope(content, path)
    refuse_unknown_terms(scope.document, FIELDS)
    values = read_fields(FIELDS, scope)
    _check_pyramids(scope)
    attributes = {name: v for name, v in values.items() if not isinstance(v, GridValues)}
    name = root_name(path)
    movies = [] if raw_name is None else [raw_name]
    return SeriesRecord(
        name=name,
        kind="frame_series",
        attributes={**common_attributes(scope.document), **attributes},
        arrays={name_: v for name_, v in values.items() if isinstance(v, GridValues)},
        documents=(Document(role="warp_movie_xml", path=path, content=content),),
        raw=raw_files(scope.document, "movie", movies),
        aliases=(f"{name}.xml", f"{name}.mrc", *(movies)),
    )


def patch_movie(document: Document, values: Mapping[str, Canonical]) -> PatchedDocument:
    """Write current values into the document that a frame series was read from.

    values: current canonical arrays (GridValues) and attributes by name.

    Only values that differ from what the document says are rewritten; without a difference the
    very bytes come back. Raises InvalidState or Unsupported for values that the format cannot hold.
    """
    return patch_fields(FIELDS, _scope(document.content, document.path), document, values)


def _scope(content: bytes, path: str) -> Scope:
    document = parse_xml(content, path)
    if document.root.tag != "Movie":
        raise document.fault("the root node is not 'Movie'")
    return Scope(document=document)


def _check_pyramids(scope: Scope) -> None:
    counts = [len(scope.document.root.all(label)) for label in ("PyramidShiftX", "PyramidShiftY")]
    if counts[0] != counts[1]:
        raise scope.document.fault(
            "nodes 'PyramidShiftX' and 'PyramidShiftY' differ in number", levels=counts
        )
