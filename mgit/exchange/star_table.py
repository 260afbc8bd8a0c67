"""One table of a STAR file: byte spans of its values, decoded per column and on demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.records import ColumnValues
from mgit.exchange.star_tokens import line_of

__all__ = ["StarTable"]

NUMBER_BYTES = np.zeros(256, dtype=bool)
NUMBER_BYTES[list(b"0123456789+-.eE")] = True
INTEGER_BYTES = np.zeros(256, dtype=bool)
INTEGER_BYTES[list(b"0123456789+-")] = True
NOT_FINITE = {b"nan", b"-nan", b"+nan", b"inf", b"+inf", b"-inf", b"infinity", b"-infinity"}
INTEGER_DIGITS_MAX = 18
"""More digits than this may not fit an int64."""
NUMBER_WIDTH_MAX = 64
"""No program writes a number with more characters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StarTable:
    """One block: a loop of rows, or a list of single values seen as one row.

    starts, ends: `(rows, columns)` int64 byte offsets of the values in `content`, with quotes.
    label_ends: byte offset after each label, where a new column's label would follow.
    """

    file: str
    block: str
    content: bytes
    columns: tuple[str, ...]
    is_loop: bool
    starts: np.ndarray
    ends: np.ndarray
    label_ends: tuple[int, ...]
    _positions: Mapping[str, int] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Number of rows; 1 for a list."""
        return int(self.starts.shape[0])

    def __contains__(self, column: object) -> bool:
        return column in self._positions

    def position(self, column: str) -> int:
        """Index of a column. Raises InvalidInput when the block lacks it."""
        found = self._positions.get(column)
        if found is None:
            raise InvalidInput(
                "a required column is missing",
                hint=f"add '_{column}' to block 'data_{self.block}', or give another file",
                file=self.file,
                block=self.block,
                column=column,
            )
        return found

    def token(self, column: str, row: int = 0) -> bytes:
        """The bytes of one value as written, quotes included."""
        at = self.position(column)
        return self.content[int(self.starts[row, at]) : int(self.ends[row, at])]

    def text(self, column: str, row: int = 0) -> str:
        """One value as text, quotes removed. Raises InvalidInput unless UTF-8."""
        raw = self.token(column, row)
        if raw[:1] in (b'"', b"'"):
            raw = raw[1:-1]
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._not_text(column, row) from error

    def number(self, column: str, row: int = 0) -> float:
        """One value as a number. Raises InvalidInput for anything else."""
        token = self.token(column, row)
        try:
            # Python reads 1_000 as a number; no STAR program does.
            return float(token.replace(b"_", b"?"))
        except ValueError as error:
            raise self._not_a_number(column, row) from error

    def strings(self, column: str) -> tuple[str, ...]:
        """Values of a column as text, quotes removed. Raises InvalidInput unless UTF-8."""
        at = self.position(column)
        content = self.content
        spans = zip(self.starts[:, at].tolist(), self.ends[:, at].tolist(), strict=True)
        values: list[str] = []
        for start, end in spans:
            raw = content[start:end]
            if raw[:1] in (b'"', b"'"):
                raw = raw[1:-1]
            try:
                values.append(raw.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise self._not_text(column, len(values)) from error
        return tuple(values)

    def floats(self, column: str) -> np.ndarray:
        """Values of a column as `(rows,)` float64. Raises InvalidInput unless all are numbers."""
        texts = self._padded(column)
        odd = self._rows_outside(texts, NUMBER_BYTES)
        for row in odd.tolist():
            if texts[row].lower() not in NOT_FINITE:
                raise self._not_a_number(column, row)
        try:
            return texts.astype(np.float64)
        except ValueError as error:
            raise self._not_a_number(column, _first_bad_row(texts)) from error

    def finite(self, column: str, *, hint: str = "repair the value") -> np.ndarray:
        """As `floats`; InvalidInput with this hint also where a value is not finite."""
        values = self.floats(column)
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            raise self.invalid(
                "the value is not finite", column=column, row=int(wrong[0]), hint=hint
            )
        return values

    def integers(self, column: str) -> np.ndarray:
        """Values as `(rows,)` int64; `2.0` counts as 2. Raises InvalidInput otherwise."""
        values = self.floats(column)
        whole = np.isfinite(values) & (values == np.rint(values)) & (np.abs(values) < 2.0**53)
        if not whole.all():
            row = int(np.flatnonzero(~whole)[0])
            raise self.invalid(
                f"'{self.token(column, row).decode('utf-8', 'replace')}' is not a whole number",
                column=column,
                row=row,
                hint="write an integer",
            )
        return values.astype(np.int64)

    def vectors(self, column: str) -> list[np.ndarray]:
        """Values `[1,2,3]`, one float64 vector per row; a bare number is a vector of 1."""
        values = []
        for row, text in enumerate(self.strings(column)):
            inner = text.strip("[]").strip()
            try:
                values.append(np.array([float(part) for part in inner.split(",")] if inner else []))
            except ValueError as error:
                raise self.invalid(
                    f"'{text}' is not a vector of numbers",
                    column=column,
                    row=row,
                    hint="write the vector as [1,2,3] without blanks",
                ) from error
        return values

    def values(self, column: str) -> ColumnValues:
        """Values of a column in the narrowest type that holds them: int64, float64 or text."""
        at = self.position(column)
        if self.row_count == 0:
            return np.zeros(0, dtype=np.float64)
        widths = self.ends[:, at] - self.starts[:, at]
        if int(widths.max()) > NUMBER_WIDTH_MAX:
            return self.strings(column)
        texts = self._padded(column)
        if self._rows_outside(texts, NUMBER_BYTES).size:
            return self.strings(column)
        try:
            if not self._rows_outside(texts, INTEGER_BYTES).size:
                if int(widths.max()) <= INTEGER_DIGITS_MAX and not _has_leading_zero(texts):
                    return texts.astype(np.int64)
                return self.strings(column)
            return texts.astype(np.float64)
        except ValueError:
            # Not a number after all, such as a date '2021-05-31' or a lone '-': it stays text.
            return self.strings(column)

    def line(self, row: int) -> int:
        """The 1-based line of the file on which a row stands."""
        if self.row_count == 0 or not self.columns:
            return 0
        return line_of(self.content, int(self.starts[row, 0]))

    def invalid(self, message: str, *, column: str, row: int, hint: str) -> InvalidInput:
        """An error that names this file, block, line and column."""
        return InvalidInput(
            message,
            hint=hint,
            file=self.file,
            block=self.block,
            line=self.line(row),
            column=column,
        )

    def _padded(self, column: str) -> np.ndarray:
        at = self.position(column)
        starts, ends = self.starts[:, at], self.ends[:, at]
        if starts.size == 0:
            return np.zeros(0, dtype="S1")
        width = int((ends - starts).max())
        if width > NUMBER_WIDTH_MAX:
            raise self._not_a_number(column, int(np.argmax(ends - starts)))
        width = max(width, 1)
        source = np.frombuffer(self.content, dtype=np.uint8)
        picked = starts[:, None] + np.arange(width)
        inside = picked < ends[:, None]
        np.minimum(picked, source.size - 1, out=picked)
        letters = np.where(inside, source[picked], 0).astype(np.uint8)
        return letters.view(f"S{width}")[:, 0]

    @staticmethod
    def _rows_outside(texts: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        if texts.size == 0:
            return np.zeros(0, dtype=np.int64)
        letters = texts.view(np.uint8).reshape(texts.size, -1)
        bad = ~allowed[letters] & (letters != 0)
        return np.flatnonzero(bad.any(axis=1) | (letters[:, 0] == 0))

    def _not_text(self, column: str, row: int) -> InvalidInput:
        return self.invalid(
            "a value is not UTF-8 text",
            column=column,
            row=row,
            hint="re-encode the file as UTF-8 (iconv -f latin1 -t utf-8)",
        )

    def _not_a_number(self, column: str, row: int) -> InvalidInput:
        return self.invalid(
            f"'{self.token(column, row).decode('utf-8', 'replace')}' is not a number",
            column=column,
            row=row,
            hint="repair the value, or remove the row",
        )


def _first_bad_row(texts: np.ndarray) -> int:
    for row, text in enumerate(texts.tolist()):
        try:
            float(text)
        except ValueError:
            return row
    return 0


def _has_leading_zero(texts: np.ndarray) -> bool:
    """Whether a value such as '0012' would lose characters as an integer."""
    letters = texts.view(np.uint8).reshape(texts.size, -1)
    if letters.shape[1] < 2:
        return False
    signed = (letters[:, 0] == ord("+")) | (letters[:, 0] == ord("-"))
    first = np.where(signed, letters[:, 1], letters[:, 0])
    if letters.shape[1] > 2:
        second = np.where(signed, letters[:, 2], letters[:, 1])
    else:
        second = np.where(signed, 0, letters[:, 1])
    return bool(((first == ord("0")) & (second != 0)).any() | (letters[:, 0] == ord("+")).any())
