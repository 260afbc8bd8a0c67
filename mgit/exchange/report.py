"""What an exporter did with each field of a foreign document."""

from dataclasses import dataclass
from typing import Literal

from mgit.exchange.records import Document

__all__ = ["FieldReport", "PatchedDocument", "Verdict"]

Verdict = Literal["kept", "patched", "added", "dropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReport:
    """The fate of one column, node or attribute of a foreign document on export."""

    document: str
    """Path of the document as the source wrote it."""
    field: str
    """Name of the column, node or attribute in the foreign format."""
    verdict: Verdict
    """'kept' byte for byte, 'patched' in place, 'added' anew or 'dropped'."""
    count: int
    """Number of values that the verdict concerns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchedDocument:
    """A foreign document after current values were written into it."""

    document: Document
    report: tuple[FieldReport, ...]
