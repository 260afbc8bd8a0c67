"""What kind of thing stands at a path of a tree."""

from dataclasses import dataclass
from typing import Literal

from mgit.errors import NotFound
from mgit.history.tree_view import TreeView
from mgit.state.documents import StoredDocument, read_documents
from mgit.state.names import DOCUMENTS, ITEMS, SOURCES, SPECIES
from mgit.state.strings import is_strings

__all__ = ["Kind", "Target", "find_document", "target"]

Kind = Literal[
    "population", "species", "source", "item", "document", "array", "strings", "group", "file"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A path of a tree and what stands there; 'strings' is a column of text."""

    path: str
    kind: Kind


def target(tree: TreeView, path: str) -> Target:
    """What stands at `path`. Raises NotFound."""
    return Target(path=path, kind=_kind(tree, path))


def _kind(tree: TreeView, path: str) -> Kind:
    if not tree.exists(path):
        raise NotFound("nothing stands at this path", path=path)
    parts = path.split("/")
    kind: Kind = "group"
    if path == "":
        kind = "population"
    elif tree.is_array(path):
        kind = "document" if len(parts) > 2 and parts[-2] == DOCUMENTS else "array"
    elif not tree.is_group(path):
        kind = "file"
    elif parts[0] == SPECIES and len(parts) == 2:
        kind = "species"
    elif parts[0] == SOURCES and len(parts) == 2:
        kind = "source"
    elif parts[0] == SOURCES and len(parts) == 5 and parts[2] == ITEMS:
        kind = "item"
    elif is_strings(tree, path):
        kind = "strings"
    return kind


def find_document(tree: TreeView, owner: str, name: str) -> StoredDocument:
    """The document of the node at `owner` with this role, path or file name. Raises NotFound."""
    found = read_documents(tree, owner)
    for document in found:
        if name in (document.path, document.role, document.path.rpartition("/")[2]):
            return document
    known = ", ".join(each.path for each in found) or "none"
    raise NotFound("no such document", name=name, hint=f"the documents are: {known}")
