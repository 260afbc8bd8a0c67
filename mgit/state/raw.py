"""The raw manifest of an item: the files it was measured from, and how well we know them.

A name says nothing about content, so names stay out of the raw digest; the order and the roles
stay in, because tilt 3 is not tilt 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mgit.digest import RawDigest
from mgit.errors import InvalidState

__all__ = ["Binding", "RawEntry", "binding", "raw_digest", "raw_entries", "raw_records"]

Binding = Literal["unbound", "quick", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntry:
    """One raw file of an item."""

    role: str
    """'movie', 'tilt_image', 'stack', 'gain', 'defects' or 'average'."""
    path: str
    """Relative path as the foreign document writes it."""
    digest: str | None = None
    """BLAKE3 of the whole file, 'b3:<64 hex>', as b3sum prints it."""
    quick: str | None = None
    """Digest of size, head, tail and samples, 'b3:<64 hex>'; weaker than `digest`."""
    size: int | None = None
    """Bytes."""
    url: str | None = None
    """Where the file can be had: a URL or an EMPIAR entry."""
    sections: tuple[int, ...] = ()
    """Of a stack: the section, from 1, of every row of the tilt table; empty for one after the
    other."""

    def __post_init__(self) -> None:
        for text in (self.digest, self.quick):
            if text is None:
                continue
            try:
                RawDigest.parse(text)
            except ValueError as error:
                raise InvalidState(
                    "a raw file's digest is malformed", path=self.path, digest=text
                ) from error
        if self.size is not None and self.size < 0:
            raise InvalidState("a raw file's size is negative", path=self.path, size=self.size)
        if not all(type(each) is int and each > 0 for each in self.sections):
            raise InvalidState("a section of a raw file is not a number from 1", path=self.path)


def raw_records(entries: Sequence[RawEntry]) -> list[dict[str, Any]]:
    """The manifest as it stands in the attribute 'raw'; unknown fields are absent, not null."""
    names = ("role", "path", "digest", "quick", "size", "url")
    records = []
    for entry in entries:
        fields = {name: getattr(entry, name) for name in names}
        record = {name: value for name, value in fields.items() if value is not None}
        records.append({**record, "sections": list(entry.sections)} if entry.sections else record)
    return records


def raw_entries(records: Sequence[Mapping[str, Any]]) -> tuple[RawEntry, ...]:
    """The manifest from the attribute 'raw'. Raises InvalidState if a record is malformed."""
    try:
        return tuple(
            RawEntry(**{**record, "sections": tuple(record.get("sections", ()))})
            for record in records
        )
    except TypeError as error:
        raise InvalidState("a record of a raw manifest has unknown or missing fields") from error


def binding(entries: Sequence[RawEntry]) -> Binding:
    """How well the raw data are known.

    'full' if every file has its digest, 'quick' if every file has at least its quick digest, else
    (also with no file at all) 'unbound'.
    """
    if not entries or any(each.digest is None and each.quick is None for each in entries):
        return "unbound"
    return "full" if all(each.digest is not None for each in entries) else "quick"


def raw_digest(entries: Sequence[RawEntry]) -> str:
    """What the state digest of an item takes from its raw manifest: roles and digests in order.

    'unbound', 'quick:b3:<hex>' (at least one file is known by its quick digest only) or 'b3:<hex>'.
    """
    level = binding(entries)
    if level == "unbound":
        return "unbound"
    files = [_counted(each) for each in entries]
    digest = RawDigest.of_record({"raw": files})
    return str(digest) if level == "full" else f"quick:{digest}"


def _counted(entry: RawEntry) -> list[Any]:
    known = [entry.role, entry.digest or f"quick:{entry.quick}"]
    return [*known, list(entry.sections)] if entry.sections else known
