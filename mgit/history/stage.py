"""The stage: one tree that waits to be committed (docs/format/history.md, section 7).

Staged objects are real objects in the store and in a Git pack; the file `.mgit/index` only names
their tree, so staging and un-staging never touch data.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgit.digest import Digest, canonical_bytes
from mgit.errors import Corrupt, Unsupported
from mgit.history.commits import CommitId, is_object_id
from mgit.store.files import Files

__all__ = ["Stage", "StageDigest", "StagedTree"]

STAGE_FORMAT = 1


class StageDigest(Digest):
    """Checksum of the stage file: BLAKE3 of its record."""

    __slots__ = ()
    context = "mgit stage v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedTree:
    """What `.mgit/index` says.

    tree: id of the staged Git tree. base: commit that it changes, None on a branch without one.
    messages: one line per staged change. provenance: what the changes say of themselves, in order.
    """

    tree: str
    base: CommitId | None
    messages: tuple[str, ...]
    provenance: tuple[Mapping[str, Any], ...] = ()

    def encode(self) -> bytes:
        """Bytes of the stage file: the canonical record, and its digest as the last line."""
        line = canonical_bytes(
            {
                "format": STAGE_FORMAT,
                "tree": self.tree,
                "base": self.base,
                "messages": list(self.messages),
                "provenance": [dict(record) for record in self.provenance],
            }
        )
        return line + b"\n" + str(StageDigest.of(line)).encode() + b"\n"

    @classmethod
    def decode(cls, content: bytes) -> "StagedTree":
        """Read a stage file. Raises Corrupt for a flipped bit, or Unsupported."""
        line, _, rest = content.partition(b"\n")
        if rest != str(StageDigest.of(line)).encode() + b"\n":
            raise Corrupt(
                "the stage file '.mgit/index' does not match its checksum", hint=_DROP_HINT
            )
        try:
            record = json.loads(line)
            if record["format"] != STAGE_FORMAT:
                raise Unsupported("the stage has a later format", format=record["format"])
            staged = cls(
                tree=record["tree"],
                base=record["base"],
                messages=tuple(map(str, record["messages"])),
                provenance=tuple(dict(part) for part in record["provenance"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Corrupt(
                f"the stage file '.mgit/index' is malformed: {error}", hint=_DROP_HINT
            ) from error
        if not is_object_id(staged.tree) or not is_object_id(staged.base or staged.tree):
            raise Corrupt("the stage file '.mgit/index' names no tree", hint=_DROP_HINT)
        return staged


_DROP_HINT = "'mgit restore --staged' drops the stage; commits are not affected"


class Stage:
    """The one staged tree of a repository."""

    def __init__(self, path: str, files: Files) -> None:
        self._path = path
        self._files = files

    def read(self) -> StagedTree | None:
        """What is staged, None if nothing is. Raises Corrupt or Unsupported."""
        if not self._files.exists(self._path):
            return None
        return StagedTree.decode(self._files.read(self._path))

    def write(self, staged: StagedTree) -> None:
        """Replace what is staged, durably. The tree's objects have to be stored already."""
        self._files.replace(self._path, staged.encode())

    def clear(self) -> None:
        """Forget what is staged; its objects stay until garbage collection."""
        if self._files.exists(self._path):
            self._files.remove(self._path)
