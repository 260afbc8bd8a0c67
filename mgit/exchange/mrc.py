"""MRC maps and stacks: values as float32 with the facts of the header, read strictly.

Data is taken only with columns along x, rows along y and sections along z. Headers are read
without data, so that a stack of any size costs a kilobyte. Strict means: whatever decides what a
voxel's value or place is must be there and agree with the file's size. The identifier 'MAP ' is
not among these: RELION wrote stacks without it for years, and mrcfile's strict mode refuses them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgit.errors import InvalidInput, NotFound, Unsupported

__all__ = [
    "MrcHeader",
    "MrcImages",
    "read_header",
    "read_stack",
    "read_volume",
    "write_stack",
    "write_volume",
]

HEADER_BYTES = 1024
IMOD_STAMP = 1_146_047_817
"""IMOD's stamp 'IMOD' in word 39; beside it, bit 0 of word 40 says that bytes are signed."""
STAMP_OFFSET = 152
VOXEL_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
"""NumPy types of the modes that are read."""
ISOTROPY = 1e-3
"""Relative difference of the pixel size along two axes from which a file is refused."""
MAX_VOXELS = 2**33


@dataclass(frozen=True, slots=True, kw_only=True)
class MrcHeader:
    """What the first kilobyte says.

    shape: (z, y, x).
    pixel_size_angstrom: of x; None when the header holds none.
    anisotropy: largest relative difference of the voxel's edges.
    origin_angstrom: x, y, z of the header's ORIGIN field.
    start: NXSTART, NYSTART, NZSTART, voxels.
    dtype: NumPy type of a stored voxel, in the file's byte order; unsigned for bytes that IMOD
        marks as such.
    notes: sentences about ambiguities: byte signedness, non-zero origin, differing section spacing.
    """

    shape: tuple[int, int, int]
    mode: int
    pixel_size_angstrom: float | None
    anisotropy: float
    origin_angstrom: tuple[float, float, float]
    start: tuple[int, int, int]
    extended_bytes: int
    dtype: np.dtype[Any]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MrcImages:
    """Voxels, `(z, y, x)` float32, with their header."""

    values: np.ndarray
    header: MrcHeader


def read_header(path: str | Path) -> MrcHeader:
    """Read the header alone and check it against the file's size.

    Raises NotFound; InvalidInput, naming file and field, for a header that is no MRC header or a
    file shorter than it promises; Unsupported for complex modes and permuted axes.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            raw = stream.read(HEADER_BYTES)
    except FileNotFoundError as error:
        raise NotFound("the MRC file does not exist", file=str(file)) from error
    facts = _facts(_structured(raw, str(file)), raw, str(file))
    voxels = int(np.prod(facts.shape, dtype=np.int64))
    expected = HEADER_BYTES + facts.extended_bytes + facts.dtype.itemsize * voxels
    if size < expected:
        raise InvalidInput(
            "the file is shorter than its header says",
            hint="it is truncated: copy it again",
            file=str(file),
            bytes=size,
            expected=expected,
        )
    return facts


def read_volume(path: str | Path, *, cubic: bool = False) -> MrcImages:
    """Read a map. With `cubic`, edges of different length are refused.

    Raises what read_header raises, and InvalidInput when voxels are not finite, the pixel size is
    absent or differs between axes.
    """
    header = read_header(path)
    if cubic and len(set(header.shape)) != 1:
        raise InvalidInput(
            "the map is not cubic", file=str(path), field="nx, ny, nz", shape=header.shape
        )
    if header.pixel_size_angstrom is None:
        raise InvalidInput(
            "the map has no pixel size",
            hint="write it into the header, for example with 'relion_image_handler'",
            file=str(path),
            field="cella",
        )
    if header.anisotropy > ISOTROPY:
        raise InvalidInput("the voxels are not cubes", file=str(path), field="cella, mx")
    return MrcImages(values=_voxels(path, header), header=header)


def read_stack(path: str | Path) -> MrcImages:
    """Read a stack of images, `(images, y, x)` float32; a missing pixel size is allowed.

    Raises what read_header raises, and InvalidInput when pixels are not finite.
    """
    header = read_header(path)
    return MrcImages(values=_voxels(path, header), header=header)


def write_volume(
    path: str | Path, values: np.ndarray, *, pixel_size_angstrom: float, label: str
) -> None:
    """Write a map `(z, y, x)` as float32 with one cubic cell; refuses to overwrite a file."""
    _write(path, values, pixel_size_angstrom=pixel_size_angstrom, label=label, stack=False)


def write_stack(
    path: str | Path, values: np.ndarray, *, pixel_size_angstrom: float, label: str
) -> None:
    """Write images `(images, y, x)` as float32 marked as a stack; refuses to overwrite a file."""
    _write(path, values, pixel_size_angstrom=pixel_size_angstrom, label=label, stack=True)


def _write(
    path: str | Path, values: np.ndarray, *, pixel_size_angstrom: float, label: str, stack: bool
) -> None:
    if values.ndim != 3 or not np.isfinite(values).all():
        raise InvalidInput(
            "only finite (z, y, x) arrays are written", file=str(path), shape=values.shape
        )
    if Path(path).exists():
        raise InvalidInput("the file exists", hint="give another directory", file=str(path))
    import mrcfile  # deferred: refinement in memory needs no files

    with mrcfile.new(path) as opened:
        opened.set_data(np.ascontiguousarray(values, dtype=np.float32))
        if stack:
            opened.set_image_stack()
        # The cell is set in float64 and rounded once; voxel_size would round pixel and cell.
        cell = opened.header.cella
        cell.x = pixel_size_angstrom * int(opened.header.mx)
        cell.y = pixel_size_angstrom * int(opened.header.my)
        cell.z = pixel_size_angstrom * int(opened.header.mz)
        # mrcfile stamps the time of writing; exports are functions of the state alone.
        opened.header.label[:] = b""
        opened.header.label[0] = label.encode("ascii", "replace")[:80]
        opened.header.nlabl = 1


def _structured(raw: bytes, file: str) -> Any:
    """The header record in the file's byte order."""
    from mrcfile.dtypes import HEADER_DTYPE  # deferred, as in _write

    if len(raw) < HEADER_BYTES:
        raise InvalidInput("the file is too short for an MRC header", file=file, bytes=len(raw))
    for order in ("<", ">"):
        header = np.frombuffer(raw, dtype=np.dtype(HEADER_DTYPE).newbyteorder(order))[0]
        # The column axis is 1, 2 or 3 (0 in ancient files), which only one byte order makes so.
        if 0 <= int(header["mapc"]) <= 3 and 0 < int(header["nx"]) < 2**24:
            return header
    raise InvalidInput("the file has no MRC header", file=file, field="nx, mapc")


def _facts(header: Any, raw: bytes, file: str) -> MrcHeader:
    shape = tuple(int(header[name]) for name in ("nz", "ny", "nx"))
    if min(shape) < 1 or int(np.prod(shape, dtype=np.float64)) > MAX_VOXELS:
        raise InvalidInput(
            "the dimensions are impossible", file=file, field="nx, ny, nz", shape=shape
        )
    mode = int(header["mode"])
    if mode not in VOXEL_TYPES:
        raise Unsupported("only real images are read", file=file, field="mode", mode=mode)
    axes = tuple(int(header[name]) for name in ("mapc", "mapr", "maps"))
    if axes not in ((1, 2, 3), (0, 0, 0)):
        raise Unsupported(
            "permuted axes are not read", file=file, field="mapc, mapr, maps", axes=axes
        )
    extended = int(header["nsymbt"])
    if extended < 0:
        raise InvalidInput("the extended header has a negative size", file=file, field="nsymbt")
    notes = []
    origin = tuple(float(header["origin"][axis]) for axis in "xyz")
    start = tuple(int(header[name]) for name in ("nxstart", "nystart", "nzstart"))
    unsigned = mode == 0 and _imod_unsigned(raw)
    if mode == 0 and not unsigned:
        notes.append("bytes are read as signed (MRC2014); some old programs wrote unsigned ones")
    if bytes(header["map"])[:3] != b"MAP":
        notes.append("the header lacks the identifier 'MAP '")
    order = "<" if header.dtype["nx"].str.startswith("<") else ">"
    dtype = np.dtype(order + ("u1" if unsigned else VOXEL_TYPES[mode]))
    if any(origin) or any(start):
        notes.append(f"the header's origin {origin} and start {start} are not applied")
    return MrcHeader(
        shape=(shape[0], shape[1], shape[2]),
        mode=mode,
        pixel_size_angstrom=_pixel_size(header, file),
        anisotropy=_anisotropy(header),
        origin_angstrom=(origin[0], origin[1], origin[2]),
        start=(start[0], start[1], start[2]),
        extended_bytes=extended,
        dtype=dtype,
        notes=tuple(notes),
    )


def _pixel_size(header: Any, file: str) -> float | None:
    cell, samples = float(header["cella"]["x"]), int(header["mx"])
    if not np.isfinite(cell) or cell < 0 or samples < 0:
        raise InvalidInput(
            "the cell is not a positive length", file=file, field="cella, mx", cell=cell
        )
    if cell == 0 or samples == 0:
        return None
    # The cell is a float32: the shortest decimal that it and the sampling allow is the size meant.
    size = np.float32(cell) / np.float32(samples)
    return float(str(size))


def _anisotropy(header: Any) -> float:
    """Largest relative difference between the voxel's edges; 0 if the header lacks one."""
    cells = [float(header["cella"][axis]) for axis in "xyz"]
    samples = [int(header[name]) for name in ("mx", "my", "mz")]
    if min(cells) <= 0 or min(samples) <= 0:
        return 0.0
    edges = [cell / count for cell, count in zip(cells, samples, strict=True)]
    return max(edges) / min(edges) - 1


def _imod_unsigned(raw: bytes) -> bool:
    """Whether IMOD wrote the bytes and left its flag for signed bytes unset."""
    for order in ("<i4", ">i4"):
        stamp, flags = np.frombuffer(raw, dtype=order, count=2, offset=STAMP_OFFSET)
        if stamp == IMOD_STAMP:
            return not flags & 1
    return False


def _voxels(path: str | Path, header: MrcHeader) -> np.ndarray:
    """All voxels as `(z, y, x)` float32. Raises InvalidInput when one is not finite."""
    count = int(np.prod(header.shape, dtype=np.int64))
    offset = HEADER_BYTES + header.extended_bytes
    stored = np.fromfile(path, dtype=header.dtype, count=count, offset=offset)
    values = stored.astype(np.float32).reshape(header.shape)
    if not np.isfinite(values).all():
        raise InvalidInput(
            "voxels are not finite",
            hint="write the map again: NaN and infinity cannot be reconstructed from",
            file=str(path),
            field="data",
            voxels=int(np.count_nonzero(~np.isfinite(values))),
        )
    return values
