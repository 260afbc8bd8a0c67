"""Byte spans of every value of a STAR file, found with array operations.

A million rows of ten values are ten million spans: they are found at once from the transitions
between blank and other bytes. Only lines with quotes or comments are looked at one by one.
"""

import re
from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput

__all__ = ["Tokens", "line_of", "tokenise"]

BLANK = np.zeros(256, dtype=bool)
BLANK[list(b" \t\r\n\v\f")] = True
NEWLINE = ord("\n")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# A closing quote is followed by a blank or by the end of the line: apo's stays one value.
VALUE = re.compile(
    rb"""#[^\n]*|"[^\n]*?"(?=[ \t\r\v\f]|$)|'[^\n]*?'(?=[ \t\r\v\f]|$)|[^ \t\r\v\f]+"""
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tokens:
    """Values of a file and the lines that hold any.

    starts, ends: `(values,)` int64 byte offsets. first, counts: per line that holds a value, the
    index of its first value and their number. breaks: byte offsets of all newline characters.
    """

    content: bytes
    starts: np.ndarray
    ends: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    breaks: np.ndarray

    @property
    def line_count(self) -> int:
        """Number of lines that hold a value."""
        return int(self.first.size)

    def text(self, token: int) -> str:
        """One value as text; bytes that are not UTF-8 are replaced."""
        return self.content[self.starts[token] : self.ends[token]].decode("utf-8", "replace")

    def line_number(self, line: int) -> int:
        """The file's 1-based line number of a line that holds values."""
        return int(np.searchsorted(self.breaks, self.starts[self.first[line]])) + 1

    def line_end(self, line: int) -> int:
        """Byte offset just after the line's newline, or the end of the file."""
        at = int(np.searchsorted(self.breaks, self.starts[self.first[line]]))
        return int(self.breaks[at]) + 1 if at < self.breaks.size else len(self.content)

    def heading_lines(self) -> list[int]:
        """Lines that are one value beginning with `data_`."""
        return self._words("data_", exact=False)

    def loop_lines(self) -> np.ndarray:
        """Lines that are the one word `loop_`."""
        return np.array(self._words("loop_", exact=True), dtype=np.int64)

    def label_lines(self) -> np.ndarray:
        """Lines whose first value begins with an underscore."""
        return np.flatnonzero(self._first_bytes() == ord("_"))

    def _first_bytes(self) -> np.ndarray:
        source = np.frombuffer(self.content, dtype=np.uint8)
        return np.asarray(source[self.starts[self.first]])

    def _words(self, word: str, *, exact: bool) -> list[int]:
        letter = self._first_bytes()
        candidates = (letter == ord(word[0])) | (letter == ord(word[0].upper()))
        found = []
        for line in np.flatnonzero(candidates & (self.counts == 1)).tolist():
            text = self.text(int(self.first[line])).lower()
            if text == word or (not exact and text.startswith(word)):
                found.append(line)
        return found


def line_of(content: bytes, offset: int) -> int:
    """The 1-based line number of a byte offset."""
    return content.count(b"\n", 0, offset) + 1


def tokenise(content: bytes, *, name: str) -> Tokens:
    """Find the values of a file. Raises InvalidInput for bytes that are not text."""
    _refuse_binary(content, name)
    source = np.frombuffer(content, dtype=np.uint8)
    blank = BLANK[source]
    if content.startswith(BYTE_ORDER_MARK):
        blank[: len(BYTE_ORDER_MARK)] = True
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1 if source.size else np.zeros(0, np.int64)
    inner_start = bool(source.size) and not blank[0]
    inner_end = bool(source.size) and not blank[-1]
    edges = np.concatenate(
        ([0] if inner_start else [], edges, [source.size] if inner_end else [])
    ).astype(np.int64)
    starts, ends = edges[0::2], edges[1::2]
    breaks = np.flatnonzero(source == NEWLINE)
    lines = np.searchsorted(breaks, starts)
    special = np.isin(source[starts], np.frombuffer(b"\"'#", dtype=np.uint8))
    if special.any():
        starts, ends, lines = _respan(content, name, starts, ends, lines, special, breaks)
    first, counts = _group(lines)
    return Tokens(
        content=content, starts=starts, ends=ends, first=first, counts=counts, breaks=breaks
    )


def _refuse_binary(content: bytes, name: str) -> None:
    if content[:2] in UTF16_MARKS:
        raise InvalidInput(
            "the file is UTF-16 text",
            hint="convert it: iconv -f utf-16 -t utf-8",
            file=name,
        )
    if b"\0" in content:
        raise InvalidInput(
            "the file holds NUL bytes, so it is not a STAR file",
            hint="the file is binary or was cut off by a full disk: copy it again",
            file=name,
            line=line_of(content, content.index(b"\0")),
        )


def _group(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the first value and number of values of each line that holds any."""
    if lines.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first = np.concatenate(([0], np.flatnonzero(lines[1:] != lines[:-1]) + 1))
    counts = np.diff(np.concatenate((first, [lines.size])))
    return first, counts


def _respan(
    content: bytes,
    name: str,
    starts: np.ndarray,
    ends: np.ndarray,
    lines: np.ndarray,
    special: np.ndarray,
    breaks: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replace the spans of lines that hold quotes or comments."""
    affected = np.unique(lines[special])
    plain = ~np.isin(lines, affected)
    new_starts: list[int] = []
    new_ends: list[int] = []
    new_lines: list[int] = []
    for line in affected.tolist():
        begin = int(breaks[line - 1]) + 1 if line else 0
        if line == 0 and content.startswith(BYTE_ORDER_MARK):
            begin = len(BYTE_ORDER_MARK)
        end = int(breaks[line]) if line < breaks.size else len(content)
        for match in VALUE.finditer(content[begin:end]):
            mark = match.group()[:1]
            if mark == b"#":
                break
            if mark in (b'"', b"'") and (len(match.group()) < 2 or match.group()[-1:] != mark):
                raise InvalidInput(
                    "a quoted value has no closing quote",
                    hint="close the quote on the same line",
                    file=name,
                    line=line + 1,
                )
            new_starts.append(begin + match.start())
            new_ends.append(begin + match.end())
            new_lines.append(line)
    all_lines = np.concatenate((lines[plain], np.array(new_lines, dtype=np.int64)))
    order = np.argsort(all_lines, kind="stable")
    all_starts = np.concatenate((starts[plain], np.array(new_starts, dtype=np.int64)))
    all_ends = np.concatenate((ends[plain], np.array(new_ends, dtype=np.int64)))
    return all_starts[order], all_ends[order], all_lines[order]
