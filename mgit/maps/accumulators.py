"""Sums of a reconstruction as 64-bit fixed-point numbers: exact, and equal in any order.

A sum is an integer count of a quantum that is set beforehand, so partial sums of workers add up to
the same bits however the work was split (docs/math/reconstruction.md, eqs. 1 and 2). The layout is
that of the backproject kernel: int64 (d, d, d//2+1, 3), real part, imaginary part and weight.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import frexp, isfinite, ldexp

import numpy as np
from blake3 import blake3

from mgit.digest import canonical_bytes
from mgit.errors import Corrupt, InvalidInput, InvalidState, Unsupported

__all__ = ["FixedPointAccumulator", "quantum_for", "read_accumulator", "written_parts"]

CHANNELS = 3
LARGEST_COUNT_BITS = 62
"""Sums stay below 2^62 quanta: one bit in reserve for the addition that is being checked."""
MAGIC = b"mgit accumulator\n"
FORMAT = 1
DIGEST_BYTES = 32
LARGEST_HEADER = 1 << 26
STRIP_BYTES = 1 << 24


@dataclass(slots=True, kw_only=True)
class FixedPointAccumulator:
    """Sums over a half-complex volume in multiples of `quantum`.

    sums: int64 (d, d, d//2+1, 3). quantum: a power of two, in the unit of the images.
    reach: an upper bound of the magnitude of every sum so far, in the same unit.
    """

    sums: np.ndarray = field(repr=False)
    quantum: float
    reach: float = 0.0

    def __post_init__(self) -> None:
        box = self.sums.shape[0] if self.sums.ndim == 4 else 1
        if box % 2 or box < 2 or self.sums.shape != (box, box, box // 2 + 1, CHANNELS):
            raise InvalidState("sums are no half-complex cube", shape=self.sums.shape)
        if self.sums.dtype != np.int64:
            raise InvalidState("sums are not 64-bit integers", dtype=self.sums.dtype)
        if not (self.quantum > 0 and isfinite(self.quantum) and frexp(self.quantum)[0] == 0.5):
            raise InvalidState("a quantum is a power of two", quantum=self.quantum)
        if not self.reach >= 0:
            raise InvalidState("the reach of sums is not negative", reach=self.reach)

    @classmethod
    def empty(cls, box: int, *, quantum: float) -> "FixedPointAccumulator":
        """Zero sums for an even box, 24 bytes per voxel of the half volume.

        Raises InvalidState for odd boxes and quanta that are no power of two.
        """
        shape = (box, box, box // 2 + 1, CHANNELS)
        return cls(sums=np.zeros(shape, np.int64), quantum=quantum)

    @property
    def box(self) -> int:
        """Side d of the volume."""
        return int(self.sums.shape[0])

    def add(self, numerator: np.ndarray, weight: np.ndarray) -> None:
        """Add sums in floating point, each rounded to the nearest multiple of the quantum.

        numerator: complex (d, d, d//2+1). weight: real, of the same shape.

        Raises, before anything is added, InvalidInput for other shapes and values that are not
        finite, InvalidState when a sum could overflow.
        """
        shape = self.sums.shape[:3]
        if numerator.shape != shape or weight.shape != shape:
            raise InvalidInput("sums of another box", shape=numerator.shape, expected=shape)
        parts = [numerator.real, numerator.imag, weight]
        largest = max(float(max(part.max(), -part.min())) for part in parts)
        self.reach = self._reaching(largest)
        for channel, part in enumerate(parts):
            counts = np.rint(part.astype(np.float64) / self.quantum)
            self.sums[..., channel] += counts.astype(np.int64)

    def merge(self, other: "FixedPointAccumulator") -> None:
        """Add other sums exactly; any order and any grouping of merges gives equal bits.

        Raises, before anything is added, InvalidInput for another box or quantum, InvalidState when
        a sum could overflow.
        """
        if self.sums.shape != other.sums.shape or self.quantum != other.quantum:
            raise InvalidInput(
                "partial sums of different boxes or quanta do not add up",
                quantum=self.quantum,
                other=other.quantum,
                hint="all partial sums of one reconstruction come from the same settings",
            )
        self.reach = self._reaching(other.reach)
        self.sums += other.sums

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Numerator, complex128 (d, d, d//2+1), and weight, float64, of the same shape."""
        numerator = np.empty(self.sums.shape[:3], np.complex128)
        numerator.real = self.sums[..., 0] * self.quantum
        numerator.imag = self.sums[..., 1] * self.quantum
        return numerator, self.sums[..., 2] * self.quantum

    def _reaching(self, more: float) -> float:
        reach = self.reach + more
        if not isfinite(more):
            raise InvalidInput("sums hold values that are not finite")
        if not reach <= ldexp(self.quantum, LARGEST_COUNT_BITS):
            raise InvalidState(
                f"sums could reach {reach:.3g}, beyond {LARGEST_COUNT_BITS} bits of the quantum",
                quantum=self.quantum,
                hint="set the quantum for more images or larger values with quantum_for",
            )
        return reach


def quantum_for(images: int, largest_value: float) -> float:
    """The smallest power of two that holds `images` contributions of up to `largest_value` each.

    largest_value: what one image can add to one voxel at most. Part of the settings: workers that
    share a reconstruction share it (docs/math/reconstruction.md, eq. 2).

    Raises InvalidInput unless both are positive and finite.
    """
    bound = images * largest_value
    if not (images > 0 and largest_value > 0 and isfinite(bound)):
        raise InvalidInput("a bound of sums is not positive and finite", bound=bound)
    fraction, exponent = frexp(bound)
    return ldexp(1.0, exponent - LARGEST_COUNT_BITS - (fraction == 0.5))


def written_parts(
    accumulator: FixedPointAccumulator, *, record: Mapping[str, object]
) -> Iterator[bytes | memoryview]:
    """The file of partial sums, in parts: magic, header, little-endian int64 sums, BLAKE3.

    record: what the sums hold, for example the ids of items that are in them; no floats.
    """
    header = canonical_bytes(
        {
            "format": FORMAT,
            "box": accumulator.box,
            "quantum": accumulator.quantum.hex(),
            "reach": accumulator.reach.hex(),
            "record": dict(record),
        }
    )
    digest = blake3()
    for part in _parts(accumulator.sums, header):
        digest.update(part)
        yield part
    yield digest.digest()


def read_accumulator(
    content: bytes | memoryview, *, name: str
) -> tuple[FixedPointAccumulator, dict[str, object]]:
    """What `written_parts` wrote: the sums and the record beside them.

    name: of the file, for messages. Raises Corrupt for anything else than a whole file, Unsupported
    for a format of a later version.
    """
    view = memoryview(content)
    start = len(MAGIC) + 8
    if bytes(view[: len(MAGIC)]) != MAGIC or len(view) < start + DIGEST_BYTES:
        raise Corrupt("a file holds no partial sums", file=name)
    body, digest = view[:-DIGEST_BYTES], bytes(view[-DIGEST_BYTES:])
    if blake3(body).digest() != digest:
        raise Corrupt("partial sums are damaged or cut short", file=name)
    length = int.from_bytes(view[len(MAGIC) : start], "little")
    if length > min(LARGEST_HEADER, len(body) - start):
        raise Corrupt("partial sums have a damaged header", file=name)
    header = json.loads(bytes(body[start : start + length]))
    if header.get("format") != FORMAT:
        raise Unsupported("partial sums of another version", file=name, format=header.get("format"))
    box = int(header["box"])
    shape = (box, box, box // 2 + 1, CHANNELS)
    values = body[start + length :]
    if len(values) != 8 * int(np.prod(shape, dtype=object)):
        raise Corrupt("partial sums have another length than their header says", file=name)
    sums = np.frombuffer(values, "<i8").reshape(shape).astype(np.int64)
    quantum, reach = float.fromhex(header["quantum"]), float.fromhex(header["reach"])
    return FixedPointAccumulator(sums=sums, quantum=quantum, reach=reach), header["record"]


def _parts(sums: np.ndarray, header: bytes) -> Iterator[bytes | memoryview]:
    yield MAGIC + len(header).to_bytes(8, "little") + header
    flat = np.ascontiguousarray(sums, "<i8").reshape(-1)
    for start in range(0, len(flat), STRIP_BYTES // 8):
        yield flat[start : start + STRIP_BYTES // 8].data.cast("B")
