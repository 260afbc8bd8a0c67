"""Digests that claim something about other digests: states of items and species, trailers.

Everything is computed from the tree as it stands; no cache of the repository is asked.
"""

from collections.abc import Mapping

from mgit.digest import RootDigest
from mgit.history.commits import CommitId, CommitRecord
from mgit.history.merkle import root_digest, state_digest, tree_digest
from mgit.history.repository import Repository
from mgit.state.digests import computed_state
from mgit.verify.damage import DamageLedger
from mgit.verify.findings import Finding, Level
from mgit.verify.graph import GraphAudit, Place

__all__ = ["check_owners", "check_trailers"]

NOT_OURS = "the commit was made without mgit: it claims neither a state nor a root"


class _Table:
    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def get(self, tree: str) -> bytes | None:
        return self._values.get(tree)

    def put(self, tree: str, value: bytes) -> None:
        self._values[tree] = value


class _Memo:
    """What this audit has computed itself, so that shared directories are read once."""

    def __init__(self) -> None:
        self.roots = _Table()
        self.states = _Table()


def check_owners(graph: GraphAudit, ledger: DamageLedger) -> None:
    """Whether every distinct item and species has the state digest that it records."""
    for place in graph.owners.values():
        with ledger.watch(
            ("path", place.path),
            level=Level.CONTENT,
            kind="state-unreadable",
            subject=place.subject,
        ):
            reader = graph.snapshot(place)
            recorded = reader.attributes(place.path).get("state")
            computed = str(computed_state(reader, place.path))
            if recorded is None:
                message = "no state digest is recorded"
                ledger.add(_finding("state-missing", place, message), ("path", place.path))
            elif recorded != computed:
                message = f"the state is {computed} where {recorded} is recorded"
                ledger.add(_finding("state-digest", place, message), ("path", place.path))


def check_trailers(
    repository: Repository, commits: Mapping[CommitId, CommitRecord], ledger: DamageLedger
) -> None:
    """Whether every commit has the root and the state that its trailers claim."""
    memo = _Memo()
    roots: dict[CommitId, RootDigest] = {}
    for record in commits.values():
        _check_state(repository, record, memo, ledger)
        _check_root(repository, record, commits, roots, memo, ledger)


def _check_state(
    repository: Repository, record: CommitRecord, memo: _Memo, ledger: DamageLedger
) -> None:
    if not record.state and not record.root:
        finding = Finding(
            level=Level.CONTENT,
            kind="foreign-commit",
            subject=f"commit {record.id}",
            message=NOT_OURS,
            severity="note",
            commit=record.id,
        )
        ledger.add(finding)
        return
    with ledger.watch(
        level=Level.CONTENT,
        kind="population-state",
        subject=f"Mgit-State of {record.id[:10]}",
    ):
        computed = str(state_digest(repository.objects, record.tree, cache=memo))
        if computed != record.state:
            message = f"the population's state is {computed}, the trailer says {record.state}"
            ledger.add(_of_commit("population-state", record, message))


def _check_root(
    repository: Repository,
    record: CommitRecord,
    commits: Mapping[CommitId, CommitRecord],
    roots: dict[CommitId, RootDigest],
    memo: _Memo,
    ledger: DamageLedger,
) -> None:
    if not record.root:
        return
    with ledger.watch(
        level=Level.CONTENT,
        kind="root-digest",
        subject=f"Mgit-Root of {record.id[:10]}",
    ):
        parents = [_root(repository, parent, commits, roots, memo) for parent in record.parents]
        tree = tree_digest(repository.objects, record.tree, cache=memo)
        computed = str(root_digest(tree, parents))
        if computed != record.root:
            message = f"the root is {computed}, the trailer says {record.root}"
            ledger.add(_of_commit("root-digest", record, message))


def _root(
    repository: Repository,
    commit: CommitId,
    commits: Mapping[CommitId, CommitRecord],
    roots: dict[CommitId, RootDigest],
    memo: _Memo,
) -> RootDigest:
    """The root that a parent claims, or what it is where the parent claims none."""
    known = roots.get(commit)
    if known is not None:
        return known
    record = commits.get(commit) or CommitRecord.parse(repository.objects.read_as("commit", commit))
    if record.root:
        roots[commit] = RootDigest.parse(record.root)
    else:
        parents = [_root(repository, each, commits, roots, memo) for each in record.parents]
        tree = tree_digest(repository.objects, record.tree, cache=memo)
        roots[commit] = root_digest(tree, parents)
    return roots[commit]


def _finding(kind: str, place: Place, message: str) -> Finding:
    return Finding(
        level=Level.CONTENT,
        kind=kind,
        subject=place.subject,
        message=message,
        commit=place.commit,
    )


def _of_commit(kind: str, record: CommitRecord, message: str) -> Finding:
    return Finding(
        level=Level.CONTENT,
        kind=kind,
        subject=f"commit {record.id}",
        message=message,
        commit=record.id,
    )
