"""What every remote can do, whatever it is made of: a directory, a server, a bucket.

A remote is refs and content-named files. Files are read in ranges and uploaded into a quarantine;
`propose` is the only way in: the receiver checks everything that was uploaded, links it in and
swaps the refs, or changes nothing (docs/format/remotes.md).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from mgit.errors import Corrupt, InvalidInput
from mgit.history.commits import Signature, is_object_id
from mgit.history.operations import Swap
from mgit.history.refs import BRANCH_PREFIX, TAG_PREFIX, check_ref_name

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "READ_BYTES",
    "Facts",
    "FileKind",
    "Proposal",
    "References",
    "Remote",
    "check_file_name",
    "colliding_refs",
]

READ_BYTES = 4 << 20
"""Longest range that is asked for at once."""

REFS_MAX = 100_000
KEPT_PREFIX = "refs/mgit/"

FileKind = Literal["segment", "index", "pack", "pack-index"]
"""Segments and packs can be uploaded; indexes are made by whoever holds the files."""

_NAMES: dict[str, re.Pattern[str]] = {
    "segment": re.compile(r"[0-9a-f]{64}\.seg", re.ASCII),
    "index": re.compile(r"[0-9a-f]{64}\.idx", re.ASCII),
    "pack": re.compile(r"pack-[0-9a-f]{40}\.pack", re.ASCII),
    "pack-index": re.compile(r"pack-[0-9a-f]{40}\.idx", re.ASCII),
}


def check_file_name(kind: FileKind, name: str) -> str:
    """Return `name` if it may name a file of this kind, else raise InvalidInput.

    The names are digests with an ending, so none can lead out of the remote's directories.
    """
    if not _NAMES[kind].fullmatch(name):
        raise InvalidInput(f"'{name[:80]}' cannot name a {kind}", hint="names are digests")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a remote says of itself. format: version of the layout."""

    format: int


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Refs of a remote by full name, and the branch that its HEAD names, None if detached.

    Valid from birth: names follow Git's grammar and do not differ in case only, values are ids.
    Raises Corrupt otherwise: what a remote says is hostile until it is checked.
    """

    refs: Mapping[str, str] = field(default_factory=dict)
    head: str | None = None

    def __post_init__(self) -> None:
        if len(self.refs) > REFS_MAX:
            raise Corrupt("the remote has more refs than can be", refs=len(self.refs))
        for name, value in self.refs.items():
            _check_ref(name)
            if not is_object_id(value):
                raise Corrupt(f"the remote's ref '{name}' holds no object id", value=value[:60])
        pair = colliding_refs(self.refs)
        if pair is not None:
            raise Corrupt("two refs of the remote differ in case only", refs=" and ".join(pair))
        if self.head is not None:
            _check_ref(BRANCH_PREFIX + self.head)

    def below(self, prefix: str) -> dict[str, str]:
        """Refs whose full name begins with `prefix`, by the rest of it, sorted."""
        return {
            name[len(prefix) :]: self.refs[name]
            for name in sorted(self.refs)
            if name.startswith(prefix)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Changes of refs, and the uploaded files that they need.

    changes: full ref name -> (value that the sender saw, new value); None stands for "no ref".
    segments, packs: names of quarantined files. rewind: refs may move to a commit that does not
    descend from the old one. who: the author of the operation-log entry at the receiver.
    """

    changes: Mapping[str, Swap]
    segments: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    who: Signature
    message: str = "push"
    rewind: bool = False

    def __post_init__(self) -> None:
        for name in self.segments:
            check_file_name("segment", name)
        for name in self.packs:
            check_file_name("pack", name)
        for name, swap in self.changes.items():
            check_ref_name(name)
            if not name.startswith((BRANCH_PREFIX, TAG_PREFIX, KEPT_PREFIX)):
                raise InvalidInput(
                    f"'{name}' cannot be pushed to", hint="branches, tags and refs/mgit/ can"
                )
            for value in swap:
                if value is not None and not is_object_id(value):
                    raise InvalidInput(f"'{name}' cannot hold '{value[:60]}'", hint="give an id")

    @property
    def tips(self) -> dict[str, str]:
        """New value of every ref that is not deleted."""
        return {name: new for name, (_, new) in self.changes.items() if new is not None}


class Remote(Protocol):
    """The other side. Whatever it returns is checked by who asked for it.

    Raises StorageFailed where trying again may help, NotFound, and Refused.
    """

    @property
    def url(self) -> str:
        """How a person names it."""
        ...

    def facts(self) -> Facts:
        """What the remote is. Raises Unsupported for a format that this version does not know."""
        ...

    def references(self) -> References:
        """Refs and HEAD at this moment."""
        ...

    def files(self, kind: FileKind) -> dict[str, int]:
        """Name and length in bytes of every file of a kind that is linked in."""
        ...

    def read(self, kind: FileKind, name: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes of a file. Raises NotFound, Corrupt beyond its end."""
        ...

    def quarantined(self, kind: FileKind) -> dict[str, int]:
        """Name and length of uploaded files that are whole and wait for a proposal."""
        ...

    def upload(self, kind: FileKind, name: str, parts: "Iterable[Buffer]") -> None:
        """Bring a segment or a pack into the quarantine; whole there already is a success."""
        ...

    def propose(self, proposal: Proposal) -> None:
        """Check what was uploaded and what the refs will reach, link it in, swap the refs.

        All refs or none. Refs that already have their new values are a success: the reply to an
        earlier call was lost. Raises RefMoved if a ref is elsewhere than the sender saw, Corrupt
        or NotFound if content fails a check, Refused; nothing is linked in then.
        """
        ...


def colliding_refs(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that a file system without upper and lower case takes for one, or None."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        folded = name.casefold()
        if folded in seen:
            return seen[folded], name
        seen[folded] = name
    return None


def _check_ref(name: str) -> None:
    try:
        check_ref_name(name)
    except InvalidInput as error:
        raise Corrupt("the remote has a ref whose name is not allowed", ref=name[:80]) from error
