"""What an optics group of RELION does to images beside the CTF, as terms of mgit.

Signatures for callers:

    group_terms(table, row) -> Terms                       one row of `data_optics`
    with_terms(record, terms) -> SeriesRecord              a series that its optics group acts on
    without_terms(arrays, terms, document_phase=...)       the inverse, for documents of its tilts

Both bases are ordered by n, then by m from -n to n in steps of 2, and their polynomials are equal.
RELION turns the prediction by its odd coefficients, mgit the images: the sign changes. Even ones
are equal but for the piston, the first of RELION's list, which is minus a phase shift
(docs/math/aberrations.md, equations 3 and 4). Beam tilt and magnification mean the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mgit.errors import Unsupported
from mgit.exchange.records import GridValues, SeriesRecord
from mgit.exchange.star import StarTable

__all__ = [
    "BEAM_TILT",
    "EVEN_TERMS",
    "MAGNIFICATION",
    "ODD_TERMS",
    "Terms",
    "even_from_relion",
    "group_terms",
    "odd_from_relion",
    "same_terms",
    "with_terms",
    "without_terms",
]

ODD_TERMS = 12
EVEN_TERMS = 8
ODD_COLUMN, EVEN_COLUMN = "rlnOddZernike", "rlnEvenZernike"
MAGNIFICATION = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")
BEAM_TILT = {"beam_tilt_x_milliradian": "rlnBeamTiltX", "beam_tilt_y_milliradian": "rlnBeamTiltY"}
PER_TILT = ("exposure", "tilt_angle", "defocus")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """Terms in mgit's sign and units; what the document does not mention is absent.

    arrays: zernike_odd `(12,)`, zernike_even `(8,)` in radian, magnification `(2, 2)`.
    attributes: beam tilt in milliradian, decimal strings. phase_shift_degree: what the piston adds
    to the phase shift of the CTF.
    """

    arrays: Mapping[str, np.ndarray]
    attributes: Mapping[str, str]
    phase_shift_degree: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.arrays or self.attributes or self.phase_shift_degree)


def odd_from_relion(coefficients: np.ndarray) -> np.ndarray:
    """`(12,)` odd coefficients of rlnOddZernike `(up to 12,)`, and the other way round."""
    return 0.0 - _padded(coefficients, ODD_TERMS)  # never -0.0: zero has one spelling


def even_from_relion(coefficients: np.ndarray) -> tuple[np.ndarray, float]:
    """`(8,)` even coefficients of rlnEvenZernike `(up to 9,)`, and its phase shift in degrees."""
    padded = _padded(coefficients, EVEN_TERMS + 1)
    return padded[1:].copy(), 0.0 - float(np.degrees(padded[0]))


def group_terms(table: StarTable, row: int) -> Terms:
    """The terms of one row, of `data_optics` or of a table that says them per row.

    Raises InvalidInput for non-zero coefficients of a higher order than can be applied.
    """
    arrays: dict[str, np.ndarray] = {}
    phase = 0.0
    if ODD_COLUMN in table:
        arrays["zernike_odd"] = odd_from_relion(_terms(table, row, ODD_COLUMN, ODD_TERMS))
    if EVEN_COLUMN in table:
        found = _terms(table, row, EVEN_COLUMN, EVEN_TERMS + 1)
        arrays["zernike_even"], phase = even_from_relion(found)
    if all(column in table for column in MAGNIFICATION):
        numbers = [table.number(column, row) for column in MAGNIFICATION]
        arrays["magnification"] = np.array(numbers).reshape(2, 2)
    attributes = {
        name: repr(table.number(column, row))
        for name, column in BEAM_TILT.items()
        if column in table
    }
    return Terms(arrays=arrays, attributes=attributes, phase_shift_degree=phase)


def same_terms(a: Terms, b: Terms) -> bool:
    """Whether two groups do the same to images, to the last bit."""
    return (
        a.arrays.keys() == b.arrays.keys()
        and all(np.array_equal(values, b.arrays[name]) for name, values in a.arrays.items())
        and dict(a.attributes) == dict(b.attributes)
        and a.phase_shift_degree == b.phase_shift_degree
    )


def with_terms(record: SeriesRecord, terms: Terms) -> SeriesRecord:
    """A series with the terms of its optics group.

    Raises Unsupported, by name, for a magnification on top of another one, and for a phase shift of
    tilts that are not known.
    """
    if not terms:
        return record
    arrays = {**record.arrays}
    for name, values in terms.arrays.items():
        known = arrays.get(name)
        if known is not None and not np.array_equal(known.values, values):
            if np.array_equal(values, np.eye(2)):
                continue
            raise Unsupported(
                f"the series '{record.name}' and its optics group both have a '{name}'",
                hint="set that of one of both documents to the identity, or to zero",
            )
        arrays[name] = GridValues(values=values.copy())
    if terms.phase_shift_degree:
        arrays["phase_shift"] = GridValues(values=_shifted(record, terms.phase_shift_degree))
    attributes = {**record.attributes, **terms.attributes}
    return replace(record, arrays=arrays, attributes=attributes)


def without_terms(
    arrays: Mapping[str, np.ndarray], terms: Terms, *, document_phase: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Arrays of a series as the tables of its tilts say them, which know no optics group.

    document_phase: `(tilts,)` degrees, the phase shifts that the tilt table has, None for zero. It
    comes back bit for bit where the series still has that phase shift plus the group's.
    """
    rest = {name: values for name, values in arrays.items() if name not in terms.arrays}
    if terms.phase_shift_degree and "phase_shift" in arrays:
        current = arrays["phase_shift"]
        before = np.zeros_like(current) if document_phase is None else document_phase
        kept = before + terms.phase_shift_degree == current
        rest["phase_shift"] = np.where(kept, before, current - terms.phase_shift_degree)
    return rest


def _shifted(record: SeriesRecord, degree: float) -> np.ndarray:
    known = record.arrays.get("phase_shift")
    if known is not None:
        return np.asarray(known.values + degree)
    for name in PER_TILT:
        if name in record.arrays:
            return np.full(record.arrays[name].values.shape[0], degree)
    raise Unsupported(
        f"the phase shift of {degree:g} degrees, the piston of '_{EVEN_COLUMN}', cannot be applied "
        f"to series '{record.name}', whose images are not known",
        hint="add the metadata of the series as a source first, or set the piston to zero",
    )


def _terms(table: StarTable, row: int, column: str, limit: int) -> np.ndarray:
    terms = table.vectors(column)[row]
    if np.any(terms[limit:]):
        raise table.invalid(
            f"{terms.size} aberration terms are more than the {limit} that can be applied",
            column=column,
            row=row,
            hint="refine aberrations of lower order before the import",
        )
    return terms


def _padded(coefficients: Sequence[float] | np.ndarray, count: int) -> np.ndarray:
    padded = np.zeros(count)
    given = np.asarray(coefficients, dtype=np.float64)[:count]
    padded[: given.size] = given
    return padded
