"""String columns: a group of three arrays, because Zarr has no portable string array.

`codes` (n,) uint32 into the sorted distinct strings, whose UTF-8 bytes stand concatenated in
`strings` (uint8) between `offsets` (k + 1,) int64. Sorted and distinct makes the form canonical.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgit.errors import Corrupt, InvalidState
from mgit.state.protocol import Reader, Writer

__all__ = ["STRING_ARRAYS", "StringColumn", "is_strings", "read_strings", "write_strings"]

STRING_ARRAYS = ("codes", "offsets", "strings")
_TYPE = {"type": "strings"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StringColumn:
    """One string per row. codes: `(n,)` uint32 into `dictionary`, which is sorted and distinct."""

    codes: np.ndarray
    dictionary: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.codes.dtype != np.uint32 or self.codes.ndim != 1:
            raise InvalidState("the codes of a string column are not one axis of uint32")
        if any(a >= b for a, b in itertools.pairwise(self.dictionary)):
            raise InvalidState("the dictionary of a string column is not sorted and distinct")
        if self.codes.size and int(self.codes.max()) >= len(self.dictionary):
            raise InvalidState("a code of a string column is outside its dictionary")

    @classmethod
    def of(cls, values: Sequence[str]) -> "StringColumn":
        """Encode one string per row."""
        dictionary = tuple(sorted(set(values)))
        code_of = {text: code for code, text in enumerate(dictionary)}
        codes = np.fromiter((code_of[text] for text in values), np.uint32, len(values))
        return cls(codes=codes, dictionary=dictionary)

    def __len__(self) -> int:
        return len(self.codes)

    def values(self) -> tuple[str, ...]:
        """One string per row."""
        words = np.array([*self.dictionary, ""], dtype=object)
        return tuple(words[self.codes].tolist())

    def take(self, rows: np.ndarray) -> "StringColumn":
        """The rows with these indices; words that no row uses any more leave the dictionary."""
        return _compact(self.codes[rows], self.dictionary)

    def equals(self, other: "StringColumn") -> bool:
        """Whether both hold the same strings in the same rows."""
        mine, theirs = (_compact(each.codes, each.dictionary) for each in (self, other))
        return mine.dictionary == theirs.dictionary and np.array_equal(mine.codes, theirs.codes)


def _compact(codes: np.ndarray, dictionary: tuple[str, ...]) -> StringColumn:
    used = np.zeros(len(dictionary), dtype=bool)
    used[codes] = True
    renumber = (np.cumsum(used) - 1).astype(np.uint32)
    words = tuple(word for word, keep in zip(dictionary, used.tolist(), strict=True) if keep)
    return StringColumn(codes=renumber[codes], dictionary=words)


def write_strings(
    writer: Writer,
    path: str,
    values: Sequence[str] | StringColumn,
    *,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Create or replace the string column at `path`. Raises InvalidState for a lone surrogate."""
    column = values if isinstance(values, StringColumn) else StringColumn.of(values)
    column = _compact(column.codes, column.dictionary)
    try:
        words = [word.encode("utf-8") for word in column.dictionary]
    except UnicodeEncodeError as error:
        raise InvalidState("a string is not valid UTF-8", column=path) from error
    offsets = np.zeros(len(words) + 1, dtype=np.int64)
    np.cumsum([len(word) for word in words], out=offsets[1:])
    writer.set_attributes(path, {**(attributes or {}), **_TYPE})
    writer.set_array(f"{path}/codes", column.codes)
    writer.set_array(f"{path}/offsets", offsets)
    writer.set_array(f"{path}/strings", np.frombuffer(b"".join(words), dtype=np.uint8))


def is_strings(reader: Reader, path: str) -> bool:
    """Whether the node at `path` is a string column."""
    return not reader.is_array(path) and reader.attributes(path).get("type") == "strings"


def read_strings(reader: Reader, path: str) -> StringColumn:
    """The string column at `path`. Raises Corrupt if its three arrays contradict each other."""
    codes = reader.array(f"{path}/codes").read()
    offsets = reader.array(f"{path}/offsets").read()
    content = reader.array(f"{path}/strings").read().tobytes()
    if not _coherent(offsets, len(content)):
        raise Corrupt("the offsets of a string column do not cover its bytes", path=path)
    limits = offsets.tolist()
    try:
        words = tuple(
            content[start:stop].decode("utf-8") for start, stop in itertools.pairwise(limits)
        )
        return StringColumn(codes=codes, dictionary=words)
    except UnicodeDecodeError as error:
        raise Corrupt("a string column holds bytes that are not UTF-8", path=path) from error
    except InvalidState as error:
        raise Corrupt(error.message, path=path) from error


def _coherent(offsets: np.ndarray, length: int) -> bool:
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not offsets.size:
        return False
    return bool(offsets[0] == 0 and offsets[-1] == length and (np.diff(offsets) >= 0).all())
