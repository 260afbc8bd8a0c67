"""One repository: its parts, and what can be read from it by the name of a commit."""

import functools
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Self

from mgit.errors import MgitError, Refused
from mgit.history.commits import CommitId, CommitRecord, Signature
from mgit.history.graph import changes_path, merge_bases, walk
from mgit.history.layout import FORMAT_LINE, Layout, find_repository
from mgit.history.lease import LeaseDirectory
from mgit.history.objects import GitObjects
from mgit.history.operations import OperationLog
from mgit.history.refs import BRANCH_PREFIX, SYMBOLIC, RefStore
from mgit.history.revisions import resolve
from mgit.history.snapshot import Snapshot
from mgit.history.stage import Stage
from mgit.store.files import Files

if TYPE_CHECKING:
    from mgit.history.transaction import Transaction
    from mgit.store.chunks import ChunkStore

__all__ = ["FIRST_BRANCH", "Repository", "lay_out"]

FIRST_BRANCH = "main"
POPULATION_FORMAT = 1
PARSED_COMMITS_MAX = 65536
# Git's own collection would drop what only the operation log still names.
GIT_CONFIG = b"""[core]
\trepositoryformatversion = 0
\tfilemode = false
\tbare = true
\tlogAllRefUpdates = false
[gc]
\tauto = 0
\tpruneExpire = never
[transfer]
\tfsckObjects = true
"""


class Repository:
    """A population's history on disk. Reads here; changes go through `transaction`.

    root: the directory that holds `.mgit`. objects: trees and commits, stored for ever.
    refs: branches, tags, HEAD. operations: the log through which alone refs are changed.
    stage: what waits for a commit. leases: who is at work.
    """

    def __init__(self, layout: Layout, files: Files) -> None:
        self.layout = layout
        self.root = layout.root
        self.files = files
        self.objects = GitObjects(layout.git, files, layout.cache)
        self.refs = RefStore(layout.git, files)
        self.leases = LeaseDirectory(layout.locks, files)
        self.operations = OperationLog(layout.operations, files, refs=self.refs, leases=self.leases)
        self.stage = Stage(layout.stage, files)
        self._parsed = functools.lru_cache(PARSED_COMMITS_MAX)(self._parse)

    @classmethod
    def open(cls, directory: str = ".", *, files: Files | None = None) -> Self:
        """The repository that holds `directory`, searching upwards.

        Raises NotFound if there is none and Unsupported for a later format.
        """
        return cls(find_repository(directory), files or Files())

    @classmethod
    def init(
        cls,
        directory: str,
        *,
        name: str,
        who: Signature,
        files: Files | None = None,
        hooks: Mapping[str, bytes] | None = None,
        bare: bool = False,
    ) -> Self:
        """Make an empty population: a repository with one commit that holds the name alone.

        Everything is made under a temporary name and appears at once, whole.
        hooks: file name -> content of samples for `.mgit/hooks`.
        bare: without the first commit, as a place to push to; the name plays no part then.

        Raises Refused if there is a repository already, or a file in place of the directory.
        """
        files = files or Files()
        final = Layout(directory)
        if files.exists(final.control):
            raise Refused(
                f"'{final.root}' holds a repository already",
                hint="'mgit status' shows it; choose another directory for a new one",
            )
        if files.exists(final.root) and not os.path.isdir(final.root):
            raise Refused(f"'{final.root}' is no directory", hint="name a directory")
        files.make_directory(final.root)
        draft = Layout(final.root, control=f".mgit-init-{secrets.token_hex(8)}")
        try:
            lay_out(draft, files, hooks or {})
            if not bare:
                _first_commit(cls(draft, files), name=name, who=who)
            files.rename(draft.control, final.control)
        except MgitError:
            if os.path.isdir(draft.control):
                shutil.rmtree(draft.control)
            raise
        return cls(final, files)

    @functools.cached_property
    def chunks(self) -> "ChunkStore":
        """Values of arrays by name."""
        from mgit.store.chunks import ChunkStore  # deferred: imports numpy

        return ChunkStore(self.layout.store, self.files)

    def resolve(self, revision: str) -> CommitId:
        """The commit that a revision names, e.g. 'main', 'HEAD~2', 'v1^2', 'main@{1}', '1a2b3c'.

        Raises NotFound, with close matches as its hint.
        """
        return resolve(revision, refs=self.refs, objects=self.objects, past=self.operations.past)

    def commit(self, revision: str) -> CommitRecord:
        """The commit that a revision names, parsed. Raises NotFound or Corrupt."""
        return self._parsed(self.resolve(revision))

    def snapshot(self, revision: str) -> Snapshot:
        """The tree of the commit that a revision names, read lazily. Raises NotFound."""
        return Snapshot(self.objects, self.chunks, tree=self.commit(revision).tree)

    def walk(self, start: str = "HEAD", *, path: str | None = None) -> Iterator[CommitRecord]:
        """Commits reachable from a revision, children before parents, the latest first.

        path: only commits in which what stands there differs from every parent.
        """
        for commit in walk([self.resolve(start)], self._parsed):
            if path is None or changes_path(commit, path, objects=self.objects, read=self._parsed):
                yield commit

    def merge_bases(self, a: str, b: str) -> tuple[CommitId, ...]:
        """The best common ancestors of two revisions, the latest first; empty if unrelated."""
        return merge_bases(self.resolve(a), self.resolve(b), self._parsed)

    def merge_base(self, a: str, b: str) -> CommitId | None:
        """The latest of the best common ancestors of two revisions, None if unrelated."""
        return next(iter(self.merge_bases(a, b)), None)

    def transaction(
        self,
        *,
        verb: str,
        branch: str | None = None,
        parents: tuple[CommitId, ...] | None = None,
        continue_stage: bool = False,
    ) -> "Transaction":
        """Begin a change that becomes one commit, or the stage.

        verb: what is being done, for the provenance and the operation log.
        branch: short name of the branch to move, or a full ref name; default: where HEAD points.
        parents: parents of the commit, the first of which the branch has to hold when it is moved
        (or the branch does not exist); default: its tip.
        continue_stage: begin with what is staged, if anything is.

        Raises DirtyStage if something is staged that the change would pass over, RefMoved if what
        is staged was made on another commit.
        """
        from mgit.history.transaction import Transaction  # deferred: imports numpy

        return Transaction(
            self, verb=verb, branch=branch, parents=parents, continue_stage=continue_stage
        )

    def _parse(self, commit: CommitId) -> CommitRecord:
        return CommitRecord.parse(self.objects.read_commit(commit))


def lay_out(layout: Layout, files: Files, hooks: Mapping[str, bytes]) -> None:
    """Make the files of a repository without a commit; making them again changes nothing."""
    for directory in layout.directories():
        files.make_directory(directory)
    files.replace(os.path.join(layout.git, "config"), GIT_CONFIG)
    head = f"{SYMBOLIC}{BRANCH_PREFIX}{FIRST_BRANCH}\n".encode()
    files.replace(os.path.join(layout.git, "HEAD"), head)
    for name, content in sorted(hooks.items()):
        files.replace(os.path.join(layout.hooks, name), content)
    files.replace(layout.format, FORMAT_LINE)


def _first_commit(repository: Repository, *, name: str, who: Signature) -> None:
    with repository.transaction(verb="init") as transaction:
        transaction.draft.set_attributes("", {"format": POPULATION_FORMAT, "name": name})
        transaction.commit(message=f"Begin the population {name}", who=who, provenance={})
