"""Current aberrations and magnifications of series written back into the optics groups of a table.

Signature for callers:

    patch_optics(document, *, items) -> PatchedDocument    items: {series: its canonical arrays}

A group is rewritten where a value of its series, turned into RELION's sign, is not what the table
says, bit for bit. A change on which the series of one group disagree cannot be written: it is
reported as dropped. Columns that the table does not have stay absent.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mgit.exchange.records import Document
from mgit.exchange.relion_aberrations import MAGNIFICATION, group_terms, odd_from_relion
from mgit.exchange.relion_item_optics import grouped_series
from mgit.exchange.report import FieldReport, PatchedDocument, Verdict
from mgit.exchange.star import StarTable, parse_star
from mgit.exchange.star_format import format_vector
from mgit.exchange.star_patch import StarPatch
from mgit.exchange.star_report import column_field, with_every_column

__all__ = ["patch_optics"]

COLUMNS = {
    "zernike_odd": ("rlnOddZernike",),
    "zernike_even": ("rlnEvenZernike",),
    "magnification": MAGNIFICATION,
}


def patch_optics(
    document: Document, *, items: Mapping[str, Mapping[str, np.ndarray]]
) -> PatchedDocument:
    """Write the terms of all series into the optics groups of their particle table.

    Raises InvalidInput for a table that cannot be read.
    """
    parsed = parse_star(document.content, name=document.path)
    patch = StarPatch(parsed)
    table, series = grouped_series(parsed)
    report: list[FieldReport] = []
    for group, names in series.items():
        if table is None:
            break
        present = [items[name] for name in names if name in items]
        for name, stored in group_terms(table, group).arrays.items():
            verdict = _patch_term(patch, table, group, name, stored, present)
            if verdict is not None:
                report += [
                    FieldReport(
                        document=document.path,
                        field=column_field(table.block, column),
                        verdict=verdict,
                        count=1,
                    )
                    for column in COLUMNS[name]
                ]
    new = Document(role=document.role, path=document.path, content=patch.finish())
    lines = with_every_column(report, parsed, path=document.path)
    return PatchedDocument(document=new, report=lines)


def _patch_term(
    patch: StarPatch,
    table: StarTable,
    group: int,
    name: str,
    stored: np.ndarray,
    present: Sequence[Mapping[str, np.ndarray]],
) -> Verdict | None:
    """Write one term of one group; what became of a change, None if there is none."""
    values = [each[name] for each in present if name in each]
    changed = [each for each in values if not np.array_equal(each, stored)]
    if not changed:
        return None
    if len(changed) < len(values) or not all(np.array_equal(changed[0], each) for each in changed):
        return "dropped"
    _write(patch, table, group, name, changed[0])
    return "patched"


def _write(patch: StarPatch, table: StarTable, group: int, name: str, values: np.ndarray) -> None:
    row = np.array([group], dtype=np.int64)
    if name == "magnification":
        for column, value in zip(MAGNIFICATION, values.ravel(), strict=True):
            if table.number(column, group) != value:
                patch.set_numbers(table.block, column, row, values=np.array([value]))
        return
    (column,) = COLUMNS[name]
    before = table.vectors(column)[group]
    piston = before[:1] if name == "zernike_even" else before[:0]
    wanted = values if name == "zernike_even" else odd_from_relion(values)
    text = format_vector(_shortened(np.concatenate([piston, wanted]), len(before)))
    patch.set_texts(table.block, column, row, texts=[text])


def _shortened(values: np.ndarray, length: int) -> Sequence[float] | np.ndarray:
    """As many coefficients as the table had, if the others are zero."""
    return values if np.any(values[length:]) else values[:length]
