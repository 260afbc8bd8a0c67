"""SerialEM `.mdoc` files as source records of one tilt series.

Signature for callers:

    read_mdoc(content, *, path) -> SourceRecord
    read_frame_mdocs(documents) -> SourceRecord       documents: {path: bytes}, one movie each

An mdoc knows the nominal tilt angle, the exposure of each tilt, the pixel size and the movie's
path, but no alignment: the arrays are `tilt_angle` and, when the file has it, `axis_angle`
(degrees, nominal values in SerialEM's sign), `exposure` (accumulated before the tilt, e/A^2) and
`use`. Rows
keep the file's order; exposures accumulate in the order of acquisition (DateTime, or
PriorRecordDose where it is given).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.records import Document, GridValues, RawFile, SeriesRecord, SourceRecord

__all__ = ["read_frame_mdocs", "read_mdoc"]

SECTION_KINDS = ("ZValue", "FrameSet")
DATE_FORMATS = ("%d-%b-%y  %H:%M:%S", "%d-%b-%Y  %H:%M:%S")

AXIS_TEXT = re.compile(r"Tilt axis angle = ([-+.0-9]+)")
AXIS_KEY = "Tilt axis angle"

Section = dict[str, str]


def read_mdoc(content: bytes, *, path: str) -> SourceRecord:
    """Read the mdoc of a tilt series, one section per tilt.

    Raises InvalidInput for a file without sections, for montages, and for values not numbers.
    """
    header, sections = _parse(content, path)
    _refuse_montage(header, sections, path)
    name = path.rpartition("/")[2].removesuffix(".mdoc").removesuffix(".mrc").removesuffix(".st")
    document = Document(role="mdoc", path=path, content=content)
    return _source(name, header, sections, path, documents=(document,))


def read_frame_mdocs(documents: Mapping[str, bytes], *, name: str) -> SourceRecord:
    """Read mdocs that each describe one movie (`[FrameSet = 0]`) as one tilt series `name`."""
    headers, sections = [], []
    for path, content in documents.items():
        header, found = _parse(content, path)
        headers.append(header)
        section = dict(found[0])
        # The movie stands beside its mdoc; SubFramePath is the camera computer's path.
        section["SubFramePath"] = path.removesuffix(".mdoc")
        sections.append(section)
    if not sections:
        raise InvalidInput("no mdoc given", hint="name at least one .mdoc file", file=name)
    records = tuple(
        Document(role="mdoc", path=path, content=content) for path, content in documents.items()
    )
    return _source(name, headers[0], sections, name, documents=records)


def _parse(content: bytes, path: str) -> tuple[Section, list[Section]]:
    header: Section = {}
    sections: list[Section] = []
    current = header
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        text = line.strip()
        if not text:
            continue
        if text.startswith("["):
            kind, _, _ = text.strip("[]").partition("=")
            axis = AXIS_TEXT.search(text)
            if axis:
                header[AXIS_KEY] = axis.group(1)
            if kind.strip() in SECTION_KINDS:
                current = {"_line": str(number)}
                sections.append(current)
            continue
        key, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(
                "a line is neither 'key = value' nor a section",
                hint="check that the path names a SerialEM mdoc file",
                file=path,
                line=number,
            )
        current[key.strip()] = value.strip()
    if not sections:
        raise InvalidInput(
            "the file has no [ZValue] or [FrameSet] section",
            hint="check that the path names a SerialEM mdoc file",
            file=path,
        )
    return header, sections


def _refuse_montage(header: Section, sections: list[Section], path: str) -> None:
    if header.get("Montage") == "1" or any("PieceCoordinates" in s for s in sections):
        raise InvalidInput(
            "this mdoc describes a montage, not a tilt series",
            hint="give the mdoc of the tilt series",
            file=path,
        )


def _source(
    name: str,
    header: Section,
    sections: list[Section],
    path: str,
    *,
    documents: tuple[Document, ...],
) -> SourceRecord:
    notes = ["the mdoc holds no alignment: tilt and axis angles are nominal, offsets absent"]
    attributes: dict[str, Any] = {}
    pixel = _number(sections[0], "PixelSpacing", path) or _number(header, "PixelSpacing", path)
    voltage = _number(header, "Voltage", path)
    if pixel:
        attributes["pixel_size_angstrom"] = repr(pixel)
    if voltage:
        attributes["voltage_kilovolt"] = repr(voltage)
    if "ImageSize" in header:
        attributes["image_size_px"] = [int(side) for side in header["ImageSize"].split()]
    arrays = {"use": GridValues(values=np.ones(len(sections), dtype=np.bool_))}
    angles = [_number(section, "TiltAngle", path) for section in sections]
    if all(angle is not None for angle in angles):
        arrays["tilt_angle"] = GridValues(values=np.array(angles, dtype=np.float64))
    axis = _number(header, AXIS_KEY, path)
    if axis is not None:
        arrays["axis_angle"] = GridValues(values=np.full(len(sections), axis))
    exposure, remark = _exposure(sections, path)
    if exposure is not None:
        arrays["exposure"] = GridValues(values=exposure)
    if remark:
        notes.append(remark)
    raw = tuple(
        RawFile(role="movie", path=section["SubFramePath"].replace("\\", "/"))
        for section in sections
        if "SubFramePath" in section
    )
    if not raw and "ImageFile" in header:
        raw = (RawFile(role="stack", path=header["ImageFile"]),)
    series = SeriesRecord(
        name=name,
        kind="tilt_series",
        attributes=attributes,
        arrays=arrays,
        documents=documents,
        raw=raw,
        aliases=(f"{name}.tomostar", f"{name}.mrc"),
    )
    shared = {name: value for name, value in attributes.items() if name != "image_size_px"}
    return SourceRecord(kind="tilt_series", attributes=shared, series=(series,), notes=tuple(notes))


def _exposure(sections: list[Section], path: str) -> tuple[np.ndarray | None, str | None]:
    """Accumulated exposure before each tilt, and a note when it had to be guessed or is missing."""
    prior = [_number(section, "PriorRecordDose", path) for section in sections]
    if all(value is not None for value in prior):
        return np.array(prior, dtype=np.float64), None
    doses = [_number(section, "ExposureDose", path) or 0.0 for section in sections]
    if not any(doses):
        return None, "the mdoc holds no exposures: set them with the source's exposure per tilt"
    times = [_time(section) for section in sections]
    order = list(range(len(sections)))
    remark = "exposures were accumulated in file order: the mdoc gives no times"
    if all(time is not None for time in times):
        order.sort(key=lambda at: str(times[at]))
        remark = "exposures were accumulated in order of acquisition"
    accumulated = np.zeros(len(sections))
    total = 0.0
    for at in order:
        accumulated[at] = total
        total += doses[at]
    return accumulated, remark


def _time(section: Section) -> str | None:
    text = section.get("DateTime", "")
    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(text, pattern).isoformat()
        except ValueError:
            continue  # the other spelling of the year
    return None


def _number(section: Section, key: str, path: str) -> float | None:
    if key not in section:
        return None
    try:
        return float(section[key].split()[0])
    except (ValueError, IndexError) as error:
        raise InvalidInput(
            f"'{section[key]}' is not a number",
            hint="correct the value in the mdoc",
            file=path,
            field=key,
            line=section.get("_line"),
        ) from error
