"""New RELION 5 documents from canonical values, for populations that came from elsewhere.

Signatures for callers:

    write_tomograms(items, *, directory, comment) -> WrittenFiles (contents by path, and a report)
        items: {series name: WrittenSeries}; `directory/tomograms.star` and one table per series
    write_particles(particles, *, items, comment) -> bytes
    write_optimisation_set(*, particles, tomograms, trajectories, comment) -> bytes

Numbers are written with all their digits, so that reading the files again gives the same bits.
Orientations go to rlnAngleRot/Tilt/Psi without rlnTomoSubtomogram angles; origins are zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mgit.errors import InvalidState
from mgit.exchange.relion_particles import ANGLE_COLUMNS, CENTRED_COLUMNS, ORIGIN_ANGSTROM_COLUMNS
from mgit.exchange.relion_projections import SIZE_TOLERANCE_PX, half_pixels
from mgit.exchange.relion_tilts import TILT_FIELDS
from mgit.exchange.report import FieldReport
from mgit.exchange.star_format import Block, quote_text, spell, write_star

__all__ = [
    "WrittenFiles",
    "WrittenParticles",
    "WrittenSeries",
    "write_optimisation_set",
    "write_particles",
    "write_tomograms",
]

REQUIRED_ATTRIBUTES = (
    "pixel_size_angstrom",
    "voltage_kilovolt",
    "spherical_aberration_millimetre",
    "amplitude_contrast",
    "volume_dimensions_angstrom",
    "hand",
)
DEFAULT_GROUP = "opticsGroup1"
OFFSET_ARRAYS = ("axis_offset_x", "axis_offset_y")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSeries:
    """One series: canonical arrays and attributes, and its tilt images in row order."""

    arrays: Mapping[str, np.ndarray]
    attributes: Mapping[str, Any]
    image_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFiles:
    """Contents by path, and which arrays could not be written."""

    files: Mapping[str, bytes]
    report: tuple[FieldReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenParticles:
    """Particles to write: positions `(n, 3)` angstrom from the corner, angles `(n, 3)` degrees.

    names: unique particle names (rlnTomoParticleName). columns: spelt values of more columns.
    """

    positions: np.ndarray
    angles: np.ndarray
    half_sets: np.ndarray | None
    item_names: Sequence[str]
    names: Sequence[str]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write_tomograms(
    items: Mapping[str, WrittenSeries], *, directory: str, comment: str
) -> WrittenFiles:
    """Write a tomogram set and one tilt table per series; tilts that are not used are left out.

    Arrays that act on the images and that these tables cannot hold (image and volume warp, stage
    angles, aberrations, weights) are reported as dropped when they are not neutral.

    Raises InvalidState for a series without optics, hand or volume size.
    """
    files: dict[str, bytes] = {}
    report: list[FieldReport] = []
    rows: list[dict[str, str]] = []
    for at, (name, series) in enumerate(items.items()):
        path = f"{directory}/tilt_series/{_file_name(name, at)}.star"
        rows.append(_global_row(name, series, path))
        report.extend(_dropped(series, path))
        files[path] = write_star(
            [(_block_name(name), _tilt_columns(name, series), True)], comment=comment
        )
    columns = {column: [row[column] for row in rows] for column in rows[0]} if rows else {}
    block: Block = ("global", columns, True)
    files[f"{directory}/tomograms.star"] = write_star([block], comment=comment)
    return WrittenFiles(files=files, report=tuple(report))


def write_particles(
    particles: WrittenParticles, *, items: Mapping[str, WrittenSeries], comment: str
) -> bytes:
    """Write a RELION 5 particle table with centred coordinates.

    Raises InvalidState for particles of a series that is not among `items`.
    """
    names = list(dict.fromkeys(particles.item_names))
    for name in names:
        if name not in items:
            raise InvalidState(f"particles belong to series '{name}', which is not exported")
        _check_series(name, items[name])
    centre = {name: _centre(items[name]) for name in names}
    centres = np.array([centre[name] for name in particles.item_names]).reshape(-1, 3)
    groups = _groups(names, items)
    number = {group: at for at, group in enumerate(groups, start=1)}
    columns: dict[str, Sequence[str]] = {
        "rlnTomoName": [quote_text(name) for name in particles.item_names],
        "rlnTomoParticleName": [quote_text(name) for name in particles.names],
    }
    for axis, column in enumerate(CENTRED_COLUMNS):
        columns[column] = _spelt(particles.positions[:, axis] - centres[:, axis])
    for axis, column in enumerate(ANGLE_COLUMNS):
        columns[column] = _spelt(particles.angles[:, axis])
    for column in ORIGIN_ANGSTROM_COLUMNS:
        columns[column] = ["0.0"] * len(particles.names)
    group_of = {name: str(number[_group(items[name])]) for name in names}
    columns["rlnOpticsGroup"] = [group_of[name] for name in particles.item_names]
    if particles.half_sets is not None:
        columns["rlnRandomSubset"] = [str(half) for half in particles.half_sets.tolist()]
    columns.update(particles.columns)
    return write_star(
        [
            ("general", {"rlnTomoSubTomosAre2DStacks": ["1"]}, False),
            ("optics", _optics_columns(groups), True),
            ("particles", columns, True),
        ],
        comment=comment,
    )


def write_optimisation_set(
    *, particles: str, tomograms: str, trajectories: str | None = None, comment: str
) -> bytes:
    """Write an optimisation set that names the given files."""
    columns = {
        "rlnTomoParticlesFile": [quote_text(particles)],
        "rlnTomoTomogramsFile": [quote_text(tomograms)],
    }
    if trajectories is not None:
        columns["rlnTomoTrajectoriesFile"] = [quote_text(trajectories)]
    return write_star([("", columns, False)], comment=comment)


def _spelt(values: np.ndarray) -> list[str]:
    return [repr(float(value)) for value in values]


def _block_name(name: str) -> str:
    """RELION's programs find the block by the series' name, which cannot hold blanks there."""
    return "_".join(name.split())


def _file_name(name: str, at: int) -> str:
    safe = all(letter.isalnum() or letter in "._-" for letter in name)
    return name if safe and name else f"series_{at + 1}"


def _check_series(name: str, series: WrittenSeries) -> None:
    for attribute in REQUIRED_ATTRIBUTES:
        if attribute not in series.attributes:
            raise InvalidState(
                f"series '{name}' has no '{attribute}', which RELION needs",
                hint="name other sources with '--source', or import the missing metadata "
                "with 'mgit source update'",
                series=name,
            )


def _size_px(series: WrittenSeries) -> list[float]:
    """Sizes in pixels, whole where the quotient of two lengths is so close that it must be."""
    pixel = float(series.attributes["pixel_size_angstrom"])
    lengths = series.attributes["volume_dimensions_angstrom"]
    sizes = [round(float(length) / pixel, 6) for length in lengths]
    whole = [float(round(size)) for size in sizes]
    close = all(abs(a - b) <= SIZE_TOLERANCE_PX for a, b in zip(sizes, whole, strict=True))
    return whole if close else sizes


def _half_image_pixels(series: WrittenSeries) -> np.ndarray:
    """What offsets about RELION's centre of an odd image have more, `(2,)` angstrom."""
    pixel = float(series.attributes["pixel_size_angstrom"])
    size = series.attributes.get("image_size_px")
    lengths = series.attributes.get("image_dimensions_angstrom")
    if size is None and lengths is None:
        return np.zeros(2)
    known = size if size is not None else [float(length) / pixel for length in lengths or ()]
    return half_pixels([float(side) for side in known]) * pixel


def _centre(series: WrittenSeries) -> list[float]:
    pixel = float(series.attributes["pixel_size_angstrom"])
    return [side / 2 * pixel for side in _size_px(series)]


def _global_row(name: str, series: WrittenSeries, path: str) -> dict[str, str]:
    _check_series(name, series)
    attributes = series.attributes
    row = {
        "rlnTomoName": quote_text(name),
        "rlnVoltage": str(attributes["voltage_kilovolt"]),
        "rlnSphericalAberration": str(attributes["spherical_aberration_millimetre"]),
        "rlnAmplitudeContrast": str(attributes["amplitude_contrast"]),
        "rlnMicrographOriginalPixelSize": str(attributes["pixel_size_angstrom"]),
        "rlnTomoHand": str(int(attributes["hand"])),
        "rlnOpticsGroupName": quote_text(str(attributes.get("optics_group", DEFAULT_GROUP))),
        "rlnTomoTiltSeriesPixelSize": str(attributes["pixel_size_angstrom"]),
        "rlnTomoTiltSeriesStarFile": quote_text(path),
    }
    for axis, side in zip("XYZ", _size_px(series), strict=True):
        row[f"rlnTomoSize{axis}"] = spell(side)
    return row


def _dropped(series: WrittenSeries, path: str) -> list[FieldReport]:
    written = {array for tilt_field in TILT_FIELDS for array in tilt_field.arrays}
    report = []
    for name, values in series.arrays.items():
        neutral = np.eye(2) if name == "magnification" else np.zeros(1)
        count = int(np.count_nonzero(values != neutral))
        if name not in written and name != "use" and count:
            report.append(
                FieldReport(document=path, field=f"({name})", verdict="dropped", count=count)
            )
    return report


def _tilt_columns(name: str, series: WrittenSeries) -> dict[str, Sequence[str]]:
    arrays = dict(series.arrays)
    for offset, half in zip(OFFSET_ARRAYS, _half_image_pixels(series), strict=True):
        if half and offset in arrays:
            arrays[offset] = arrays[offset] + half
    use = np.asarray(arrays.get("use", np.ones(arrays["exposure"].shape[0], dtype=bool)), bool)
    columns: dict[str, Sequence[str]] = {}
    if series.image_names:
        if len(series.image_names) != use.size:
            raise InvalidState(
                f"series '{name}' has {use.size} tilts and {len(series.image_names)} images",
                hint="link the raw files of the series again",
                series=name,
            )
        kept = [image for image, used in zip(series.image_names, use, strict=True) if used]
        columns["rlnMicrographName"] = [quote_text(image) for image in kept]
    for tilt_field in TILT_FIELDS:
        if all(array in arrays for array in tilt_field.arrays):
            for column, values in tilt_field.write(arrays).items():
                columns[column] = _spelt(values[use])
    return columns


GroupKey = tuple[str, str, str, str, str]


def _group(series: WrittenSeries) -> GroupKey:
    attributes = series.attributes
    return (
        str(attributes.get("optics_group", DEFAULT_GROUP)),
        str(attributes["voltage_kilovolt"]),
        str(attributes["spherical_aberration_millimetre"]),
        str(attributes["amplitude_contrast"]),
        str(attributes["pixel_size_angstrom"]),
    )


def _groups(names: Sequence[str], items: Mapping[str, WrittenSeries]) -> list[GroupKey]:
    return list(dict.fromkeys(_group(items[name]) for name in names))


def _optics_columns(groups: Sequence[GroupKey]) -> dict[str, Sequence[str]]:
    labels = (
        "rlnOpticsGroupName",
        "rlnVoltage",
        "rlnSphericalAberration",
        "rlnAmplitudeContrast",
        "rlnTomoTiltSeriesPixelSize",
    )
    columns: dict[str, Sequence[str]] = {
        "rlnOpticsGroup": [str(at) for at in range(1, len(groups) + 1)]
    }
    for at, label in enumerate(labels):
        columns[label] = [quote_text(group[at]) for group in groups]
    return columns
