"""Elements of HTML and SVG whose text is escaped, because names may be any text at all."""

import html
import re

__all__ = ["Markup", "element", "joined", "name_of", "text"]

VOID = frozenset(("meta", "br", "img"))
_NO_CHARACTER = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no document may hold: control characters but tab and line feed, halves of pairs."""


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def text(value: object) -> Markup:
    """A value as text of an element or an attribute; characters that no page can hold become ?."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_NO_CHARACTER.sub("\ufffd", str(value))))


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """`<tag ...>children</tag>`; a child that is not `Markup` is text.

    attributes: None leaves one out; `class_` is class, and underscores are hyphens. `img`, `meta`
    and `br` have no end tag.
    """
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        assert not children
        return Markup(f"<{tag}{said}>")
    return Markup(f"<{tag}{said}>{joined(*children)}</{tag}>")


def joined(*children: object) -> Markup:
    """Children one after the other."""
    return Markup("".join(map(text, children)))


def name_of(value: str) -> Markup:
    """A name that somebody gave: its writing direction stays its own."""
    return element("bdi", value)
