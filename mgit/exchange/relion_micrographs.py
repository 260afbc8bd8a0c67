"""RELION micrograph tables as sources of frame series.

Signature for callers:

    read_micrographs(content, *, path, load, missing="refuse") -> SourceRecord

content: `corrected_micrographs.star`, `micrographs_ctf.star` or an old table that names
micrographs.
`load` reads the per-movie metadata that rlnMicrographMetadata names (None: it is not read).

Arrays of an item: global_shift `(frames, 2)` angstrom, the correction as RELION writes it, which is
minus the displacement of the content; motion_polynomial `(36,)`, coefficients of the third-order
polynomial in angstrom (x then y); defocus, defocus_delta `(1,)` angstrom, defocus_angle,
phase_shift `(1,)` degrees. `pixel_size_angstrom` is that of the movie when its metadata is read,
otherwise of the micrograph; `image_pixel_size_angstrom` is that of the micrograph, in which
particle tables count their coordinates.
"""

from typing import Any, Literal

import numpy as np

from mgit.errors import NotFound, Unsupported
from mgit.exchange.records import Document, GridValues, RawFile, SeriesRecord, SourceRecord
from mgit.exchange.relion_optics import OpticsGroups, read_optics
from mgit.exchange.relion_tomograms import Loader
from mgit.exchange.star import StarDocument, StarTable, parse_star

__all__ = ["read_micrographs"]

POLYNOMIAL_TERMS = 36
POLYNOMIAL_MODEL = 1
OPTICS_NUMBERS = {
    "voltage_kilovolt": "rlnVoltage",
    "spherical_aberration_millimetre": "rlnSphericalAberration",
    "amplitude_contrast": "rlnAmplitudeContrast",
}
METADATA_NUMBERS = {
    "exposure_per_frame": "rlnMicrographDoseRate",
    "pre_exposure": "rlnMicrographPreExposure",
    "pixel_size_angstrom": "rlnMicrographOriginalPixelSize",
}


def read_micrographs(
    content: bytes,
    *,
    path: str,
    load: Loader | None = None,
    missing: Literal["refuse", "skip"] = "refuse",
) -> SourceRecord:
    """Read a micrograph table, one frame series per micrograph.

    missing: 'skip' keeps a micrograph without its motion when its metadata file is not there.

    Raises InvalidInput for malformed tables and Unsupported for motion models other than the
    third-order polynomial.
    """
    document = parse_star(content, name=path)
    table = _micrograph_table(document)
    optics = read_optics(document, table)
    names = table.strings("rlnMicrographName")
    notes: list[str] = []
    numbers, curves = _columns(table, optics)
    series = []
    for row, name in enumerate(names):
        attributes: dict[str, Any] = {key: repr(float(v[row])) for key, v in numbers.items()}
        arrays = {key: GridValues(values=v[row : row + 1].copy()) for key, v in curves.items()}
        owned: tuple[Document, ...] = ()
        raw: list[RawFile] = [RawFile(role="average", path=name)]
        if "rlnMicrographMetadata" in table and load is not None:
            metadata_path = table.text("rlnMicrographMetadata", row)
            try:
                metadata = load(metadata_path)
            except NotFound:
                if missing == "refuse":
                    raise
                notes.append(f"'{metadata_path}' is missing: micrograph '{name}' has no motion")
            else:
                role = "relion_movie_metadata"
                owned = (Document(role=role, path=metadata_path, content=metadata),)
                parsed = parse_star(metadata, name=metadata_path)
                raw[:0] = _motion(parsed, attributes, arrays)
        series.append(
            SeriesRecord(
                name=name,
                kind="frame_series",
                attributes=attributes,
                arrays=arrays,
                documents=owned,
                raw=tuple(raw),
                aliases=_aliases(name),
            )
        )
    return SourceRecord(
        kind="frame_series",
        attributes={},
        series=tuple(series),
        documents=(Document(role="relion_micrographs", path=path, content=content),),
        notes=tuple(notes),
    )


def _micrograph_table(document: StarDocument) -> StarTable:
    for block in ("micrographs", ""):
        if block in document:
            return document.table(block)
    for table in document.tables_with("rlnMicrographName"):
        return table
    return document.table("micrographs")


def _columns(
    table: StarTable, optics: OpticsGroups
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Attributes and CTF values of all micrographs, `(micrographs,)` each."""
    numbers = {name: optics.per_row(column) for name, column in OPTICS_NUMBERS.items()}
    pixel = optics.per_row("rlnMicrographPixelSize")
    if pixel is None:
        pixel = optics.per_row("rlnMicrographOriginalPixelSize")
    numbers["pixel_size_angstrom"] = optics.image_pixel_sizes() if pixel is None else pixel
    numbers["image_pixel_size_angstrom"] = numbers["pixel_size_angstrom"]
    curves: dict[str, np.ndarray] = {}
    if "rlnDefocusU" in table and "rlnDefocusV" in table:
        u, v = table.floats("rlnDefocusU"), table.floats("rlnDefocusV")
        curves = {"defocus": (u + v) / 2, "defocus_delta": u - v}
    for name, column in (("defocus_angle", "rlnDefocusAngle"), ("phase_shift", "rlnPhaseShift")):
        if column in table:
            curves[name] = table.floats(column)
    return {name: values for name, values in numbers.items() if values is not None}, curves


def _motion(
    metadata: StarDocument, attributes: dict[str, Any], arrays: dict[str, GridValues]
) -> list[RawFile]:
    """Add the motion and exposure of one movie's metadata; returns the raw files it names."""
    general = metadata.table("general")
    for name, column in METADATA_NUMBERS.items():
        if column in general:
            attributes[name] = repr(general.number(column, 0))
    sizes = ("rlnImageSizeX", "rlnImageSizeY", "rlnImageSizeZ")
    if all(column in general for column in sizes):
        x, y, frames = (int(general.number(column, 0)) for column in sizes)
        attributes["image_size_px"], attributes["frame_count"] = [x, y], frames
    pixel = general.number("rlnMicrographOriginalPixelSize")
    if "global_shift" in metadata:
        table = metadata.table("global_shift")
        shifts = [table.floats(f"rlnMicrographShift{axis}") for axis in "XY"]
        arrays["global_shift"] = GridValues(values=np.stack(shifts, axis=1) * pixel)
    _polynomial(metadata, general, pixel, arrays)
    raw = []
    for role, column in (("movie", "rlnMicrographMovieName"), ("gain", "rlnMicrographGainName")):
        if column in general:
            raw.append(RawFile(role=role, path=general.text(column, 0)))
    return raw


def _polynomial(
    metadata: StarDocument, general: StarTable, pixel: float, arrays: dict[str, GridValues]
) -> None:
    model = 0
    if "rlnMotionModelVersion" in general:
        model = int(general.number("rlnMotionModelVersion", 0))
    if model not in (0, POLYNOMIAL_MODEL):
        raise Unsupported(
            f"motion model {model} cannot be applied",
            hint="correct the movie with the third-order polynomial model (version 1)",
            file=metadata.file,
        )
    if "local_motion_model" not in metadata or model == 0:
        return
    table = metadata.table("local_motion_model")
    places = table.integers("rlnMotionModelCoeffsIdx")
    if not np.array_equal(np.sort(places), np.arange(POLYNOMIAL_TERMS)):
        raise table.invalid(
            f"{places.size} motion coefficients instead of {POLYNOMIAL_TERMS}",
            column="rlnMotionModelCoeffsIdx",
            row=0,
            hint="copy the movie's metadata again",
        )
    values = np.zeros(POLYNOMIAL_TERMS)
    values[places] = table.floats("rlnMotionModelCoeff") * pixel
    arrays["motion_polynomial"] = GridValues(values=values)


def _aliases(name: str) -> tuple[str, ...]:
    """The name without its job directory, and the file's name alone."""
    parts = name.split("/")
    short = [parts[-1]]
    if len(parts) > 2 and parts[1].startswith("job"):
        short.insert(0, "/".join(parts[2:]))
    return tuple(alias for alias in dict.fromkeys(short) if alias != name)
