"""Change single values and rows of a STAR file and leave every other byte as it is.

    patch = StarPatch(document)
    patch.set_numbers("particles", "rlnAngleRot", rows, values)
    patch.arrange_rows("particles", order, additions)
    content = patch.finish()                       # identical bytes when nothing was set

A number takes its cell's own decimals (`mgit.exchange.star_format.format_like`) and, in tables
aligned with blanks, its cell's width. Comments and blank lines between rows stay where they are.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mgit.exchange.star import StarDocument, StarTable
from mgit.exchange.star_format import format_like

__all__ = ["StarPatch"]

BLANK = ord(" ")
PIECES_PER_JOIN = 200_000


class StarPatch:
    """Edits of one document, applied together by `finish`."""

    def __init__(self, document: StarDocument) -> None:
        self._document = document
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._texts: list[bytes] = []
        self._order: dict[str, np.ndarray] = {}
        self._additions: dict[str, list[Mapping[str, str]]] = {}
        self._added: dict[str, list[str]] = {}
        breaks = np.flatnonzero(np.frombuffer(document.content, dtype=np.uint8) == ord("\n"))
        self._breaks = breaks
        crlf = document.content.find(b"\r\n") >= 0
        self._newline = b"\r\n" if crlf else b"\n"

    def set_numbers(self, block: str, column: str, rows: np.ndarray, *, values: np.ndarray) -> None:
        """Rewrite numbers of a column at some rows, each in its cell's own format."""
        table = self._document.table(block)
        at = table.position(column)
        for row, value in zip(np.asarray(rows).tolist(), values.tolist(), strict=True):
            start, end = int(table.starts[row, at]), int(table.ends[row, at])
            text = format_like(table.content[start:end], float(value)).encode()
            start, text = self._aligned(start, end, text)
            self._edit(start, end, text)

    def set_texts(self, block: str, column: str, rows: np.ndarray, *, texts: Sequence[str]) -> None:
        """Rewrite values of a column at some rows with text that is already quoted."""
        table = self._document.table(block)
        at = table.position(column)
        for row, text in zip(np.asarray(rows).tolist(), texts, strict=True):
            self._edit(int(table.starts[row, at]), int(table.ends[row, at]), text.encode())

    def add_column(self, block: str, column: str, *, texts: Sequence[str]) -> None:
        """Append a column, one spelt value per row; a list block gets one more line."""
        table = self._document.table(block)
        added = self._added.setdefault(block, [])
        added.append(column)
        # The line goes before the last label's newline, so that it never becomes part of row 1.
        label_end = table.label_ends[-1]
        line = table.content[max(label_end - 2, 0) : label_end]
        label_end -= len(line) - len(line.rstrip(b"\r\n"))
        value = f"#{len(table.columns) + len(added)}" if table.is_loop else texts[0]
        self._edit(label_end, label_end, self._newline + f"_{column} {value}".encode())
        if not table.is_loop:
            return
        separator = self._separator(table)
        for row, text in enumerate(texts):
            end = int(table.ends[row, -1])
            self._edit(end, end, separator + text.encode())

    def arrange_rows(
        self, block: str, order: np.ndarray, *, additions: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """Drop, reorder and add rows of a loop.

        order: for each new row the index of the old row, or -1 for the next of `additions`, which
        are spelt values by column and must name every column, added ones included.
        """
        self._order[block] = np.asarray(order, dtype=np.int64)
        self._additions[block] = list(additions)

    def finish(self) -> bytes:
        """The document with all edits applied."""
        content = self._document.content
        starts, ends, texts = self._sorted_edits()
        pieces: list[bytes] = []
        cursor, at = 0, 0
        arranged = sorted(
            (table.label_ends[-1], block)
            for block, table in self._document.tables.items()
            if block in self._order and not self._is_identity(table)
        )
        for _, block in arranged:
            table = self._document.tables[block]
            low, high = self._region(table)
            stop = int(np.searchsorted(starts, low, side="left"))
            if table.row_count == 0:
                stop = int(np.searchsorted(starts, low, side="right"))
            pieces.append(
                _apply(content, cursor, low, starts[at:stop], ends[at:stop], texts[at:stop])
            )
            at = int(np.searchsorted(starts, high, side="left"))
            at = max(at, stop)
            edits = (starts[stop:at], ends[stop:at], texts[stop:at])
            pieces.append(self._arranged(table, low, high, *edits))
            cursor = high
        pieces.append(_apply(content, cursor, len(content), starts[at:], ends[at:], texts[at:]))
        return b"".join(pieces)

    def _edit(self, start: int, end: int, text: bytes) -> None:
        self._starts.append(start)
        self._ends.append(end)
        self._texts.append(text)

    def _sorted_edits(self) -> tuple[np.ndarray, np.ndarray, list[bytes]]:
        starts = np.array(self._starts, dtype=np.int64)
        ends = np.array(self._ends, dtype=np.int64)
        order = np.argsort(starts, kind="stable")
        return starts[order], ends[order], [self._texts[at] for at in order.tolist()]

    def _aligned(self, start: int, end: int, text: bytes) -> tuple[int, bytes]:
        """Keep the right edge of a cell: borrow from, or add to, the blanks before it."""
        content = self._document.content
        gap = 0
        while start - gap > 0 and content[start - gap - 1] == BLANK:
            gap += 1
        at_line_start = start - gap == 0 or content[start - gap - 1] in b"\r\n"
        growth = len(text) - (end - start)
        if growth > 0:
            borrowed = min(growth, gap if at_line_start else max(gap - 1, 0))
            return start - borrowed, text
        if gap:
            return start, b" " * -growth + text
        return start, text

    def _separator(self, table: StarTable) -> bytes:
        if table.row_count and len(table.columns) > 1:
            between = table.content[int(table.ends[0, -2]) : int(table.starts[0, -1])]
            if b"\t" in between:
                return b"\t"
        return b" "

    def _is_identity(self, table: StarTable) -> bool:
        order = self._order[table.block]
        return order.size == table.row_count and bool((order == np.arange(order.size)).all())

    def _region(self, table: StarTable) -> tuple[int, int]:
        """Bytes from the first row's line to the end of the last row's line."""
        if table.row_count == 0:
            return table.label_ends[-1], table.label_ends[-1]
        return self._line_span(int(table.starts[0, 0]))[0], self._line_span(
            int(table.starts[-1, 0])
        )[1]

    def _line_span(self, offset: int) -> tuple[int, int]:
        """First byte of a line and the byte after its newline."""
        at = int(np.searchsorted(self._breaks, offset))
        low = int(self._breaks[at - 1]) + 1 if at else 0
        high = int(self._breaks[at]) + 1 if at < self._breaks.size else len(self._document.content)
        return low, high

    def _arranged(
        self,
        table: StarTable,
        low: int,
        high: int,
        starts: np.ndarray,
        ends: np.ndarray,
        texts: list[bytes],
    ) -> bytes:
        content, order = self._document.content, self._order[table.block]
        spans = [self._line_span(int(start)) for start in table.starts[:, 0].tolist()]
        cuts = np.searchsorted(starts, [span[0] for span in spans] + [high])
        additions = iter(self._additions[table.block])
        bodies = []
        for row in order.tolist():
            if row < 0:
                bodies.append(self._new_row(table, next(additions)))
                continue
            a, b = int(cuts[row]), int(cuts[row + 1])
            begin, after = spans[row]
            line = _apply(content, begin, after, starts[a:b], ends[a:b], texts[a:b])
            bodies.append(line.rstrip(b"\r\n"))
        slots = _slots(order, table.row_count)
        pieces: list[bytes] = []
        cursor, used = low, 0
        for row, (begin, after) in enumerate(spans):
            pieces.append(content[cursor:begin])
            if row in slots:
                line = content[begin:after]
                pieces.append(bodies[used] + line[len(line.rstrip(b"\r\n")) :])
                used += 1
            cursor = after
        before = b"".join(pieces[-1:]) or content[max(low - 1, 0) : low]
        if used < len(bodies) and before and not before.endswith(b"\n"):
            pieces.append(self._newline)
        pieces.extend(body + self._newline for body in bodies[used:])
        return b"".join(pieces)

    def _new_row(self, table: StarTable, values: Mapping[str, str]) -> bytes:
        """A row laid out like the table's last row."""
        columns = [*table.columns, *self._added.get(table.block, ())]
        if table.row_count == 0:
            return " ".join(values[column] for column in columns).encode()
        content, row = table.content, table.row_count - 1
        cursor = self._line_span(int(table.starts[row, 0]))[0]
        pieces = []
        for at, column in enumerate(columns):
            text = values[column].encode()
            if at >= len(table.columns):
                pieces.append(self._separator(table) + text)
                continue
            start, end = int(table.starts[row, at]), int(table.ends[row, at])
            gap = content[cursor:start]
            if not gap.strip(b" "):
                width = end - cursor
                text = text.rjust(width) if len(text) < width else b" " * bool(at) + text
            else:
                text = gap + text
            pieces.append(text)
            cursor = end
        return b"".join(pieces)


def _slots(order: np.ndarray, row_count: int) -> set[int]:
    """Old rows whose lines hold the new rows: the kept ones when the order is kept."""
    kept = order[order >= 0]
    in_order = bool((np.diff(kept) > 0).all()) and bool((order[: kept.size] >= 0).all())
    return set(kept.tolist()) if in_order else set(range(min(order.size, row_count)))


def _apply(
    content: bytes,
    low: int,
    high: int,
    starts: np.ndarray,
    ends: np.ndarray,
    texts: Sequence[bytes],
) -> bytes:
    """Bytes `low` to `high` of the content with sorted, disjoint edits applied."""
    pieces: list[bytes] = []
    joined: list[bytes] = []
    cursor = low
    for start, end, text in zip(starts.tolist(), ends.tolist(), texts, strict=True):
        pieces.append(content[cursor:start])
        pieces.append(text)
        cursor = end
        if len(pieces) > PIECES_PER_JOIN:
            joined.append(b"".join(pieces))
            pieces.clear()
    pieces.append(content[cursor:high])
    return b"".join([*joined, *pieces])
