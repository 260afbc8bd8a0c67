"""What became of every field of an export, as counts, as a table and as a document for programs."""

import json
from collections.abc import Sequence
from typing import Any, get_args

from mgit.curate.export_files import ExportedFile
from mgit.errors import Refused
from mgit.exchange.report import Verdict
from mgit.store.files import Files

__all__ = ["VERDICTS", "counts", "report_document", "report_table", "write_report"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
FORMAT_VERSION = 1


def counts(files: Sequence[ExportedFile]) -> dict[str, int]:
    """Values by verdict over all files: kept, patched, added, dropped."""
    found: dict[str, int] = dict.fromkeys(VERDICTS, 0)
    for file in files:
        for line in file.report:
            found[line.verdict] += line.count
    return found


def report_document(files: Sequence[ExportedFile], *, revision: str) -> dict[str, Any]:
    """Every file with every field and its verdict, as JSON can hold it."""
    return {
        "format": FORMAT_VERSION,
        "revision": revision,
        "counts": counts(files),
        "files": [
            {
                "path": file.path,
                "owner": file.owner,
                "role": file.role,
                "unchanged": file.unchanged,
                "counts": counts((file,)),
                "note": file.note,
                "fields": [
                    {"field": line.field, "verdict": line.verdict, "count": line.count}
                    for line in file.report
                ],
            }
            for file in files
        ],
    }


def write_report(path: str, files: Sequence[ExportedFile], *, revision: str) -> None:
    """Write the report to a new file: JSON if its name ends in .json, else tab-separated text.

    Raises Refused if the file is there already, and the kin of StorageFailed.
    """
    if path.endswith(".json"):
        document = report_document(files, revision=revision)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    else:
        rows = [("file", "field", "verdict", "values"), *report_table(files)]
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    if not Files().create_exclusive(path, text.encode("utf-8")):
        raise Refused("the report's file is there already", file=path, hint="name another one")


def report_table(files: Sequence[ExportedFile]) -> list[tuple[str, str, str, int]]:
    """Rows of file, field, verdict and number of values, in the order of the files."""
    return [
        (file.path, line.field, line.verdict, line.count) for file in files for line in file.report
    ]
