"""The per-tilt columns of RELION tilt-series tables and the canonical arrays that they mean.

Each `TiltField` ties foreign columns to canonical arrays and holds both directions, so that the
reader and the patcher cannot disagree. Angles are degrees, lengths angstrom, exposures e/A^2.

RELION projects with `Rz(ZRot) Ry(YTilt) Rx(XTilt)` about the volume's centre, then adds the shift;
mgit with `Rz(axis_angle) Ry(-(tilt_angle + level_angle_y)) Rx(level_angle_x)`: hence
`tilt_angle = -YTilt` and the rest is equal. RELION's B factors decay when
positive, canonical ones when negative.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mgit.errors import Unsupported
from mgit.exchange.records import GridValues
from mgit.exchange.relion_rotations import axis_matrices
from mgit.exchange.star import StarTable

__all__ = [
    "DEFORMATION_COLUMN",
    "MAGNIFICATION_COLUMNS",
    "TILT_FIELDS",
    "TiltField",
    "image_deformation",
    "item_magnification",
    "rotations_of",
]

Arrays = tuple[np.ndarray, ...]

DEFORMATION_COLUMN = "rlnTomoDeformationCoefficients"
MAGNIFICATION_COLUMNS = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")


@dataclass(frozen=True, slots=True, kw_only=True)
class TiltField:
    """Foreign number columns and the canonical arrays they hold, in both directions.

    default: the canonical values that an absent column stands for, or None when it says nothing.
    """

    arrays: tuple[str, ...]
    columns: tuple[str, ...]
    decode: Callable[..., Arrays]
    encode: Callable[..., Arrays]
    default: tuple[float, ...] | None

    def read(self, table: StarTable) -> dict[str, np.ndarray] | None:
        """Canonical arrays of the table, or None when it lacks a column of the field."""
        if not all(column in table for column in self.columns):
            return None
        decoded = self.decode(*(table.floats(column) for column in self.columns))
        return dict(zip(self.arrays, decoded, strict=True))

    def write(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Foreign columns of canonical arrays. Raises KeyError when an array is missing."""
        encoded = self.encode(*(arrays[name] for name in self.arrays))
        return dict(zip(self.columns, encoded, strict=True))


def _negative(values: np.ndarray) -> np.ndarray:
    return 0.0 - values  # never -0.0: zero has one spelling


def _same(values: np.ndarray) -> Arrays:
    return (values,)


def _single(array: str, column: str, default: float | None) -> TiltField:
    return TiltField(
        arrays=(array,),
        columns=(column,),
        decode=_same,
        encode=_same,
        default=None if default is None else (default,),
    )


TILT_FIELDS: Sequence[TiltField] = (
    TiltField(
        arrays=("tilt_angle", "level_angle_y"),
        columns=("rlnTomoYTilt",),
        decode=lambda y: (_negative(y), np.zeros_like(y)),
        encode=lambda tilt, level: (_negative(tilt + level),),
        default=None,
    ),
    _single("level_angle_x", "rlnTomoXTilt", None),
    _single("axis_angle", "rlnTomoZRot", None),
    _single("axis_offset_x", "rlnTomoXShiftAngst", 0.0),
    _single("axis_offset_y", "rlnTomoYShiftAngst", 0.0),
    _single("exposure", "rlnMicrographPreExposure", None),
    TiltField(
        arrays=("defocus", "defocus_delta"),
        columns=("rlnDefocusU", "rlnDefocusV"),
        decode=lambda u, v: ((u + v) / 2, u - v),
        encode=lambda mean, delta: (mean + delta / 2, mean - delta / 2),
        default=None,
    ),
    _single("defocus_angle", "rlnDefocusAngle", 0.0),
    _single("phase_shift", "rlnPhaseShift", 0.0),
    _single("ctf_scale", "rlnCtfScalefactor", 1.0),
    TiltField(
        arrays=("ctf_b_factor",),
        columns=("rlnCtfBfactor",),
        decode=lambda b: (_negative(b),),
        encode=lambda b: (_negative(b),),
        default=(0.0,),
    ),
)


def rotations_of(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Tomogram -> image rotations `(tilts, 3, 3)` of the canonical angle arrays."""
    return axis_matrices(
        arrays["level_angle_x"],
        _negative(arrays["tilt_angle"] + arrays["level_angle_y"]),
        arrays["axis_angle"],
    )


def image_deformation(tilts: StarTable, table: StarTable, row: int) -> GridValues | None:
    """Per-tilt 2-D deformation coefficients `(tilts, k)`, lengths in unbinned pixels, or None.

    Attributes: type ('spline', 'linear' or 'fourier'), grid (x and y nodes), unit ('pixel').
    """
    if DEFORMATION_COLUMN not in tilts:
        return None
    vectors = tilts.vectors(DEFORMATION_COLUMN)
    for at, vector in enumerate(vectors):
        if vector.size != vectors[0].size:
            raise tilts.invalid(
                f"{vector.size} deformation coefficients after rows of {vectors[0].size}",
                column=DEFORMATION_COLUMN,
                row=at,
                hint="every tilt needs the same number of coefficients",
            )
    kind = "spline"
    if "rlnTomoDeformationType" in table:
        kind = table.text("rlnTomoDeformationType", row)
    grid = [
        int(table.number(column, row)) if column in table else 0
        for column in ("rlnTomoDeformationGridSizeX", "rlnTomoDeformationGridSizeY")
    ]
    values = np.array(vectors, dtype=np.float64).reshape(len(vectors), -1)
    attributes = {"type": kind.lower(), "grid": grid, "unit": "pixel"}
    return GridValues(values=values, attributes=attributes)


def item_magnification(tilts: StarTable, table: StarTable, row: int) -> np.ndarray | None:
    """Magnification matrix `(2, 2)` of a series, row-major, or None.

    Raises Unsupported when tilts of one series differ.
    """
    if all(column in tilts for column in MAGNIFICATION_COLUMNS) and tilts.row_count:
        values = np.stack([tilts.floats(column) for column in MAGNIFICATION_COLUMNS], axis=1)
        if (values != values[0]).any():
            raise Unsupported(
                "magnification matrices that differ between tilts cannot be applied",
                hint="refine one magnification per tilt series",
                file=tilts.file,
                block=tilts.block,
            )
        return np.ascontiguousarray(values[0].reshape(2, 2))
    if all(column in table for column in MAGNIFICATION_COLUMNS):
        return np.array([table.number(c, row) for c in MAGNIFICATION_COLUMNS]).reshape(2, 2)
    return None
