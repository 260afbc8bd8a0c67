"""Warp's parameter grids: `<GridX Width Height Depth ...><Node X Y Z Value/>...</GridX>`.

A grid holds the nodes of a tensor-product spline over x, y and z (time or tilt), or of a linear
interpolant over x, y, z and w. Reading demands every node exactly once; writing touches only the
values that changed, and rewrites the one element whole when its dimensions or margins changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mgit.errors import Unsupported
from mgit.exchange.decimal_text import to_float, to_text
from mgit.exchange.xml_document import Edit, XmlDocument, XmlElement

__all__ = ["Grid", "grid_edits", "read_grid", "render_grid"]

SIZES = ("Width", "Height", "Depth", "Duration")
INDICES = ("X", "Y", "Z", "W")
MAX_NODES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Node values with x fastest, and the margins of a spline grid.

    values: float64, axes (z, y, x), or (w, z, y, x) for a four-dimensional grid.
    margins: x, y, z as decimal strings: the first and last node of an axis lie at `m` and `1 - m`.
        Empty for four-dimensional grids, which have none.
    """

    values: np.ndarray
    margins: tuple[str, ...] = ()

    def same(self, other: "Grid") -> bool:
        """Whether both hold the same bits at the same nodes."""
        return (
            self.margins == other.margins
            and self.values.shape == other.values.shape
            and self.values.tobytes() == other.values.tobytes()
        )


def read_grid(document: XmlDocument, element: XmlElement, *, axes: int, factor: int = 1) -> Grid:
    """Read a grid of 3 or 4 `axes` and multiply its values by `factor`.

    Raises InvalidInput, naming the node, when sizes, indices and the number of nodes disagree or a
    value is not a finite number.
    """
    sizes = tuple(_size(document, element, name) for name in SIZES[:axes])
    expected = int(np.prod(sizes, dtype=np.int64))
    if expected > MAX_NODES or expected != len(element.children):
        raise document.fault(
            "the number of nodes differs from the grid's dimensions",
            element,
            nodes=len(element.children),
            dimensions=" x ".join(map(str, sizes)),
        )
    values = np.zeros(expected, dtype=np.float64)
    seen = np.zeros(expected, dtype=bool)
    for node in element.children:
        place = _flat_index(document, node, sizes)
        if seen[place]:
            raise document.fault("a node occurs twice", node)
        seen[place] = True
        values[place] = _value(document, node, factor)
    margins = _margins(document, element) if axes == 3 else ()
    return Grid(values=values.reshape(sizes[::-1]), margins=margins)


def grid_edits(
    document: XmlDocument, element: XmlElement, grid: Grid, *, factor: int = 1
) -> list[Edit]:
    """The edits that make `element` hold `grid`, whose values are in our unit."""
    axes = grid.values.ndim
    old = read_grid(document, element, axes=axes, factor=factor)
    if old.values.shape != grid.values.shape or old.margins != grid.margins:
        return [_rewritten(document, element, grid, factor)]
    sizes = grid.values.shape[::-1]
    before, after = old.values.view(np.int64).ravel(), _bits(grid.values)
    edits = []
    for node in element.children:
        place = _flat_index(document, node, sizes)
        if before[place] != after[place]:
            text = to_text(float(grid.values.ravel()[place]), factor)
            edits.append(document.set_attribute(node, "Value", text))
    return edits


def render_grid(
    tag: str, grid: Grid, *, factor: int = 1, indent: str = "\t", line_end: str = "\n"
) -> str:
    """The markup of a grid as Warp lays it out; its first line is not indented."""
    sizes = grid.values.shape[::-1]
    head = "".join(f' {name}="{size}"' for name, size in zip(SIZES, sizes, strict=False))
    head += "".join(f' Margin{axis}="{m}"' for axis, m in zip(INDICES, grid.margins, strict=False))
    nodes = (f"{line_end}{indent}\t{node}" for node in _node_texts(grid, factor))
    return f"<{tag}{head}>{''.join(nodes)}{line_end}{indent}</{tag}>"


def _bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float64).view(np.int64).ravel()


def _size(document: XmlDocument, element: XmlElement, name: str) -> int:
    size = _integer(document, element, name)
    if size < 1:
        raise document.fault(f"attribute '{name}' must be at least 1", element, value=size)
    return size


def _integer(document: XmlDocument, element: XmlElement, name: str) -> int:
    text = document.attribute(element, name)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise document.fault(f"attribute '{name}' is not a whole number", element, value=text)
    return int(text)


def _flat_index(document: XmlDocument, node: XmlElement, sizes: tuple[int, ...]) -> int:
    if node.tag != "Node":
        raise document.fault("a grid may only hold 'Node' elements", node)
    place, stride = 0, 1
    for name, size in zip(INDICES, sizes, strict=False):
        index = _integer(document, node, name)
        if index >= size:
            raise document.fault(f"attribute '{name}' lies outside the grid", node, value=index)
        place += index * stride
        stride *= size
    return place


def _value(document: XmlDocument, node: XmlElement, factor: int) -> float:
    text = document.attribute(node, "Value")
    try:
        return to_float(text, factor)
    except ValueError as error:
        raise document.fault(
            "attribute 'Value' is not a finite number", node, value=text
        ) from error


def _margins(document: XmlDocument, element: XmlElement) -> tuple[str, ...]:
    margins = []
    for axis in INDICES[:3]:
        text = element.attributes.get(f"Margin{axis}", "0")
        try:
            margin = to_float(text)
        except ValueError as error:
            raise document.fault(
                f"attribute 'Margin{axis}' is not a number", element, value=text
            ) from error
        if not 0 <= margin < 0.5:
            raise document.fault(
                f"attribute 'Margin{axis}' must lie in [0, 0.5)", element, value=text
            )
        margins.append(to_text(margin))
    return tuple(margins)


def _rewritten(document: XmlDocument, element: XmlElement, grid: Grid, factor: int) -> Edit:
    """One edit that replaces the whole element, in the file's own line ends and indentation."""
    known = {*SIZES, *(f"Margin{axis}" for axis in INDICES)}
    foreign = set(element.attributes) - known
    if foreign:
        raise Unsupported(
            "a grid with unknown attributes cannot be resized",
            file=document.file,
            node=element.path,
            attribute=min(foreign),
        )
    start, stop = document.span(element)
    indent, line_end = document.layout(element)
    text = render_grid(element.tag, grid, factor=factor, indent=indent, line_end=line_end)
    return Edit(start=start, stop=stop, replacement=text.encode())


def _node_texts(grid: Grid, factor: int) -> Iterator[str]:
    for index in np.ndindex(grid.values.shape):
        places = zip(INDICES, index[::-1], strict=False)
        where = " ".join(f'{name}="{place}"' for name, place in places)
        yield f'<Node {where} Value="{to_text(float(grid.values[index]), factor)}" />'
