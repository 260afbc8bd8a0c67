"""PNG files read by their specification."""

import struct
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mgit.cli.render.png import grey_png


def chunks(content):
    assert content[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10])
    at, found = 8, []
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + data)
        found.append((kind, data))
        at += 12 + length
    return found


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 255)))
def test_a_picture_is_read_back(grey):
    (first, header), (second, data), last = chunks(grey_png(grey))
    assert (first, second, last) == (b"IHDR", b"IDAT", (b"IEND", b""))
    width, height, *form = struct.unpack(">IIBBBBB", header)
    assert form == [8, 0, 0, 0, 0]  # 8 bits of grey, nothing interlaced
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    assert (rows[:, 1:] == grey).all()
