"""What of the current state a foreign document cannot take: changes that an export would lose."""

from collections.abc import Collection, Iterator

import numpy as np

from mgit.exchange.records import SeriesRecord
from mgit.exchange.report import FieldReport
from mgit.state.documents import StoredDocument
from mgit.state.particle_columns import ParticleColumns, rows_in_source_order
from mgit.state.schema import ITEM_ATTRIBUTES
from mgit.state.series import Item
from mgit.state.species import Species

__all__ = ["lost_arrays", "lost_attributes", "lost_particles"]

TOLD_ELSEWHERE = ("kind", "inputs", "raw", "excluded")
"""Attributes of the state that are no terms: an excluded series leaves its table."""
NEUTRAL = {
    "b_factor_angstrom2": 0.0,
    "weight": 1.0,
    "beam_tilt_x_milliradian": 0.0,
    "beam_tilt_y_milliradian": 0.0,
}
"""Attributes that act on the images although no import said anything of them, and when not."""


def lost_arrays(item: Item, base: SeriesRecord | None) -> Iterator[FieldReport]:
    """Arrays of an item that differ from its import, where no document can take them."""
    if base is None:
        return
    for name, handle in item.arrays().items():
        imported = base.arrays.get(name)
        current = handle.read()
        if imported is None:
            count = int(np.count_nonzero(current))
        elif imported.values.shape != current.shape:
            count = int(current.size)
        else:
            count = int(np.count_nonzero(imported.values != current))
        if count:
            yield _line(f"{name} of {item.name}", count)


def lost_attributes(
    item: Item, base: SeriesRecord | None, *, held: Collection[str]
) -> Iterator[FieldReport]:
    """Attributes of an item's state that are not as imported and that the format has no place for.

    base: what the import said, or None for a document that is written anew. held: the attributes
    that the format has a place for.
    """
    for schema in ITEM_ATTRIBUTES:
        name = schema.name
        if not schema.in_state_digest or name in TOLD_ELSEWHERE or name in held:
            continue
        value = item.attributes.get(name)
        if base is not None and name in base.attributes:
            lost = value != base.attributes[name]
        else:
            lost = name in NEUTRAL and value is not None and float(value) != NEUTRAL[name]
        if lost:
            yield _line(f"{name} of {item.name}", 1)


def lost_particles(
    stored: StoredDocument, species: Species, columns: ParticleColumns
) -> Iterator[FieldReport]:
    """How a motive list differs from the current particles, which cannot be written into it."""
    from mgit.digest import RawDigest
    from mgit.exchange.motive_lists import read_dynamo, read_stopgap

    content = stored.content()
    pixel = species.number("coordinate_pixel_size_angstrom")
    read = read_stopgap if stored.role == "stopgap_motive_list" else read_dynamo
    table = read(content, path=stored.path, pixel_size_angstrom=1.0 if pixel is None else pixel)
    rows = rows_in_source_order(columns, RawDigest.of(content))
    at = columns.source_row[rows]
    differs = {
        "particles": len(table.item_names) - len(rows),
        "position": _differing(columns.positions[rows], table.positions[at]),
        "angles": _differing(columns.angles[rows], table.angles[at]),
    }
    if table.half_sets is not None:
        differs["half_set"] = int((columns.half_set[rows] != table.half_sets[at]).sum())
    for name, count in differs.items():
        if count:
            yield _line(name, count)


def _differing(current: np.ndarray, imported: np.ndarray) -> int:
    if current.shape != imported.shape:
        return len(current)
    return int((current != imported).any(axis=(1, 2)).sum())


def _line(name: str, count: int) -> FieldReport:
    return FieldReport(document="", field=f"({name})", verdict="dropped", count=count)
