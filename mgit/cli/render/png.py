"""Grey pictures as PNG files.

The format is a signature and four chunks (PNG specification, third edition, sections 5 and 11), so
it costs fewer lines than a dependency (docs/decisions/010-report-as-one-file.md).
"""

import struct
import zlib

import numpy as np

__all__ = ["grey_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BITS, GREY = 8, 0
NO_FILTER = 0
LEVEL = 9


def grey_png(grey: np.ndarray) -> bytes:
    """A PNG file of `(height, width)` uint8, the top row first; equal pictures have equal bytes."""
    height, width = grey.shape
    rows = np.full((height, width + 1), NO_FILTER, np.uint8)
    rows[:, 1:] = grey
    header = struct.pack(">IIBBBBB", width, height, BITS, GREY, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), LEVEL)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
