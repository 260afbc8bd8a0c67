"""A report on a patched XML document that leaves out no node and no attribute."""

from collections.abc import Iterable

from mgit.exchange.report import FieldReport
from mgit.exchange.xml_document import XmlDocument, XmlElement

__all__ = ["with_every_node"]

NAME_ATTRIBUTE = "Name"


def with_every_node(
    entries: Iterable[FieldReport], document: XmlDocument
) -> tuple[FieldReport, ...]:
    """The entries, then a 'kept' line for every place of the document that they do not name.

    A place is an attribute of the root, a child of the root, or a child's parameter with a `Name`.
    Values are counted: the lines of a text, the nodes of a grid.
    """
    lines = list(entries)
    named = {entry.field for entry in lines}
    counts: dict[str, int] = dict.fromkeys(document.root.attributes, 1)
    for child in document.root.children:
        parameters = [each for each in child.children if NAME_ATTRIBUTE in each.attributes]
        for parameter in parameters:
            label = parameter.attributes[NAME_ATTRIBUTE]
            label = label if label in named else f"{child.tag}/{label}"
            counts[label] = counts.get(label, 0) + _values(parameter)
        if not parameters:
            counts[child.tag] = counts.get(child.tag, 0) + _values(child)
    lines += [
        FieldReport(document=document.file, field=field, verdict="kept", count=count)
        for field, count in counts.items()
        if field not in named
    ]
    return tuple(lines)


def _values(element: XmlElement) -> int:
    if element.children:
        return sum(_values(child) for child in element.children)
    return max(1, len(element.text.strip().splitlines()))
