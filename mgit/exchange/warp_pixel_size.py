"""The pixel size in Warp's and M's XML: in the settings, the source, and its copy in each item."""

from collections.abc import Iterator
from dataclasses import replace

from mgit.exchange.decimal_text import to_float, to_text
from mgit.exchange.records import Document
from mgit.exchange.report import FieldReport, PatchedDocument
from mgit.exchange.xml_document import XmlElement, parse_xml
from mgit.exchange.xml_report import with_every_node

__all__ = ["patch_pixel_size"]

LABELS = ("PixelSize", "PixelSizeX", "PixelSizeY")
GROUPS = ("Import", "OptionsCTF")


def patch_pixel_size(document: Document, pixel_size_angstrom: float) -> PatchedDocument:
    """Write a pixel size wherever the document holds one that differs; all else keeps its bytes.

    Raises InvalidInput if the document is not the XML that it was at the import.
    """
    parsed = parse_xml(document.content, document.path)
    edits, lines = [], []
    for field, parameter in _places(parsed.root):
        changed = to_float(parameter.attributes["Value"]) != pixel_size_angstrom
        if changed:
            edits.append(parsed.set_attribute(parameter, "Value", to_text(pixel_size_angstrom)))
        verdict = FieldReport(
            document=document.path,
            field=field,
            verdict="patched" if changed else "kept",
            count=1,
        )
        lines.append(verdict)
    content = parsed.apply(edits)
    return PatchedDocument(
        document=replace(document, content=content), report=with_every_node(lines, parsed)
    )


def _places(root: XmlElement) -> Iterator[tuple[str, XmlElement]]:
    """The parameters that hold the pixel size, with the names that reports give them."""
    for parent in (root, *(child for child in root.children if child.tag in GROUPS)):
        for child in parent.children:
            if child.attributes.get("Name") in LABELS and "Value" in child.attributes:
                label = child.attributes["Name"]
                yield (label if parent is root else f"{parent.tag}/{label}"), child
