"""A report on a patched STAR file that leaves out no column."""

from collections.abc import Iterable

from mgit.exchange.report import FieldReport
from mgit.exchange.star import StarDocument

__all__ = ["column_field", "with_every_column"]


def column_field(block: str, column: str) -> str:
    """How reports call a column: `data_<block>/_<column>`; names in parentheses are no columns."""
    mark = "" if column.startswith("(") else "_"
    return f"data_{block}/{mark}{column}"


def with_every_column(
    entries: Iterable[FieldReport], document: StarDocument, *, path: str
) -> tuple[FieldReport, ...]:
    """The entries in the order of the document's columns; a column without one was kept.

    Entries about what is no column of the document (added columns, rows, terms that STAR has no
    place for) come last. path: how the entries call the document.
    """
    by_field: dict[str, list[FieldReport]] = {}
    for entry in entries:
        by_field.setdefault(entry.field, []).append(entry)
    lines: list[FieldReport] = []
    for table in document.tables.values():
        for column in table.columns:
            name = column_field(table.block, column)
            kept = FieldReport(document=path, field=name, verdict="kept", count=table.row_count)
            lines.extend(by_field.pop(name, [kept]))
    for rest in by_field.values():
        lines.extend(rest)
    return tuple(lines)
