"""Self-made data after the documented formulas; M itself was not run."""

import base64
import hashlib

import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound
from mgit.exchange.m_hashes import (
    data_hash,
    m_hash,
    processing_hash,
    source_version,
    species_version,
)
from mgit.exchange.xml_document import parse_xml
from tests.exchange.warp_documents import ctf, grid, movie, tilt_series


def reference(content):
    text = base64.b64encode(hashlib.sha1(content).digest()).decode()
    return text.replace("=", "").translate(str.maketrans("/+", "-_"))


def of_movie(**parts):
    return processing_hash(parse_xml(movie(**parts), "m.xml"))


def of_series(*, movies=(), **parts):
    return processing_hash(parse_xml(tilt_series(**parts), "t.xml"), tilt_movies=movies)


def test_a_hash_has_27_url_safe_characters():
    seen = "".join(m_hash(bytes([value])) for value in range(256))
    assert len(seen) == 27 * 256
    assert {"-", "_"} <= set(seen)
    assert not set("/+=") & set(seen)
    assert m_hash(b"abc") == "qZk_NkcGgWq6PiVxeFDCbJzQ2J0"


def test_the_data_hash_covers_name_and_head(tmp_path):
    path = tmp_path / "x.tif"
    path.write_bytes(b"ab" * 400_000)
    expected = reference("TS_1".encode("utf-16-le") + (b"ab" * 400_000)[: 512 * 1024])
    assert data_hash("TS_1", path) == expected
    path.write_bytes(b"ab" * 300_000)
    assert data_hash("TS_1", path) == expected
    assert data_hash("TS_2", path) != expected
    path.write_bytes(b"xb")
    assert data_hash("TS_1", path) == reference("TS_1".encode("utf-16-le") + b"xb")
    with pytest.raises(NotFound):
        data_hash("TS_1", tmp_path / "none.tif")


def test_the_processing_hash_of_a_movie_follows_the_documented_order():
    ctf_values = [0.07, 0, 2.7, 2.7, 2.5, 30, 0.05, 0.25, 1.5, 0, 0, 1, 300]
    parts = [np.array(ctf_values, "<f8").tobytes(), np.eye(1, 12, 2, dtype="<f4").tobytes()]
    parts[1] = (np.eye(1, 12, 2, dtype="<f4") * np.float32(0.25)).tobytes()
    for size, values in (
        ((2, 1, 1), [1.5, 1.75]),
        ((1, 1, 1), [0.25]),
        ((1, 1, 3), [0, 1, 2]),
        ((1, 1, 3), [0, -1, -2]),
        ((1, 1, 1), [0]),
        ((1, 1, 1), [0]),
        *[((1, 1, 2), [1, 2]), ((2, 2, 1), [3, 4, 5, 6])] * 2,
    ):
        parts += [np.array(size, "<i4").tobytes(), np.array(values, "<f4").tobytes()]
    assert of_movie() == reference(b"".join(parts))


def test_the_processing_hash_of_a_series_covers_what_m_covers_and_no_more():
    base = of_series()
    assert of_series(GridAngleX=grid("GridAngleX", 1, 1, 1, [1])) != base
    assert of_series(AxisOffsetX="<AxisOffsetX>1\n2\n3</AxisOffsetX>") != base
    assert of_series(movies=["x"]) != base
    assert of_series(UseTilt="<UseTilt>True\nTrue\nTrue</UseTilt>") != base
    assert of_series(AxisOffsetY="<AxisOffsetY>1\n2\n3</AxisOffsetY>") == base
    assert of_series(Weight="0.1", LevelAngleX="9") == base


def test_a_document_without_what_is_hashed_is_refused():
    with pytest.raises(InvalidInput, match="Voltage"):
        of_series(CTF=ctf(Voltage=None))


def test_versions_follow_the_documented_formulas():
    expected = reference("h1h2guidv".encode("utf-16-le"))
    assert source_version(["h1", "h2"], [("guid", "v")]) == expected
    maps = [np.full((64, 64, 64), fill, dtype=np.float32) for fill in (1, 2, 3)]
    positions, angles = np.ones((2, 1, 3)), np.zeros((2, 1, 3))
    hashes = [positions.astype("<f4").tobytes(), angles.astype("<f4").tobytes()]
    hashes += [volume.tobytes()[: 512 * 1024] for volume in maps]
    text = "guidv" + "".join(reference(each) for each in hashes)
    version = species_version(
        sources=[("guid", "v")],
        positions=positions,
        angles=angles,
        half_map_1=maps[0],
        half_map_2=maps[1],
        mask=maps[2],
    )
    assert version == reference(text.encode("utf-16-le"))[:8]
