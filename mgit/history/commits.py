"""Commit objects as Git stores them: parsing, formatting, naming (docs/format/graph.md, section 5).

The module is on the start-up path of every verb: `mgit log` reads commits by this code alone.
A commit id is the plain string of 40 hexadecimal digits.
"""

import hashlib
import re

from mgit.errors import Corrupt, InvalidState

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import NoReturn

__all__ = [
    "ROOT_TRAILER",
    "STATE_TRAILER",
    "CommitId",
    "CommitRecord",
    "Signature",
    "commit_id",
    "format_commit",
    "is_object_id",
    "object_id",
    "with_signature",
    "without_signature",
]

CommitId = str
"""40 lower-case hexadecimal digits: the SHA-1 that Git gives the commit object."""

STATE_TRAILER = "Mgit-State"
ROOT_TRAILER = "Mgit-Root"

_LATEST_TIME_S = 2**63 - 1
_OBJECT_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)
_PERSON = re.compile(rb"([^<>\n\0]*?) ?<([^<>\n\0]*)> ([0-9]{1,19}) ([+-])([0-9]{2})([0-9]{2})")
_TRAILER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*): ?(.*)", re.ASCII)
_DIGEST = re.compile(r"b3:[0-9a-f]{64}", re.ASCII)


class Signature:
    """Who did something and when. Immutable; equal by value.

    name, email: free of line ends, NUL and angle brackets; the name is not empty.
    time_s: seconds since 1970-01-01 00:00 UTC. zone_s: seconds east of UTC, whole minutes.
    """

    __slots__ = ("email", "name", "time_s", "zone_s")
    name: str
    email: str
    time_s: int
    zone_s: int

    def __init__(self, name: str, email: str, time_s: int, zone_s: int) -> None:
        if not name.strip() or re.search("[<>\n\r\0]", name + email):
            raise InvalidState(
                "a signature needs a name; neither name nor address may hold <, > or a line end",
                name=name,
                email=email,
            )
        if not 0 <= time_s <= _LATEST_TIME_S:
            raise InvalidState("a time lies outside what a commit can hold", time_s=time_s)
        if zone_s % 60 or abs(zone_s) >= 24 * 3600:
            raise InvalidState(
                "a time zone is not a whole number of minutes within a day", zone_s=zone_s
            )
        for field, value in (
            ("name", name.strip()),
            ("email", email.strip()),
            ("time_s", time_s),
            ("zone_s", zone_s),
        ):
            object.__setattr__(self, field, value)

    @property
    def person(self) -> str:
        """The text `Name <address>`."""
        return f"{self.name} <{self.email}>"

    def __setattr__(self, field: str, value: object) -> "NoReturn":
        raise AttributeError(f"a signature is immutable: {field}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Signature) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"Signature({self.name!r}, {self.email!r}, {self.time_s}, {self.zone_s})"

    def _values(self) -> "tuple[str, str, int, int]":
        return (self.name, self.email, self.time_s, self.zone_s)


class CommitRecord:
    """A parsed commit; `raw` keeps the object's exact bytes and `id` is their name.

    author, committer: text `Name <address>`; *_time: seconds since the epoch; *_zone: seconds
    east of UTC. message: without the trailers' paragraph. trailers: of the last paragraph.
    signature: the armoured text of the `gpgsig` header, or None. headers: every other header.
    """

    __slots__ = (
        "author",
        "author_time",
        "author_zone",
        "committer",
        "committer_time",
        "committer_zone",
        "headers",
        "id",
        "message",
        "parents",
        "raw",
        "signature",
        "trailers",
        "tree",
    )
    id: CommitId
    tree: str
    parents: "tuple[CommitId, ...]"
    author: str
    author_time: int
    author_zone: int
    committer: str
    committer_time: int
    committer_zone: int
    message: str
    trailers: "dict[str, str]"
    signature: "str | None"
    headers: "tuple[tuple[str, str], ...]"
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "CommitRecord":
        """Read the content of a commit object. Raises Corrupt naming the commit and the field."""
        record = cls()
        record.raw = raw
        record.id = commit_id(raw)
        head, separator, body = raw.partition(b"\n\n")
        if not separator:
            head, body = raw.removesuffix(b"\n"), b""
        fields = _headers(head, record.id)
        record.tree = _take_id(fields, b"tree", record.id)
        parents = []
        while fields and fields[0][0] == b"parent":
            parents.append(_take_id(fields, b"parent", record.id))
        record.parents = tuple(parents)
        person = _take_person(fields, b"author", record.id)
        record.author, record.author_time, record.author_zone = person
        person = _take_person(fields, b"committer", record.id)
        record.committer, record.committer_time, record.committer_zone = person
        texts = [(_text(name), _text(value)) for name, value in fields]
        record.signature = next((value for name, value in texts if name == "gpgsig"), None)
        record.headers = tuple(pair for pair in texts if pair[0] != "gpgsig")
        record.message, record.trailers = _split_trailers(_text(body), record.id)
        return record

    @property
    def state(self) -> str:
        """The state digest `b3:<hex>` that the commit claims; '' if it was not made by mgit."""
        return self.trailers.get(STATE_TRAILER, "")

    @property
    def root(self) -> str:
        """The root digest `b3:<hex>` that the commit claims; '' if it was not made by mgit."""
        return self.trailers.get(ROOT_TRAILER, "")

    @property
    def subject(self) -> str:
        """First line of the message."""
        return self.message.partition("\n")[0]

    def __repr__(self) -> str:
        return f"CommitRecord({self.id[:12]} {self.subject!r})"


def object_id(kind: str, content: bytes) -> str:
    """The SHA-1 that Git gives an object of a kind ('commit', 'tree', 'blob', 'tag')."""
    digest = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


def commit_id(raw: bytes) -> CommitId:
    """The id of a commit object with this content."""
    return object_id("commit", raw)


def is_object_id(text: str) -> bool:
    """Whether `text` is a full object id: 40 lower-case hexadecimal digits."""
    return _OBJECT_ID.fullmatch(text) is not None


def format_commit(
    *,
    tree: str,
    parents: "Iterable[CommitId]",
    author: Signature,
    committer: Signature,
    message: str,
    trailers: "Mapping[str, str]",
    headers: "Iterable[tuple[str, str]]" = (),
) -> bytes:
    """The content of a commit object, unsigned, as `git fsck --strict` accepts it.

    message: text without NUL; outer blank lines go. trailers: become the last paragraph, in the
    order given. headers: further headers, e.g. kept from a foreign commit; values may span lines.

    Raises InvalidState if an id, the message or a trailer cannot be written.
    """
    ids = (tree, *parents)
    for name in ids:
        if not is_object_id(name):
            raise InvalidState("not a full object id", id=name)
    lines = [f"tree {tree}"]
    lines += [f"parent {parent}" for parent in ids[1:]]
    lines.append(f"author {_format_person(author)}")
    lines.append(f"committer {_format_person(committer)}")
    lines += [f"{name} " + value.replace("\n", "\n ") for name, value in headers]
    text = message.replace("\r\n", "\n").strip("\n")
    if not text.strip() or "\0" in text:
        raise InvalidState("a commit message has some text and no NUL character")
    for key, value in trailers.items():
        if not _TRAILER.fullmatch(f"{key}: {value}") or not value:
            raise InvalidState("not a trailer of one line", trailer=key)
    last = "\n".join(f"{key}: {value}" for key, value in trailers.items())
    body = f"{text}\n\n{last}\n" if last else f"{text}\n"
    return ("\n".join(lines) + "\n\n" + body).encode("utf-8", "strict")


def with_signature(raw: bytes, signature: str) -> bytes:
    """The unsigned commit object `raw` with an SSH or PGP signature over exactly its bytes."""
    head, separator, body = raw.partition(b"\n\n")
    if not separator or b"\ngpgsig " in head:
        raise InvalidState("only an unsigned commit can be signed")
    armour = signature.strip("\n").encode("ascii").replace(b"\n", b"\n ")
    return head + b"\ngpgsig " + armour + separator + body


def without_signature(raw: bytes) -> bytes:
    """The bytes that a commit's signature covers: the object without its `gpgsig` header."""
    head, separator, body = raw.partition(b"\n\n")
    kept = []
    signature = False
    for line in head.split(b"\n"):
        signature = line.startswith(b"gpgsig ") or (signature and line.startswith(b" "))
        if not signature:
            kept.append(line)
    return b"\n".join(kept) + separator + body


def _headers(head: bytes, commit: CommitId) -> "list[tuple[bytes, bytes]]":
    fields: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\n"):
        name, separator, value = line.partition(b" ")
        if name == b"" and separator and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + value)
        elif name and separator:
            fields.append((name, value))
        else:
            raise Corrupt("a commit has a malformed header", commit=commit, line=_text(line[:80]))
    return fields


def _take_id(fields: "list[tuple[bytes, bytes]]", name: bytes, commit: CommitId) -> str:
    if fields and fields[0][0] == name:
        text = _text(fields.pop(0)[1])
        if is_object_id(text):
            return text
    raise Corrupt("a commit lacks a well-formed header", commit=commit, header=name.decode())


def _take_person(
    fields: "list[tuple[bytes, bytes]]", name: bytes, commit: CommitId
) -> "tuple[str, int, int]":
    match = _PERSON.fullmatch(fields[0][1]) if fields and fields[0][0] == name else None
    if match is None:
        raise Corrupt("a commit lacks a well-formed header", commit=commit, header=name.decode())
    del fields[0]
    who, email, time, sign, hours, minutes = match.groups()
    zone = int(hours) * 3600 + int(minutes) * 60
    return f"{_text(who)} <{_text(email)}>", int(time), -zone if sign == b"-" else zone


def _split_trailers(body: str, commit: CommitId) -> "tuple[str, dict[str, str]]":
    text = body.strip("\n")
    message, separator, last = text.rpartition("\n\n")
    matches = [_TRAILER.fullmatch(line) for line in last.split("\n")]
    if not separator or not all(matches):
        return text, {}
    trailers: dict[str, str] = {}
    for match in matches:
        assert match is not None
        key, value = match.groups()
        ours = key in (STATE_TRAILER, ROOT_TRAILER)
        if ours and (key in trailers or not _DIGEST.fullmatch(value)):
            raise Corrupt("a commit's trailer is not one digest", commit=commit, trailer=key)
        trailers[key] = value
    return message.strip("\n"), trailers


def _format_person(who: Signature) -> str:
    minutes = abs(who.zone_s) // 60
    sign = "-" if who.zone_s < 0 else "+"
    return f"{who.person} {who.time_s} {sign}{minutes // 60:02d}{minutes % 60:02d}"


def _text(raw: bytes) -> str:
    # A replacement character shows damage to the reader; `raw` keeps the exact bytes.
    return raw.decode("utf-8", "replace")
