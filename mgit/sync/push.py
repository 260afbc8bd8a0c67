"""Push: bring what the remote lacks, then propose its refs' new values.

The plan is a pure function of both sides, so a dry run tells the bytes of the real one, and an
attempt after an interruption finds its finished files in the remote's quarantine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mgit.digest import SegmentId
from mgit.errors import NotFound, RefMoved
from mgit.history.commits import Signature
from mgit.history.graph import is_ancestor
from mgit.history.merkle import MerkleCache
from mgit.history.operations import Change, Swap
from mgit.history.packfile import encode_pack
from mgit.history.refs import BRANCH_PREFIX, TAG_PREFIX
from mgit.history.repository import Repository
from mgit.store.segment_file import SEGMENT_SUFFIX, SegmentFile
from mgit.sync.fetch import places_at, tracking_ref
from mgit.sync.reach import Reach, known_commits, reach
from mgit.sync.remote import Proposal, References, Remote
from mgit.sync.segments import Place, Read, SegmentCopy, choose
from mgit.sync.transfer import Progress, Traffic, counted, silent

__all__ = ["Lease", "PushPlan", "Pushed", "missing", "plan_push", "push"]

PACK_TARGET_BYTES = 64 << 20
"""Content of the objects of one pack; it is made in memory."""

Lease = Literal["fast-forward", "with-lease"]
"""'with-lease': a branch may lose commits if it is where our remote-tracking ref remembers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPlan:
    """What a push will bring.

    changes: refs of the remote -> (old, new). agreed: refs -> value that both sides have then,
    those that need no change included. found: what the new tips reach beyond the remote's.
    copies: segments to bring. packs: name -> content. resumed: segments that wait there already.
    """

    changes: Mapping[str, Swap]
    agreed: Mapping[str, str]
    found: Reach
    copies: tuple[SegmentCopy, ...]
    packs: Mapping[str, bytes]
    resumed: frozenset[str]

    @property
    def traffic(self) -> Traffic:
        """Counts and bytes."""
        new = [copy for copy in self.copies if _file_name(copy) not in self.resumed]
        total = sum(copy.size for copy in self.copies)
        sent = sum(copy.size for copy in new)
        return Traffic(
            segments=len(new),
            segment_bytes=sent,
            packs=len(self.packs),
            pack_bytes=sum(map(len, self.packs.values())),
            skipped_bytes=total - sent,
            commits=len(self.found.commits),
            objects=len(self.found.objects),
            chunks=len(self.found.chunks),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push did. changes: refs of the remote that moved, full name -> (old, new)."""

    changes: Mapping[str, Swap]
    traffic: Traffic


def missing(repository: Repository, there: References, tips: Mapping[str, str]) -> Reach:
    """What `tips` (ref -> object id of ours) reach that the remote's refs do not.

    Raises NotFound or Corrupt if our own side is not whole: damage is never pushed.
    """
    memo = MerkleCache(repository.layout.cache)
    known = known_commits(there.refs.values(), repository.objects, repository.commit)
    return reach(repository.objects, tips, known=known, memo=memo)


def plan_push(
    repository: Repository,
    remote: Remote,
    refs: Mapping[str, str],
    *,
    name: str | None,
    lease: Lease = "fast-forward",
) -> PushPlan:
    """Work out what a push of `refs` (ref of the remote -> full ref of ours) brings.

    name: of the remote, whose remote-tracking refs a lease is held against.

    Raises NotFound for a ref that we do not have, and RefMoved, 'pull first', if a branch of the
    remote has commits that ours has not.
    """
    remote.facts()
    there = remote.references()
    changes: dict[str, Swap] = {}
    agreed: dict[str, str] = {}
    for target, source in refs.items():
        new = repository.refs.get(source)
        if new is None:
            raise NotFound(f"there is no ref '{source}' to push", hint="'mgit branch' lists them")
        agreed[target] = new
        old = there.refs.get(target)
        if old != new:
            _require_descent(repository, target, old, new, name=name, lease=lease)
            changes[target] = (old, new)
    tips = {target: new for target, (_, new) in changes.items() if new is not None}
    found = missing(repository, there, tips) if tips else Reach()
    return PushPlan(
        changes=changes,
        agreed=agreed,
        found=found,
        copies=tuple(_copies(repository, remote, found)),
        packs=dict(_packs(repository, found)),
        resumed=frozenset(remote.quarantined("segment")),
    )


def push(
    repository: Repository,
    remote: Remote,
    plan: PushPlan,
    *,
    name: str | None,
    who: Signature,
    lease: Lease = "fast-forward",
    progress: Progress = silent,
) -> Pushed:
    """Carry out a plan: segments, packs, then the proposal; then our remote-tracking refs.

    Raises RefMoved, 'pull first', if somebody else pushed meanwhile.
    """
    traffic = plan.traffic
    if plan.changes:
        _send(repository, remote, plan, progress)
        remote.propose(
            Proposal(
                changes=plan.changes,
                segments=tuple(map(_file_name, plan.copies)),
                packs=tuple(plan.packs),
                who=who,
                message=f"push {', '.join(plan.changes)}",
                rewind=lease == "with-lease",
            )
        )
    if name is not None:
        _remember(repository, name, plan.agreed, remote=remote, who=who)
    return Pushed(changes=plan.changes, traffic=traffic)


def _send(repository: Repository, remote: Remote, plan: PushPlan, progress: Progress) -> None:
    read = _reader(repository)
    with progress("sending", plan.traffic.total_bytes, "B") as bar:
        for copy in plan.copies:
            if _file_name(copy) not in plan.resumed:
                remote.upload("segment", _file_name(copy), counted(copy.parts(read), bar))
        for pack, content in plan.packs.items():
            remote.upload("pack", pack, counted([content], bar))


def _require_descent(
    repository: Repository,
    target: str,
    old: str | None,
    new: str,
    *,
    name: str | None,
    lease: Lease,
) -> None:
    if old is None or not target.startswith(BRANCH_PREFIX):
        if old is not None and target.startswith(TAG_PREFIX):
            raise RefMoved(
                f"the remote has another '{target}'", hint="tags do not move: choose another name"
            )
        return
    if old in repository.objects and is_ancestor(old, new, repository.commit):
        return
    branch = target.removeprefix(BRANCH_PREFIX)
    seen = None if name is None else repository.refs.get(tracking_ref(name, branch))
    if lease == "with-lease" and seen == old:
        return
    advice = "pull first: 'mgit pull' brings them and merges"
    if lease == "with-lease":
        advice = "'mgit fetch' first: the remote is not where it was when you last looked"
    raise RefMoved(
        f"'{branch}' of the remote has commits that yours has not",
        remote_at=old[:12],
        hint=f"{advice}; nothing was pushed",
    )


def _copies(repository: Repository, remote: Remote, found: Reach) -> list[SegmentCopy]:
    held = places_at(remote, [chunk.raw for chunk in found.chunks]) if found.chunks else {}
    wanted: dict[bytes, list[Place]] = {}
    sizes: dict[SegmentId, int] = {}
    catalogue = repository.chunks.catalogue
    catalogue.refresh()
    for chunk, path in found.chunks.items():
        if chunk.raw in held:
            continue
        places = catalogue.find(chunk.raw)
        if not places:
            raise NotFound(
                "a chunk of our own commits is missing",
                chunk=chunk,
                path=path,
                hint="'mgit verify' shows what is damaged; nothing was pushed",
            )
        wanted[chunk.raw] = places
        for segment, _ in places:
            if segment not in sizes:
                sizes[segment] = SegmentFile(catalogue.segment_path(segment)).length
    return choose(wanted, sizes)


def _packs(repository: Repository, found: Reach) -> Iterator[tuple[str, bytes]]:
    """Packs of the reached objects, sorted by id so that the same need gives the same names."""
    group: dict[str, tuple[str, bytes]] = {}
    length = 0
    for object_name in sorted(found.objects):
        group[object_name] = repository.objects.read(object_name)
        length += len(group[object_name][1])
        if length >= PACK_TARGET_BYTES:
            yield _pack(group)
            group, length = {}, 0
    if group:
        yield _pack(group)


def _pack(objects: dict[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    name, pack, _ = encode_pack(objects)
    return name + ".pack", pack


def _remember(
    repository: Repository,
    name: str,
    agreed: Mapping[str, str],
    *,
    remote: Remote,
    who: Signature,
) -> None:
    """Let the remote-tracking refs say what the remote holds now."""
    moved: dict[str, Swap] = {}
    for target, new in agreed.items():
        if target.startswith(BRANCH_PREFIX):
            ref = tracking_ref(name, target.removeprefix(BRANCH_PREFIX))
            old = repository.refs.get(ref)
            if old != new:
                moved[ref] = (old, new)
    if moved:
        message = f"push to {name} at {remote.url}"
        repository.operations.perform(Change(refs=moved), verb="push", message=message, who=who)


def _reader(repository: Repository) -> Read:
    """Ranges of our own segments; the one that was read last stays open."""
    opened: dict[SegmentId, SegmentFile] = {}

    def read(segment: SegmentId, offset: int, length: int) -> bytes:
        """Bytes of a segment."""
        if segment not in opened:
            opened.clear()
            opened[segment] = SegmentFile(repository.chunks.catalogue.segment_path(segment))
        return opened[segment].read(offset, length)

    return read


def _file_name(copy: SegmentCopy) -> str:
    return copy.name.hex + SEGMENT_SUFFIX
