"""Particle tables of STOPGAP and Dynamo, converted to RELION's angles.

Signatures for callers:

    read_stopgap(content, *, path, pixel_size_angstrom) -> ParticleTable
    read_dynamo(content, *, path, pixel_size_angstrom) -> ParticleTable

Both place a particle at (extraction point + shift) in tomogram pixels, which are taken as written:
neither program's counting from 1 is subtracted, as the common converters do. Series are named by
their tomogram number.

Rotations, reference -> tomogram, active right-handed matrices:

    STOPGAP (TOM)  Rz(psi) Rx(the) Rz(phi)          rot = 90 - phi, tilt = the, psi = -psi - 90
    Dynamo         Rz(-tdrot) Rx(-tilt) Rz(-narot)  rot = narot - 90, tilt, psi = tdrot + 90

because `Rx(a) = Rz(-90) Ry(a) Rz(90)` and `Ry(a) = Rz(180) Ry(-a) Rz(180)`. Sources: STOPGAP
(Wan et al., Acta Cryst. D 80, 2024), Dynamo's table convention (Castano-Diez et al., J. Struct.
Biol. 178, 2012); the Dynamo case is tested against a published pair of equal orientations.
"""

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.records import ColumnValues, Document, ParticleTable
from mgit.exchange.star import parse_star

__all__ = ["read_dynamo", "read_stopgap"]

STOPGAP_BLOCK = "stopgap_motivelist"
HALF_SET_LETTERS = {"A": 1, "B": 2}
DYNAMO_COLUMNS = (
    *("tag", "aligned", "averaged", "dx", "dy", "dz", "tdrot", "tilt", "narot", "cc", "cc2"),
    *("cpu", "ftype", "ymintilt", "ymaxtilt", "xmintilt", "xmaxtilt", "fs1", "fs2", "tomo"),
    *("reg", "class", "annotation", "x", "y", "z", "dshift", "daxis", "dnarot", "dcc", "otag"),
    *("npar", "eo", "ref", "sref"),
)
DYNAMO_COLUMNS_MIN = 26


def read_stopgap(content: bytes, *, path: str, pixel_size_angstrom: float) -> ParticleTable:
    """Read a STOPGAP motive list.

    pixel_size_angstrom: size of the tomogram voxels that the coordinates count.
    Raises InvalidInput when a column is missing or not a number.
    """
    table = parse_star(content, name=path).table(STOPGAP_BLOCK)
    points, shifts, angles = (
        np.stack([table.floats(column) for column in columns], axis=1)
        for columns in (
            ("orig_x", "orig_y", "orig_z"),
            ("x_shift", "y_shift", "z_shift"),
            ("phi", "the", "psi"),
        )
    )
    half_sets = None
    if "halfset" in table:
        letters = table.strings("halfset")
        if set(letters) == set(HALF_SET_LETTERS):  # one letter alone is no split
            half_sets = np.array([HALF_SET_LETTERS[letter] for letter in letters], np.uint8)
    turned = np.stack([90.0 - angles[:, 0], angles[:, 1], -angles[:, 2] - 90.0], axis=1)
    used = {"orig_x", "orig_y", "orig_z", "x_shift", "y_shift", "z_shift", "phi", "the", "psi"}
    return _table(
        path=path,
        content=content,
        role="stopgap_motive_list",
        positions=(points + shifts) * _positive(pixel_size_angstrom, path),
        angles=turned,
        half_sets=half_sets,
        tomograms=table.integers("tomo_num"),
        passthrough={c: table.values(c) for c in table.columns if c not in used},
        pixel_size_angstrom=pixel_size_angstrom,
    )


def read_dynamo(content: bytes, *, path: str, pixel_size_angstrom: float) -> ParticleTable:
    """Read a Dynamo `.tbl` table: columns separated by blanks, no header.

    pixel_size_angstrom: size of the tomogram voxels that the coordinates count.
    Raises InvalidInput for rows of unequal length, fewer than 26 columns, or values not numbers.
    """
    lines = [line.split() for line in content.splitlines() if line.strip()]
    width = len(lines[0]) if lines else DYNAMO_COLUMNS_MIN
    for number, line in enumerate(lines, start=1):
        if len(line) != width or width < DYNAMO_COLUMNS_MIN:
            raise InvalidInput(
                f"a row has {len(line)} values; {max(width, DYNAMO_COLUMNS_MIN)} are expected",
                hint="give a Dynamo table (.tbl) as Dynamo writes it",
                file=path,
                line=number,
            )
    try:
        values = np.array(lines, dtype=np.bytes_).astype(np.float64).reshape(-1, width)
    except ValueError as error:
        raise InvalidInput(
            "a value is not a number",
            hint="a table with complex or empty entries has to be saved again from Dynamo",
            file=path,
        ) from error
    names = [*DYNAMO_COLUMNS, *(f"column_{at + 1}" for at in range(len(DYNAMO_COLUMNS), width))]
    column = {name: values[:, at] for at, name in enumerate(names[:width])}
    eo = column.get("eo")
    half_sets = None
    if eo is not None and set(eo.tolist()) == {1.0, 2.0}:
        half_sets = eo.astype(np.uint8)
    positions = np.stack([column[axis] + column[f"d{axis}"] for axis in "xyz"], axis=1)
    angles = np.stack([column["narot"] - 90, column["tilt"], column["tdrot"] + 90], axis=1)
    used = {"x", "y", "z", "dx", "dy", "dz", "tdrot", "tilt", "narot"}
    return _table(
        path=path,
        content=content,
        role="dynamo_table",
        positions=positions * _positive(pixel_size_angstrom, path),
        angles=angles,
        half_sets=half_sets,
        tomograms=column["tomo"].astype(np.int64),
        passthrough={name: data.copy() for name, data in column.items() if name not in used},
        pixel_size_angstrom=pixel_size_angstrom,
    )


def _positive(pixel_size: float, path: str) -> float:
    if not pixel_size > 0:
        raise InvalidInput(
            f"the pixel size {pixel_size:g} is not positive",
            hint="give the tomogram's pixel size in angstrom",
            file=path,
        )
    return pixel_size


def _table(
    *,
    path: str,
    content: bytes,
    role: str,
    positions: np.ndarray,
    angles: np.ndarray,
    half_sets: np.ndarray | None,
    tomograms: np.ndarray,
    passthrough: dict[str, ColumnValues],
    pixel_size_angstrom: float,
) -> ParticleTable:
    notes = () if half_sets is not None else ("the table has no half sets",)
    return ParticleTable(
        positions=positions[:, None, :],
        angles=angles[:, None, :],
        half_sets=half_sets,
        item_names=tuple(str(number) for number in tomograms.tolist()),
        passthrough=passthrough,
        document=Document(role=role, path=path, content=content),
        attributes={
            "format": role,
            "coordinate_pixel_size_angstrom": repr(float(pixel_size_angstrom)),
        },
        notes=notes,
    )
