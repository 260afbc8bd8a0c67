"""What there is to say about one array: form, unit, statistics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mgit.state.protocol import ArrayHandle
from mgit.state.schema import ITEM_ARRAYS, PARTICLE_COLUMNS, SPECIES_ARRAYS, array_schema

__all__ = ["ArraySummary", "array_summary", "unit_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraySummary:
    """One array at a glance; statistics are None where there are no numbers.

    constant: whether every value is the same.
    """

    path: str
    dtype: str
    shape: tuple[int, ...]
    unit: str
    meaning: str
    attributes: Mapping[str, Any]
    content: str
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    rms: float | None = None
    constant: bool = False


def array_summary(path: str, handle: ArrayHandle) -> ArraySummary:
    """Summarise the array at `path`; reads it whole, a booleans' mean is the share of true."""
    name = path.rpartition("/")[2]
    schema = array_schema((*ITEM_ARRAYS, *SPECIES_ARRAYS, *PARTICLE_COLUMNS), name)
    facts: dict[str, Any] = {}
    values = handle.read()
    if values.size and values.dtype.kind in "biuf":
        exact = values.astype(np.float64)
        facts = {
            "minimum": float(exact.min()),
            "maximum": float(exact.max()),
            "mean": float(exact.mean()),
            "rms": float(np.sqrt(np.mean(exact**2))),
            "constant": bool((values == values.flat[0]).all()),
        }
    return ArraySummary(
        path=path,
        dtype=str(handle.dtype),
        shape=tuple(handle.shape),
        unit=unit_of(name, handle),
        meaning=schema.meaning if schema is not None else "",
        attributes=dict(handle.attributes),
        content=str(handle.content),
        **facts,
    )


def unit_of(name: str, handle: ArrayHandle) -> str:
    """Unit of the array called `name`; '' for numbers without one and for unknown arrays."""
    schema = array_schema((*ITEM_ARRAYS, *SPECIES_ARRAYS, *PARTICLE_COLUMNS), name)
    unit = schema.unit if schema is not None else ""
    if unit == "attribute":
        unit = str(handle.attributes.get("unit", ""))
    return "" if unit == "1" else unit
