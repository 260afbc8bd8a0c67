"""How one chunk becomes stored bytes and back (docs/format/segments.md, section 4).

Stored form 0 is the logical bytes; form 1 is a byte shuffle over items, then one zstd frame.
Everything that arrives here for decoding is hostile except its digest, which the caller checked.
"""

import threading
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zstandard

from mgit.errors import CodecUnavailable, Corrupt

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "RAW",
    "RAW_LENGTH_MAX",
    "SHUFFLED_ZSTD",
    "Codec",
    "decode",
    "encode",
]

Codec = Literal["zstd", "raw"]
"""What a writer may be asked for; what is stored is decided chunk by chunk."""

RAW = 0
SHUFFLED_ZSTD = 1
RAW_LENGTH_MAX = 64 << 20
"""Bytes. No chunk is longer, so no stored length can make a reader allocate more."""

LEVEL = 1  # measured on half-maps and tables: level 3 gains 1 % for half the speed
GAIN_MIN_PERCENT = 3  # below this the reader's time is worth more than the space
SAMPLE_BYTES = 32 << 10
SAMPLED_FROM_BYTES = 256 << 10
TRANSPOSED_UP_TO_BYTES = 16 << 10  # longer chunks are unshuffled faster plane by plane
PLAIN_BELOW_BYTES = 64  # a frame header alone is about that long

_own = threading.local()  # zstd contexts are expensive to make and must not be shared by threads


def encode(data: "Buffer", itemsize: int, codec: Codec) -> "tuple[int, Buffer]":
    """The stored form and the stored bytes of a chunk; deterministic for one zstd version.

    data: logical bytes. itemsize: bytes per array element, 1 to 255; lengths that are no multiple
    of it keep their last bytes unshuffled.
    """
    view = memoryview(data).cast("B")
    if codec == "raw" or len(view) < PLAIN_BELOW_BYTES or not _promises_gain(view, itemsize):
        return RAW, view
    stored = _compressor().compress(_shuffle(view, itemsize))
    if not _gains(len(stored), len(view)):
        return RAW, view
    return SHUFFLED_ZSTD, stored


def decode(form: int, itemsize: int, stored: "Buffer", raw_length: int) -> "Buffer":
    """The logical bytes, exactly `raw_length` of them.

    Raises CodecUnavailable for an unknown form and Corrupt if the bytes are not what the lengths
    say; never allocates more than `raw_length` bytes, which is capped by RAW_LENGTH_MAX.
    """
    if raw_length > RAW_LENGTH_MAX:
        raise Corrupt("a chunk claims more bytes than any chunk has", raw_length=raw_length)
    if form == RAW:
        if len(memoryview(stored)) != raw_length:
            raise Corrupt("an uncompressed chunk has the wrong length", raw_length=raw_length)
        return stored
    if form != SHUFFLED_ZSTD:
        raise CodecUnavailable(
            "a chunk is stored in a form that this version does not know",
            hint="read the repository with a newer version of mgit",
            form=form,
        )
    return _unshuffle(_decompress(stored, raw_length), itemsize)


def _decompress(stored: "Buffer", raw_length: int) -> bytes:
    try:
        # The frame's own size is read first: the library would allocate it before looking.
        if zstandard.get_frame_parameters(memoryview(stored)).content_size != raw_length:
            raise Corrupt("a compressed chunk claims another length", raw_length=raw_length)
        data: bytes = _decompressor().decompress(
            stored, max_output_size=raw_length, allow_extra_data=False
        )
    except zstandard.ZstdError as failure:
        raise Corrupt("a compressed chunk cannot be decoded", reason=str(failure)) from failure
    if len(data) != raw_length:
        raise Corrupt("a compressed chunk decodes to another length", raw_length=raw_length)
    return data


def _promises_gain(view: memoryview, itemsize: int) -> bool:
    if len(view) < SAMPLED_FROM_BYTES:
        return True  # compressing a small chunk costs no more than finding out
    span = SAMPLE_BYTES // itemsize * itemsize
    sampled = stored = 0
    for part in (1, 3):
        start = len(view) * part // 4 // itemsize * itemsize
        sample = view[start : start + span]
        sampled += len(sample)
        stored += len(_compressor().compress(_shuffle(sample, itemsize)))
    return _gains(stored, sampled)


def _gains(stored: int, raw: int) -> bool:
    return stored * 100 <= raw * (100 - GAIN_MIN_PERCENT)


def _shuffle(view: memoryview, itemsize: int) -> "Buffer":
    """All first bytes of the items, then all second bytes, and so on; the remainder as it is."""
    count = len(view) // itemsize
    if itemsize == 1 or count < 2:
        return view
    whole = count * itemsize
    planes: bytes = np.frombuffer(view[:whole], np.uint8).reshape(count, itemsize).T.tobytes()
    return planes + view[whole:] if whole < len(view) else planes


def _unshuffle(stored: bytes, itemsize: int) -> "Buffer":
    if itemsize < 1:
        raise Corrupt("a chunk claims items of no bytes", itemsize=itemsize)
    count = len(stored) // itemsize
    if itemsize == 1 or count < 2:
        return stored
    data = np.frombuffer(stored, np.uint8)
    whole = count * itemsize
    if len(stored) <= TRANSPOSED_UP_TO_BYTES:
        turned: bytes = data[:whole].reshape(itemsize, count).T.tobytes()
        return turned + stored[whole:]
    restored = np.empty_like(data)
    planes = data[:whole].reshape(itemsize, count)
    items = restored[:whole].reshape(count, itemsize)
    for place in range(itemsize):
        items[:, place] = planes[place]
    restored[whole:] = data[whole:]
    return restored.data


def _compressor() -> Any:
    if not hasattr(_own, "compressor"):
        _own.compressor = zstandard.ZstdCompressor(level=LEVEL)
    return _own.compressor


def _decompressor() -> Any:
    if not hasattr(_own, "decompressor"):
        _own.decompressor = zstandard.ZstdDecompressor(max_window_size=2 * RAW_LENGTH_MAX)
    return _own.decompressor
