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
from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.star_table import StarTable
from mgit.exchange.star_tokens import Tokens, tokenise

__all__ = ["StarDocument", "StarTable", "parse_star"]


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
    if not heads:
        return
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
            else 'quote values that contain blanks, and write "" for an empty value',
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
