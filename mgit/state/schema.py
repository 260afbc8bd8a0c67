"""Every array and attribute of the state: name, type, shape, unit, meaning, digest or not.

The tables are the definition: writers check against them, the state digest takes from them what it
covers (docs/format/v1.md, section 6), and docs/state.md is generated from them.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mgit.errors import InvalidState
from mgit.state.item_schema import ITEM_ARRAYS, ITEM_ATTRIBUTES, SOURCE_ATTRIBUTES
from mgit.state.schema_types import ITEM_KINDS, ArraySchema, AttributeSchema
from mgit.state.species_schema import PARTICLE_COLUMNS, SPECIES_ARRAYS, SPECIES_ATTRIBUTES

__all__ = [
    "ITEM_ARRAYS",
    "ITEM_ATTRIBUTES",
    "ITEM_KINDS",
    "PARTICLE_COLUMNS",
    "SOURCE_ATTRIBUTES",
    "SPECIES_ARRAYS",
    "SPECIES_ATTRIBUTES",
    "ArraySchema",
    "AttributeSchema",
    "array_schema",
    "attribute_schema",
    "canonical_attributes",
    "decimal",
    "validate_array",
    "validate_item",
    "validate_species",
]

SHAPES_MAY_DIFFER = "frame_series"
"""The kind whose per-tilt arrays describe the micrograph (1) or its frames, array by array."""


def array_schema(tables: Iterable[ArraySchema], name: str) -> ArraySchema | None:
    """The description of the array called `name`, or None."""
    for each in tables:
        if each.name == name:
            return each
    return next((each for each in tables if each.matches(name)), None)


def attribute_schema(table: Iterable[AttributeSchema], name: str) -> AttributeSchema | None:
    """The description of the attribute called `name`, or None."""
    return next((each for each in table if each.name == name), None)


def decimal(value: float) -> str:
    """The canonical decimal string of a float64. Raises ValueError unless it is finite."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"not a finite number: {number!r}")
    return repr(number + 0.0)  # -0.0 and 0.0 describe one state and must be one string


def canonical_attributes(
    attributes: Mapping[str, Any], table: tuple[AttributeSchema, ...], *, owner: str
) -> dict[str, Any]:
    """Check attributes against a table and write each decimal in its canonical form.

    Raises InvalidState naming `owner` and the attribute that is unknown, missing or of another
    type; absent optional attributes stay absent, None is taken for absent.
    """
    result = {}
    for name, value in attributes.items():
        schema = attribute_schema(table, name)
        if schema is None:
            raise InvalidState(
                "no attribute has this name", owner=owner, attribute=name, hint=_known(table)
            )
        if value is not None:
            result[name] = _canonical_value(schema, value, owner)
    for schema in table:
        if schema.required and schema.name not in result:
            raise InvalidState("an attribute is missing", owner=owner, attribute=schema.name)
    return result


def _known(table: tuple[AttributeSchema, ...]) -> str:
    return "known are " + ", ".join(sorted(each.name for each in table))


def _canonical_value(schema: AttributeSchema, value: object, owner: str) -> Any:
    plural = schema.value_type.endswith("s")
    if plural and not isinstance(value, (list, tuple)):
        raise _wrong(schema, value, owner)
    entries = list(value) if isinstance(value, (list, tuple)) else [value]
    if schema.length is not None and len(entries) != schema.length:
        raise _wrong(schema, value, owner)
    result = [_canonical_entry(schema, entry, owner) for entry in entries]
    if schema.choices and any(entry not in schema.choices for entry in result):
        raise _wrong(schema, value, owner)
    return result if plural else result[0]


def _canonical_entry(schema: AttributeSchema, value: object, owner: str) -> Any:
    match schema.value_type.removesuffix("s"):
        case "decimal":
            if isinstance(value, str):
                try:
                    return decimal(float(value))
                except ValueError as error:
                    raise _wrong(schema, value, owner) from error
        case "integer":
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        case "boolean":
            if isinstance(value, bool):
                return value
        case "text":
            if isinstance(value, str):
                return value
        case "record":
            if isinstance(value, Mapping):
                return dict(value)
    raise _wrong(schema, value, owner)


def _wrong(schema: AttributeSchema, value: object, owner: str) -> InvalidState:
    wanted = schema.value_type + (f" of length {schema.length}" if schema.length else "")
    if schema.choices:
        wanted = "one of " + ", ".join(schema.choices)
    return InvalidState(
        "an attribute has the wrong form",
        owner=owner,
        attribute=schema.name,
        value=repr(value)[:80],
        hint=f"it is {wanted}; a decimal is a string such as '1.35'",
    )


def validate_array(
    schema: ArraySchema | None, values: np.ndarray, *, owner: str, array: str
) -> None:
    """Check one array against its description: type, axes, fixed lengths, finite values.

    Raises InvalidState naming `owner` and `array`.
    """
    if schema is None:
        raise InvalidState("no array has this name", owner=owner, array=array)
    if values.dtype != np.dtype(schema.dtype):
        raise InvalidState(
            f"an array is {values.dtype}, not {schema.dtype}", owner=owner, array=array
        )
    if values.ndim != len(schema.dimensions):
        raise InvalidState(
            f"an array has {values.ndim} axes, not {len(schema.dimensions)}",
            owner=owner,
            array=array,
            axes=", ".join(schema.dimensions),
        )
    for dimension, length in zip(schema.dimensions, values.shape, strict=True):
        if dimension.isdigit() and length != int(dimension):
            raise InvalidState(
                f"an axis has length {length}, not {dimension}", owner=owner, array=array
            )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InvalidState(
            "an array holds values that are not finite",
            hint="mend the value in the metadata and import them again",
            owner=owner,
            array=array,
            first=_first_bad(values),
        )


def _first_bad(values: np.ndarray) -> str:
    where = np.argwhere(~np.isfinite(values))[0]
    return f"{values[tuple(where)]} at {tuple(int(index) for index in where)}"


def validate_item(
    kind: str,
    arrays: Mapping[str, np.ndarray],
    *,
    owner: str,
    kept: Mapping[str, tuple[int, ...]] | None = None,
) -> None:
    """Check arrays of an item of one kind: known, well-formed, equal numbers of tilts.

    kept: shapes of the arrays that the item has already and keeps.

    Raises InvalidState naming the item and the array.
    """
    if kind not in ITEM_KINDS:
        raise InvalidState("no kind of item has this name", owner=owner, kind=kind)
    shapes = dict(kept or {})
    for name, values in arrays.items():
        schema = array_schema(ITEM_ARRAYS, name)
        validate_array(schema, values, owner=owner, array=name)
        if schema is not None and kind not in schema.kinds:
            raise InvalidState(f"a {kind} has no such array", owner=owner, array=name)
        shapes[name] = values.shape
    if kind != SHAPES_MAY_DIFFER:
        _check_tilts(shapes, owner)


def _check_tilts(shapes: Mapping[str, tuple[int, ...]], owner: str) -> None:
    first: tuple[str, int] | None = None
    for name, shape in shapes.items():
        schema = array_schema(ITEM_ARRAYS, name)
        if schema is None or schema.dimensions[0] != "tilt":
            continue
        if first is not None and first[1] != shape[0]:
            raise InvalidState(
                f"an array has {shape[0]} tilts where '{first[0]}' has {first[1]}",
                owner=owner,
                array=name,
            )
        first = (name, shape[0])


def validate_species(arrays: Mapping[str, np.ndarray], *, owner: str) -> None:
    """Check the maps of a species: float32, finite, equal cubes. Raises InvalidState."""
    edge: tuple[str, int] | None = None
    for name, values in arrays.items():
        validate_array(array_schema(SPECIES_ARRAYS, name), values, owner=owner, array=name)
        if len(set(values.shape)) != 1 or not values.size:
            raise InvalidState(
                f"a map has the shape {values.shape} and is no cube", owner=owner, array=name
            )
        if edge is not None and edge[1] != values.shape[0]:
            raise InvalidState(
                f"a map has the edge {values.shape[0]} where '{edge[0]}' has {edge[1]}",
                owner=owner,
                array=name,
            )
        edge = (name, values.shape[0])
