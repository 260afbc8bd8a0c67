"""Sources: sets of items that were measured alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mgit.errors import Corrupt, InvalidState
from mgit.state.documents import write_document
from mgit.state.names import item_paths, source_path
from mgit.state.protocol import Attributes, Reader, Writer
from mgit.state.schema import SOURCE_ATTRIBUTES, canonical_attributes
from mgit.state.series import ForeignDocument, Item, read_item

__all__ = ["Source", "count_items", "items", "read_source", "update_source", "write_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A frozen view of one source of a tree; its items are read when asked for."""

    reader: Reader = field(repr=False)
    path: str
    name: str
    kind: str
    attributes: Attributes = field(repr=False)

    def items(self) -> Iterator[Item]:
        """Its items in tree order, one at a time."""
        return items(self.reader, self.path)

    def item_count(self) -> int:
        """Number of items; reads directory listings only."""
        return count_items(self.reader, self.path)


def read_source(reader: Reader, path: str) -> Source:
    """The source at `path`. Raises NotFound, or Corrupt if its attributes are malformed."""
    record = reader.attributes(path)
    if "name" not in record or "kind" not in record:
        raise Corrupt("the attributes of a source are malformed", path=path)
    return Source(
        reader=reader, path=path, name=record["name"], kind=record["kind"], attributes=record
    )


def write_source(
    writer: Writer,
    name: str,
    *,
    kind: str,
    attributes: Mapping[str, Any] | None = None,
    documents: Sequence[ForeignDocument] = (),
) -> str:
    """Create the source or replace its attributes; items that it has stay. Returns its path.

    Raises InvalidState before anything is written.
    """
    path = source_path(name)
    record = canonical_attributes(
        {**(attributes or {}), "name": name, "kind": kind}, SOURCE_ATTRIBUTES, owner=name
    )
    if writer.exists(path) and writer.attributes(path).get("name") != name:
        other = writer.attributes(path).get("name")
        raise InvalidState("two names have the same path", source=name, other=other)
    writer.set_attributes(path, record)
    for each in documents:
        write_document(writer, path, role=each.role, path=each.path, content=each.content)
    return path


def update_source(writer: Writer, path: str, changes: Mapping[str, Any]) -> None:
    """Replace attributes of the source at `path`; None removes one. Raises InvalidState."""
    source = read_source(writer, path)
    if "name" in changes or "kind" in changes:
        raise InvalidState("a source's name and kind cannot be set directly", source=source.name)
    record = {**source.attributes, **changes}
    writer.set_attributes(path, canonical_attributes(record, SOURCE_ATTRIBUTES, owner=source.name))


def items(reader: Reader, path: str) -> Iterator[Item]:
    """The items of the source at `path` in tree order, one at a time."""
    return (read_item(reader, each) for each in item_paths(reader, path))


def count_items(reader: Reader, path: str) -> int:
    """Number of items of the source at `path`; reads directory listings only."""
    return sum(1 for _ in item_paths(reader, path))
