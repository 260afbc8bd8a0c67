"""Foreign documents kept whole beside what was read from them, so that unknown fields survive."""

from dataclasses import dataclass

import numpy as np

from mgit.digest import ContentDigest
from mgit.errors import NotFound
from mgit.state.names import DOCUMENTS, document_component
from mgit.state.protocol import ArrayHandle, Reader, Writer

__all__ = ["StoredDocument", "read_document", "read_documents", "write_document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A foreign file in the tree; `content()` reads it."""

    role: str
    path: str
    """Where it stood relative to the project that it came from."""
    node: str
    """Its path in the tree."""
    handle: ArrayHandle

    @property
    def content_digest(self) -> ContentDigest:
        """Digest of the stored byte array; costs no read."""
        return self.handle.content

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.handle.shape[0])

    def content(self) -> bytes:
        """The bytes as they were imported."""
        return self.handle.read().tobytes()


def write_document(writer: Writer, parent: str, *, role: str, path: str, content: bytes) -> str:
    """Keep a foreign file below the source, item or species at `parent`; returns its tree path.

    A document of the same role and path is replaced.
    """
    node = f"{parent}/{DOCUMENTS}/{document_component(role, path)}"
    values = np.frombuffer(content, dtype=np.uint8)
    writer.set_array(node, values, attributes={"path": path, "role": role})
    return node


def read_documents(reader: Reader, parent: str) -> tuple[StoredDocument, ...]:
    """The documents of the source, item or species at `parent`, by role and path; none is read."""
    root = f"{parent}/{DOCUMENTS}"
    if not reader.exists(root):
        return ()
    found = []
    for child in reader.children(root):
        handle = reader.array(f"{root}/{child}")
        record = handle.attributes
        found.append(
            StoredDocument(
                role=str(record.get("role", "")),
                path=str(record.get("path", "")),
                node=f"{root}/{child}",
                handle=handle,
            )
        )
    return tuple(sorted(found, key=lambda each: (each.role, each.path)))


def read_document(reader: Reader, parent: str, *, role: str) -> StoredDocument:
    """The only document with this role. Raises NotFound if there is none or more than one."""
    found = [each for each in read_documents(reader, parent) if each.role == role]
    if len(found) != 1:
        raise NotFound(f"{len(found)} documents have the role '{role}'", path=parent)
    return found[0]
