"""Which terms of a RELION table's optics groups act on which series.

Signatures for callers:

    item_terms(content, *, path) -> {series: Terms}       of a particle or micrograph table
    grouped_series(document) -> (data_optics, {its row: series of that group})
    series_terms(optics, rows) -> Terms | None            of chosen rows; None where they differ
"""

from collections.abc import Sequence

import numpy as np

from mgit.exchange.relion_aberrations import Terms, group_terms, same_terms
from mgit.exchange.relion_optics import OpticsGroups, read_optics
from mgit.exchange.relion_particles import item_names, particle_block
from mgit.exchange.star import StarDocument, StarTable, parse_star

__all__ = ["grouped_series", "item_terms", "series_terms"]


def item_terms(content: bytes, *, path: str) -> dict[str, Terms | None]:
    """Terms by series of a particle table; None where particles of one series differ in them.

    Raises InvalidInput for a table that cannot be read.
    """
    document = parse_star(content, name=path)
    table = particle_block(document)
    optics = read_optics(document, table)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(item_names(table)):
        rows.setdefault(name, []).append(row)
    return {name: series_terms(optics, at) for name, at in rows.items()}


def series_terms(optics: OpticsGroups, rows: Sequence[int]) -> Terms | None:
    """The terms that all of these rows share, or None."""
    if optics.table is None:
        found = [group_terms(optics.rows, row) for row in rows]
    else:
        groups = np.unique(optics.index[np.asarray(rows)]).tolist()
        found = [group_terms(optics.table, group) for group in groups]
    return found[0] if all(same_terms(found[0], each) for each in found[1:]) else None


def grouped_series(document: StarDocument) -> tuple[StarTable | None, dict[int, list[str]]]:
    """The table of optics groups, and which series have particles in each of its rows."""
    table = particle_block(document)
    optics = read_optics(document, table)
    if optics.table is None:
        return None, {}
    pairs = dict.fromkeys(zip(optics.index.tolist(), item_names(table), strict=True))
    series: dict[int, list[str]] = {}
    for group, name in pairs:
        series.setdefault(group, []).append(name)
    return optics.table, series
