"""Stored forms: decoding undoes encoding, and nothing hostile gets through."""

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import CodecUnavailable, Corrupt
from mgit.store.codec import RAW, RAW_LENGTH_MAX, SHUFFLED_ZSTD, decode, encode

COMPRESSIBLE = np.arange(5000, dtype="<f4").tobytes()


@given(st.binary(max_size=2000), st.integers(1, 20), st.integers(1, 255))
def test_decoding_undoes_encoding(data, repeats, itemsize):
    data = data * repeats
    form, stored = encode(data, itemsize, "zstd")
    assert bytes(decode(form, itemsize, bytes(stored), len(data))) == data
    assert len(stored) <= len(data)


def test_numbers_are_shuffled_and_compressed():
    form, stored = encode(COMPRESSIBLE, 4, "zstd")
    assert form == SHUFFLED_ZSTD
    unshuffled = zstandard.ZstdCompressor(level=1).compress(COMPRESSIBLE)
    assert len(stored) < len(unshuffled)


def test_the_shuffled_form_is_what_the_format_page_says():
    data = bytes(range(12)) * 20 + b"tail!"
    _, stored = encode(data, 12, "zstd")
    planes = b"".join(bytes([place]) * 20 for place in range(12))
    assert zstandard.ZstdDecompressor().decompress(stored) == planes + b"tail!"


def test_noise_is_stored_as_it_is():
    for size in (1000, 1 << 20):
        noise = np.random.default_rng(1).bytes(size)
        form, stored = encode(noise, 4, "zstd")
        assert form == RAW
        assert stored == noise


def test_a_large_chunk_that_gains_is_compressed():
    data = np.arange(1 << 18, dtype="<f4").tobytes()
    assert encode(data, 4, "zstd")[0] == SHUFFLED_ZSTD


def test_the_raw_codec_compresses_nothing():
    assert encode(COMPRESSIBLE, 4, "raw") == (RAW, COMPRESSIBLE)


def test_encoding_is_deterministic():
    assert encode(COMPRESSIBLE, 4, "zstd") == encode(bytearray(COMPRESSIBLE), 4, "zstd")


@pytest.mark.parametrize("claimed", [0, 1, len(COMPRESSIBLE) - 1, len(COMPRESSIBLE) + 1])
@pytest.mark.parametrize("codec", ["zstd", "raw"])
def test_another_length_than_recorded_is_corrupt(codec, claimed):
    form, stored = encode(COMPRESSIBLE, 4, codec)
    with pytest.raises(Corrupt):
        decode(form, 4, bytes(stored), claimed)


def test_a_bomb_is_refused_before_it_is_decoded():
    bomb = zstandard.ZstdCompressor().compress(b"\0" * (RAW_LENGTH_MAX + 1))
    with pytest.raises(Corrupt, match="claims"):
        decode(SHUFFLED_ZSTD, 1, bomb, 100)
    with pytest.raises(Corrupt, match="more bytes"):
        decode(SHUFFLED_ZSTD, 1, bomb, RAW_LENGTH_MAX + 1)


def test_a_frame_that_hides_its_length_is_refused():
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    with pytest.raises(Corrupt):
        decode(SHUFFLED_ZSTD, 1, compressor.compress(b"x" * 100), 100)


def test_bytes_after_the_frame_are_refused():
    frame = zstandard.ZstdCompressor().compress(b"x" * 100)
    with pytest.raises(Corrupt):
        decode(SHUFFLED_ZSTD, 1, frame + b"more", 100)


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 255))
def test_garbage_is_corrupt_or_has_the_claimed_length(stored, raw_length, itemsize):
    try:
        data = decode(SHUFFLED_ZSTD, itemsize, stored, raw_length)
    except Corrupt:
        return
    assert len(data) == raw_length


def test_an_unknown_form_is_unavailable_not_corrupt():
    with pytest.raises(CodecUnavailable):
        decode(9, 1, b"x", 1)
