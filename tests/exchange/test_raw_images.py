import struct

import mrcfile
import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound, Unsupported
from mgit.exchange.raw_images import read_facts


def tiff(sizes, *, big, order="<"):
    """Directories without pixels, after the TIFF 6 and BigTIFF layouts."""
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(
        order + ("HHHQ" if big else "HI"), *((43, 8, 0, 16) if big else (42, 8))
    )
    count, entry, link = ("Q", "HHQI4x", "Q") if big else ("H", "HHII", "I")
    body, place = b"", len(head)
    for number, (x, y) in enumerate(sizes):
        directory = struct.pack(order + count, 2)
        for tag, value in ((256, x), (257, y)):
            directory += struct.pack(order + entry, tag, 4, 1, value)
        place += len(directory) + struct.calcsize(order + link)
        last = number == len(sizes) - 1
        body += directory + struct.pack(order + link, 0 if last else place)
    return head + body


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_directories_are_counted(tmp_path, big, order):
    path = tmp_path / "m.tif"
    path.write_bytes(tiff([(4096, 4092)] * 3, big=big, order=order))
    facts = read_facts(path)
    assert (facts.size_px, facts.frames, facts.format) == ((4096, 4092), 3, "tif")


def test_an_eer_movie_is_a_big_tiff(tmp_path):
    path = tmp_path / "m.eer"
    path.write_bytes(tiff([(4096, 4096)] * 40, big=True))
    assert (read_facts(path).frames, read_facts(path).format) == (40, "eer")


def test_a_stack_is_described_by_its_header(tmp_path):
    with mrcfile.new(tmp_path / "s.mrcs") as opened:
        opened.set_data(np.zeros((5, 3, 2), dtype=np.int8))
    facts = read_facts(tmp_path / "s.mrcs")
    assert (facts.size_px, facts.frames) == ((2, 3), 5)


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "m.tif"
    whole = tiff([(8, 8)] * 2, big=False)
    loop = bytearray(whole)
    loop[-4:] = struct.pack("<I", 8)
    for content in (b"", b"II*\0", b"XX" + whole[2:], whole[:-6], whole[:20], bytes(loop)):
        path.write_bytes(content)
        with pytest.raises(InvalidInput):
            read_facts(path)
    path.write_bytes(tiff([(8, 8), (8, 9)], big=False))
    with pytest.raises(InvalidInput, match="differ"):
        read_facts(path)


def test_other_formats_and_missing_files_are_refused(tmp_path):
    with pytest.raises(Unsupported):
        read_facts(tmp_path / "m.dm4")
    with pytest.raises(NotFound):
        read_facts(tmp_path / "m.tif")
