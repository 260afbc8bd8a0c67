"""Summaries as JSON records: frozen values become mappings, arrays lists, ids text."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mgit.cli.log_format import as_json
from mgit.history.commits import CommitRecord

__all__ = ["as_record"]


def as_record(value: Any) -> Any:
    """A summary as plain JSON values. Particle ids become hexadecimal text."""
    if isinstance(value, CommitRecord):
        return as_json(value, ())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (each.name for each in dataclasses.fields(value))
        return {name: as_record(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): as_record(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_record(each) for each in value]
    if isinstance(value, np.ndarray):
        if value.ndim == 2 and value.dtype == np.uint8:
            return [row.tobytes().hex() for row in value]
        return value.tolist()
    return value
