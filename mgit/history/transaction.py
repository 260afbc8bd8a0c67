"""One change of a population: a draft that becomes a commit, or the stage, or nothing.

Order of what is written: chunks, the Git pack, the entry of the operation log, the ref. Only the
last makes the change visible; whatever stops earlier leaves garbage and the old state, whole.
"""

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from mgit.digest import RootDigest, canonical_bytes
from mgit.errors import DirtyStage, EmptyCommit, InvalidState, Leased, MgitError, RefMoved
from mgit.history.commits import (
    ROOT_TRAILER,
    STATE_TRAILER,
    CommitId,
    CommitRecord,
    Signature,
    commit_id,
    format_commit,
    with_signature,
)
from mgit.history.draft import Draft
from mgit.history.git_tree import Entry, parse_tree
from mgit.history.merkle import MerkleCache, root_digest, state_digest, tree_digest
from mgit.history.objects import ObjectReader
from mgit.history.operations import Change
from mgit.history.refs import branch_ref, check_ref_name
from mgit.history.snapshot import Snapshot
from mgit.history.stage import StagedTree

if TYPE_CHECKING:
    from mgit.history.repository import Repository
    from mgit.state.protocol import Writer

__all__ = ["PROVENANCE", "PayloadSigner", "Transaction"]

PROVENANCE = "provenance.json"
PROVENANCE_FORMAT = 1

Seal = Callable[["Writer", Iterable[str]], object]
"""Writes the state digests of whatever the touched paths belong to."""


class PayloadSigner(Protocol):
    """Signs what a commit says; `mgit.history.signing.Signer` does it with an SSH key."""

    def sign(self, payload: bytes) -> str:
        """Armoured signature over `payload`."""
        ...


class Transaction:
    """A draft over the parent's tree. Leaving the `with` block without a commit drops it.

    parent: the first parent's commit, None for the first commit of a population.
    """

    def __init__(
        self,
        repository: "Repository",
        *,
        verb: str,
        branch: str | None = None,
        parents: tuple[CommitId, ...] | None = None,
        continue_stage: bool = False,
        seal: Seal | None = None,
    ) -> None:
        """For the arguments see `Repository.transaction`. seal: default mgit.state.digests.seal."""
        self._repository = repository
        self._verb = verb
        self._seal = seal or _seal_states
        repository.operations.recover()
        self._ref, self._old = _target(repository, branch)
        if parents is None:
            parents = () if self._old is None else (self._old,)
        elif self._old is not None:
            # The caller read the branch before now; what it saw is what has to be there still.
            self._old = next(iter(parents), None)
        self._parents = parents
        self.parent = repository.commit(self._parents[0]) if self._parents else None
        self._staged = self._check_stage(continue_stage=continue_stage)
        self._writer = repository.chunks.writer()
        self.draft = Draft(
            repository.objects, repository.chunks, writer=self._writer, base=self._base()
        )
        self._open = True

    def commit(
        self,
        *,
        message: str,
        who: Signature,
        provenance: Mapping[str, Any],
        sign: PayloadSigner | None = None,
    ) -> CommitRecord:
        """Make the draft a commit and move the branch to it.

        provenance: what `provenance.json` shall say besides the verb and the parents: settings,
        versions, inputs, metrics; strings, integers, lists and mappings only.

        Raises EmptyCommit if nothing but the provenance would change, and RefMoved if the branch
        moved meanwhile: the commit is stored then, and the error's hint says how to keep it.
        """
        self._require_open()
        self._seal(self.draft, self.draft.touched_paths())
        if self.parent is not None and len(self._parents) == 1:
            self._refuse_empty(self.parent)
        record = {"format": PROVENANCE_FORMAT, "parents": list(self._parents), **provenance}
        self.draft.set_blob(PROVENANCE, canonical_bytes({**record, "verb": self._verb}))
        tree, new = self.draft.pending()
        trailers = self._trailers(tree, new)
        raw = format_commit(
            tree=tree,
            parents=self._parents,
            author=who,
            committer=who,
            message=message,
            trailers=trailers,
        )
        if sign is not None:
            raw = with_signature(raw, sign.sign(raw))
        self._writer.seal()
        self._repository.objects.write_pack({**new, commit_id(raw): ("commit", raw)})
        self._move(commit_id(raw), message=message, who=who)
        self._open = False
        if self._staged is not None:
            self._repository.stage.clear()
        return CommitRecord.parse(raw)

    def divert(self, ref: str) -> None:
        """Let `commit` move this ref, whole name, instead of the branch, which stays as it is."""
        self._require_open()
        self._ref = check_ref_name(ref)
        self._old = self._repository.refs.get(self._ref)

    def stage(self, *, message: str, provenance: Mapping[str, Any] | None = None) -> None:
        """Make the draft what is staged; nothing else changes.

        message: one line for the commit to come. provenance: what the change says of itself.
        """
        self._require_open()
        self._seal(self.draft, self.draft.touched_paths())
        tree, new = self.draft.pending()
        self._writer.seal()
        self._repository.objects.write_pack(new)
        before = self._staged
        self._repository.stage.write(
            StagedTree(
                tree=tree,
                base=self._parents[0] if self._parents else None,
                messages=(*(before.messages if before else ()), message),
                provenance=(
                    *(before.provenance if before else ()),
                    {"verb": self._verb, **(provenance or {})},
                ),
            )
        )
        self._open = False

    @property
    def staged(self) -> StagedTree | None:
        """What was staged when the transaction began, if it continues the stage."""
        return self._staged

    def abort(self) -> None:
        """Drop the draft. What was written for it is garbage; nothing refers to it."""
        if self._open:
            self._open = False
            self._writer.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def _require_open(self) -> None:
        if not self._open:
            raise InvalidState("the transaction is over: begin another one")

    def _base(self) -> Snapshot | None:
        if self._staged is not None:
            tree = self._staged.tree
        elif self.parent is not None:
            tree = self.parent.tree
        else:
            return None
        return Snapshot(self._repository.objects, self._repository.chunks, tree=tree)

    def _check_stage(self, *, continue_stage: bool) -> StagedTree | None:
        staged = self._repository.stage.read()
        if staged is None:
            return None
        if self.parent is not None and self._same_state(staged.tree, self.parent.tree):
            # A crash after the commit of the stage and before its removal leaves this.
            return None
        if not continue_stage:
            raise DirtyStage(f"'{self._verb}' would pass over staged changes")
        if staged.base != (self._parents[0] if self._parents else None):
            raise RefMoved(
                "the staged changes were made on another commit",
                staged_on=(staged.base or "(none)")[:12],
                hint="'mgit restore --staged' drops them; repeat them on the present commit",
            )
        return staged

    def _refuse_empty(self, parent: CommitRecord) -> None:
        tree, new = self.draft.pending()
        if self._same_state(tree, parent.tree, self.draft.objects_with(new)):
            raise EmptyCommit(f"'{self._verb}' would change nothing")

    def _same_state(self, a: str, b: str, objects: ObjectReader | None = None) -> bool:
        """Whether two trees differ at most in their provenance."""
        objects = objects or self._repository.objects
        return a == b or _state_entries(a, objects) == _state_entries(b, objects)

    def _trailers(self, tree: str, new: dict[str, tuple[str, bytes]]) -> dict[str, str]:
        repository = self._repository
        objects = self.draft.objects_with(new)
        cache = MerkleCache(repository.layout.cache)
        roots = [_root(repository, parent, cache) for parent in self._parents]
        root = root_digest(tree_digest(objects, tree, cache=cache), roots)
        state = state_digest(objects, tree, cache=cache)
        cache.flush()
        return {STATE_TRAILER: str(state), ROOT_TRAILER: str(root)}

    def _move(self, commit: CommitId, *, message: str, who: Signature) -> None:
        if self._ref is None:
            assert self._old is not None
            change = Change(head=(self._old, commit))
        else:
            change = Change(refs={self._ref: (self._old, commit)})
        try:
            self._repository.operations.perform(change, verb=self._verb, message=message, who=who)
        except (RefMoved, Leased) as error:
            raise _kept(error, commit) from error


def _state_entries(tree: str, objects: ObjectReader) -> dict[str, Entry]:
    entries = parse_tree(objects.read_as("tree", tree), tree)
    entries.pop(PROVENANCE, None)
    return entries


def _kept(error: MgitError, commit: CommitId) -> MgitError:
    """The same refusal, saying which commit was written so that nothing is lost."""
    return type(error)(
        error.message,
        hint=f"nothing was lost: 'mgit branch NAME {commit[:12]}' keeps the commit that was made",
        **{**error.fields, "commit": commit},
    )


def _target(repository: "Repository", branch: str | None) -> tuple[str | None, CommitId | None]:
    """Full name (None: a detached HEAD) and value of the ref that a transaction will move."""
    if branch is None:
        head = repository.refs.head()
        if head.branch is None:
            return None, head.commit
        return branch_ref(head.branch), head.commit
    name = check_ref_name(branch) if branch.startswith("refs/") else branch_ref(branch)
    return name, repository.refs.get(name)


def _root(repository: "Repository", commit: CommitId, cache: MerkleCache) -> RootDigest:
    """The root that a commit records; computed for one that was made without mgit."""
    record = repository.commit(commit)
    if record.root:
        return RootDigest.parse(record.root)
    parents = [_root(repository, parent, cache) for parent in record.parents]
    return root_digest(tree_digest(repository.objects, record.tree, cache=cache), parents)


def _seal_states(writer: "Writer", changed_paths: Iterable[str]) -> None:
    from mgit.state.digests import seal  # deferred: imports numpy

    seal(writer, changed_paths)
