"""Annotated tags: objects of their own that name a commit, say why, and may be signed."""

import re
from dataclasses import dataclass

from mgit.errors import Corrupt, InvalidState, NotFound, Refused
from mgit.history.commits import CommitId, Signature, is_object_id, object_id
from mgit.history.operations import Change, Operation
from mgit.history.refs import HEAD, TAG_PREFIX, tag_ref
from mgit.history.repository import Repository
from mgit.history.signing import ARMOUR_BEGIN, AllowedSigners, Verification
from mgit.history.transaction import PayloadSigner

__all__ = ["Tag", "create", "delete", "format_tag", "list_tags", "parse_tag", "verify_tag"]

_TAGGER = re.compile(r"(.*) <([^<>]*)> (\d{1,19}) ([+-]\d{4})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag of a repository.

    commit: what it leads to. tagger, time_s, message: '' and 0 for a lightweight tag.
    raw: bytes of the tag object, b'' for a lightweight tag.
    """

    name: str
    commit: CommitId
    tagger: str = ""
    time_s: int = 0
    message: str = ""
    signature: str | None = None
    raw: bytes = b""

    @property
    def payload(self) -> bytes:
        """The bytes that the signature covers."""
        return self.raw.partition(ARMOUR_BEGIN.encode())[0]


def format_tag(*, commit: CommitId, name: str, tagger: Signature, message: str) -> bytes:
    """The content of an unsigned tag object as Git writes it. Raises InvalidState."""
    text = message.replace("\r\n", "\n").strip("\n")
    if not text.strip() or "\0" in text or ARMOUR_BEGIN in text:
        raise InvalidState("a tag's message has some text, no NUL character and no signature")
    tag_ref(name)
    minutes = abs(tagger.zone_s) // 60
    zone = f"{'-' if tagger.zone_s < 0 else '+'}{minutes // 60:02d}{minutes % 60:02d}"
    head = f"object {commit}\ntype commit\ntag {name}\n"
    return f"{head}tagger {tagger.person} {tagger.time_s} {zone}\n\n{text}\n".encode()


def parse_tag(raw: bytes, name: str) -> Tag:
    """Read a tag object that leads to a commit directly. Raises Corrupt."""
    head, _, body = raw.decode("utf-8", "replace").partition("\n\n")
    fields = dict(line.partition(" ")[::2] for line in head.split("\n"))
    who = _TAGGER.fullmatch(fields.get("tagger", ""))
    commit = fields.get("object", "")
    if not is_object_id(commit) or fields.get("type") != "commit" or who is None:
        raise Corrupt(f"the tag object of '{name}' is malformed")
    if fields.get("tag") != name:
        # A signature covers the name inside; under another ref it would vouch for something else.
        raise Corrupt(f"the tag '{name}' says of itself that it is '{fields.get('tag')}'")
    message, armour, rest = body.partition(ARMOUR_BEGIN)
    return Tag(
        name=name,
        commit=commit,
        tagger=f"{who[1]} <{who[2]}>",
        time_s=int(who[3]),
        message=message.strip("\n"),
        signature=armour + rest if armour else None,
        raw=raw,
    )


def create(
    repository: Repository,
    name: str,
    *,
    target: str = HEAD,
    message: str,
    who: Signature,
    sign: PayloadSigner | None = None,
) -> Operation:
    """Make an annotated tag of the commit that `target` names. Raises Refused if it exists."""
    ref = tag_ref(name)
    if repository.refs.get(ref) is not None:
        raise Refused(
            f"a tag '{name}' exists already", hint="tags do not move: choose another name"
        )
    commit = repository.resolve(target)
    raw = format_tag(commit=commit, name=name, tagger=who, message=message)
    if sign is not None:
        raw += sign.sign(raw).encode("ascii")
    repository.objects.write_pack([("tag", raw)])
    change = Change(refs={ref: (None, object_id("tag", raw))})
    return repository.operations.perform(change, verb="tag", message=f"tag {name}", who=who)


def delete(repository: Repository, name: str, *, who: Signature) -> Operation:
    """Delete a tag; its object stays. Raises NotFound."""
    ref = tag_ref(name)
    old = repository.refs.get(ref)
    if old is None:
        raise NotFound(f"there is no tag '{name}'")
    change = Change(refs={ref: (old, None)})
    return repository.operations.perform(change, verb="tag", message=f"delete {name}", who=who)


def list_tags(repository: Repository) -> list[Tag]:
    """Every tag, sorted by name, lightweight ones included. Raises Corrupt or NotFound."""
    return [
        _read(repository, full.removeprefix(TAG_PREFIX), value)
        for full, value in repository.refs.all(TAG_PREFIX).items()
    ]


def verify_tag(repository: Repository, name: str, allowed: AllowedSigners) -> Verification:
    """What the signature of a tag is worth. Raises NotFound."""
    value = repository.refs.get(tag_ref(name))
    if value is None:
        raise NotFound(f"there is no tag '{name}'")
    tag = _read(repository, name, value)
    if tag.signature is None:
        return Verification(verdict="unsigned")
    return allowed.verify(tag.payload, tag.signature)


def _read(repository: Repository, name: str, value: str) -> Tag:
    kind, content = repository.objects.read(value)
    if kind == "tag":
        return parse_tag(content, name)
    return Tag(name=name, commit=repository.resolve(TAG_PREFIX + name))
