"""A remote that is a directory: a population, or a bare one, on a disk that both sides can reach.

Reading goes through the same narrow door as from a server: regular files with names that are
digests, in ranges. Whatever else lies in the directory is not looked at.
"""

import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mgit.errors import Corrupt, DirtyStage, NotFound, RefMoved, Refused
from mgit.history.commits import CommitRecord
from mgit.history.graph import is_ancestor
from mgit.history.layout import Layout, find_repository
from mgit.history.merkle import MerkleCache
from mgit.history.operations import Change
from mgit.history.refs import BRANCH_PREFIX
from mgit.history.repository import Repository
from mgit.store.files import Files, storage_error
from mgit.sync.quarantine import Quarantine
from mgit.sync.reach import JoinedObjects, Reach, known_commits, reach
from mgit.sync.remote import (
    Facts,
    FileKind,
    Proposal,
    References,
    check_file_name,
    colliding_refs,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from mgit.digest import SegmentId
    from mgit.store.segment import Location

__all__ = ["PathRemote", "directory_of_url"]

FORMAT = 1
FILE_URL = "file://"
REFS_BYTES_MAX = 64 << 20
PULL_FIRST = "pull first: nothing was lost, and no branch of the remote was moved"
_SUFFIXES: dict[FileKind, str] = {
    "segment": ".seg",
    "index": ".idx",
    "pack": ".pack",
    "pack-index": ".idx",
}


def directory_of_url(url: str) -> str:
    """The directory that a path or a `file://` URL names. Raises Refused for other URLs."""
    if url.startswith(FILE_URL):
        from urllib.parse import unquote

        host, slash, path = url[len(FILE_URL) :].partition("/")
        if host not in ("", "localhost") or not slash:
            raise Refused("a file URL names another machine", url=url, hint="use file:///PATH")
        return "/" + unquote(path)
    if "://" in url:
        raise Refused(
            "remotes are directories in this version", url=url, hint="give a path or file:///PATH"
        )
    return url


class PathRemote:
    """The `Remote` protocol over a directory that holds `.mgit`."""

    def __init__(self, url: str, *, files: Files | None = None) -> None:
        """url: a path or file:///PATH. Raises NotFound, Corrupt, Unsupported or Refused."""
        directory = os.path.abspath(directory_of_url(url))
        layout = find_repository(directory)
        if layout.root != directory:
            raise NotFound(
                f"no mgit repository in '{directory}'",
                hint=f"the nearest one is '{layout.root}'; 'mgit init --bare' makes one",
            )
        self._url = url
        self._layout: Layout = layout
        self._repository = Repository(layout, files or Files())
        self._quarantine = Quarantine(self._repository)

    @property
    def url(self) -> str:
        """How a person names it."""
        return self._url

    def facts(self) -> Facts:
        """Version of the layout; another one than ours was refused when the remote was opened."""
        return Facts(format=FORMAT)

    def references(self) -> References:
        """Refs and HEAD at this moment. Raises Corrupt for refs that are no small files."""
        refs = self._repository.refs
        self._require_small("packed-refs")
        for name in ("HEAD", *refs.names()):
            self._require_small(name)
        return References(refs=refs.all(), head=refs.head().branch)

    def files(self, kind: FileKind) -> dict[str, int]:
        """Name and length of every regular file of a kind. Raises Corrupt for anything else."""
        found = {}
        for name in self._repository.files.listing(self._directory(kind)):
            if name.endswith(_SUFFIXES[kind]):
                check_file_name(kind, name)
                found[name] = self._length(os.path.join(self._directory(kind), name))
        return found

    def read(self, kind: FileKind, name: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes of a file. Raises NotFound, Corrupt, StorageFailed."""
        path = os.path.join(self._directory(kind), check_file_name(kind, name))
        self._length(path)
        try:
            # A symbolic link or a pipe that is put there after the look is not followed either.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(path, flags)
            try:
                data = os.pread(descriptor, length, offset)
            finally:
                os.close(descriptor)
        except OSError as failure:
            raise storage_error(failure, path) from failure
        if len(data) != length:
            raise Corrupt("a file of the remote ends too early", file=path, offset=offset)
        return data

    def quarantined(self, kind: FileKind) -> dict[str, int]:
        """Name and length of uploaded files that wait for a proposal."""
        return self._quarantine.names(kind)

    def upload(self, kind: FileKind, name: str, parts: "Iterable[Buffer]") -> None:
        """Bring a segment or a pack into the quarantine. Raises Refused for another kind."""
        if kind not in ("segment", "pack"):
            raise Refused("indexes are made by the receiver", kind=kind)
        self._quarantine.write(kind, name, parts)

    def propose(self, proposal: Proposal) -> None:
        """Check, link in and swap the refs; see `Remote.propose`."""
        repository = self._repository
        repository.operations.recover()
        change = self._change(proposal)
        if change is None:
            self._quarantine.drop(_uploaded(proposal))
            return
        tables = self._quarantine.check_segments(proposal.segments)
        packs = self._quarantine.check_packs(proposal.packs)
        memo = MerkleCache(repository.layout.cache)
        objects = JoinedObjects(repository.objects, packs)
        known = known_commits(repository.refs.all().values(), repository.objects, repository.commit)
        found = reach(objects, proposal.tips, known=known, memo=memo)
        self._require_chunks(found, tables)
        if not proposal.rewind:
            _refuse_rewind(change, objects)
        self._quarantine.link_segments(tables)
        self._quarantine.link_packs(packs)
        try:
            repository.operations.perform(
                change, verb="push", message=proposal.message, who=proposal.who
            )
        except RefMoved as error:
            raise RefMoved(
                f"the remote moved while this was being pushed: {error.message}",
                hint=PULL_FIRST,
                **error.fields,
            ) from error
        memo.flush()
        self._quarantine.drop(_uploaded(proposal))
        self._quarantine.tidy()

    def _change(self, proposal: Proposal) -> Change | None:
        """The swap to make; None if all of it is done. Raises RefMoved, Refused, DirtyStage."""
        refs = self._repository.refs.all()
        moving = {
            name: swap for name, swap in proposal.changes.items() if refs.get(name) != swap[1]
        }
        if not moving:
            return None
        # The others hold their new values already; as parts of one change they must move, too.
        change = Change(refs=moving)
        for name, (old, _) in moving.items():
            if refs.get(name) != old:
                raise _moved(name, expected=old, found=refs.get(name))
        pair = colliding_refs({**refs, **proposal.tips})
        if pair is not None:
            raise Refused("two refs would differ in case only", refs=" and ".join(pair))
        head = self._repository.refs.head()
        stands_on = None if head.branch is None else BRANCH_PREFIX + head.branch
        if stands_on in moving and self._repository.stage.read() is not None:
            raise DirtyStage(
                f"changes are staged on '{head.branch}' in '{self._layout.root}'",
                hint="commit or drop them there, or push to another branch",
            )
        if stands_on in moving and moving[stands_on][1] is None:
            raise Refused(f"'{head.branch}' is the current branch of the remote")
        return change

    def _require_chunks(self, found: Reach, tables: "dict[SegmentId, list[Location]]") -> None:
        uploaded = {place.chunk for table in tables.values() for place in table}
        for chunk, path in found.chunks.items():
            if chunk.raw not in uploaded and chunk not in self._repository.chunks:
                raise NotFound("a chunk of the pushed commits is missing", chunk=chunk, path=path)

    def _directory(self, kind: FileKind) -> str:
        catalogue = self._repository.chunks.catalogue
        if kind == "segment":
            return catalogue.segment_directory
        if kind == "index":
            return catalogue.index_directory
        return os.path.join(self._layout.git, "objects", "pack")

    def _require_small(self, name: str) -> None:
        """Refs are read whole, so a pipe would block and a long file would fill the memory."""
        path = os.path.join(self._layout.git, *name.split("/"))
        stands = os.path.lexists(path) and not os.path.isdir(path)
        if stands and self._length(path) > REFS_BYTES_MAX:
            raise Corrupt("a file of refs of the remote is impossibly long", file=path)

    def _length(self, path: str) -> int:
        try:
            found = os.lstat(path)
        except OSError as failure:
            raise storage_error(failure, path) from failure
        if not stat.S_ISREG(found.st_mode):
            raise Corrupt("something else than a file stands in the remote", file=path)
        return found.st_size


def _uploaded(proposal: Proposal) -> list[str]:
    """Every quarantined file that a proposal names, the indexes made for its packs included."""
    indexes = [name.removesuffix(".pack") + ".idx" for name in proposal.packs]
    return [*proposal.segments, *proposal.packs, *indexes]


def _moved(name: str, *, expected: str | None, found: str | None) -> RefMoved:
    return RefMoved(
        f"'{name}' of the remote moved since it was read",
        hint=PULL_FIRST,
        expected=(expected or "(none)")[:12],
        found=(found or "(none)")[:12],
    )


def _refuse_rewind(change: Change, objects: JoinedObjects) -> None:
    """Raise Refused if a branch would lose commits."""

    def read(name: str) -> CommitRecord:
        """A commit, stored or uploaded."""
        return CommitRecord.parse(objects.read_as("commit", name))

    for name, (old, new) in change.refs.items():
        if old is None or not name.startswith(BRANCH_PREFIX):
            continue
        if new is None or not is_ancestor(old, new, read):
            raise Refused(
                f"'{name}' of the remote would lose commits",
                hint="pull first, or say '--force-with-lease'",
            )
