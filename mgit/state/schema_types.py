"""How one array or attribute of the state is described; the tables are made of these."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mgit.state.protocol import Layout

__all__ = ["ITEM_KINDS", "ArraySchema", "AttributeSchema", "Kind", "attributes_of"]

Kind = Literal["tilt_series", "frame_series", "particle_series"]
ValueType = Literal[
    "text", "texts", "decimal", "decimals", "integer", "integers", "boolean", "records"
]

TILT: Kind = "tilt_series"
FRAME: Kind = "frame_series"
PARTICLE: Kind = "particle_series"
ITEM_KINDS: tuple[Kind, ...] = (FRAME, PARTICLE, TILT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraySchema:
    """One array: `name` may end in `<j>`, which stands for a number."""

    name: str
    dtype: str
    dimensions: tuple[str, ...]
    """Names of the axes; one that is a number fixes the length."""
    unit: str
    meaning: str
    in_state_digest: bool = True
    kinds: tuple[str, ...] = ITEM_KINDS
    layout: Layout = "table"

    def matches(self, name: str) -> bool:
        """Whether an array of this name is described here."""
        if not self.name.endswith("<j>"):
            return name == self.name
        return re.fullmatch(re.escape(self.name[:-3]) + r"(0|[1-9][0-9]{0,3})", name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeSchema:
    """One attribute; 'decimal' is a float64 written as its shortest decimal string."""

    name: str
    value_type: ValueType
    unit: str
    meaning: str
    in_state_digest: bool
    length: int | None = None
    required: bool = False
    choices: tuple[str, ...] = ()


def attributes_of(
    value_type: ValueType,
    rows: Iterable[tuple[str, str, str]],
    *,
    digested: bool,
    length: int | None = None,
) -> tuple[AttributeSchema, ...]:
    """Attributes of one type from rows of name, unit and meaning."""
    return tuple(
        AttributeSchema(
            name=name,
            value_type=value_type,
            unit=unit,
            meaning=meaning,
            in_state_digest=digested,
            length=length,
        )
        for name, unit, meaning in rows
    )


KIND = AttributeSchema(
    name="kind",
    value_type="text",
    unit="",
    meaning="what the raw images are",
    in_state_digest=True,
    required=True,
    choices=ITEM_KINDS,
)
NAME = AttributeSchema(
    name="name",
    value_type="text",
    unit="",
    meaning="the name, any UTF-8",
    in_state_digest=False,
    required=True,
)
STATE_AND_INPUTS = (
    AttributeSchema(
        name="state",
        value_type="text",
        unit="",
        meaning="state digest, written when a change is sealed",
        in_state_digest=False,
    ),
    AttributeSchema(
        name="inputs",
        value_type="texts",
        unit="",
        meaning="state digests of what this estimate was made from, sorted",
        in_state_digest=True,
    ),
)
