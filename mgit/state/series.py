"""Items: one frame, tilt or particle series each, with the model of how its images were formed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mgit.digest import RawDigest, StateDigest, short_id
from mgit.errors import Corrupt, InvalidState, NotFound
from mgit.state.documents import write_document
from mgit.state.names import item_path, source_path
from mgit.state.protocol import ArrayHandle, Attributes, Reader, Writer
from mgit.state.raw import Binding, RawEntry, binding, raw_entries, raw_records
from mgit.state.schema import ITEM_ATTRIBUTES, canonical_attributes, validate_item

__all__ = [
    "ArrayAndAttributes",
    "ForeignDocument",
    "Item",
    "derive_item_id",
    "parse_state",
    "read_item",
    "set_excluded",
    "set_raw",
    "set_use",
    "update_item_arrays",
    "update_item_attributes",
    "write_item",
]

ArrayAndAttributes = tuple[np.ndarray, Mapping[str, Any]]
_OWN = ("id", "inputs", "kind", "name", "raw", "state")
"""Attributes with a function of their own; update_item_attributes refuses them."""


class ForeignDocument(Protocol):
    """A foreign file to keep: the records of mgit.exchange have this form."""

    @property
    def role(self) -> str:
        """What the file is, e.g. 'warp_tilt_series_xml'."""
        ...

    @property
    def path(self) -> str:
        """Where it stood relative to the project that it came from."""
        ...

    @property
    def content(self) -> bytes:
        """Its bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A frozen view of one item of a tree; arrays are read when asked for."""

    reader: Reader = field(repr=False)
    path: str
    name: str
    id: str
    """Permanent identity, 32 hexadecimal digits."""
    kind: str
    attributes: Attributes = field(repr=False)
    raw: tuple[RawEntry, ...] = field(repr=False)
    inputs: tuple[StateDigest, ...] = field(repr=False)
    state: StateDigest | None
    """The sealed state digest; None while the item has never been sealed."""

    @property
    def binding(self) -> Binding:
        """'unbound', 'quick' or 'full': how well its raw data are known."""
        return binding(self.raw)

    @property
    def excluded(self) -> bool:
        """Whether the item takes no part in refinement."""
        return bool(self.attributes.get("excluded", False))

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names under which particle tables may refer to the item."""
        return tuple(self.attributes.get("aliases", ()))

    def array_names(self) -> tuple[str, ...]:
        """Names of its arrays, sorted."""
        return tuple(self.reader.arrays(self.path))

    def array(self, name: str) -> ArrayHandle:
        """The array called `name`, not yet read. Raises NotFound."""
        try:
            return self.reader.array(f"{self.path}/{name}")
        except NotFound as error:
            raise NotFound("the item has no such array", item=self.name, array=name) from error

    def arrays(self) -> dict[str, ArrayHandle]:
        """All its arrays by name, not yet read."""
        return dict(self.reader.arrays(self.path))


def derive_item_id(name: str, defining_document: bytes) -> str:
    """Permanent identity of an item: 32 hexadecimal digits from its document and its name.

    Two laboratories that import the same document derive the same ids. The document's digest
    covers its bytes as they were at the first import; later changes of either keep the id.
    """
    digest = RawDigest.of(defining_document)
    return short_id("mgit item v1", digest.raw, name.encode("utf-8")).hex()


def parse_state(text: object, *, path: str) -> StateDigest:
    """Read a state digest from an attribute of the node at `path`. Raises Corrupt."""
    try:
        return StateDigest.parse(text if isinstance(text, str) else repr(text))
    except ValueError as error:
        raise Corrupt("a state digest is malformed", path=path) from error


def read_item(reader: Reader, path: str) -> Item:
    """The item at `path`. Raises NotFound, or Corrupt if its attributes are malformed."""
    record = reader.attributes(path)
    try:
        name, identity, kind = record["name"], record["id"], record["kind"]
        raw = raw_entries(record.get("raw", ()))
    except (KeyError, InvalidState) as error:
        raise Corrupt("the attributes of an item are malformed", path=path) from error
    state = record.get("state")
    return Item(
        reader=reader,
        path=path,
        name=name,
        id=identity,
        kind=kind,
        attributes=record,
        raw=raw,
        inputs=tuple(parse_state(each, path=path) for each in record.get("inputs", ())),
        state=None if state is None else parse_state(state, path=path),
    )


def write_item(
    writer: Writer,
    source_name: str,
    *,
    name: str,
    kind: str,
    attributes: Mapping[str, Any],
    arrays: Mapping[str, ArrayAndAttributes],
    raw: Sequence[RawEntry] = (),
    documents: Sequence[ForeignDocument] = (),
    aliases: Sequence[str] = (),
    item_id: str | None = None,
) -> str:
    """Create the item, or replace all of it except its id; returns its path.

    arrays: values and attributes (e.g. margins) by the names of docs/state.md.
    documents: the first one defines the item's id, unless `item_id` gives it.

    Raises NotFound if the source does not exist and InvalidState, before anything is written, if
    an array or attribute breaks the schema or another name has the same path.
    """
    path = item_path(source_name, name)
    if not writer.exists(source_path(source_name)):
        raise NotFound("no such source", name=source_name)
    validate_item(kind, {each: values for each, (values, _) in arrays.items()}, owner=name)
    record = {
        **attributes,
        "name": name,
        "kind": kind,
        "id": item_id or _kept_or_new_id(writer, path, name, documents),
        "raw": raw_records(raw),
        "inputs": [],
    }
    if aliases:
        record["aliases"] = sorted(set(aliases) - {name})
    record = canonical_attributes(record, ITEM_ATTRIBUTES, owner=name)
    if writer.exists(path):
        writer.remove(path)
    writer.set_attributes(path, record)
    for each, (values, array_attributes) in sorted(arrays.items()):
        writer.set_array(f"{path}/{each}", values, attributes=array_attributes)
    for document in documents:
        write_document(
            writer, path, role=document.role, path=document.path, content=document.content
        )
    return path


def _kept_or_new_id(
    writer: Writer, path: str, name: str, documents: Sequence[ForeignDocument]
) -> str:
    if not writer.exists(path):
        return derive_item_id(name, documents[0].content if documents else b"")
    existing = read_item(writer, path)
    if existing.name != name:
        raise InvalidState("two names have the same path", item=name, other=existing.name)
    return existing.id


def update_item_arrays(
    writer: Writer, path: str, arrays: Mapping[str, ArrayAndAttributes | None]
) -> None:
    """Replace arrays of the item at `path`, remove those given as None, keep all others.

    Raises InvalidState before anything is written.
    """
    item = read_item(writer, path)
    given = {name: pair for name, pair in arrays.items() if pair is not None}
    kept = {name: each.shape for name, each in item.arrays().items() if name not in arrays}
    values = {name: pair[0] for name, pair in given.items()}
    validate_item(item.kind, values, owner=item.name, kept=kept)
    for name, pair in sorted(arrays.items()):
        if pair is not None:
            writer.set_array(f"{path}/{name}", pair[0], attributes=pair[1])
        elif writer.exists(f"{path}/{name}"):
            writer.remove(f"{path}/{name}")


def update_item_attributes(writer: Writer, path: str, changes: Mapping[str, Any]) -> None:
    """Replace attributes of the item at `path`; None removes one. Raises InvalidState."""
    item = read_item(writer, path)
    for name in _OWN:
        if name in changes:
            raise InvalidState(
                "an attribute cannot be set directly", owner=item.name, attribute=name
            )
    _replace(writer, item, changes)


def set_raw(writer: Writer, path: str, entries: Sequence[RawEntry]) -> None:
    """Replace the raw manifest of the item at `path`."""
    _replace(writer, read_item(writer, path), {"raw": raw_records(entries)})


def set_excluded(writer: Writer, path: str, *, excluded: bool, reason: str | None = None) -> None:
    """Take the item at `path` out of refinement, or back in. A reason belongs to an exclusion."""
    changes = {
        "excluded": excluded,
        "exclusion_reason": reason if excluded else None,
    }
    _replace(writer, read_item(writer, path), changes)


def set_use(writer: Writer, path: str, use: np.ndarray) -> None:
    """Say which tilts of the item at `path` take part. use: `(n,)` bool."""
    update_item_arrays(writer, path, {"use": (use, {})})


def _replace(writer: Writer, item: Item, changes: Mapping[str, Any]) -> None:
    record = canonical_attributes({**item.attributes, **changes}, ITEM_ATTRIBUTES, owner=item.name)
    writer.set_attributes(item.path, record)
