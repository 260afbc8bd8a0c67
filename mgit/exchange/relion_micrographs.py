"""RELION micrograph tables as sources of frame series.

Signature for callers:

    read_micrographs(content, *, path, load, missing="refuse") -> SourceRecord

content: `corrected_micrographs.star`, `micrographs_ctf.star` or an old table that names
micrographs.
`load` reads the per-movie metadata that rlnMicrographMetadata names (None: it is not read).

Arrays of an item: global_shift `(frames, 2)` angstrom, the correction as RELION writes it, which is
minus the displacement of the content, with rows for all frames of the file, of which those that
frame_start and frame_count leave out are zero and mean nothing; motion_polynomial `(36,)`,
coefficients of the third-order polynomial in angstrom (x then y); defocus, defocus_delta `(1,)`
angstrom, defocus_angle, phase_shift `(1,)` degrees; zernike_odd, zernike_even and magnification of
the optics group, whose beam tilt is among the attributes. `pixel_size_angstrom` is that of the
movie when its metadata is read, otherwise of the micrograph; `image_pixel_size_angstrom` is that of
the micrograph, in which particle tables count their coordinates.
"""

from typing import Any, Literal

import numpy as np

from mgit.errors import NotFound, Unsupported
from mgit.exchange.records import Document, GridValues, RawFile, SeriesRecord, SourceRecord
from mgit.exchange.relion_aberrations import with_terms
from mgit.exchange.relion_item_optics import series_terms
from mgit.exchange.relion_optics import OpticsGroups, read_optics
from mgit.exchange.relion_tomograms import Loader
from mgit.exchange.star import StarDocument, StarTable, parse_star

__all__ = ["read_micrographs"]

POLYNOMIAL_TERMS = 36
POLYNOMIAL_MODEL = 1
NOT_OBSERVED = -9999.0
"""What motion correction writes as the shift, in pixels, of a frame that it did not use."""
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
        record = SeriesRecord(
            name=name,
            kind="frame_series",
            attributes=attributes,
            arrays=arrays,
            documents=owned,
            raw=tuple(raw),
            aliases=_aliases(name),
        )
        terms = series_terms(optics, [row])
        series.append(record if terms is None else with_terms(record, terms))
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
    first = 1
    if "rlnMicrographStartFrame" in general:
        first = int(general.number("rlnMicrographStartFrame", 0))
    if "global_shift" in metadata:
        first = _global_shift(metadata.table("global_shift"), first, pixel, attributes, arrays)
    elif first > 1 and "frame_count" in attributes:
        attributes["frame_count"] -= first - 1
    if first > 1:
        attributes["frame_start"] = first
    _polynomial(metadata, general, pixel, arrays)
    raw = []
    for role, column in (("movie", "rlnMicrographMovieName"), ("gain", "rlnMicrographGainName")):
        if column in general:
            raw.append(RawFile(role=role, path=general.text(column, 0)))
    return raw


def _global_shift(
    table: StarTable,
    first: int,
    pixel: float,
    attributes: dict[str, Any],
    arrays: dict[str, GridValues],
) -> int:
    """Add the shifts of whole frames, and how many are used; returns the first of them, from 1.

    Frames before `first` and frames marked -9999 have not been observed: their rows are zero, which
    is no statement, and no frame that is used has such a row. Raises InvalidInput where the frames
    that were observed are not consecutive.
    """
    shifts = np.stack([table.floats(f"rlnMicrographShift{axis}") for axis in "XY"], axis=1)
    numbers = np.arange(1, table.row_count + 1)
    if "rlnMicrographFrameNumber" in table:
        numbers = table.integers("rlnMicrographFrameNumber")
    wrong = np.flatnonzero((numbers < 1) | (np.diff(numbers, prepend=0) < 1))
    if wrong.size:
        raise table.invalid(
            "the frame numbers do not ascend from 1",
            column="rlnMicrographFrameNumber",
            row=int(wrong[0]),
            hint="copy the movie's metadata again",
        )
    observed = (shifts != NOT_OBSERVED).all(axis=1) & (numbers >= first)
    used = numbers[observed]
    if used.size == 0 or used[-1] - used[0] + 1 != used.size:
        raise table.invalid(
            "the frames with a shift are not consecutive",
            column="rlnMicrographShiftX",
            row=int(np.flatnonzero(~observed)[-1]) if not observed.all() else 0,
            hint="correct the motion of the movie again",
        )
    frames = max(int(attributes.get("frame_count", 0)), int(numbers[-1]))
    values = np.zeros((frames, 2))
    values[used - 1] = shifts[observed] * pixel
    arrays["global_shift"] = GridValues(values=values)
    if "frame_count" in attributes:
        attributes["frame_count"] = int(used.size)
    return int(used[0])


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
