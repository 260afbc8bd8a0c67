"""How single values of Warp's item XML correspond to canonical arrays and attributes.

A field knows one place of the document and the canonical names that it fills, in both directions.
Reading yields values in our units; writing yields the edits that bring the place to wanted values.
The tables in warp_tilt_series and warp_movie list which fields a document has.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mgit.errors import InvalidState, Unsupported
from mgit.exchange.decimal_text import attribute_text, to_float, to_text
from mgit.exchange.records import GridValues
from mgit.exchange.warp_grids import Grid, grid_edits, read_grid
from mgit.exchange.xml_document import Edit, XmlDocument, XmlElement

__all__ = [
    "Canonical",
    "Field",
    "Flag",
    "NumberAttribute",
    "NumberListAttribute",
    "Scope",
    "SeriesGrid",
    "TiltFlags",
    "TiltGrid",
    "TiltList",
    "number",
    "vector",
]

Place = Literal["node", "attribute", "parameter"]
Canonical = GridValues | str | int | bool | list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A document and the number of its tilts (0 for a movie)."""

    document: XmlDocument
    tilts: int = 0


class Field(ABC):
    """One place of a document. `label` is its foreign name, `names` are the canonical ones.

    A name that ends in `<j>` stands for all names with a number there.
    """

    label: str
    names: tuple[str, ...]
    place: Place = "node"
    """Where the label stands: a child or an attribute of the root, or a parameter of the CTF."""
    insertable = True
    """Whether a value is written into a document that is silent about it."""

    @abstractmethod
    def read(self, scope: Scope) -> dict[str, Canonical]:
        """Canonical values; none for a neutral term. Raises InvalidInput, Unsupported."""

    @abstractmethod
    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Edits after which `read` yields `wanted`. Raises InvalidState, Unsupported."""


def number(document: XmlDocument, element: XmlElement, text: str, factor: int = 1) -> float:
    """A number of a node; InvalidInput names the node when it is none."""
    try:
        return to_float(text, factor)
    except ValueError as error:
        raise document.fault("a value is not a finite number", element, value=text[:40]) from error


def vector(wanted: Canonical | None, label: str, length: int) -> np.ndarray:
    """A wanted array of `length` values. Raises InvalidState for another shape or none."""
    if not isinstance(wanted, GridValues) or wanted.values.shape != (length,):
        raise InvalidState("the document needs one value per tilt", field=label, tilts=length)
    return wanted.values


class TiltList(Field):
    """A text node with one number per line and tilt."""

    def __init__(self, label: str, name: str) -> None:
        self.label, self.names = label, (name,)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: (n,) float64}`."""
        element = scope.document.child(scope.document.root, self.label)
        lines = _lines(scope, element)
        values = [number(scope.document, element, line) for line in lines]
        return {self.names[0]: GridValues(values=np.array(values, dtype=np.float64))}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Rewrites the lines that changed."""
        document = scope.document
        element = document.child(document.root, self.label)
        values = vector(wanted.get(self.names[0]), self.label, scope.tilts)
        old = [number(document, element, line) for line in _lines(scope, element)]
        changed = [_bits(a) != _bits(float(b)) for a, b in zip(old, values, strict=True)]
        texts = [
            to_text(float(value)) if new else None
            for value, new in zip(values, changed, strict=True)
        ]
        return list(_line_edits(document, element, texts))


class TiltFlags(Field):
    """A text node with True or False per line and tilt."""

    def __init__(self, label: str, name: str) -> None:
        self.label, self.names = label, (name,)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: (n,) bool}`."""
        element = scope.document.child(scope.document.root, self.label)
        flags = [_flag(scope.document, element, line) for line in _lines(scope, element)]
        return {self.names[0]: GridValues(values=np.array(flags, dtype=bool))}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Rewrites the lines that changed."""
        element = scope.document.child(scope.document.root, self.label)
        values = vector(wanted.get(self.names[0]), self.label, scope.tilts)
        old = [_flag(scope.document, element, line) for line in _lines(scope, element)]
        texts = [str(bool(b)) if a != bool(b) else None for a, b in zip(old, values, strict=True)]
        return list(_line_edits(scope.document, element, texts))


class TiltGrid(Field):
    """A 1 x 1 x n grid that holds one value per tilt; a single node holds it for all tilts."""

    def __init__(self, label: str, name: str, *, factor: int = 1) -> None:
        self.label, self.names, self.factor = label, (name,), factor

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: (n,) float64}`. Raises Unsupported for a spline over fewer nodes than tilts."""
        _, values = self._nodes(scope)
        full = np.full(scope.tilts, values[0]) if values.size == 1 else values
        return {self.names[0]: GridValues(values=full)}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Rewrites the nodes that changed, or the grid when one node stood for all tilts."""
        values = vector(wanted.get(self.names[0]), self.label, scope.tilts)
        element, old = self._nodes(scope)
        if old.size == 1 and bool((_bits_of(values) == _bits_of(values)[0]).all()):
            values = values[:1]
        margins = read_grid(scope.document, element, axes=3).margins
        grid = Grid(values=values.reshape(-1, 1, 1), margins=margins)
        return grid_edits(scope.document, element, grid, factor=self.factor)

    def _nodes(self, scope: Scope) -> tuple[XmlElement, np.ndarray]:
        element = scope.document.child(scope.document.root, self.label)
        grid = read_grid(scope.document, element, axes=3, factor=self.factor)
        if grid.values.shape[1:] != (1, 1) or grid.values.shape[0] not in (1, scope.tilts):
            raise Unsupported(
                "a tilt series must have one node per tilt here",
                file=scope.document.file,
                node=element.path,
                dimensions=" x ".join(map(str, grid.values.shape[::-1])),
            )
        return element, grid.values.ravel()


class SeriesGrid(Field):
    """A grid kept with its own dimensions. A single node at `neutral` means that there is no term.

    lone_node: 'applied' if M applies the value of a single node; 'ignored' if a single node stands
        for M's default law (exposure weights), in which case another value is refused; 'superseded'
        if a single node only repeats a parameter of the CTF.
    """

    def __init__(
        self,
        label: str,
        name: str,
        *,
        axes: int = 3,
        factor: int = 1,
        neutral: float = 0.0,
        lone_node: str = "applied",
        required: bool = True,
    ) -> None:
        self.label, self.names = label, (name,)
        self.axes, self.factor, self.neutral = axes, factor, neutral
        self.lone_node, self.required = lone_node, required

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: (d, h, w) or (t, d, h, w) float64 with attribute margins}`, or nothing."""
        element = self._element(scope)
        if element is None:
            return {}
        grid = read_grid(scope.document, element, axes=self.axes, factor=self.factor)
        if grid.values.size == 1:
            if grid.values.item() == self.neutral or self.lone_node == "superseded":
                return {}
            if self.lone_node == "ignored":
                raise Unsupported(
                    "a single node other than the neutral value has no defined meaning here",
                    file=scope.document.file,
                    node=element.path,
                )
        attributes = {"margins": list(grid.margins)} if grid.margins else {}
        return {self.names[0]: GridValues(values=grid.values, attributes=attributes)}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Rewrites the nodes that changed, or the whole grid when its dimensions did."""
        value = wanted.get(self.names[0])
        if value is None:
            values: np.ndarray = np.full((1,) * self.axes, self.neutral)
            margins: tuple[str, ...] = ("0",) * 3 if self.axes == 3 else ()
        else:
            assert isinstance(value, GridValues), "grids are arrays"
            values = np.asarray(value.values, dtype=np.float64)
            margins = tuple(value.attributes.get("margins", ("0",) * 3)) if self.axes == 3 else ()
        if values.ndim != self.axes:
            raise InvalidState(
                "a grid has the wrong number of axes", field=self.label, axes=values.ndim
            )
        element = self._element(scope)
        if element is None:
            raise Unsupported(
                "the document has no place for this grid", file=scope.document.file, node=self.label
            )
        return grid_edits(
            scope.document, element, Grid(values=values, margins=margins), factor=self.factor
        )

    def _element(self, scope: Scope) -> XmlElement | None:
        root = scope.document.root
        if self.required:
            return scope.document.child(root, self.label)
        return scope.document.optional_child(root, self.label)


class NumberAttribute(Field):
    """A number in an attribute of the root, kept as a decimal string."""

    place = "attribute"

    def __init__(self, label: str, name: str) -> None:
        self.label, self.names = label, (name,)

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: decimal string}`, or nothing when the attribute is absent."""
        root = scope.document.root
        if self.label not in root.attributes:
            return {}
        return {
            self.names[0]: attribute_text(number(scope.document, root, root.attributes[self.label]))
        }

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Sets the attribute. Raises InvalidState when the value is gone."""
        value = wanted.get(self.names[0])
        if not isinstance(value, str):
            raise InvalidState("an attribute of the document has no value", field=self.names[0])
        return [
            scope.document.set_attribute(scope.document.root, self.label, to_text(float(value)))
        ]


class NumberListAttribute(Field):
    """Comma-separated numbers in an attribute of the root; all zero or absent means unknown.

    A document that is silent stays so: the numbers come from the settings or the images then.
    """

    insertable = False
    place = "attribute"

    def __init__(self, label: str, name: str, *, length: int) -> None:
        self.label, self.names, self.length = label, (name,), length

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: list of decimal strings}`, or nothing."""
        root = scope.document.root
        if self.label not in root.attributes:
            return {}
        parts = root.attributes[self.label].split(",")
        values = [number(scope.document, root, part) for part in parts]
        if len(values) != self.length:
            raise scope.document.fault(
                f"attribute '{self.label}' needs {self.length} numbers", root
            )
        if not any(values):
            return {}
        return {self.names[0]: [attribute_text(value) for value in values]}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Sets the attribute, to zeros when the value is unknown."""
        value = wanted.get(self.names[0], ["0"] * self.length)
        if not isinstance(value, list) or len(value) != self.length:
            raise InvalidState(f"{self.length} numbers are needed", field=self.names[0])
        text = ", ".join(to_text(float(part)) for part in value)
        return [scope.document.set_attribute(scope.document.root, self.label, text)]


class Flag(Field):
    """A True or False attribute of the root that stands for one of two canonical values."""

    place = "attribute"

    def __init__(self, label: str, name: str, *, when_true: int, when_false: int) -> None:
        self.label, self.names = label, (name,)
        self.when_true, self.when_false = when_true, when_false

    def read(self, scope: Scope) -> dict[str, Canonical]:
        """`{name: value}`. Raises InvalidInput if the attribute is absent or neither."""
        root = scope.document.root
        flag = _flag(scope.document, root, scope.document.attribute(root, self.label))
        return {self.names[0]: self.when_true if flag else self.when_false}

    def write(self, scope: Scope, wanted: Mapping[str, Canonical]) -> list[Edit]:
        """Sets the attribute."""
        flag = wanted.get(self.names[0]) == self.when_true
        return [scope.document.set_attribute(scope.document.root, self.label, str(flag))]


def _flag(document: XmlDocument, element: XmlElement, text: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false"):
        raise document.fault("a value is neither True nor False", element, value=text[:40])
    return word == "true"


def _lines(scope: Scope, element: XmlElement) -> list[str]:
    lines = element.text.split("\n")
    if len(lines) != scope.tilts:
        raise scope.document.fault(
            "a list does not have one entry per tilt",
            element,
            entries=len(lines),
            tilts=scope.tilts,
        )
    return lines


def _line_edits(
    document: XmlDocument, element: XmlElement, texts: list[str | None]
) -> Iterator[Edit]:
    """Replace the lines for which a text is given, keeping white space around the value."""
    start, stop = document.text_span(element)
    for line, text in zip(document.body[start:stop].split(b"\n"), texts, strict=True):
        if text is not None:
            first = start + len(line) - len(line.lstrip())
            yield Edit(start=first, stop=start + len(line.rstrip()), replacement=text.encode())
        start += len(line) + 1


def _bits(value: float) -> bytes:
    return np.float64(value).tobytes()


def _bits_of(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
