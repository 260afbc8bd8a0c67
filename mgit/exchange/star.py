"""STAR files read without loss: every value keeps the bytes it stands on.

A document is its bytes plus tables of byte spans, so that a patcher can rewrite one value and leave
every other byte as it was (`mgit.exchange.star_patch`). Numbers are decoded per column and on
demand; a column that nobody asks for costs no Python object.

    document = parse_star(content, name="particles.star")
    table = document.table("particles")
    table.floats("rlnAngleRot")          # (rows,) float64
    table.strings("rlnTomoName")         # tuple of str

The dialect is what RELION, WarpTools, `starfile` and STOPGAP write: blocks `data_NAME`, each either
a list of `_label value` lines or one loop with one row per line; values are separated by blanks or
tabs, quoted by '"' or "'", and a value that begins with '#' starts a comment. CRLF, a UTF-8 byte
order mark and a missing final newline are accepted. Anything else is `InvalidInput`, which names
the file, the block, the line and the column.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.records import ColumnValues
from mgit.exchange.star_tokens import Tokens, line_of, tokenise

__all__ = ["StarDocument", "StarTable", "parse_star"]

NUMBER_BYTES = np.zeros(256, dtype=bool)
NUMBER_BYTES[list(b"0123456789+-.eEdD")] = True
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
                raise self.invalid(
                    "a value is not UTF-8 text",
                    column=column,
                    row=len(values),
                    hint="re-encode the file as UTF-8 (iconv -f latin1 -t utf-8)",
                ) from error
        return tuple(values)

    def floats(self, column: str) -> np.ndarray:
        """Values of a column as `(rows,)` float64. Raises InvalidInput for anything not a number."""
        texts = self._padded(column)
        odd = self._rows_outside(texts, NUMBER_BYTES)
        for row in odd.tolist():
            if texts[row].lower() not in NOT_FINITE:
                raise self._not_a_number(column, row)
        try:
            return texts.astype(np.float64)
        except ValueError as error:
            raise self._not_a_number(column, _first_bad_row(texts)) from error

    def integers(self, column: str) -> np.ndarray:
        """Values of a column as `(rows,)` int64; `2.0` counts as 2. Raises InvalidInput otherwise."""
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
        """Values `[1,2,3]` of a column, one float64 vector per row; a bare number is a vector of 1."""
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StarDocument:
    """A parsed STAR file. `tables` keeps the order of the blocks; names are without `data_`."""

    file: str
    content: bytes
    tables: Mapping[str, StarTable]

    def __contains__(self, block: object) -> bool:
        return block in self.tables

    def table(self, block: str) -> StarTable:
        """The table of a block. Raises InvalidInput when the file lacks it."""
        found = self.tables.get(block)
        if found is None:
            listed = ", ".join(f"'data_{name}'" for name in list(self.tables)[:5]) or "no blocks"
            raise InvalidInput(
                f"block 'data_{block}' is missing",
                hint=f"the file has {listed}; give the file that holds 'data_{block}'",
                file=self.file,
                block=block,
            )
        return found

    def tables_with(self, *columns: str) -> Iterator[StarTable]:
        """Tables that have all of the columns, in file order."""
        for table in self.tables.values():
            if all(column in table for column in columns):
                yield table


def parse_star(content: bytes, *, name: str) -> StarDocument:
    """Parse the bytes of a STAR file; `name` is used in messages only.

    Raises InvalidInput for a truncated row, a wrong number of values, a duplicate block or column,
    an unterminated quote, a value outside any block, or bytes that are not text.
    """
    tokens = tokenise(content, name=name)
    tables: dict[str, StarTable] = {}
    for block in _blocks(tokens, name):
        if block.block in tables:
            raise InvalidInput(
                f"block 'data_{block.block}' appears twice",
                hint="rename or remove one of the two blocks",
                file=name,
                block=block.block,
            )
        tables[block.block] = block
    if not tables:
        raise InvalidInput(
            "no 'data_' block found",
            hint="check that the path names a STAR file",
            file=name,
        )
    return StarDocument(file=name, content=content, tables=tables)


def _blocks(tokens: Tokens, name: str) -> Iterator[StarTable]:
    """Cut the file at its `data_` lines."""
    heads = tokens.heading_lines()
    first = heads[0] if heads else tokens.line_count
    if first > 0:
        raise InvalidInput(
            "a value stands before the first 'data_' block",
            hint="remove it, or check that the path names a STAR file",
            file=name,
            line=tokens.line_number(0),
        )
    labels = tokens.label_lines()
    loops = tokens.loop_lines()
    for head, after in zip(heads, [*heads[1:], tokens.line_count], strict=True):
        low, high = np.searchsorted(labels, (head + 1, after))
        loop_low, loop_high = np.searchsorted(loops, (head + 1, after))
        yield _block(tokens, name, head, after, labels[low:high], loops[loop_low:loop_high])


def _block(
    tokens: Tokens, name: str, head: int, after: int, labels: np.ndarray, loops: np.ndarray
) -> StarTable:
    block = tokens.text(int(tokens.first[head]))[len("data_") :]
    if loops.size == 0:
        return _list_table(tokens, name, block, head, after, labels)
    if loops.size > 1 or int(loops[0]) != head + 1:
        line = int(loops[0]) if int(loops[0]) != head + 1 else int(loops[1])
        raise InvalidInput(
            "a block holds one list or one loop, not several",
            hint="give each loop a 'data_' block of its own",
            file=name,
            block=block,
            line=tokens.line_number(line),
        )
    header = int(loops[0]) + 1
    expected = np.arange(header, header + labels.size)
    if labels.size == 0 or not np.array_equal(labels, expected):
        astray = labels[labels != expected] if labels.size else np.array([header - 1])
        raise InvalidInput(
            "a label stands among the rows of a loop" if labels.size else "a loop has no labels",
            hint="quote values that begin with '_', or add the missing 'data_' or 'loop_' line",
            file=name,
            block=block,
            line=tokens.line_number(int(astray[0])),
        )
    columns = [tokens.text(int(tokens.first[line]))[1:] for line in labels.tolist()]
    for line in labels.tolist():
        if tokens.counts[line] != 1:
            raise InvalidInput(
                "a loop's label is followed by a value",
                hint="remove the value or the 'loop_' line",
                file=name,
                block=block,
                line=tokens.line_number(line),
            )
    starts, ends = _row_spans(tokens, name, block, columns, header + labels.size, after)
    label_ends = tuple(tokens.line_end(line) for line in labels.tolist())
    return _table(tokens, name, block, columns, starts, ends, label_ends, is_loop=True)


def _row_spans(
    tokens: Tokens, name: str, block: str, columns: Sequence[str], begin: int, after: int
) -> tuple[np.ndarray, np.ndarray]:
    counts = tokens.counts[begin:after]
    wrong = np.flatnonzero(counts != len(columns))
    if wrong.size:
        line, found = begin + int(wrong[0]), int(counts[wrong[0]])
        last = line == after - 1 and found < len(columns)
        raise InvalidInput(
            f"a row has {found} values for {len(columns)} columns",
            hint="the file looks cut off: copy it again"
            if last
            else "quote values that contain blanks, and write \"\" for an empty value",
            file=name,
            block=block,
            line=tokens.line_number(line),
            column=columns[min(found, len(columns) - 1)],
        )
    low = int(tokens.first[begin]) if begin < tokens.line_count else tokens.starts.size
    high = low + counts.size * len(columns)
    shape = (counts.size, len(columns))
    return tokens.starts[low:high].reshape(shape), tokens.ends[low:high].reshape(shape)


def _list_table(
    tokens: Tokens, name: str, block: str, head: int, after: int, labels: np.ndarray
) -> StarTable:
    expected = np.arange(head + 1, after)
    astray = np.setdiff1d(expected, labels)
    counts = tokens.counts[head + 1 : after]
    wrong = np.flatnonzero(counts != 2)
    if astray.size or wrong.size:
        line = int(astray[0]) if astray.size else head + 1 + int(wrong[0])
        label = None if astray.size else tokens.text(int(tokens.first[line]))[1:]
        raise InvalidInput(
            "a value without a label" if astray.size else "a label needs exactly one value",
            hint="add the missing 'loop_' line, or quote a value that contains blanks",
            file=name,
            block=block,
            line=tokens.line_number(line),
            column=label,
        )
    at = tokens.first[head + 1 : after]
    columns = [tokens.text(int(token))[1:] for token in at]
    starts, ends = tokens.starts[at + 1].reshape(1, -1), tokens.ends[at + 1].reshape(1, -1)
    label_ends = tuple(tokens.line_end(line) for line in range(head + 1, after))
    return _table(tokens, name, block, columns, starts, ends, label_ends, is_loop=False)


def _table(
    tokens: Tokens,
    name: str,
    block: str,
    columns: Sequence[str],
    starts: np.ndarray,
    ends: np.ndarray,
    label_ends: tuple[int, ...],
    *,
    is_loop: bool,
) -> StarTable:
    positions = {column: index for index, column in enumerate(columns)}
    if len(positions) != len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise InvalidInput(
            f"column '_{twice}' appears twice",
            hint="remove or rename one of the two columns",
            file=name,
            block=block,
            column=twice,
        )
    return StarTable(
        file=name,
        block=block,
        content=tokens.content,
        columns=tuple(columns),
        is_loop=is_loop,
        starts=starts,
        ends=ends,
        label_ends=label_ends,
        _positions=positions,
    )
