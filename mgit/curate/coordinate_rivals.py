"""Other ways to read the coordinates of a particle table, and what the places alone say of them.

A table's coordinates may count the pixels of the tilt series or of extracted images, from the
corner of the tomogram or from its centre. A wrong reading rarely leaves every particle in a
sensible place; docs/math/import_check.md says which places count as evidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mgit.curate.particle_intake import outside_volume, volume_of
from mgit.state.particle_columns import ParticleColumns
from mgit.state.series import Item

__all__ = [
    "CoordinateRival",
    "SeriesRival",
    "coordinate_rivals",
    "likely_pixel_sizes",
    "series_rival",
]

EQUAL_SIZES = 0.01
"""Pixel sizes that differ by less, relatively, are one reading."""
OUTSIDE_GAIN = 0.05
SIGNIFICANCE = 3.0
CORNER_PARTICLES_MIN = 8
CORNER_RATIO_MIN = 1.5
SPREAD_MIN = 0.5
"""Share of the volume's width and height over which a rival spreads the particles."""
IMAGE_PIXEL_SIZES = ("image_pixel_size_angstrom", "tilt_series_pixel_size_angstrom")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoordinateRival:
    """One other reading. positions: `(n, T, 3)` angstrom, rows as the species has them.

    remedy: what to do when it is right. outside: share of the particles outside their volumes.
    likelier: whether the places alone speak for it, clearly.
    """

    name: str
    remedy: str
    positions: np.ndarray
    outside: float
    likelier: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesRival:
    """The pixel size that a table says its series have, where they have another.

    positions: `(n, T, 3)` angstrom of all particles when the table is right. scale: of the series.
    """

    pixel_size_angstrom: float
    scale: float
    positions: np.ndarray


def series_rival(
    columns: ParticleColumns, items: Mapping[str, Item], attributes: Mapping[str, Any]
) -> SeriesRival | None:
    """The pixel size of the series as a table in angstrom states it, if the series disagree.

    attributes: of the table. None for coordinates in pixels: they follow their series, so that
    only the scale of the map can tell; None also where series or groups differ among themselves.
    """
    here = [items[each] for each in columns.item.dictionary if each in items]
    sizes = {item.attributes.get("pixel_size_angstrom") for item in here}
    stated = {
        record.get("tilt_series_pixel_size_angstrom")
        for record in attributes.get("optics_groups", ())
    }
    centres = _centres(columns, items)
    if "coordinate_pixel_size_angstrom" in attributes or centres is None:
        return None
    if len(sizes) != 1 or len(stated) != 1 or None in sizes | stated:
        return None
    size, present = (float(str(each.pop())) for each in (stated, sizes))
    scale = size / present
    if abs(scale - 1) <= EQUAL_SIZES:
        return None
    # Centred coordinates keep their distance from the centre, which moves with the volume.
    positions = columns.positions + ((scale - 1) * centres)[:, None, :]
    return SeriesRival(pixel_size_angstrom=size, scale=scale, positions=positions)


def likely_pixel_sizes(
    attributes: Mapping[str, Any], items: Mapping[str, Item], *, map_pixel: float | None
) -> tuple[float, ...]:
    """Pixel sizes that the coordinates of a table may count, ascending, without its present one.

    attributes: of the table. Empty when its coordinates are no pixels.
    """
    present = attributes.get("coordinate_pixel_size_angstrom")
    if present is None:
        return ()
    stated = [record.get(key) for record in (attributes, *attributes.get("optics_groups", ()))
              for key in IMAGE_PIXEL_SIZES]  # fmt: skip
    stated += [item.attributes.get(key) for item in items.values()
               for key in ("pixel_size_angstrom", "image_pixel_size_angstrom")]  # fmt: skip
    chosen = [float(present)]
    for size in (*sorted({float(each) for each in stated if each is not None}), map_pixel):
        if size is not None and all(abs(size - each) > EQUAL_SIZES * each for each in chosen):
            chosen.append(size)
    return tuple(sorted(chosen[1:]))


def coordinate_rivals(
    columns: ParticleColumns,
    items: Mapping[str, Item],
    *,
    attributes: Mapping[str, Any],
    map_pixel: float | None,
    reread: Callable[[float], np.ndarray],
) -> tuple[CoordinateRival, ...]:
    """Every other reading of the coordinates of a table with these attributes.

    items: by id. reread: from a pixel size to positions `(rows of the table, T, 3)`. Whether
    coordinates count from the centre is asked of RELION's tables only, which have both.
    """
    present = attributes.get("coordinate_pixel_size_angstrom")
    rivals = []
    for size in likely_pixel_sizes(attributes, items, map_pixel=map_pixel):
        positions = np.broadcast_to(reread(size)[columns.source_row], columns.positions.shape)
        rivals.append(
            _rival(
                columns,
                items,
                np.ascontiguousarray(positions),
                name=f"coordinates in pixels of {size:g} A",
                remedy=f"'--coordinate-pixel-size {size:g}'",
                stretch=size / float(present or size),
            )
        )
    centres = _centres(columns, items)
    if centres is None or not str(attributes.get("format", "")).startswith("relion"):
        return tuple(rivals)
    moved = columns.positions + (centres if present else -centres)[:, None, :]
    name = "from the centre" if present else "from the corner"
    column = "rlnCenteredCoordinateXAngst" if present else "rlnCoordinateX"
    rivals.append(
        _rival(
            columns,
            items,
            moved,
            name=f"coordinates {name} of the tomogram",
            remedy=f"a table that has them as {column} and its like",
            stretch=1.0,
        )
    )
    return tuple(rivals)


def _rival(
    columns: ParticleColumns,
    items: Mapping[str, Item],
    positions: np.ndarray,
    *,
    name: str,
    remedy: str,
    stretch: float,
) -> CoordinateRival:
    other = replace(columns, positions=positions)
    ours, theirs = (float(outside_volume(each, items).mean()) for each in (columns, other))
    noise = np.sqrt(max(ours * (1 - ours), theirs * (1 - theirs)) / max(len(columns), 1))
    fewer = ours - theirs > max(OUTSIDE_GAIN, SIGNIFICANCE * noise)
    return CoordinateRival(
        name=name,
        remedy=remedy,
        positions=positions,
        outside=theirs,
        likelier=bool(fewer) or _leaves_a_corner(columns, other, items, stretch=stretch),
    )


def _leaves_a_corner(
    columns: ParticleColumns, other: ParticleColumns, items: Mapping[str, Item], *, stretch: float
) -> bool:
    """Whether all particles lie in one corner now, and would fill their volumes otherwise."""
    if stretch < CORNER_RATIO_MIN or len(columns) < CORNER_PARTICLES_MIN:
        return False
    sizes = _centres(columns, items)
    if sizes is None or outside_volume(other, items).any():
        return False
    ours, theirs = (each.mean_positions / (2 * sizes) for each in (columns, other))
    spread = np.ptp(theirs, axis=0)[:2]
    return bool((ours < 0.5).all() and (spread >= SPREAD_MIN).all())


def _centres(columns: ParticleColumns, items: Mapping[str, Item]) -> np.ndarray | None:
    """The centre of each particle's volume `(n, 3)` angstrom; None where one is not known."""
    found = []
    for identity in columns.item.dictionary:
        volume = volume_of(items[identity]) if identity in items else None
        if volume is None:
            return None
        size, pixel = volume
        found.append([side * pixel / 2 for side in size])
    return np.asarray(np.array(found).reshape(-1, 3)[columns.item.codes])
