"""Optics groups of RELION tables, and what tables without groups say instead.

RELION 3.1 and later keep pixel sizes and aberrations in `data_optics`, one row per group; earlier
tables repeat them on every particle, with the image pixel size as
`rlnDetectorPixelSize * 1e4 / rlnMagnification`.

Aberrations are told in mgit's sign (`zernike_sign` is 'mgit'), the piston of the even ones as a
phase shift (`mgit.exchange.relion_aberrations`); terms that the file does not have are zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgit.exchange.relion_aberrations import group_terms
from mgit.exchange.star import StarDocument, StarTable

__all__ = ["OpticsGroups", "read_optics"]

MICROMETRE_IN_ANGSTROM = 1e4
NUMBERS = {
    "voltage_kilovolt": "rlnVoltage",
    "spherical_aberration_millimetre": "rlnSphericalAberration",
    "amplitude_contrast": "rlnAmplitudeContrast",
    "image_pixel_size_angstrom": "rlnImagePixelSize",
    "micrograph_pixel_size_angstrom": "rlnMicrographPixelSize",
    "original_pixel_size_angstrom": "rlnMicrographOriginalPixelSize",
    "tilt_series_pixel_size_angstrom": "rlnTomoTiltSeriesPixelSize",
    "beam_tilt_x_milliradian": "rlnBeamTiltX",
    "beam_tilt_y_milliradian": "rlnBeamTiltY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpticsGroups:
    """The optics of every row of a particle or micrograph table."""

    rows: StarTable
    table: StarTable | None
    index: np.ndarray
    """`(n,)` row of `table` for each row of `rows`."""
    notes: tuple[str, ...] = ()

    def per_row(self, column: str) -> np.ndarray | None:
        """A number of the optics group, or of the row itself, for every row; None when absent."""
        if self.table is not None and column in self.table:
            return np.asarray(self.table.floats(column)[self.index])
        return self.rows.floats(column) if column in self.rows else None

    def image_pixel_sizes(self) -> np.ndarray | None:
        """Pixel size of the extracted images, `(n,)` angstrom, or None."""
        found = self.per_row("rlnImagePixelSize")
        if found is not None:
            return found
        detector, magnification = (
            self.per_row(column) for column in ("rlnDetectorPixelSize", "rlnMagnification")
        )
        if detector is not None and magnification is not None:
            wrong = np.flatnonzero(~((detector > 0) & (magnification > 0)))
            if wrong.size:
                raise self.rows.invalid(
                    "the magnification or the detector's pixel size is not positive",
                    column="rlnMagnification",
                    row=int(wrong[0]),
                    hint="correct the row, or add rlnImagePixelSize",
                )
            return np.asarray(detector * MICROMETRE_IN_ANGSTROM / magnification)
        return self.per_row("rlnPixelSize")

    def records(self) -> list[dict[str, Any]]:
        """One record of decimal strings per group, in file order; empty without `data_optics`."""
        if self.table is None:
            return []
        return [_record(self.table, row) for row in range(self.table.row_count)]


def read_optics(document: StarDocument, rows: StarTable) -> OpticsGroups:
    """Find the optics group of every row. Raises InvalidInput for a group that is not defined."""
    if "optics" not in document:
        return OpticsGroups(rows=rows, table=None, index=np.zeros(rows.row_count, np.int64))
    table = document.table("optics")
    if "rlnOpticsGroup" not in rows:
        note = ("rows name no optics group: the first is taken",) if table.row_count > 1 else ()
        index = np.zeros(rows.row_count, np.int64)
        return OpticsGroups(rows=rows, table=table, index=index, notes=note)
    places = {int(group): at for at, group in enumerate(table.integers("rlnOpticsGroup"))}
    wanted = rows.integers("rlnOpticsGroup")
    known = np.isin(wanted, list(places))
    if not known.all():
        row = int(np.flatnonzero(~known)[0])
        raise rows.invalid(
            f"optics group {int(wanted[row])} is not in 'data_optics'",
            column="rlnOpticsGroup",
            row=row,
            hint="add the group to 'data_optics' or correct the row",
        )
    groups, inverse = np.unique(wanted, return_inverse=True)
    index = np.array([places[int(group)] for group in groups], dtype=np.int64)[inverse]
    return OpticsGroups(rows=rows, table=table, index=index)


def _record(table: StarTable, row: int) -> dict[str, Any]:
    record: dict[str, Any] = {}
    if "rlnOpticsGroup" in table:
        record["group"] = int(table.number("rlnOpticsGroup", row))
    if "rlnOpticsGroupName" in table:
        record["name"] = table.text("rlnOpticsGroupName", row)
    for name, column in NUMBERS.items():
        if column in table:
            record[name] = repr(table.number(column, row))
    for name, column in (("image_size_px", "rlnImageSize"),):
        if column in table:
            record[name] = int(table.number(column, row))
    if "rlnCtfDataAreCtfPremultiplied" in table:
        record["ctf_premultiplied"] = bool(table.number("rlnCtfDataAreCtfPremultiplied", row))
    record.update(_aberrations(table, row))
    return record


def _aberrations(table: StarTable, row: int) -> Mapping[str, Any]:
    terms = group_terms(table, row)
    found: dict[str, Any] = {
        name: [repr(float(value)) for value in values.ravel()]
        for name, values in terms.arrays.items()
    }
    if "zernike_even" in found:
        found["phase_shift_degree"] = repr(terms.phase_shift_degree)
    if "zernike_odd" in found or "zernike_even" in found:
        found["zernike_sign"] = "mgit"
    return found
