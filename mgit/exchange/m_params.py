"""The `<Param Name= Value= />` lists that all of M's own files are made of."""

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import quoteattr

from mgit.errors import InvalidInput
from mgit.exchange.decimal_text import to_float
from mgit.exchange.warp_optics import parameters
from mgit.exchange.xml_document import XmlDocument, XmlElement, parse_xml

__all__ = ["GUID", "Params", "Reference", "guid", "open_params", "references", "render"]

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Reference = tuple[str, str]
"""A GUID with the path or version that stands beside it."""


class Params:
    """Typed access to the parameters of a file's root; every fault names the parameter."""

    def __init__(self, document: XmlDocument) -> None:
        self.document = document
        nodes = parameters(document, document.root)
        self.texts = {name: node.attributes["Value"] for name, node in nodes.items()}

    def text(self, name: str, default: str | None = None) -> str:
        """A text. Raises InvalidInput when it is absent and there is no default."""
        value = self.texts.get(name, default)
        if value is None:
            raise self.document.fault(f"parameter '{name}' is missing")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number."""
        return self._number(name, self.text(name, None if default is None else repr(default)))

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        value = self.number(name, default)
        if value != int(value):
            raise self.document.fault(f"parameter '{name}' is not a whole number", value=value)
        return int(value)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """True or False."""
        word = self.text(name, None if default is None else str(default)).strip().lower()
        if word not in ("true", "false"):
            raise self.document.fault(f"parameter '{name}' is neither True nor False", value=word)
        return word == "true"

    def vector(self, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """Comma-separated numbers, as many as the default has."""
        if name not in self.texts:
            return default
        values = tuple(self._number(name, part) for part in self.texts[name].split(","))
        if len(values) != len(default):
            raise self.document.fault(f"parameter '{name}' needs {len(default)} numbers")
        return values

    def _number(self, name: str, text: str) -> float:
        try:
            return to_float(text)
        except ValueError as error:
            raise self.document.fault(f"parameter '{name}' is not a number", value=text) from error


def open_params(content: bytes, path: str, root: str) -> Params:
    """Parse a file whose root must be called `root`. Raises InvalidInput otherwise."""
    document = parse_xml(content, path)
    if document.root.tag != root:
        raise document.fault(f"the root node is not '{root}'")
    return Params(document)


def guid(params: Params, name: str = "GUID") -> str:
    """A GUID in lower case. Raises InvalidInput for anything else."""
    return _guid(params.document, params.document.root, params.text(name))


def references(document: XmlDocument, group: str, tag: str, beside: str) -> tuple[Reference, ...]:
    """The `<tag GUID= beside= />` children of `group`; none when the group is absent."""
    element = document.optional_child(document.root, group)
    if element is None:
        return ()
    found = []
    for child in element.children:
        if child.tag != tag:
            raise document.fault(f"'{group}' may only hold '{tag}'", child)
        identity = _guid(document, child, document.attribute(child, "GUID"))
        found.append((identity, document.attribute(child, beside)))
    if len({identity for identity, _ in found}) != len(found):
        raise document.fault("a GUID occurs twice", element)
    return tuple(found)


def render(
    root: str,
    params: Mapping[str, str],
    groups: Iterable[tuple[str, str, Iterable[Mapping[str, str]]]],
) -> bytes:
    """A new file: parameters, then groups of (group name, child name, attributes of each child)."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<{root}>"]
    lines += [
        f"\t<Param Name={_quoted(name)} Value={_quoted(value)} />" for name, value in params.items()
    ]
    for group, tag, children in groups:
        lines.append(f"\t<{group}>")
        for child in children:
            inner = " ".join(f"{name}={_quoted(value)}" for name, value in child.items())
            lines.append(f"\t\t<{tag} {inner} />")
        lines.append(f"\t</{group}>")
    lines.append(f"</{root}>")
    return "\n".join(lines).encode("utf-8")


def _quoted(text: str) -> str:
    if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in text):
        raise InvalidInput("a text holds characters that XML cannot carry", text=repr(text))
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _guid(document: XmlDocument, element: XmlElement, text: str) -> str:
    lowered = text.strip().lower()
    if GUID.fullmatch(lowered) is None:
        raise document.fault("a GUID is malformed", element, value=text[:40])
    return lowered
