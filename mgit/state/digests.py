"""State digests: the scientific identity of an item and of a species.

Definition: docs/format/v1.md, section 6. A digest covers what the tables of mgit.state.schema say
it covers, through the content digests of the arrays, so it depends on decoded values only: not on
names, chunks, codecs, scores or metrics.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from mgit.digest import ContentDigest, StateDigest, canonical_bytes
from mgit.errors import Unsupported
from mgit.state.item_schema import ITEM_ARRAYS, ITEM_ATTRIBUTES
from mgit.state.names import SPECIES, owner_of
from mgit.state.particle_table import PARTICLES, read_particles
from mgit.state.protocol import ArrayHandle, Reader, Writer
from mgit.state.raw import raw_digest
from mgit.state.schema import ArraySchema, array_schema
from mgit.state.schema_types import AttributeSchema
from mgit.state.series import read_item
from mgit.state.species import MAPS, NETWORK
from mgit.state.species_schema import PARTICLE_COLUMNS, SPECIES_ATTRIBUTES
from mgit.state.strings import STRING_ARRAYS

__all__ = [
    "ContentOf",
    "computed_state",
    "content_digest",
    "item_state",
    "recomputed_content",
    "recorded_content",
    "seal",
    "set_inputs",
    "species_state",
]

ContentOf = Callable[[ArrayHandle], ContentDigest]
"""Where the content digest of an array comes from: its manifest, or its decoded values."""

RECORD_VERSION = 1
_LATER_VERSION = "a later mgit wrote this: use that version, so that nothing is passed over"


def recorded_content(handle: ArrayHandle) -> ContentDigest:
    """The content digest that the array's manifest records; reads nothing."""
    return handle.content


def recomputed_content(handle: ArrayHandle) -> ContentDigest:
    """The content digest of the values that the array decodes to."""
    return content_digest(handle.read())


def content_digest(values: np.ndarray) -> ContentDigest:
    """Digest of dtype, shape and values (C order, little-endian), as manifests record it."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    header = canonical_bytes({"dtype": little.dtype.str, "shape": list(values.shape)})
    return ContentDigest.of(header, b"\0", little.data.cast("B") if little.size else b"")


def item_state(reader: Reader, path: str, *, content: ContentOf = recorded_content) -> StateDigest:
    """State digest of the item at `path`: kind, raw digest, attributes, arrays, inputs.

    content: `recomputed_content` decodes every array instead of trusting its manifest.
    """
    item = read_item(reader, path)
    arrays = {}
    for name, handle in item.arrays().items():
        if _schema(ITEM_ARRAYS, name, path).in_state_digest:
            # Margins and the model of a grid change what its values mean.
            arrays[name] = {
                "attributes": dict(handle.attributes),
                "content": str(content(handle)),
            }
    record = {
        "arrays": arrays,
        "attributes": _covered(item.attributes, ITEM_ATTRIBUTES, path, leave_out=("inputs", "raw")),
        "inputs": _sorted(item.inputs),
        "raw": raw_digest(item.raw),
        "type": "item",
        "version": RECORD_VERSION,
    }
    return StateDigest.of_record(record)


def species_state(
    reader: Reader, path: str, *, content: ContentOf = recorded_content
) -> StateDigest:
    """State digest of the species at `path`: attributes, maps, network, particles, inputs.

    content: `recomputed_content` decodes every array instead of trusting its manifest.
    """
    attributes = reader.attributes(path)
    record = {
        "attributes": _covered(attributes, SPECIES_ATTRIBUTES, path, leave_out=("inputs",)),
        "inputs": sorted(set(attributes.get("inputs", ()))),
        "maps": _contents(reader, path, (each for each in MAPS), content),
        "network": _room(reader, f"{path}/{NETWORK}", content),
        "particles": _particles(reader, path, attributes.get("applied_columns", ()), content),
        "type": "species",
        "version": RECORD_VERSION,
    }
    return StateDigest.of_record(record)


def _schema(tables: tuple[ArraySchema, ...], name: str, path: str) -> ArraySchema:
    schema = array_schema(tables, name)
    if schema is None:
        # An array that the digest would pass over must not go unnoticed.
        raise Unsupported(
            "an array has a name that this version does not know",
            path=path,
            array=name,
            hint=_LATER_VERSION,
        )
    return schema


def _covered(
    attributes: Mapping[str, Any],
    table: tuple[AttributeSchema, ...],
    path: str,
    *,
    leave_out: tuple[str, ...],
) -> dict[str, Any]:
    unknown = attributes.keys() - {each.name for each in table}
    if unknown:
        raise Unsupported(
            "an attribute has a name that this version does not know",
            path=path,
            attribute=min(unknown),
            hint=_LATER_VERSION,
        )
    names = [each.name for each in table if each.in_state_digest and each.name not in leave_out]
    # A flag that is absent is false, so both must have one digest.
    return {name: attributes[name] for name in names if attributes.get(name, False) is not False}


def _sorted(inputs: Iterable[StateDigest]) -> list[str]:
    return sorted({str(each) for each in inputs})


def _contents(
    reader: Reader, path: str, names: Iterable[str], content: ContentOf
) -> dict[str, str]:
    present = [name for name in names if reader.exists(f"{path}/{name}")]
    return {name: str(content(reader.array(f"{path}/{name}"))) for name in present}


def _room(reader: Reader, path: str, content: ContentOf) -> dict[str, str]:
    if not reader.exists(path):
        return {}
    return _contents(reader, path, reader.children(path), content)


def _particles(
    reader: Reader, path: str, applied: Iterable[str], content: ContentOf
) -> dict[str, Any]:
    """Content digests of the canonical columns and of the foreign columns that are applied."""
    if not reader.exists(f"{path}/{PARTICLES}"):
        return {}
    table = read_particles(reader, path)
    names = [each.name for each in PARTICLE_COLUMNS if each.in_state_digest]
    present = set(table.names())
    columns = {name: table.node(name) for name in names if name in present}
    columns |= {f"applied/{name}": table.passthrough_node(name) for name in sorted(applied)}
    return {name: _column(reader, node, content) for name, node in columns.items()}


def _column(reader: Reader, node: str, content: ContentOf) -> str | dict[str, str]:
    if reader.is_array(node):
        return str(content(reader.array(node)))
    return _contents(reader, node, STRING_ARRAYS, content)


def computed_state(
    reader: Reader, path: str, *, content: ContentOf = recorded_content
) -> StateDigest:
    """State digest of the item or species at `path`, computed from what stands there."""
    if path.startswith(f"{SPECIES}/"):
        return species_state(reader, path, content=content)
    return item_state(reader, path, content=content)


def seal(writer: Writer, changed_paths: Iterable[str]) -> tuple[str, ...]:
    """Write the attribute 'state' of every item and species that a changed path belongs to.

    Returns the paths whose recorded state changed. Paths that no longer exist, and paths outside
    items and species, are passed over.
    """
    owners = {owner_of(path) for path in changed_paths} - {None}
    resealed = []
    for owner in sorted(str(each) for each in owners):
        if not writer.exists(owner):
            continue
        attributes = writer.attributes(owner)
        state = str(computed_state(writer, owner))
        if attributes.get("state") != state:
            writer.set_attributes(owner, {**attributes, "state": state})
            resealed.append(owner)
    return tuple(resealed)


def set_inputs(writer: Writer, path: str, inputs: Iterable[StateDigest]) -> None:
    """Record which states the item or species at `path` was estimated from; order is irrelevant."""
    attributes = writer.attributes(path)
    writer.set_attributes(path, {**attributes, "inputs": _sorted(inputs)})
