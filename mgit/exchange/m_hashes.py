"""M's own hashes, for finding items by them and for checking versions. Never a proof of content.

M hashes with SHA-1 over little of the data: the first 512 KiB of raw files and maps. mgit keeps
these names as aliases, because M's particle tables refer to items by nothing else.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mgit.errors import NotFound
from mgit.exchange.m_params import Reference
from mgit.exchange.warp_grids import read_grid
from mgit.exchange.warp_optics import parameters
from mgit.exchange.xml_document import XmlDocument, XmlElement

__all__ = [
    "data_hash",
    "m_hash",
    "processing_hash",
    "source_version",
    "species_version",
]

HEAD_BYTES = 512 * 1024
SPECIES_VERSION_LENGTH = 8
CTF_ORDER = (
    "Amplitude", "Bfactor", "Cc", "Cs", "Defocus", "DefocusAngle", "DefocusDelta", "PhaseShift",
    "PixelSize", "PixelSizeAngle", "PixelSizeDeltaPercent", "Scale", "Voltage",
)  # fmt: skip
MOVIE_GRIDS = (
    "GridCTF", "GridCTFPhase", "GridMovementX", "GridMovementY", "GridLocalMovementX",
    "GridLocalMovementY", "PyramidShiftX", "PyramidShiftY",
)  # fmt: skip
TILT_GRIDS = (
    "GridCTF", "GridCTFPhase", "GridMovementX", "GridMovementY", "GridVolumeWarpX",
    "GridVolumeWarpY", "GridVolumeWarpZ", "GridAngleX", "GridAngleY", "GridAngleZ",
    "GridCTFDefocusAngle", "GridCTFDefocusDelta", "GridDoseBfacs",
)  # fmt: skip
TILT_LISTS = ("AxisAngle", "AxisOffsetX", "AxisOffsetX", "Angles", "Dose")
"""M hashes the x offset twice and the y offset never."""


def m_hash(content: bytes) -> str:
    """SHA-1 in 27 characters of base64, '/' written as '-' and '+' as '_' (RFC 4648's reverse)."""
    text = base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
    return text.rstrip("=").replace("/", "-").replace("+", "_")


def data_hash(root_name: str, raw_file: str | Path) -> str:
    """M's key of an item: its name without extension and the head of a raw file.

    raw_file: the movie; for a tilt series the first tilt's movie. Raises NotFound.
    """
    try:
        with Path(raw_file).open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise NotFound("the raw file does not exist", file=str(raw_file)) from error
    return m_hash(_utf16(root_name) + head)


def processing_hash(document: XmlDocument, *, tilt_movies: Iterable[str] = ()) -> str:
    """M's hash of an item's parameters, from its XML.

    tilt_movies: processing hashes of a tilt series' movies in tilt order.

    Raises InvalidInput when the document lacks what is hashed.
    """
    is_tilt_series = document.root.tag == "TiltSeries"
    parts = list(_ctf_bytes(document))
    for tag in TILT_GRIDS if is_tilt_series else MOVIE_GRIDS:
        parts += [_grid_bytes(document, element) for element in document.root.all(tag)]
    if is_tilt_series:
        for tag in TILT_LISTS:
            lines = document.child(document.root, tag).text.split("\n")
            parts.append(np.array(lines, dtype="<f4").tobytes())
        flags = document.child(document.root, "UseTilt").text.split("\n")
        parts.append(bytes(flag.strip().lower() == "true" for flag in flags))
        parts += [_utf16(text) for text in tilt_movies]
    return m_hash(b"".join(parts))


def source_version(processing_hashes: Iterable[str], species: Iterable[Reference]) -> str:
    """Version of a data source: its items' processing hashes and the species versions it used."""
    return m_hash(_utf16("".join(processing_hashes) + _pairs(species)))


def species_version(
    *,
    sources: Iterable[Reference],
    positions: np.ndarray,
    angles: np.ndarray,
    half_map_1: np.ndarray,
    half_map_2: np.ndarray,
    mask: np.ndarray,
) -> str:
    """Version of a species: 8 characters over particles and the heads of its maps.

    positions, angles: `(n, T, 3)`, angstrom and degrees. Maps: `(z, y, x)`.
    """
    parts = [_pairs(sources)]
    parts += [m_hash(np.ascontiguousarray(v, dtype="<f4").tobytes()) for v in (positions, angles)]
    parts += [m_hash(_map_head(volume)) for volume in (half_map_1, half_map_2, mask)]
    return m_hash(_utf16("".join(parts)))[:SPECIES_VERSION_LENGTH]


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


def _pairs(references: Iterable[Reference]) -> str:
    return "".join(identity + version for identity, version in references)


def _map_head(volume: np.ndarray) -> bytes:
    voxels = volume.reshape(-1)[: HEAD_BYTES // 4]
    return np.ascontiguousarray(voxels, dtype="<f4").tobytes()


def _ctf_bytes(document: XmlDocument) -> Iterator[bytes]:
    element = document.child(document.root, "CTF")
    texts = {name: node.attributes["Value"] for name, node in parameters(document, element).items()}
    missing = [name for name in CTF_ORDER if name not in texts]
    if missing:
        raise document.fault(f"parameter '{missing[0]}' is missing", element)
    yield np.array([float(texts[name]) for name in CTF_ORDER], dtype="<f8").tobytes()
    for name in ("ZernikeCoeffsEven", "ZernikeCoeffsOdd"):
        numbers = [part for part in texts.get(name, "").split(";") if part.strip()]
        yield np.array(numbers, dtype="<f4").tobytes()


def _grid_bytes(document: XmlDocument, element: XmlElement) -> bytes:
    axes = 4 if "Duration" in element.attributes else 3
    values = read_grid(document, element, axes=axes).values
    sizes = np.array(values.shape[::-1], dtype="<i4")
    return sizes.tobytes() + values.astype("<f4").tobytes()
