"""Images from raw files, one section at a time: what a series' manifest names, read strictly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mgit.errors import InvalidInput, MgitError, NotFound, Unsupported
from mgit.exchange.mrc import HEADER_BYTES, MrcHeader, read_header
from mgit.refine.tilt_numbers import exclusion, tilt_number

__all__ = ["BoundFile", "TiltImages", "needed_roles", "read_section", "tilt_images"]

IMAGE_ROLES = ("tilt_image", "movie", "average")
MRC_SUFFIXES = (".mrc", ".mrcs", ".st", ".ali", ".map")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundFile:
    """A raw file of an item whose digest was found to be the one that the item records.

    sections: of a stack, those of the rows of the tilt table from 1; empty for one after the other.
    """

    role: str
    path: str
    place: Path
    sections: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TiltImages:
    """Where the image of every row of a tilt table stands.

    image: row -> `(height, width)` float32. size_px: x, y.
    """

    image: Callable[[int], np.ndarray]
    size_px: tuple[int, int]


def read_section(path: Path, index: int, *, header: MrcHeader | None = None) -> np.ndarray:
    """Section `index` from 0 of an MRC file, `(y, x)` float32; the rest is not read.

    Raises NotFound; InvalidInput, naming the file, when it is truncated or lacks the section.
    """
    facts = header or read_header(path)
    sections, height, width = facts.shape
    if not 0 <= index < sections:
        raise InvalidInput(
            "a stack has fewer images than its series needs",
            file=str(path),
            images=sections,
            wanted=index + 1,
        )
    pixels = height * width
    offset = HEADER_BYTES + facts.extended_bytes + index * pixels * facts.dtype.itemsize
    values = np.fromfile(path, dtype=facts.dtype, count=pixels, offset=offset)
    if len(values) != pixels:
        raise InvalidInput("a stack ends within an image", file=str(path), section=index)
    return values.astype(np.float32).reshape(height, width)


def needed_roles(roles: Sequence[str], *, kind: str, tilts: int) -> tuple[str, ...]:
    """The roles of a manifest's files that images are taken from; movies beside averages are not.

    roles: of all files in order. Empty when the files do not give one image per tilt.
    """
    if kind == "particle_series":
        return ("stack",)
    for role in IMAGE_ROLES:
        if list(roles).count(role) == tilts:
            return (role,)
    return ("stack",) if list(roles).count("stack") == 1 else ()


def tilt_images(item: str, files: Sequence[BoundFile], *, tilts: int) -> TiltImages:
    """Find the images of a tilt series: one file per row of its table, or one stack of all.

    Raises Unsupported for movies that are not averaged and other formats than MRC; NotFound and
    InvalidInput, naming item and file, when images are missing or truncated.
    """
    chosen = needed_roles([each.role for each in files], kind="tilt_series", tilts=tilts)
    kept = [each for each in files if each.role in chosen]
    if not kept:
        raise NotFound(
            f"the raw files do not give one image for each of {tilts} tilts",
            hint="a series needs one averaged image per tilt, or one stack of all tilts",
            item=item,
            files=len(files),
        )
    if chosen == ("stack",):
        return _stacked(item, kept[0], tilts)
    return _singles(item, kept)


def _singles(item: str, files: Sequence[BoundFile]) -> TiltImages:
    headers = [_header(item, each) for each in files]
    for each, header in zip(files, headers, strict=True):
        if header.shape[0] != 1:
            raise Unsupported(
                "movies of tilts are not averaged here",
                hint="link the averages that WarpTools or RELION made",
                item=item,
                file=str(each.place),
                frames=header.shape[0],
            )

    def image(row: int) -> np.ndarray:
        return _finite(
            read_section(files[row].place, 0, header=headers[row]), item, files[row], row
        )

    return TiltImages(image=image, size_px=_size(headers[0]))


def _stacked(item: str, stack: BoundFile, tilts: int) -> TiltImages:
    header = _header(item, stack)
    held = len(stack.sections) if stack.sections else header.shape[0]
    if held != tilts or max(stack.sections, default=0) > header.shape[0]:
        raise InvalidInput(
            "a stack does not have one image per row of the tilt table",
            hint="link the stack that belongs to the table",
            item=item,
            file=str(stack.place),
            images=header.shape[0],
            tilts=tilts,
        )

    def image(row: int) -> np.ndarray:
        section = stack.sections[row] - 1 if stack.sections else row
        return _finite(read_section(stack.place, section, header=header), item, stack, row)

    return TiltImages(image=image, size_px=_size(header))


def _finite(values: np.ndarray, item: str, file: BoundFile, row: int) -> np.ndarray:
    if not np.isfinite(values).all():
        raise InvalidInput(
            "a tilt image is not finite",
            hint=f"copy it again, or run {exclusion(item, row)}",
            item=item,
            tilt=tilt_number(row),
            file=str(file.place),
        )
    return values


def _header(item: str, file: BoundFile) -> MrcHeader:
    if file.place.suffix.lower() not in MRC_SUFFIXES:
        raise Unsupported(
            "only MRC images are reconstructed from",
            hint="average movies first, and add the averages",
            item=item,
            file=str(file.place),
        )
    try:
        return read_header(file.place)
    except MgitError as error:
        error.fields.setdefault("item", item)
        raise


def _size(header: MrcHeader) -> tuple[int, int]:
    return header.shape[2], header.shape[1]
