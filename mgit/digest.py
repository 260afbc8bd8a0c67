"""BLAKE3 digests, canonical bytes and typed identifiers (docs/format/v1.md, section 2).

Every digest that mgit computes over structured content uses BLAKE3 in derive-key mode with a
context of its own, so that the same bytes in two roles never share an identifier. Raw files are
the exception: their digest is plain BLAKE3, which any stranger can check with `b3sum`.
"""

import json

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

    from typing_extensions import Buffer

__all__ = [
    "BlobDigest",
    "ChunkId",
    "ContentDigest",
    "Digest",
    "Hasher",
    "RawDigest",
    "RootDigest",
    "SegmentId",
    "StateDigest",
    "canonical_bytes",
    "particle_ids",
    "short_id",
]

DIGEST_BYTES = 32
IDENTITY_BYTES = 16
_LEAVES = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Digest:
    """32 bytes that name content. Subclasses differ in kind and are never equal to each other."""

    __slots__ = ("raw",)
    context: str | None = None

    def __init__(self, raw: bytes) -> None:
        if len(raw) != DIGEST_BYTES:
            raise ValueError(f"a {type(self).__name__} has {DIGEST_BYTES} bytes, not {len(raw)}")
        self.raw = bytes(raw)

    @classmethod
    def of(cls, *parts: "Buffer") -> "Self":
        """Digest of the concatenation of `parts` in this class's context."""
        if len(parts) == 1:
            import blake3  # deferred: most read-only verbs compute no BLAKE3 at all

            if cls.context is None:
                return cls(blake3.blake3(parts[0]).digest())
            return cls(blake3.blake3(parts[0], derive_key_context=cls.context).digest())
        hasher = Hasher(cls)
        for part in parts:
            hasher.update(part)
        digest: Self = hasher.finish()
        return digest

    @classmethod
    def of_record(cls, record: "Mapping[str, Any]") -> "Self":
        """Digest of a metadata record in its canonical bytes."""
        return cls.of(canonical_bytes(record))

    @classmethod
    def parse(cls, text: str) -> "Self":
        """Read `b3:<64 hex digits>`. Raises ValueError for anything else."""
        if len(text) != 3 + 2 * DIGEST_BYTES or not text.startswith("b3:"):
            raise ValueError(f"not a digest of the form b3:<64 hex digits>: {text!r}")
        if text != text.lower():
            raise ValueError(f"a digest is written in lower case: {text!r}")
        return cls(bytes.fromhex(text[3:]))

    @property
    def hex(self) -> str:
        """The 64 hexadecimal digits without prefix."""
        return self.raw.hex()

    def __str__(self) -> str:
        return f"b3:{self.raw.hex()}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.raw == self.raw

    def __lt__(self, other: "Self") -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.raw < other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


class ChunkId(Digest):
    """Name of one chunk: BLAKE3 of its canonical logical bytes (little-endian, C order, cut)."""

    __slots__ = ()
    context = "mgit chunk v1"


class SegmentId(Digest):
    """Name of a sealed segment: BLAKE3 of its footer."""

    __slots__ = ()
    context = "mgit segment v1"


class ContentDigest(Digest):
    """Name of an array's decoded content: dtype, shape and logical bytes; not its chunking."""

    __slots__ = ()
    context = "mgit array v1"


class BlobDigest(Digest):
    """Name of a small file of the tree (group metadata, manifest, provenance)."""

    __slots__ = ()
    context = "mgit blob v1"


class StateDigest(Digest):
    """Scientific identity of an item, a species or a population (docs/format/v1.md, section 6)."""

    __slots__ = ()
    context = "mgit state v1"


class RootDigest(Digest):
    """Merkle digest over every file of a commit's tree and over the parents' roots."""

    __slots__ = ()
    context = "mgit root v1"


class RawDigest(Digest):
    """Plain BLAKE3 of a raw file, as `b3sum` prints it."""

    __slots__ = ()
    context = None


class Hasher:
    """Streaming computation of one typed digest."""

    __slots__ = ("_hash", "_kind")

    def __init__(self, kind: type[Digest]) -> None:
        import blake3

        self._kind = kind
        if kind.context is None:
            self._hash = blake3.blake3()
        else:
            self._hash = blake3.blake3(derive_key_context=kind.context)

    def update(self, data: "Buffer") -> None:
        """Append bytes; any C-contiguous buffer is taken without a copy."""
        self._hash.update(data)

    def finish(self) -> "Any":
        """The typed digest of everything given so far."""
        return self._kind(self._hash.digest(DIGEST_BYTES))


def canonical_bytes(record: "Mapping[str, Any]") -> bytes:
    """Encode a metadata record so that equal records have equal bytes (docs/format/v1.md, 2).

    Sorted keys, no white space, UTF-8 without escapes, integers and strings only: 0.1 has more
    than one honest spelling and a hash must see one, so floats raise TypeError.
    """
    if not _is_plain(record):
        _refuse_floats(record, "")
    return _encode(record).encode("utf-8")


def _is_plain(value: "Any") -> bool:
    """Whether nothing but the exact types of canonical JSON occurs: the cheap, usual answer."""
    kind = type(value)
    if kind is dict:
        if any(type(key) is not str for key in value):
            return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return kind in _LEAVES
    return all(type(inner) in _LEAVES or _is_plain(inner) for inner in value)


def _refuse_floats(value: object, where: str) -> None:
    if value is None or isinstance(value, (bool, int, str)):
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"metadata key {key!r} at '{where}' is not a string")
            _refuse_floats(inner, f"{where}/{key}")
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            _refuse_floats(inner, f"{where}/{position}")
    else:
        raise TypeError(
            f"metadata at '{where}' holds a {type(value).__name__}: write a decimal string"
        )


def short_id(context: str, *parts: "Buffer", length_bytes: int = IDENTITY_BYTES) -> bytes:
    """Permanent identity of `length_bytes` bytes: BLAKE3 of the parts, each after its length."""
    import blake3

    hasher = blake3.blake3(derive_key_context=context)
    for part in parts:
        hasher.update(len(memoryview(part).cast("B")).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.digest(length_bytes)


def particle_ids(table: Digest, row_count: int, *, first_row: int = 0) -> bytes:
    """Ids of `row_count` consecutive rows of an imported table, 16 bytes each.

    The id of row r is bytes 16 r to 16 r + 16 of the extended BLAKE3 output over the table's digest
    (derive-key context `mgit particle v1`), so two laboratories that import the same file derive
    the same ids, and a million of them cost one call (docs/format/v1.md, section 5).
    """
    import blake3

    hasher = blake3.blake3(table.raw, derive_key_context="mgit particle v1")
    return hasher.digest(IDENTITY_BYTES * row_count, seek=IDENTITY_BYTES * first_row)
