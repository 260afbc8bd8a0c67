"""Where things stand in the tree: path components for arbitrary names, and back.

A name may be any UTF-8 text; a path component may not. The component is a readable slug followed
by eight hexadecimal digits of the name's BLAKE3, and the name itself is an attribute of the group
(docs/format/v1.md, section 3), so a component is derived from a name but never parsed into one.
"""

import difflib
import re
from collections.abc import Iterable, Iterator

from mgit.digest import RawDigest
from mgit.errors import InvalidInput, InvalidState, NotFound
from mgit.state.protocol import Reader

__all__ = [
    "SOURCES",
    "SPECIES",
    "check_component",
    "check_given_name",
    "component",
    "document_component",
    "fan_out",
    "find_item",
    "find_source",
    "find_species",
    "item_path",
    "item_paths",
    "owner_of",
    "source_path",
    "species_path",
]

SOURCES = "sources"
SPECIES = "species"
ITEMS = "items"
DOCUMENTS = "documents"

SLUG_LENGTH = 55
HASH_DIGITS = 8
_GRAMMAR = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\.", re.ASCII | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ROLE = re.compile(r"[a-z0-9_]{1,64}")


def component(name: str) -> str:
    """The path component of `name`: at most 64 characters of `[A-Za-z0-9._-]`.

    Names that differ in any byte differ in the digits; a slug never starts with '.' or '-', so no
    component is hidden, special ('..') or taken for an option.

    Raises InvalidState if the name is empty or not encodable as UTF-8.
    """
    slug = _UNSAFE.sub("_", name).lstrip(".-")
    if _DEVICE.match(slug):
        slug = f"_{slug}"  # some systems open a device for 'aux.mrc', so no tree may hold it
    slug = slug[:SLUG_LENGTH]
    return f"{slug or '_'}-{RawDigest.of(_utf8(name)).hex[:HASH_DIGITS]}"


def check_given_name(name: str) -> None:
    """Refuse a name, as a person gives it, that would break lines of a list or of a message.

    Raises InvalidInput for control characters. Names of foreign items may hold them.
    """
    if _CONTROL.search(name):
        raise InvalidInput(
            "a name holds a control character",
            name=ascii(name),
            hint="give it without line ends, tabs and escape sequences",
        )


def _utf8(name: str) -> bytes:
    if not name:
        raise InvalidState("a name is empty", hint="give it at least one character")
    try:
        return name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidState(
            "a name is not valid UTF-8", name=ascii(name), hint="rename the file or the item"
        ) from error


def check_component(text: str) -> str:
    """Return `text` if it may stand in a path; InvalidState otherwise."""
    if not _GRAMMAR.fullmatch(text) or text in (".", ".."):
        raise InvalidState("a path component breaks the grammar", component=text)
    return text


def fan_out(text: str) -> str:
    """The two hexadecimal digits under which an item's component stands: first two of its hash."""
    return text[-HASH_DIGITS:][:2]


def document_component(role: str, path: str) -> str:
    """The component of a foreign document with a role (`[a-z0-9_]+`) and a path of its own."""
    if not _ROLE.fullmatch(role):
        raise InvalidState("a document's role is not lower-case letters, digits and '_'", role=role)
    return component(f"{role}:{path}")


def source_path(name: str) -> str:
    """Path of the data source called `name`."""
    return f"{SOURCES}/{component(name)}"


def species_path(name: str) -> str:
    """Path of the species called `name`."""
    return f"{SPECIES}/{component(name)}"


def item_path(source_name: str, item_name: str) -> str:
    """Path of the item called `item_name` in the source called `source_name`."""
    leaf = component(item_name)
    return f"{source_path(source_name)}/{ITEMS}/{fan_out(leaf)}/{leaf}"


def item_paths(reader: Reader, source: str) -> Iterator[str]:
    """Paths of the items of the source at path `source`, in tree order, without reading them."""
    root = f"{source}/{ITEMS}"
    if not reader.exists(root):
        return
    for fan in reader.children(root):
        for leaf in reader.children(f"{root}/{fan}"):
            yield f"{root}/{fan}/{leaf}"


def owner_of(path: str) -> str | None:
    """The item or species that the node at `path` is or belongs to; None for anything else."""
    parts = path.split("/")
    if parts[0] == SPECIES and len(parts) >= 2:
        return "/".join(parts[:2])
    if parts[0] == SOURCES and len(parts) >= 5 and parts[2] == ITEMS:
        return "/".join(parts[:5])
    return None


def find_source(reader: Reader, name: str) -> str:
    """Path of the source called `name`. Raises NotFound with similar names as hint."""
    return _find(reader, source_path(name), SOURCES, name, what="source")


def find_species(reader: Reader, name: str) -> str:
    """Path of the species called `name`. Raises NotFound with similar names as hint."""
    return _find(reader, species_path(name), SPECIES, name, what="species")


def find_item(reader: Reader, source: str, name: str) -> str:
    """Path of the item of the source called `source` whose name, or else one alias, is `name`.

    Raises NotFound with similar names as hint, also when two items share the alias.
    """
    root = find_source(reader, source)
    path = item_path(source, name)
    if reader.exists(path) and reader.attributes(path).get("name") == name:
        return path
    records = [(each, reader.attributes(each)) for each in item_paths(reader, root)]
    aliased = [each for each, record in records if name in record.get("aliases", ())]
    if len(aliased) == 1:
        return aliased[0]
    if aliased:
        raise NotFound(f"{len(aliased)} items go by this name", item=name, source=source)
    known = (str(record.get("name")) for _, record in records)
    raise NotFound("no such item", hint=_similar(name, known), item=name, source=source)


def _find(reader: Reader, path: str, room: str, name: str, *, what: str) -> str:
    if reader.exists(path) and reader.attributes(path).get("name") == name:
        return path
    known = []
    if reader.exists(room):
        known = [
            str(reader.attributes(f"{room}/{each}").get("name")) for each in reader.children(room)
        ]
    raise NotFound(f"no such {what}", hint=_similar(name, known), name=name)


def _similar(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if not names:
        return "there are none yet"
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f"'{each}'" for each in close) + "?"
    shown = ", ".join(f"'{each}'" for each in names[:5])
    return f"there is {shown}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
