"""A lossless XML document: values are read by name and rewritten in place, every other byte stays.

Warp writes UTF-8 with a byte order mark, or UTF-16LE with mixed line ends (1.0.9). The document is
held as UTF-8 without the mark, spans are byte offsets into that, and rendering restores encoding
and mark; both are bijections, so an untouched byte of the file is an untouched byte of the export.
Document types and entity declarations are refused: no file of the field has them, and hostile
ones use them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

from mgit.errors import InvalidInput, Unsupported

__all__ = ["Edit", "XmlDocument", "XmlElement", "parse_xml"]

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 4_000_000
UTF8_MARK = b"\xef\xbb\xbf"
ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
TAG_NAME = re.compile(rb"<[^\s/>]+")
TAG_END = re.compile(rb"\s*/?>")
DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
KNOWN_DECLARATIONS = {b"utf-8", b"utf-16", b"utf-16le", b"us-ascii", b"ascii"}


class XmlElement:
    """One element: name, attributes, children in order and the character data in between."""

    __slots__ = ("attributes", "children", "closing", "parent", "start", "tag", "text")

    def __init__(
        self, tag: str, attributes: dict[str, str], start: int, parent: "XmlElement | None"
    ) -> None:
        self.tag = tag
        self.attributes = attributes
        self.start = start
        """Offset of '<'."""
        self.parent = parent
        self.children: list[XmlElement] = []
        self.text = ""
        self.closing = start
        """Offset of the end tag, or just behind an empty-element tag."""

    def all(self, tag: str) -> list["XmlElement"]:
        """Children called `tag`, in document order."""
        return [child for child in self.children if child.tag == tag]

    @property
    def path(self) -> str:
        """Names from the root to here, with a 1-based position among equal siblings."""
        if self.parent is None:
            return self.tag
        twins = self.parent.all(self.tag)
        position = f"[{twins.index(self) + 1}]" if len(twins) > 1 else ""
        return f"{self.parent.path}/{self.tag}{position}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace the bytes `start:stop` of the UTF-8 body."""

    start: int
    stop: int
    replacement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlDocument:
    """A parsed file together with its bytes."""

    file: str
    content: bytes
    """The file as it is."""
    body: bytes
    """The same characters in UTF-8 without a byte order mark."""
    mark: bytes
    encoding: str
    root: XmlElement

    def fault(
        self,
        message: str,
        element: XmlElement | None = None,
        *,
        hint: str | None = None,
        **fields: object,
    ) -> InvalidInput:
        """An InvalidInput that names file, node and line."""
        at = self.root if element is None else element
        line = self.body.count(b"\n", 0, at.start) + 1
        fields = {"file": self.file, "node": at.path, "line": line, **fields}
        return InvalidInput(message, hint=hint, **fields)

    def child(self, parent: XmlElement, tag: str) -> XmlElement:
        """The only child called `tag`. Raises InvalidInput if it is absent or repeated."""
        found = parent.all(tag)
        if len(found) != 1:
            state = "is missing" if not found else f"occurs {len(found)} times"
            raise self.fault(f"node '{tag}' {state}", parent)
        return found[0]

    def optional_child(self, parent: XmlElement, tag: str) -> XmlElement | None:
        """The child called `tag` or None. Raises InvalidInput if it is repeated."""
        return self.child(parent, tag) if parent.all(tag) else None

    def attribute(self, element: XmlElement, name: str) -> str:
        """An attribute that must be there. Raises InvalidInput otherwise."""
        if name not in element.attributes:
            raise self.fault(f"attribute '{name}' is missing", element)
        return element.attributes[name]

    def tag_end(self, element: XmlElement) -> int:
        """Offset just behind the start tag's '>'."""
        position = _match(TAG_NAME, self.body, element.start).end()
        for _, _, stop in self._attribute_spans(element):
            position = stop + 1
        return _match(TAG_END, self.body, position).end()

    def text_span(self, element: XmlElement) -> tuple[int, int]:
        """Offsets of the content between start tag and end tag; empty for an empty-element tag."""
        end = self.tag_end(element)
        return (end, end) if self.body[end - 2 : end] == b"/>" else (end, element.closing)

    def span(self, element: XmlElement) -> tuple[int, int]:
        """Offsets of the whole element, tags included."""
        end = self.tag_end(element)
        if self.body[end - 2 : end] != b"/>":
            end = self.body.index(b">", element.closing) + 1
        return element.start, end

    def set_attribute(self, element: XmlElement, name: str, value: str) -> Edit:
        """The edit that gives an attribute a value, appending the attribute if it is absent."""
        stop = 0
        for found, start, stop in self._attribute_spans(element):
            if found == name.encode():
                return Edit(start=start, stop=stop, replacement=_escaped(value))
        at = stop + 1 if stop else _match(TAG_NAME, self.body, element.start).end()
        return Edit(
            start=at, stop=at, replacement=b" " + name.encode() + b'="' + _escaped(value) + b'"'
        )

    def set_text(self, element: XmlElement, value: str) -> Edit:
        """The edit that replaces the character data of an element without children."""
        start, stop = self.text_span(element)
        if b"<" in self.body[start:stop] or self.body[start - 2 : start] == b"/>":
            raise Unsupported(
                "text beside markup cannot be replaced", file=self.file, node=element.path
            )
        return Edit(start=start, stop=stop, replacement=_escaped(value))

    def layout(self, element: XmlElement) -> tuple[str, str]:
        """Indentation of an element that begins its line, and the line end in front of it."""
        line = self.body.rfind(b"\n", 0, element.start) + 1
        indent = self.body[line : element.start].decode()
        line_end = "\r\n" if self.body[max(0, line - 2) : line] == b"\r\n" else "\n"
        return (indent if not indent.strip() else ""), line_end

    def inserted_after(self, element: XmlElement, texts: Iterable[str]) -> Edit:
        """The edit that puts markup behind an element, each text on a line of its own."""
        indent, line_end = self.layout(element)
        stop = self.span(element)[1]
        joined = "".join(f"{line_end}{indent}{text}" for text in texts)
        return Edit(start=stop, stop=stop, replacement=joined.encode())

    def removed(self, element: XmlElement) -> Edit:
        """The edit that removes an element together with the white space in front of it."""
        start, stop = self.span(element)
        while start and self.body[start - 1 : start].isspace():
            start -= 1
        return Edit(start=start, stop=stop, replacement=b"")

    def apply(self, edits: Iterable[Edit]) -> bytes:
        """The file with the edits made; without edits the very bytes that were read."""
        ordered = sorted(edits, key=lambda edit: (edit.start, edit.stop))
        if not ordered:
            return self.content
        parts: list[bytes] = []
        position = 0
        for edit in ordered:
            assert edit.start >= position, "edits overlap"
            parts += (self.body[position : edit.start], edit.replacement)
            position = edit.stop
        text = b"".join((*parts, self.body[position:]))
        if self.encoding == "utf-8":
            return self.mark + text
        return self.mark + text.decode("utf-8").encode(self.encoding)

    def _attribute_spans(self, element: XmlElement) -> Iterator[tuple[bytes, int, int]]:
        """Name and value offsets of each attribute; the value's stop is at the closing quote."""
        position = _match(TAG_NAME, self.body, element.start).end()
        while (match := ATTRIBUTE.match(self.body, position)) is not None:
            group = 2 if match.start(2) >= 0 else 3
            yield match.group(1), match.start(group), match.end(group)
            position = match.end()


def parse_xml(content: bytes, file: str) -> XmlDocument:
    """Parse a file's bytes; `file` is how errors call it.

    Raises InvalidInput, naming line and node, for anything that is not one whole well-formed
    document, and Unsupported for document types and encodings other than UTF-8 and UTF-16.
    """
    if len(content) > MAX_BYTES:
        raise InvalidInput("the file is too large for metadata", file=file, bytes=len(content))
    body, mark, encoding = _decoded(content, file)
    root = _Tree(file).build(body)
    return XmlDocument(
        file=file, content=content, body=body, mark=mark, encoding=encoding, root=root
    )


def _decoded(content: bytes, file: str) -> tuple[bytes, bytes, str]:
    """The body in UTF-8, the byte order mark and the encoding's name."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return _transcoded(content[2:], encoding, file), mark, encoding
    if content[:2] == b"<\0":
        return _transcoded(content, "utf-16-le", file), b"", "utf-16-le"
    mark = UTF8_MARK if content.startswith(UTF8_MARK) else b""
    body = _transcoded(content[len(mark) :], "utf-8", file)
    declared = DECLARED.match(body)
    if declared is not None and declared.group(1).lower() not in KNOWN_DECLARATIONS:
        name = declared.group(1).decode()
        raise Unsupported("the file's encoding is not supported", file=file, encoding=name)
    return body, mark, "utf-8"


def _transcoded(content: bytes, encoding: str, file: str) -> bytes:
    try:
        return content.decode(encoding).encode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"the file is not valid {encoding}",
            hint="it may be truncated: copy it again",
            file=file,
            byte=error.start,
        ) from error


class _Tree:
    """Builds the element tree from expat's events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.stack: list[XmlElement] = []
        self.texts: list[list[str]] = []
        self.root: XmlElement | None = None
        self.count = 0
        # The declared encoding is overridden: the body has been brought to UTF-8 already.
        self.parser = expat.ParserCreate("UTF-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def build(self, body: bytes) -> XmlElement:
        try:
            self.parser.Parse(body, True)
        except expat.ExpatError as error:
            node = self.stack[-1].path if self.stack else None
            raise InvalidInput(
                f"the file is not well-formed XML: {expat.ErrorString(error.code)}",
                hint="it may be truncated or half-written: copy it again",
                file=self.file,
                line=error.lineno,
                node=node,
            ) from error
        assert self.root is not None, "expat accepts no document without a root"
        return self.root

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.stack) >= MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise InvalidInput(
                "the file nests too deep or has too many nodes", file=self.file, node=tag
            )
        parent = self.stack[-1] if self.stack else None
        element = XmlElement(tag, attributes, self.parser.CurrentByteIndex, parent)
        if parent is None:
            self.root = element
        else:
            parent.children.append(element)
        self.stack.append(element)
        self.texts.append([])

    def _close(self, _tag: str) -> None:
        element = self.stack.pop()
        element.closing = self.parser.CurrentByteIndex
        element.text = "".join(self.texts.pop())

    def _characters(self, text: str) -> None:
        self.texts[-1].append(text)

    def _doctype(self, name: str, *_rest: object) -> None:
        raise Unsupported("documents with a document type are refused", file=self.file, node=name)


ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&apos;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


def _escaped(value: str) -> bytes:
    return value.translate(ESCAPES).encode("utf-8")


def _match(pattern: re.Pattern[bytes], body: bytes, position: int) -> re.Match[bytes]:
    match = pattern.match(body, position)
    assert match is not None, "expat accepted a tag that the span scanner does not know"
    return match
