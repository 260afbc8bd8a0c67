"""Fetch: bring what a remote's branches and tags reach, then move the remote-tracking refs.

Packs come first, into the quarantine, because they say which chunks are missing. Linking in goes
the other way round: segments, their index, packs, refs. Whatever stops in between leaves garbage,
and finished segments are found again by the next attempt.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mgit.digest import BlobDigest, SegmentId
from mgit.errors import Corrupt, NotFound
from mgit.history.commits import Signature
from mgit.history.merkle import MerkleCache
from mgit.history.operations import Change, Swap
from mgit.history.pack_scan import names_in_index
from mgit.history.refs import BRANCH_PREFIX, TAG_PREFIX, branch_ref, tag_ref
from mgit.history.repository import Repository
from mgit.store.index import INDEX_SUFFIX, IndexFile
from mgit.store.segment import TRAILER, Location, parse_footer, parse_trailer
from mgit.store.segment_file import SEGMENT_SUFFIX
from mgit.sync.quarantine import Quarantine
from mgit.sync.reach import JoinedObjects, Reach, known_commits, reach
from mgit.sync.remote import READ_BYTES, FileKind, References, Remote, colliding_refs
from mgit.sync.segments import Place, SegmentCopy, choose
from mgit.sync.transfer import Progress, Traffic, counted, silent

__all__ = [
    "Fetched",
    "fetch",
    "places_at",
    "planned_moves",
    "receive",
    "segment_sizes",
    "tracking_ref",
]

REMOTES_PREFIX = "refs/remotes/"
SEGMENT_BYTES_MAX = 1 << 30
INDEX_BYTES_MAX = 2 << 30
PACK_SUFFIX, PACK_INDEX_SUFFIX = ".pack", ".idx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetch did. moved: full local ref name -> (old, new). kept_tags: ours that differ."""

    moved: Mapping[str, Swap]
    kept_tags: tuple[str, ...]
    traffic: Traffic
    references: References


def tracking_ref(remote: str, branch: str) -> str:
    """Full name of the local ref that remembers a branch of a remote."""
    branch_ref(branch)
    return f"{REMOTES_PREFIX}{remote}/{branch}"


def fetch(
    repository: Repository,
    remote: Remote,
    *,
    name: str,
    who: Signature,
    prune: bool = False,
    progress: Progress = silent,
) -> Fetched:
    """Bring everything that the remote's branches and tags reach.

    name: of the remote; its branches become refs/remotes/NAME/. Tags that are new come along; a
    tag of ours is never moved. prune: forget branches that the remote no longer has.

    Raises Corrupt or NotFound if anything that came fails a check, with nothing linked in.
    """
    repository.operations.recover()
    remote.facts()
    there = remote.references()
    moves = planned_moves(repository, there, name=name, prune=prune)
    traffic = receive(repository, remote, there, progress=progress)
    # Deletions first and by themselves: a branch 'a' may have made room for 'a/b'.
    gone = {ref: swap for ref, swap in moves.items() if swap[1] is None}
    moved = {ref: swap for ref, swap in moves.items() if swap[1] is not None}
    for changes in (gone, moved):
        if changes:
            message = f"fetch {name} from {remote.url}"
            repository.operations.perform(
                Change(refs=changes), verb="fetch", message=message, who=who
            )
    ours = repository.refs.all(TAG_PREFIX)
    kept = [tag for tag, value in there.below(TAG_PREFIX).items() if ours[tag_ref(tag)] != value]
    return Fetched(moved=moves, kept_tags=tuple(kept), traffic=traffic, references=there)


def planned_moves(
    repository: Repository, there: References, *, name: str, prune: bool = False
) -> dict[str, Swap]:
    """Refs of ours that a fetch would move: full name -> (old, new).

    Raises Corrupt if two refs would differ in case only.
    """
    ours = repository.refs.all()
    wanted: dict[str, str] = {
        tracking_ref(name, branch): value for branch, value in there.below(BRANCH_PREFIX).items()
    }
    for tag, value in there.below(TAG_PREFIX).items():
        wanted[tag_ref(tag)] = ours.get(tag_ref(tag), value)
    mine = f"{REMOTES_PREFIX}{name}/"
    gone: dict[str, Swap] = {}
    if prune:
        for ref, value in ours.items():
            if ref.startswith(mine) and ref not in wanted:
                gone[ref] = (value, None)
    _refuse_collisions({ref: value for ref, value in ours.items() if ref not in gone}, wanted)
    moved = {ref: (ours.get(ref), value) for ref, value in wanted.items() if ours.get(ref) != value}
    return {**gone, **moved}


def receive(
    repository: Repository, remote: Remote, there: References, *, progress: Progress = silent
) -> Traffic:
    """Bring and link in what a remote's branches and tags reach; no ref is moved.

    Raises Corrupt, NotFound, and whatever the remote and the disk raise.
    """
    quarantine = Quarantine(repository)
    tips = {
        name: value
        for name, value in there.refs.items()
        if name.startswith((BRANCH_PREFIX, TAG_PREFIX))
    }
    ours = set(repository.refs.all().values())
    if set(tips.values()) <= ours:
        return Traffic()
    stems, pack_bytes = _fetch_packs(repository, remote, quarantine, progress)
    packs = quarantine.check_foreign_packs(stems)
    memo = MerkleCache(repository.layout.cache)
    objects = JoinedObjects(repository.objects, packs)
    known = known_commits(ours, repository.objects, repository.commit)
    found = reach(objects, tips, known=known, memo=memo)
    copies = _missing_segments(repository, remote, found)
    waiting = quarantine.names("segment")
    new = [copy for copy in copies if copy.name.hex + SEGMENT_SUFFIX not in waiting]
    _fetch_segments(remote, quarantine, new, progress)
    names = [copy.name.hex + SEGMENT_SUFFIX for copy in copies]
    tables = quarantine.check_segments(names)
    brought = {place.chunk for table in tables.values() for place in table}
    for chunk, path in found.chunks.items():
        if chunk.raw not in brought and chunk not in repository.chunks:
            raise NotFound("the remote lacks a chunk", chunk=chunk, path=path, remote=remote.url)
    quarantine.link_segments(tables)
    quarantine.link_packs(packs)
    quarantine.tidy()
    memo.flush()
    return Traffic(
        segments=len(new),
        segment_bytes=sum(copy.size for copy in new),
        packs=len(stems),
        pack_bytes=pack_bytes,
        skipped_bytes=sum(copy.size for copy in copies) - sum(copy.size for copy in new),
        commits=len(found.commits),
        objects=len(found.objects),
        chunks=len(found.chunks),
    )


def places_at(remote: Remote, wanted: Iterable[bytes]) -> dict[bytes, list[Place]]:
    """Where a remote says that it keeps chunks; those that it does not know are left out.

    wanted: 32 bytes of each id. Index files that fail their digest are passed over, and segments
    that no index covers are asked for their footers.
    """
    sizes = segment_sizes(remote)
    indexes = []
    for name, size in remote.files("index").items():
        digest = BlobDigest(bytes.fromhex(name.removesuffix(INDEX_SUFFIX)))
        try:
            indexes.append(IndexFile(digest, _whole(remote, "index", name, size)))
        except (Corrupt, NotFound):
            continue  # Damaged, or merged away since the listing; footers say the same.
    covered = {segment for index in indexes for segment in index.segments}
    loose: dict[bytes, list[Place]] = {}
    for segment in sorted(set(sizes) - covered):
        for place in _footer(remote, segment, sizes[segment]):
            loose.setdefault(place.chunk, []).append((segment, place))
    found: dict[bytes, list[Place]] = {}
    for chunk in wanted:
        places = [place for index in indexes for place in index.find(chunk) if place[0] in sizes]
        places += loose.get(chunk, [])
        if places:
            found[chunk] = places
    return found


def segment_sizes(remote: Remote) -> dict[SegmentId, int]:
    """Length of every segment of a remote. Raises Corrupt for one that nobody would write."""
    for name, size in remote.files("segment").items():
        if size > SEGMENT_BYTES_MAX:
            raise Corrupt("a segment of the remote is impossibly long", segment=name, bytes=size)
    return {
        SegmentId(bytes.fromhex(name.removesuffix(SEGMENT_SUFFIX))): size
        for name, size in remote.files("segment").items()
    }


def _fetch_packs(
    repository: Repository, remote: Remote, quarantine: Quarantine, progress: Progress
) -> tuple[list[str], int]:
    """Bring the packs that hold objects we lack; their names without ending, and their bytes."""
    linked = {pack.path.rpartition("/")[2] for pack in repository.objects.packs()}
    sizes, indexes = remote.files("pack"), remote.files("pack-index")
    wanted: dict[str, int] = {}
    for name, size in sizes.items():
        stem = name.removesuffix(PACK_SUFFIX)
        index = stem + PACK_INDEX_SUFFIX
        if stem in linked or index not in indexes:
            continue
        content = _whole(remote, "pack-index", index, indexes[index])
        if not all(each in repository.objects for each in names_in_index(content, stem)):
            quarantine.overwrite("pack-index", index, content)
            wanted[stem] = size
    with progress("receiving history", sum(wanted.values()), "B") as bar:
        for stem, size in wanted.items():
            parts = _pieces(remote, "pack", stem + PACK_SUFFIX, size)
            quarantine.write("pack", stem + PACK_SUFFIX, counted(parts, bar))
    return list(wanted), sum(wanted.values())


def _missing_segments(repository: Repository, remote: Remote, found: Reach) -> list[SegmentCopy]:
    repository.chunks.refresh()
    knows = repository.chunks.catalogue.knows
    wanted = [chunk.raw for chunk in found.chunks if not knows(chunk.raw)]
    if not wanted:
        return []
    return choose(places_at(remote, wanted), segment_sizes(remote))


def _fetch_segments(
    remote: Remote, quarantine: Quarantine, copies: Iterable[SegmentCopy], progress: Progress
) -> None:
    def read(segment: SegmentId, offset: int, length: int) -> bytes:
        return remote.read("segment", segment.hex + SEGMENT_SUFFIX, offset, length)

    copies = list(copies)
    with progress("receiving chunks", sum(copy.size for copy in copies), "B") as bar:
        for copy in copies:
            name = copy.name.hex + SEGMENT_SUFFIX
            quarantine.write("segment", name, counted(copy.parts(read), bar))


def _footer(remote: Remote, segment: SegmentId, size: int) -> list[Location]:
    name = segment.hex + SEGMENT_SUFFIX
    if size < TRAILER.size:
        raise Corrupt("a segment of the remote is shorter than its trailer", segment=segment)
    start = size - TRAILER.size
    length = parse_trailer(remote.read("segment", name, start, TRAILER.size), size)
    return parse_footer(remote.read("segment", name, start - length, length), segment, size)


def _whole(remote: Remote, kind: FileKind, name: str, size: int) -> bytes:
    if size > INDEX_BYTES_MAX:
        raise Corrupt(f"the {kind} '{name}' of the remote is impossibly long", bytes=size)
    return b"".join(_pieces(remote, kind, name, size))


def _pieces(remote: Remote, kind: FileKind, name: str, size: int) -> Iterator[bytes]:
    for offset in range(0, size, READ_BYTES):
        yield remote.read(kind, name, offset, min(READ_BYTES, size - offset))


def _refuse_collisions(ours: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    pair = colliding_refs({**ours, **wanted})
    if pair is not None:
        raise Corrupt("two refs would differ in case only", refs=" and ".join(pair))
