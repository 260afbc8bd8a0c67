"""The files of an export in the terminal."""

from collections.abc import Sequence

from mgit.cli.console import Console
from mgit.curate.export_files import ExportedFile
from mgit.curate.export_report import VERDICTS, counts, report_table

__all__ = ["SHOWN_FILES_MAX", "show_files"]

SHOWN_FILES_MAX = 40


def show_files(console: Console, files: Sequence[ExportedFile], *, every_field: bool) -> None:
    """Files with their numbers of values by verdict, or every field; then the notes on files."""
    if every_field:
        console.table(("file", "field", "verdict", "values"), report_table(files), "lllr")
    else:
        rows = [
            (file.path, "yes" if file.unchanged else "no", *counts((file,)).values())
            for file in files[:SHOWN_FILES_MAX]
        ]
        console.table(("file", "as imported", *VERDICTS), rows, "llrrrr")
        if len(files) > SHOWN_FILES_MAX:
            console.out(f"... and {len(files) - SHOWN_FILES_MAX} more files")
    for file in files:
        if file.note:
            console.out(f"{file.path}: {file.note}")
