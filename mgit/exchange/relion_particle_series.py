"""Particle stacks as a source: one item per tomogram, whose raw data are the extracted images.

Signature for callers:

    read_particle_series(content, *, path, tomograms=None) -> SourceRecord (kind 'particle_series')

content: a RELION particle table with rlnImageName. tomograms: the source record of the tomogram
set (`mgit.exchange.relion_tomograms.read_tomograms`), which gives tilts, exposures and defocus.

Positions in the original images are unknown here, so image warp and defocus cannot be refined.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.records import Document, RawFile, SeriesRecord, SourceRecord
from mgit.exchange.relion_aberrations import with_terms
from mgit.exchange.relion_item_optics import series_terms
from mgit.exchange.relion_optics import OpticsGroups, read_optics
from mgit.exchange.relion_particles import item_names, particle_block
from mgit.exchange.star import StarTable, parse_star

__all__ = ["read_particle_series"]

TAKEN_ATTRIBUTES = (
    "pixel_size_angstrom",
    "volume_dimensions_angstrom",
    "voltage_kilovolt",
    "spherical_aberration_millimetre",
    "amplitude_contrast",
    "hand",
    "exposure_per_tilt",
)
SOURCE_ATTRIBUTES = (*TAKEN_ATTRIBUTES[:5], "image_pixel_size_angstrom")


def read_particle_series(
    content: bytes, *, path: str, tomograms: SourceRecord | None = None
) -> SourceRecord:
    """Read the images of a particle table as one item per tomogram, stacks in table order.

    Attributes: image_pixel_size_angstrom, image_size_px (the box), ctf_premultiplied. Whether the
    exposure filter was applied stands in no table: `exposure_filtered` stays unset and is noted.

    Raises InvalidInput when the table names no images or an item mixes optics.
    """
    document = parse_star(content, name=path)
    table = particle_block(document)
    images = table.strings("rlnImageName")
    optics = read_optics(document, table)
    items = item_names(table)
    rows: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        rows.setdefault(item, []).append(row)
    known = {} if tomograms is None else {record.name: record for record in tomograms.series}
    series = tuple(
        _series(name, at, images, table, optics, known.get(name)) for name, at in rows.items()
    )
    notes = [
        "positions in the original images are unknown",
        "no table says whether the images are exposure-filtered",
    ]
    missing = [name for name in rows if name not in known]
    if missing and tomograms is not None:
        notes.append(f"{len(missing)} series are not in the tomogram set: {', '.join(missing[:5])}")
    shared = () if tomograms is None else (*tomograms.documents, *_owned(tomograms))
    return SourceRecord(
        kind="particle_series",
        attributes=_shared(series),
        series=series,
        documents=(Document(role="relion_particles", path=path, content=content), *shared),
        notes=(*notes, *(() if tomograms is None else tomograms.notes)),
    )


def _shared(series: Sequence[SeriesRecord]) -> dict[str, Any]:
    """Facts of a source that all its series agree on."""
    first = series[0].attributes
    return {
        name: first[name]
        for name in SOURCE_ATTRIBUTES
        if name in first and all(each.attributes.get(name) == first[name] for each in series)
    }


def _owned(tomograms: SourceRecord) -> tuple[Document, ...]:
    return tuple(document for record in tomograms.series for document in record.documents)


def _series(
    name: str,
    rows: Sequence[int],
    images: Sequence[str],
    table: StarTable,
    optics: OpticsGroups,
    tomogram: SeriesRecord | None,
) -> SeriesRecord:
    attributes: dict[str, Any] = {}
    arrays = {}
    if tomogram is not None:
        for key in TAKEN_ATTRIBUTES:
            if key in tomogram.attributes:
                attributes[key] = tomogram.attributes[key]
        arrays = dict(tomogram.arrays)
    at = np.array(rows)
    sizes = optics.image_pixel_sizes()
    if sizes is not None:
        attributes["image_pixel_size_angstrom"] = repr(_one(table, name, "pixel sizes", sizes[at]))
    box = optics.per_row("rlnImageSize")
    if box is not None:
        side = int(_one(table, name, "rlnImageSize", box[at]))
        attributes["image_size_px"] = [side, side]
    multiplied = optics.per_row("rlnCtfDataAreCtfPremultiplied")
    if multiplied is not None:
        value = _one(table, name, "rlnCtfDataAreCtfPremultiplied", multiplied[at])
        attributes["ctf_premultiplied"] = bool(value)
    stacks = dict.fromkeys(images[row].rpartition("@")[2] for row in rows)
    terms = series_terms(optics, rows)
    if terms is None:
        raise _mixed(table, name, "aberrations, beam tilt or magnification")
    record = SeriesRecord(
        name=name,
        kind="particle_series",
        attributes=attributes,
        arrays=arrays,
        documents=(),
        raw=tuple(RawFile(role="stack", path=stack) for stack in stacks),
        aliases=() if tomogram is None else tomogram.aliases,
    )
    return with_terms(record, terms)


def _one(table: StarTable, name: str, what: str, values: np.ndarray) -> float:
    if (values != values[0]).any():
        raise _mixed(table, name, what)
    return float(values[0])


def _mixed(table: StarTable, name: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"the particles of series '{name}' differ in {what}",
        hint="import each optics group as a source of its own",
        file=table.file,
        block=table.block,
    )
