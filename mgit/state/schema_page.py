"""The page docs/state.md, made from the schema tables so that the two cannot disagree."""

from collections.abc import Iterable

from mgit.state.schema import (
    ITEM_ARRAYS,
    ITEM_ATTRIBUTES,
    PARTICLE_COLUMNS,
    SOURCE_ATTRIBUTES,
    SPECIES_ARRAYS,
    SPECIES_ATTRIBUTES,
    ArraySchema,
    AttributeSchema,
)

__all__ = ["state_page"]

_INTRODUCTION = """# The state, array by array

Generated from `mgit/state/schema.py`; do not edit. A cross in the last column means that the state
digest covers the entry: changing it changes the scientific identity of the item or species.

Lengths are in angstrom, angles in degrees, underfocus is positive. A *decimal* is a float64 as its
shortest decimal string, because hashed metadata holds no floats; a *string* column is stored as a
group of `codes`, `offsets` and `strings`. Axis names that are numbers are fixed lengths. Grids
carry the attribute `margins` (x, y, z). In a tilt series every axis `tilt` has the same length; in
a frame series an array with that axis has one entry for the micrograph.
"""

_CLOSING = """Pass-through columns stand below `particles/columns/`, network parameters below
`denoiser/`, curves and figures of merit below `metrics/`. The digest covers the network, and of the
pass-through columns those that `applied_columns` names. Among the metrics, `item_score_before` and
`item_score` (100 times a correlation), and `item_particles`, have one entry per series in which the
species was refined, in the order of the ids that the attribute `items` of `item_score` lists.
"""

_ARRAY_HEAD = """| array | type | axes | unit | meaning | where | digest |
|---|---|---|---|---|---|---|"""
_COLUMN_HEAD = """| column | type | axes | unit | meaning | digest |
|---|---|---|---|---|---|"""
_ATTRIBUTE_HEAD = """| attribute | type | unit | meaning | digest |
|---|---|---|---|---|"""


def state_page() -> str:
    """The whole page in Markdown, ending in a newline."""
    parts = [
        _INTRODUCTION,
        _section("Attributes of a source", _ATTRIBUTE_HEAD, map(_attribute, SOURCE_ATTRIBUTES)),
        _section("Attributes of an item", _ATTRIBUTE_HEAD, map(_attribute, ITEM_ATTRIBUTES)),
        _section("Arrays of an item", _ARRAY_HEAD, map(_array, ITEM_ARRAYS)),
        _section("Attributes of a species", _ATTRIBUTE_HEAD, map(_attribute, SPECIES_ATTRIBUTES)),
        _section("Maps of a species", _COLUMN_HEAD, map(_column, SPECIES_ARRAYS)),
        _section("Columns of a particle table", _COLUMN_HEAD, map(_column, PARTICLE_COLUMNS)),
        _CLOSING,
    ]
    return "\n".join(parts)


def _section(title: str, head: str, rows: Iterable[str]) -> str:
    return "\n".join([f"## {title}", "", head, *rows, ""])


def _digested(covered: object) -> str:
    return "x" if covered else ""


def _array(schema: ArraySchema) -> str:
    where = ", ".join(kind.removesuffix("_series") for kind in schema.kinds)
    return (
        f"| `{schema.name}` | {schema.dtype} | {', '.join(schema.dimensions)} | {schema.unit} "
        f"| {schema.meaning} | {where} | {_digested(schema.in_state_digest)} |"
    )


def _column(schema: ArraySchema) -> str:
    return (
        f"| `{schema.name}` | {schema.dtype} | {', '.join(schema.dimensions)} | {schema.unit} "
        f"| {schema.meaning} | {_digested(schema.in_state_digest)} |"
    )


def _attribute(schema: AttributeSchema) -> str:
    form = f"{schema.value_type} ({schema.length})" if schema.length else schema.value_type
    return (
        f"| `{schema.name}` | {form} | {schema.unit} | {schema.meaning} "
        f"| {_digested(schema.in_state_digest)} |"
    )
