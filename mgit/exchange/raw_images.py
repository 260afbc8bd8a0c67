"""Facts of raw image files from their headers alone: MRC stacks, TIFF and EER movies.

EER is BigTIFF with one directory per raw detector frame, so one walk over directories serves both.
Pixels are never read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.mrc import read_header

__all__ = ["ImageFacts", "read_facts"]

MRC_SUFFIXES = {".mrc", ".mrcs", ".st", ".ali", ".rec", ".map"}
TIFF_SUFFIXES = {".tif", ".tiff", ".eer"}
WIDTH_TAG, HEIGHT_TAG = 256, 257
INTEGER_TYPES = {3: "H", 4: "I", 16: "Q"}
MAX_FRAMES = 1_000_000
MAX_TAGS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """Size and number of frames.

    size_px: x, y. frames: images in the file; raw detector frames for EER.
    pixel_size_angstrom: None when the header holds none.
    """

    format: str
    size_px: tuple[int, int]
    frames: int
    pixel_size_angstrom: float | None


def read_facts(path: str | Path) -> ImageFacts:
    """Read the facts of one file, its format taken from the suffix.

    Raises NotFound, InvalidInput for a broken or truncated header, Unsupported for other formats.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix in MRC_SUFFIXES:
        header = read_header(file)
        return ImageFacts(
            format="mrc",
            size_px=(header.shape[2], header.shape[1]),
            frames=header.shape[0],
            pixel_size_angstrom=header.pixel_size_angstrom,
        )
    if suffix not in TIFF_SUFFIXES:
        raise Unsupported(
            "the format of a raw file is not known",
            hint="MRC, TIFF and EER are read",
            file=str(file),
        )
    try:
        with file.open("rb") as stream:
            sizes = list(_TiffWalk(stream, str(file)).sizes())
    except FileNotFoundError as error:
        raise NotFound("the raw file does not exist", file=str(file)) from error
    if len(set(sizes)) != 1:
        raise InvalidInput("the frames differ in size", file=str(file), sizes=len(set(sizes)))
    return ImageFacts(
        format=suffix.lstrip(".").replace("tiff", "tif"),
        size_px=sizes[0],
        frames=len(sizes),
        pixel_size_angstrom=None,
    )


class _TiffWalk:
    """Walks the directories of a classic or big TIFF file."""

    def __init__(self, stream: BinaryIO, file: str) -> None:
        self.stream, self.file = stream, file
        head = stream.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 16:
            raise self._broken("the file has no TIFF header")
        self.order = order
        magic = self._unpack("H", head[2:4])
        if magic not in (42, 43):
            raise self._broken("the file has no TIFF header")
        self.big = magic == 43
        self.first = self._unpack("Q", head[8:16]) if self.big else self._unpack("I", head[4:8])

    def sizes(self) -> Iterator[tuple[int, int]]:
        """Width and height of each directory."""
        place, seen = self.first, set[int]()
        while place:
            if place in seen or len(seen) >= MAX_FRAMES:
                raise self._broken("the directories of the file form a loop")
            seen.add(place)
            tags, place = self._directory(place)
            if WIDTH_TAG not in tags or HEIGHT_TAG not in tags:
                raise self._broken("a directory has no image size")
            yield tags[WIDTH_TAG], tags[HEIGHT_TAG]
        if not seen:
            raise self._broken("the file holds no image")

    def _directory(self, place: int) -> tuple[dict[int, int], int]:
        self.stream.seek(place)
        count = self._unpack("Q", self._read(8)) if self.big else self._unpack("H", self._read(2))
        if not 0 < count <= MAX_TAGS:
            raise self._broken("a directory has an impossible number of tags")
        width = 20 if self.big else 12
        entries = self._read(width * count)
        following = (
            self._unpack("Q", self._read(8)) if self.big else self._unpack("I", self._read(4))
        )
        tags = {}
        for at in range(0, len(entries), width):
            tag, kind = (
                self._unpack("H", entries[at : at + 2]),
                self._unpack("H", entries[at + 2 : at + 4]),
            )
            code = INTEGER_TYPES.get(kind)
            if tag in (WIDTH_TAG, HEIGHT_TAG) and code is not None:
                start = at + (12 if self.big else 8)
                tags[tag] = self._unpack(code, entries[start : start + struct.calcsize(code)])
        return tags, following

    def _read(self, size: int) -> bytes:
        content = self.stream.read(size)
        if len(content) < size:
            raise self._broken("the file ends within a directory")
        return content

    def _unpack(self, code: str, content: bytes) -> int:
        return int(struct.unpack(self.order + code, content)[0])

    def _broken(self, message: str) -> InvalidInput:
        return InvalidInput(message, hint="it may be truncated: copy it again", file=self.file)
