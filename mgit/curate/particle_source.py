"""A source made of nothing but the series that a particle table names.

Tables from repositories and colleagues often come without the metadata of their images. Their
particles can still be kept, compared and merged: the series become unbound items that know a name
and a pixel size. Geometry and optics arrive later with 'mgit source update'.
"""

from dataclasses import replace

import numpy as np

from mgit.curate.sources import SourceAdded, add_source
from mgit.errors import InvalidInput
from mgit.exchange.records import ParticleTable, SeriesKind, SeriesRecord, SourceRecord
from mgit.exchange.relion_aberrations import Terms, with_terms
from mgit.exchange.relion_item_optics import item_terms
from mgit.state.protocol import Writer

__all__ = ["create_source", "source_of_table"]

RELION_TABLE = "relion_particles"
MOTIVE_LISTS = ("stopgap_motive_list", "dynamo_table")


def create_source(writer: Writer, name: str, table: ParticleTable) -> SourceAdded:
    """Write a source of the series that a table names, all unbound.

    Raises Refused if a source of that name exists, InvalidInput for a table without particles.
    """
    return add_source(writer, name, source_of_table(table), digest_of=lambda raw: None)


def source_of_table(table: ParticleTable) -> SourceRecord:
    """The series that a table names, in order of first appearance, as a source record.

    Tables of tomograms give tilt series, tables of micrographs frame series. The table itself is
    the source's document, from which the ids of the series follow. Aberrations, beam tilt and
    magnification are those of the optics groups, where particles of a series agree in them.
    pixel_size_angstrom: pixels of the series where the table's optics say so, else those of the
    coordinates.

    Raises InvalidInput for a table without particles.
    """
    rows: dict[str, int] = {}
    for row, name in enumerate(table.item_names):
        rows.setdefault(name, row)
    if not rows:
        raise InvalidInput(
            "the particle table has no particles",
            file=table.document.path,
            hint="give a table with at least one row",
        )
    kind = _kind(table)
    attributes = {}
    pixel = _pixel_size(table)
    if pixel is not None:
        attributes["pixel_size_angstrom"] = pixel
    terms = _terms(table)
    series = tuple(
        with_terms(
            SeriesRecord(
                name=name, kind=kind, attributes=attributes, arrays={}, documents=(), raw=()
            ),
            terms[name],
        )
        for name in rows
    )
    return SourceRecord(
        kind=kind,
        attributes={**attributes, "format": str(table.attributes.get("format", ""))},
        series=series,
        documents=(table.document,),
        notes=("the series are known from a particle table alone: no geometry, no optics",),
    )


def _terms(table: ParticleTable) -> dict[str, Terms]:
    """Aberrations, beam tilt and magnification by series, where all its particles share them.

    A phase shift belongs to images, and none are known here: it stays with the particles.
    """
    none = Terms(arrays={}, attributes={})
    if table.document.role != RELION_TABLE:
        return dict.fromkeys(table.item_names, none)
    found = item_terms(table.document.content, path=table.document.path)
    return {
        name: none if each is None else replace(each, phase_shift_degree=0.0)
        for name, each in found.items()
    }


def _kind(table: ParticleTable) -> SeriesKind:
    form = str(table.attributes.get("format", ""))
    if "tomo" in form or form in MOTIVE_LISTS:
        return "tilt_series"
    return "tilt_series" if np.any(table.positions[..., 2]) else "frame_series"


def _pixel_size(table: ParticleTable) -> str | None:
    """Decimal string of the series' pixel size, or None where the groups differ."""
    groups = table.attributes.get("optics_groups", ())
    for name in (
        "tilt_series_pixel_size_angstrom",
        "micrograph_pixel_size_angstrom",
        "original_pixel_size_angstrom",
    ):
        sizes = {group.get(name) for group in groups}
        if len(sizes) == 1 and None not in sizes:
            return str(sizes.pop())
    coordinate = table.attributes.get("coordinate_pixel_size_angstrom")
    return None if coordinate is None else str(coordinate)
